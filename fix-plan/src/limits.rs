//! Every bound of the plan contract, in one place; the unit is the last word of the name.
//!
//! A bound is part of the contract: a plan that is valid here is valid in every
//! program that embeds this crate, so they are constants and not options.

/// Longest plan text that is looked at, in bytes.
pub const PLAN_BYTES_MAX: usize = 256 * 1024;
/// Deepest nesting of arrays and objects in a plan text, in levels.
pub const PLAN_DEPTH_MAX: usize = 32;
/// Most values (objects, arrays, strings, numbers, …) in a plan text.
pub const PLAN_VALUES_MAX: usize = 4_096;
/// Longest key of an object in a plan text, in bytes.
pub const KEY_BYTES_MAX: usize = 128;
/// Most violations reported for one plan; what is beyond is cut.
pub const VIOLATIONS_MAX: usize = 64;
/// Most operations in one plan.
pub const OPERATIONS_MAX: usize = 10;
/// Most files in one plan.
pub const FILES_MAX: usize = 10;
/// Most evidence lines of one operation.
pub const EVIDENCE_LINES_MAX: usize = 50;
/// Fewest visible characters of a line that evidence quotes in part; a shorter line is quoted whole.
pub const EVIDENCE_CHARS_MIN: usize = 12;
/// Longest evidence line, in bytes.
pub const EVIDENCE_LINE_BYTES_MAX: usize = 2 * 1024;
/// Longest root cause or rationale, in bytes.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Longest package, extra or group name, and longest Python identifier, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Longest version specifier, in bytes.
pub const SPEC_BYTES_MAX: usize = 128;
/// Longest environment marker, in bytes.
pub const MARKER_BYTES_MAX: usize = 256;
/// Most comparisons in one environment marker.
pub const MARKER_COMPARISONS_MAX: usize = 8;
/// Most extras of one requirement.
pub const EXTRAS_MAX: usize = 16;
/// Longest dotted Python name, in bytes.
pub const DOTTED_NAME_BYTES_MAX: usize = 255;
/// Most leading dots of a relative import.
pub const IMPORT_LEVEL_MAX: usize = 32;
/// Longest repository path, in bytes.
pub const PATH_BYTES_MAX: usize = 1_024;
/// Longest component of a repository path, in bytes.
pub const PATH_COMPONENT_BYTES_MAX: usize = 255;
/// Most components of a repository path.
pub const PATH_COMPONENTS_MAX: usize = 64;
/// Longest event identifier, in bytes.
pub const EVENT_ID_BYTES_MAX: usize = 256;
/// Longest CI log kept with a failure, in bytes; the middle of a longer one is cut.
pub const LOG_BYTES_MAX: usize = 1024 * 1024;
/// Repair rounds after the first answer.
pub const REPAIRS_MAX: u32 = 2;
/// Longest part of the log that a prompt holds, in bytes.
pub const PROMPT_LOG_BYTES_MAX: usize = 64 * 1024;
/// Longest part of an answer that a repair prompt holds, in bytes.
pub const PROMPT_ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Longest list of findings in the log that a prompt holds, in bytes.
pub const PROMPT_FINDINGS_BYTES_MAX: usize = 4 * 1024;
/// Longest list of violations that a repair prompt holds, in bytes.
pub const PROMPT_VIOLATIONS_BYTES_MAX: usize = 16 * 1024;
/// Longest prompt, in bytes: log, answer, violations, and 16 KiB for the contract and what
/// stands around them. A dialogue sends at most `1 + REPAIRS_MAX` times as much.
pub const PROMPT_BYTES_MAX: usize =
    PROMPT_LOG_BYTES_MAX + PROMPT_ANSWER_BYTES_MAX + PROMPT_VIOLATIONS_BYTES_MAX + 16 * 1024;
