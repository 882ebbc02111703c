//! Version specifiers.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};

use super::ValueError;
use crate::limits::SPEC_BYTES_MAX;

/// A version specifier: PEP 440 (`>=2.31,<3`), or a constraint that only Poetry
/// reads (`^2.31`, `~2`, `1.2.*`, `>=1 || <0.5`).
///
/// White space is canonical: none around an operator or a comma, one blank between
/// Poetry's clauses without a comma and around `||`. The order of the clauses is kept, because it is what a file will say.
///
/// ```
/// use fix_plan::{SpecKind, VersionSpec};
/// assert_eq!(">=2.31,<3".parse::<VersionSpec>()?.kind(), SpecKind::Pep440);
/// assert_eq!("^2.31".parse::<VersionSpec>()?.kind(), SpecKind::Poetry);
/// assert_eq!(">= 2.31, < 3".parse::<VersionSpec>()?.as_str(), ">=2.31,<3");
/// assert!("==1.0; import os".parse::<VersionSpec>().is_err());
/// # Ok::<(), fix_plan::ValueError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VersionSpec {
    text: String,
    kind: SpecKind,
}

/// Who can read a [`VersionSpec`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a new grammar must be handled everywhere")]
pub enum SpecKind {
    /// Empty: any version will do.
    Any,
    /// PEP 440: pip, PEP 621, PEP 735, and Poetry too.
    Pep440,
    /// Poetry's own grammar.
    Poetry,
}

impl VersionSpec {
    /// The empty specifier: any version.
    #[must_use]
    pub fn any() -> Self {
        Self { text: String::new(), kind: SpecKind::Any }
    }

    /// The specifier; empty for any version.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Which grammar it is written in.
    #[must_use]
    pub fn kind(&self) -> SpecKind {
        self.kind
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.kind == SpecKind::Any
    }

    /// Whether both mean the same versions by their own text: equal clauses in any order, where `==1.0` equals
    /// `==1`, as PEP 440 has it. In `~=1.0`, `===1.0` and `==1.0.*` each number counts.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (SpecKind::Pep440, SpecKind::Pep440) => {
                let clauses = |spec: &Self| {
                    let mut clauses: Vec<String> = VersionSpecifiers::from_str(&spec.text)
                        .map(|all| all.iter().map(canonical).collect())
                        .unwrap_or_default();
                    clauses.sort();
                    clauses.dedup();
                    clauses
                };
                clauses(self) == clauses(other)
            }
            (a, b) => a == b && self.text == other.text,
        }
    }
}

impl FromStr for VersionSpec {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = |problem: &str| Err(ValueError::new("version specifier", text, problem));
        if text.is_empty() {
            return Ok(Self::any());
        }
        if text.len() > SPEC_BYTES_MAX {
            return refuse("is longer than 128 bytes");
        }
        if text.as_bytes().split(|byte| *byte == b',').all(is_plain_clause) {
            return Ok(Self { text: text.to_owned(), kind: SpecKind::Pep440 });
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b".,<>=!~^*|+-_ ".contains(&b);
        if !text.bytes().all(allowed) {
            return refuse(
                "may hold only version clauses such as `>=2.31,<3`; no URL, marker, option, quote or comment",
            );
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return refuse("has blanks around it; leave them out");
        }
        if VersionSpecifiers::from_str(text).is_ok() && text.split(',').all(|clause| !clause.trim().is_empty()) {
            return Ok(Self { text: text.replace(' ', ""), kind: SpecKind::Pep440 });
        }
        if let Some(text) = poetry_constraint(text) {
            return Ok(Self { text, kind: SpecKind::Poetry });
        }
        refuse("is no PEP 440 specifier; write comma-separated clauses such as `==2.31.0` or `>=2.31,<3`")
    }
}

impl fmt::Display for VersionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The clauses that nearly all specifiers are made of, a part of PEP 440: an operator and a plain
/// release, such as `>=2.31`.
fn is_plain_clause(clause: &[u8]) -> bool {
    let operators: [&[u8]; 6] = [b"==", b"!=", b">=", b"<=", b">", b"<"];
    let release = operators.iter().find_map(|operator| clause.strip_prefix(*operator));
    let number = |part: &[u8]| (1..=9).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    release.is_some_and(|release| release.split(|byte| *byte == b'.').all(number))
}

/// A clause without the zeros at the end of its release, where they mean nothing.
fn canonical(clause: &VersionSpecifier) -> String {
    use Operator::{Equal, GreaterThan, GreaterThanEqual, LessThan, LessThanEqual, NotEqual};
    let is_plain =
        matches!(clause.operator(), Equal | NotEqual | LessThan | LessThanEqual | GreaterThan | GreaterThanEqual);
    if !is_plain {
        return clause.to_string();
    }
    let release = clause.version().release();
    let kept = release.iter().rposition(|number| *number != 0).map_or(1, |last| last + 1);
    let version = clause.version().clone().with_release(release.iter().take(kept));
    format!("{}{version}", clause.operator())
}

