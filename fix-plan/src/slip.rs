//! Slips and attempts: which wrong values a model may be asked to mend.
//!
//! A model that writes a comment into a version slipped, and mends it when told. A newline, an
//! option, a URL or `..` in a value that ends up in a file is what somebody writes who wants more
//! than a plan may ask for, most likely through the log: asking again only helps them to try.

use std::str::FromStr as _;

use crate::package::Marker;
use crate::violation::ViolationCode;

/// Fields at the top of a plan that claim what only the pipeline may say.
const CLAIMS: [&str; 10] =
    ["approve", "auto_merge", "automerge", "diff", "merge", "patch", "policy", "safe", "skip", "validat"];

/// Other words for fields of `details`.
const SYNONYMS: [&str; 6] = ["constraint", "module", "package", "specifier", "version", "version_spec"];

/// Whether the wrong `value` of a field is a slip. Conservative: what it does not know is none.
pub(crate) fn is_slip(code: ViolationCode, value: &str) -> bool {
    if value.is_empty() {
        return true;
    }
    match code {
        ViolationCode::InvalidCategory => true,
        ViolationCode::InvalidName => is_requirement(value),
        ViolationCode::InvalidSpec => is_spec_with_more(value),
        ViolationCode::InvalidImport => is_import_clause(value),
        ViolationCode::InvalidMarker => made_of(value, " _.'\"<>=!~()"),
        ViolationCode::InvalidSection => made_of(value, " _.-[]\""),
        _ => false,
    }
}

/// Whether a field that the contract does not know is a slip. Inside `details`, whose fields reach a
/// file, only another word for a known one is; elsewhere whatever makes no claim.
pub(crate) fn is_unknown_field_slip(pointer: &str, key: &str) -> bool {
    if pointer.contains("/details/") {
        return SYNONYMS.contains(&key);
    }
    !CLAIMS.iter().any(|claim| key.to_ascii_lowercase().contains(claim))
}

fn made_of(value: &str, signs: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c))
}

/// `requests[socks]>=2.31`: one requirement where a bare name belongs.
fn is_requirement(value: &str) -> bool {
    let name = value.split(['[', '<', '>', '=', '!', '~']).next().unwrap_or_default();
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name != value && made_of(value, "-_.,[]<>=!~*+")
}

/// A specifier with a marker or a comment behind it, or one that no tool reads.
fn is_spec_with_more(value: &str) -> bool {
    let (value, comment) = value.split_once(" #").unwrap_or((value, ""));
    let (spec, marker) = value.split_once(';').unwrap_or((value, ""));
    let second_requirement = spec.split(' ').skip(1).any(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    made_of(comment, " .,")
        && (marker.is_empty() || Marker::from_str(marker.trim()).is_ok())
        && made_of(spec.trim_end(), ".,<>=!~^*|+_ ")
        && spec.contains(|c: char| c.is_ascii_alphanumeric())
        && !second_requirement
}

/// `*`, `a, b` or `a as b`: what may stand in an import statement, where one name belongs.
fn is_import_clause(value: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && made_of(name, "_.")
            && name.split('.').all(|part| !part.is_empty())
    };
    value != "__future__" && (value == "*" || value.split(", ").flat_map(|clause| clause.split(" as ")).all(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_mistakes_are_slips() {
        for (code, value) in [
            (ViolationCode::InvalidName, ""),
            (ViolationCode::InvalidName, "requests[socks]"),
            (ViolationCode::InvalidName, "requests>=2.31"),
            (ViolationCode::InvalidSpec, "==2.31.0 # pinned"),
            (ViolationCode::InvalidSpec, "==2.31.0; python_version < \"4\""),
            (ViolationCode::InvalidSpec, "latest"),
            (ViolationCode::InvalidImport, "*"),
            (ViolationCode::InvalidImport, "os, sys"),
            (ViolationCode::InvalidImport, "os as o"),
            (ViolationCode::InvalidMarker, "python_version"),
            (ViolationCode::InvalidSection, "tool.pdm.dev-dependencies"),
            (ViolationCode::InvalidCategory, "Lint format!"),
        ] {
            assert!(is_slip(code, value), "{value:?}");
        }
    }

    #[test]
    fn what_reaches_further_is_none() {
        for (code, value) in [
            (ViolationCode::InvalidName, "requests==1 evil"),
            (ViolationCode::InvalidName, "-requests"),
            (ViolationCode::InvalidName, "requests\nevil"),
            (ViolationCode::InvalidName, "https://evil.example/x.whl"),
            (ViolationCode::InvalidName, "requests"),
            (ViolationCode::InvalidSpec, "==2.31.0 --index-url=x"),
            (ViolationCode::InvalidSpec, "==2.31.0 flask==1"),
            (ViolationCode::InvalidSpec, "==2.31.0; evil"),
            (ViolationCode::InvalidSpec, "==1 # x\n--index-url y"),
            (ViolationCode::InvalidSpec, "==-1"),
            (ViolationCode::InvalidSpec, "==$(id)"),
            (ViolationCode::InvalidSpec, "@ git+https://evil.example/x"),
            (ViolationCode::InvalidSpec, "==="),
            (ViolationCode::InvalidImport, "os; evil()"),
            (ViolationCode::InvalidImport, "__future__"),
            (ViolationCode::InvalidImport, "os."),
            (ViolationCode::InvalidImport, "os..path"),
            (ViolationCode::InvalidImport, ".os"),
            (ViolationCode::InvalidImport, "o[s]"),
            (ViolationCode::InvalidMarker, "os_name == 'a'; x"),
            (ViolationCode::InvalidSection, "dev\nx"),
            (ViolationCode::InvalidPath, "../x"),
        ] {
            assert!(!is_slip(code, value), "{value:?}");
        }
    }

    #[test]
    fn claims_and_unknown_details_are_no_slips() {
        assert!(is_unknown_field_slip("/reasoning", "reasoning"));
        assert!(is_unknown_field_slip("/operations/0/why", "why"));
        assert!(is_unknown_field_slip("/operations/0/details/version", "version"));
        for key in ["auto_merge", "skip_validation", "Approved_By", "patch", "validated"] {
            assert!(!is_unknown_field_slip(&format!("/{key}"), key), "{key}");
        }
        assert!(!is_unknown_field_slip("/operations/0/details/index_url", "index_url"));
    }
}
