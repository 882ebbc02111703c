//! Slips and attempts: which wrong values a model may be asked to mend.
//!
//! A model that writes a comment into a version slipped, and mends it when told. A newline, an
//! option, a URL or `..` in a value that ends up in a file is what somebody writes who wants more
//! than a plan may ask for, most likely through the log: asking again only helps them to try.

use std::str::FromStr as _;

use crate::package::{Marker, PackageName};
use crate::path::RepoPath;
use crate::violation::ViolationCode;
use crate::wire::pointer::At;

/// Words in the name of a field that claims what only the pipeline may say.
const CLAIMS: [&str; 12] = [
    "approve",
    "approved",
    "automerge",
    "diff",
    "merge",
    "patch",
    "policy",
    "safe",
    "skip",
    "validate",
    "validated",
    "validation",
];

/// Words in the name of a field of `details` that reaches further than details do.
const REACH: [&str; 14] = [
    "command", "content", "diff", "editable", "git", "group", "hash", "index", "patch", "path", "registry", "script",
    "source", "url",
];

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
        ViolationCode::InvalidPath => is_place(value),
        _ => false,
    }
}

/// Whether a field that the contract does not know is a slip: whatever makes no claim, and inside
/// `details`, whose fields reach a file, does not ask for more.
pub(crate) fn is_unknown_field_slip(object: &At<'_>, key: &str) -> bool {
    let words = words(key);
    let names = |list: &[&str]| {
        words.iter().any(|word| {
            list.contains(&word.as_str()) || word.strip_suffix('s').is_some_and(|word| list.contains(&word))
        })
    };
    !(names(&CLAIMS) || object.is_details() && names(&REACH))
}

/// The words of `snake_case`, `kebab-case` and `camelCase`, in lower case.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in key.chars() {
        if !c.is_alphanumeric() || after_lower && c.is_uppercase() {
            words.push(String::new());
        }
        if let (Some(word), true) = (words.last_mut(), c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    words
}

fn made_of(value: &str, signs: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c))
}

fn is_name(value: &str) -> bool {
    value.parse::<PackageName>().is_ok()
}

/// One requirement where a bare name belongs, such as `requests[socks]>=2.31` or `requests (2.31)`,
/// several names, or a name with blanks around it.
fn is_requirement(value: &str) -> bool {
    let value = value.trim_matches(' ');
    if value.split(", ").all(is_name) {
        return true;
    }
    if let Some((name, spec)) = value.strip_suffix(')').and_then(|value| value.split_once(" (")) {
        return is_name(name) && made_of(spec, ".,<>=!~*+ ") && is_spec_with_more(spec);
    }
    let name = value.split(['[', '<', '>', '=', '!', '~']).next().unwrap_or_default();
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name != value && made_of(value, "-_.,[]<>=!~*+")
}

/// A specifier with a name before it, with a marker or a comment behind it, between brackets, joined
/// by a word or written with signs of mathematics; or one that no tool reads.
fn is_spec_with_more(value: &str) -> bool {
    let value = value.replace('≥', ">=").replace('≤', "<=").replace('≠', "!=").replace(" and ", ",");
    let (value, comment) = value.split_once(" #").unwrap_or((&value, ""));
    let (spec, marker) = value.split_once(';').unwrap_or((value, ""));
    let spec = spec.trim_matches(' ');
    let spec = spec.strip_prefix('(').and_then(|spec| spec.strip_suffix(')')).unwrap_or(spec);
    let (name, clauses) =
        spec.split_at_checked(spec.find(['<', '>', '=', '!', '~']).unwrap_or(0)).unwrap_or(("", spec));
    let spec = if is_name(name.trim_end()) { clauses } else { spec };
    let second_requirement =
        spec.split([' ', ',']).skip(1).any(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    made_of(comment, " .,")
        && (marker.is_empty() || Marker::from_str(marker.trim()).is_ok())
        && made_of(spec, ".,<>=!~^*|+_ ")
        && spec.contains(|c: char| c.is_ascii_alphanumeric())
        && !second_requirement
}

/// `*`, `a, b` or `a as b`, or a whole statement: what may stand in it, where one name belongs.
fn is_import_clause(value: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && made_of(name, "_.")
            && name.split('.').all(|part| !part.is_empty())
    };
    let (module, names) = match value.strip_prefix("from ").and_then(|value| value.split_once(" import ")) {
        Some((module, names)) => (Some(module), names),
        None => (None, value.strip_prefix("import ").unwrap_or(value)),
    };
    let is_future = |name: &str| name == "__future__";
    let is_module = |module: &str| !is_future(module) && is_name(module.trim_start_matches('.'));
    let is_clause = names == "*" || names.split(", ").flat_map(|clause| clause.split(" as ")).all(is_name);
    module.is_none_or(is_module) && is_clause && !is_future(value)
}

