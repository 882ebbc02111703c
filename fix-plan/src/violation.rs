//! What is wrong with a plan, said so that one repair can mend all of it.

use std::fmt;

use crate::limits::VIOLATIONS_MAX;
use crate::text::{is_control, is_invisible};

/// One thing that is wrong with a plan.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901) into the plan as it was written; empty for the whole text.
    /// A key of more than 64 characters is cut, and ends in `…`.
    pub pointer: String,
    /// Which rule, stable.
    pub code: ViolationCode,
    /// What is wrong and what to write instead, for a person or a model.
    pub message: String,
    suspicious: bool,
}

impl Violation {
    pub(crate) fn new(pointer: impl Into<String>, code: ViolationCode, message: impl Into<String>) -> Self {
        let suspicious = code == ViolationCode::DuplicateKey;
        Self { pointer: pointer.into(), code, message: message.into(), suspicious }
    }

    pub(crate) fn suspicious(self) -> Self {
        Self { suspicious: true, ..self }
    }

    /// Whether it looks less like a slip than like an attempt to reach beyond the contract: a path
    /// that leaves the repository, an option or a newline inside a version, a key that comes twice.
    /// A [`Dialogue`](crate::Dialogue) does not ask again after one of these.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        self.suspicious
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str("the plan")?;
        }
        // Keys are a stranger's words: what can't be seen is written as its code point.
        for c in self.pointer.chars() {
            match is_control(c) || is_invisible(c) {
                true => write!(f, "{}", c.escape_unicode())?,
                false => write!(f, "{c}")?,
            }
        }
        write!(f, ": {} [{}]", self.message, self.code)
    }
}

/// What is wrong so far: never more than [`VIOLATIONS_MAX`], however much there is.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    /// Adds one. When there is no room, only a suspicious one gets in: many slips hide no attempt.
    pub(crate) fn push(&mut self, violation: Violation) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(violation);
        } else if violation.suspicious {
            self.0.pop();
            self.0.push(violation);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value`, unless something is wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T, PlanError> {
        if self.0.is_empty() { Ok(value) } else { Err(PlanError::new(self.0)) }
    }
}

macro_rules! violation_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)+) => {
        /// The rules of a plan. [`as_str`](ViolationCode::as_str) is stable; new ones may be added.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum ViolationCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ViolationCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, `snake_case`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }
    };
}

violation_codes! {
    /// Longer than the byte cap.
    TooLarge => "too_large",
    /// Not UTF-8.
    NotUtf8 => "not_utf8",
    /// Not one JSON value.
    InvalidJson => "invalid_json",
    /// JSON inside a Markdown fence.
    MarkdownFence => "markdown_fence",
    /// Words before or after the JSON.
    ProseAroundJson => "prose_around_json",
    /// No answer at all.
    EmptyAnswer => "empty_answer",
    /// An answer that was cut at the limit of its length.
    Truncated => "truncated",
    /// A refusal to answer.
    Refused => "refused",
    /// The same invalid answer as before.
    Repeated => "repeated",
    /// Nested too deeply.
    TooDeep => "too_deep",
    /// Too many values.
    TooManyValues => "too_many_values",
    /// A key that is too long.
    KeyTooLong => "key_too_long",
    /// A key twice in one object.
    DuplicateKey => "duplicate_key",
    /// A value of another type than the field has.
    WrongType => "wrong_type",
    /// A field that must be there is not.
    MissingField => "missing_field",
    /// A field that the contract does not know.
    UnknownField => "unknown_field",
    /// Text that is empty, too long, holds invisible characters, or evidence of more than one line.
    InvalidText => "invalid_text",
    /// A category that is no `snake_case` word.
    InvalidCategory => "invalid_category",
    /// A confidence outside 0..=1.
    ConfidenceOutOfRange => "confidence_out_of_range",
    /// No files, or too many.
    FileCount => "file_count",
    /// A path that breaks the path rules.
    InvalidPath => "invalid_path",
    /// Two files that are one on some file system, or one inside the other.
    FilesCollide => "files_collide",
    /// No operations, or too many.
    OperationCount => "operation_count",
    /// An operation type that does not exist.
    UnknownOperation => "unknown_operation",
    /// An operation on a file that `files` does not list.
    FileNotListed => "file_not_listed",
    /// An operation that does not belong to the plan's category.
    CategoryMismatch => "category_mismatch",
    /// The same operation twice.
    DuplicateOperation => "duplicate_operation",
    /// Two operations that ask for different things at one place.
    ConflictingOperations => "conflicting_operations",
    /// Too many evidence lines.
    EvidenceCount => "evidence_count",
    /// A quote that the log does not hold, or of too little of a line.
    EvidenceNotFound => "evidence_not_found",
    /// A package, extra or group name outside the grammar.
    InvalidName => "invalid_name",
    /// A package name that can't be meant: a standard module or a placeholder.
    ReservedName => "reserved_name",
    /// A version specifier outside the grammar, or missing for a pin.
    InvalidSpec => "invalid_spec",
    /// A constraint that only Poetry reads, for a list that Poetry does not read.
    SpecNotPep440 => "spec_not_pep440",
    /// A marker outside the grammar.
    InvalidMarker => "invalid_marker",
    /// A section that names no list of dependencies, or none of this file.
    InvalidSection => "invalid_section",
    /// A module or name outside Python's grammar.
    InvalidImport => "invalid_import",
    /// Both or neither of `import` and `from` + `name`.
    ImportForm => "import_form",
    /// A line number that is none.
    InvalidLine => "invalid_line",
}

impl fmt::Display for ViolationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no valid plan: everything that is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the plan breaks {} rule{}: {}", violations.len(), if violations.len() == 1 { "" } else { "s" }, list(violations))]
pub struct PlanError {
    violations: Vec<Violation>,
}

impl PlanError {
    /// `violations` is not empty.
    pub(crate) fn new(violations: Vec<Violation>) -> Self {
        Self { violations }
    }

    pub(crate) fn one(pointer: impl Into<String>, code: ViolationCode, message: impl Into<String>) -> Self {
        Self::new(vec![Violation::new(pointer, code, message)])
    }

    /// What is wrong: first with each value, in the order of the text, then between values. At
    /// least one, at most [`VIOLATIONS_MAX`](crate::limits::VIOLATIONS_MAX).
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented() {
        let readme = include_str!("../README.md");
        for code in ViolationCode::ALL {
            assert!(readme.contains(&format!("| `{code}` | ")), "{code} is not in the table of the front page");
        }
    }

    #[test]
    fn many_slips_hide_no_attempt() {
        let mut found = Violations::default();
        for _ in 0..1_000 {
            found.push(Violation::new("", ViolationCode::WrongType, "m"));
        }
        found.push(Violation::new("", ViolationCode::DuplicateKey, "m"));
        let error = found.or(()).unwrap_err();
        assert_eq!(error.violations().len(), VIOLATIONS_MAX);
        assert!(error.violations().iter().any(Violation::is_suspicious));
    }

    #[test]
    fn a_key_cannot_act_on_a_terminal() {
        let violation = Violation::new("/a\u{1b}[31m\u{202e}~1", ViolationCode::UnknownField, "m");
        assert_eq!(violation.to_string(), "/a\\u{1b}[31m\\u{202e}~1: m [unknown_field]");
    }
}