/// Poetry: alternatives by `||` or `|`, each a list of clauses by comma or blank; in canonical form.
fn poetry_constraint(text: &str) -> Option<String> {
    let text = text.replace("||", "|");
    let alternatives: Option<Vec<String>> = text
        .split('|')
        .map(|alternative| {
            let parts: Option<Vec<String>> = alternative.split(',').map(clauses).collect();
            Some(parts?.join(","))
        })
        .collect();
    Some(alternatives?.join(" || "))
}

/// The clauses between two commas, with one blank between them; `>= 1.0` is one.
fn clauses(part: &str) -> Option<String> {
    let mut clauses: Vec<String> = Vec::new();
    let mut operator = String::new();
    let is_sign = |byte: u8| b"<>=!~^".contains(&byte);
    for word in part.split(' ').filter(|word| !word.is_empty()) {
        // `> =1` is no `>=1`.
        if !operator.is_empty() && word.bytes().next().is_some_and(is_sign) {
            return None;
        }
        operator.push_str(word);
        if !operator.bytes().all(is_sign) {
            clauses.push(std::mem::take(&mut operator));
        }
    }
    let is_valid = operator.is_empty() && !clauses.is_empty() && clauses.iter().all(|clause| is_poetry_clause(clause));
    is_valid.then(|| clauses.join(" "))
}

fn is_poetry_clause(clause: &str) -> bool {
    if clause == "*" {
        return true;
    }
    let operators = ["~=", "==", "!=", ">=", "<=", "^", "~", ">", "<", "="];
    let version = operators.iter().find_map(|op| clause.strip_prefix(op)).unwrap_or(clause);
    let version = version.strip_suffix(".*").unwrap_or(version);
    version.bytes().next().is_some_and(|b| b.is_ascii_digit()) && Version::from_str(version).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_know_their_grammar() {
        let kind = |text: &str| text.parse::<VersionSpec>().map(|spec| spec.kind());
        for text in ["==1.0", ">=2.31,<3", "~=1.4.2", "!=1.5", "==1.*", "==2.1.0+cpu", ">= 1.0, < 2", "===1.0"] {
            assert_eq!(kind(text).unwrap(), SpecKind::Pep440, "{text}");
        }
        for text in ["^1.0", "~2.31", "*", "1.2.3", "1.2.*", ">=1 || <0.5", "^1 | ^2", ">=1.0 <2"] {
            assert_eq!(kind(text).unwrap(), SpecKind::Poetry, "{text}");
        }
        assert_eq!(kind("").unwrap(), SpecKind::Any);
        for bad in [
            " ",
            "==",
            "latest",
            "==1.0;x",
            "==1.0 --hash=x",
            "@ git+x",
            "==1.0\n",
            ">=1,",
            ",",
            "^",
            "^1 ||",
            "> =1,<2",
            "==1 #x",
            "\"",
            "1.0'",
            "<evil",
        ] {
            assert!(kind(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn plain_clauses_are_a_part_of_pep_440() {
        for clause in ["==1", ">=2.31", "<3", "!=1.0.0", "<=20261122", ">1.2.3.4.5"] {
            assert!(is_plain_clause(clause.as_bytes()) && VersionSpecifiers::from_str(clause).is_ok(), "{clause}");
        }
        for clause in ["~=1.0", "==1.*", "===1", "1.0", ">=", ">= 1", "==1.", "==.1", "==1a", "==v1", "<>1"] {
            assert!(!is_plain_clause(clause.as_bytes()), "{clause}");
        }
    }

    #[test]
    fn white_space_is_canonical() {
        for (text, canonical) in [
            (">= 2, < 3", ">=2,<3"),
            (">=2 ,<3", ">=2,<3"),
            (">= 1.0  < 2", ">=1.0 <2"),
            ("^1 ,  != 1.5", "^1,!=1.5"),
            ("^1|^2", "^1 || ^2"),
            ("<2,>=1", "<2,>=1"),
        ] {
            let spec: VersionSpec = text.parse().unwrap();
            assert_eq!(spec.as_str(), canonical);
            assert_eq!(canonical.parse::<VersionSpec>().unwrap(), spec);
        }
    }

    #[test]
    fn meaning_ignores_order() {
        let spec = |text: &str| text.parse::<VersionSpec>().unwrap();
        assert!(spec(">=1,<2").same_meaning(&spec("<2, >=1")));
        assert!(!spec(">=1,<2").same_meaning(&spec(">=1")));
        for (a, b, same) in [
            ("==1.0", "==1", true),
            (">=1!2.0.0,<3", "<3.0,>=1!2", true),
            ("==1.0rc1", "==1rc1", true),
            ("==0", "==0.0", true),
            ("==1.0", "==1.0.1", false),
            ("==10", "==1", false),
            ("==1.0+a", "==1+b", false),
            ("==1.0.*", "==1.*", false),
            ("~=1.0", "~=1.0.0", false),
            ("===1.0", "===1", false),
            ("==1.0", ">=1", false),
        ] {
            assert_eq!(spec(a).same_meaning(&spec(b)), same, "{a} {b}");
        }
        assert!(!spec("==1").same_meaning(&spec("")));
    }
}