/// `src/app.py:3:20`: a path as linters print it.
fn is_place(value: &str) -> bool {
    let without = |value: &str| {
        let (path, number) = value.rsplit_once(':')?;
        (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| path.to_owned())
    };
    let Some(once) = without(value) else { return false };
    let path = without(&once).unwrap_or(once);
    // One letter is a drive.
    path.len() > 1 && path.parse::<RepoPath>().is_ok()
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
            (ViolationCode::InvalidName, "requests "),
            (ViolationCode::InvalidName, "requests, flask"),
            (ViolationCode::InvalidName, "requests (2.31)"),
            (ViolationCode::InvalidName, "requests (>=2.31, <3)"),
            (ViolationCode::InvalidSpec, "==2.31.0 # pinned"),
            (ViolationCode::InvalidSpec, "python-dateutil>=2"),
            (ViolationCode::InvalidSpec, "requests >=2"),
            (ViolationCode::InvalidSpec, ">=2 and <3"),
            (ViolationCode::InvalidSpec, "(>=2)"),
            (ViolationCode::InvalidSpec, "≥2"),
            (ViolationCode::InvalidSpec, "==2.31.0; python_version < \"4\""),
            (ViolationCode::InvalidSpec, "latest"),
            (ViolationCode::InvalidImport, "*"),
            (ViolationCode::InvalidImport, "os, sys"),
            (ViolationCode::InvalidImport, "os as o"),
            (ViolationCode::InvalidImport, "import os"),
            (ViolationCode::InvalidImport, "import os.path as p"),
            (ViolationCode::InvalidImport, "from os import path"),
            (ViolationCode::InvalidImport, "from ..a import b as c, d"),
            (ViolationCode::InvalidPath, ""),
            (ViolationCode::InvalidPath, "src/app.py:1"),
            (ViolationCode::InvalidPath, "src/app.py:1:20"),
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
            (ViolationCode::InvalidName, "requests # x"),
            (ViolationCode::InvalidName, "a,b"),
            (ViolationCode::InvalidSpec, "==2.31.0 --index-url=x"),
            (ViolationCode::InvalidSpec, "--index-url=x"),
            (ViolationCode::InvalidSpec, ">=2 and evil"),
            (ViolationCode::InvalidSpec, "(>=2) evil"),
            (ViolationCode::InvalidSpec, "==2.31.0 flask==1"),
            (ViolationCode::InvalidSpec, "==2.31.0; evil"),
            (ViolationCode::InvalidSpec, "==1 # x\n--index-url y"),
            (ViolationCode::InvalidSpec, "==-1"),
            (ViolationCode::InvalidSpec, "==$(id)"),
            (ViolationCode::InvalidSpec, "@ git+https://evil.example/x"),
            (ViolationCode::InvalidSpec, "==="),
            (ViolationCode::InvalidImport, "os; evil()"),
            (ViolationCode::InvalidImport, "__future__"),
            (ViolationCode::InvalidImport, "from __future__ import annotations"),
            (ViolationCode::InvalidImport, "import os; evil()"),
            (ViolationCode::InvalidImport, "os."),
            (ViolationCode::InvalidImport, "os..path"),
            (ViolationCode::InvalidImport, ".os"),
            (ViolationCode::InvalidImport, "o[s]"),
            (ViolationCode::InvalidMarker, "os_name == 'a'; x"),
            (ViolationCode::InvalidSection, "dev\nx"),
            (ViolationCode::InvalidPath, "../x"),
            (ViolationCode::InvalidPath, "../x:1"),
            (ViolationCode::InvalidPath, "c:1"),
            (ViolationCode::InvalidPath, "pyproject.toml "),
            (ViolationCode::InvalidPath, "src/"),
        ] {
            assert!(!is_slip(code, value), "{value:?}");
        }
    }

    #[test]
    fn claims_and_reach_are_no_slips() {
        let operations = At::Root.key("operations");
        let operation = operations.index(0);
        let details = operation.key("details");
        for key in ["reasoning", "why", "safety_notes", "dispatch", "version", "pkg", "comment"] {
            assert!(is_unknown_field_slip(&At::Root, key) && is_unknown_field_slip(&details, key), "{key}");
        }
        for key in ["auto_merge", "autoMerge", "skip_validation", "Approved_By", "patch", "validated", "diffs"] {
            assert!(!is_unknown_field_slip(&At::Root, key) && !is_unknown_field_slip(&details, key), "{key}");
        }
        for key in ["index_url", "indexUrl", "editable", "source", "content", "group", "git", "hash-value", "urls"] {
            assert!(is_unknown_field_slip(&operation, key) && !is_unknown_field_slip(&details, key), "{key}");
        }
    }
}
