//! Python package names, extras, versions and markers, each with one door.
//!
//! Every value here ends up inside somebody's `pyproject.toml` or requirements
//! file, so each grammar is an allow-list: none can hold a newline, a quote, a
//! comment sign, an option or a second requirement.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::MarkerTree;

use crate::limits::{MARKER_BYTES_MAX, NAME_BYTES_MAX, SPEC_BYTES_MAX};

/// A value that does not fit the grammar of its place.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what} {value:?}: {problem}")]
pub struct ValueError {
    what: &'static str,
    value: String,
    problem: String,
}

impl ValueError {
    pub(crate) fn new(what: &'static str, value: &str, problem: impl Into<String>) -> Self {
        Self { what, value: value.chars().take(80).collect(), problem: problem.into() }
    }

    /// What is wrong with the value, and what to write instead.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

macro_rules! normalized_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            spelled: String,
            /// Absent where the spelling is normal already, as nearly all are.
            normalized: Option<String>,
        }

        impl $name {
            /// The name as it was spelled.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.spelled
            }

            /// The name as PEP 503 normalises it: lower case, runs of `-`, `_`, `.` as one `-`.
            #[must_use]
            pub fn normalized(&self) -> &str {
                self.normalized.as_deref().unwrap_or(&self.spelled)
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(name: &str) -> Result<Self, ValueError> {
                check_name($what, name)?;
                let normalized = if is_normalized(name) { None } else { Some(normalize_name(name)) };
                Ok(Self { spelled: name.to_owned(), normalized })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.spelled)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.spelled)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.normalized() == other.normalized()
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.normalized().hash(state);
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.normalized().cmp(other.normalized())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
    };
}

normalized_name! {
    /// The name of a distribution (PEP 508), compared as PEP 503 says.
    ///
    /// ```
    /// use fix_plan::PackageName;
    /// let spelled: PackageName = "Ruamel.YAML".parse()?;
    /// assert_eq!(spelled, "ruamel-yaml".parse()?);
    /// assert_eq!(spelled.as_str(), "Ruamel.YAML");
    /// assert!("requests --index-url x".parse::<PackageName>().is_err());
    /// # Ok::<(), fix_plan::ValueError>(())
    /// ```
    PackageName, "package name"
}

normalized_name! {
    /// The name of an extra, such as `socks` in `requests[socks]`.
    ExtraName, "extra"
}

normalized_name! {
    /// The name of a dependency group or of an optional-dependencies list.
    GroupName, "group"
}

/// Normalises a name as PEP 503 says: lower case, runs of `-`, `_` and `.` become one `-`.
///
/// ```
/// assert_eq!(fix_plan::normalize_name("Zope.__Interface"), "zope-interface");
/// ```
#[must_use]
pub fn normalize_name(name: &str) -> String {
    let mut normalized = String::with_capacity(name.len());
    let mut separated = false;
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            separated = true;
            continue;
        }
        if separated && !normalized.is_empty() {
            normalized.push('-');
        }
        separated = false;
        normalized.push(c.to_ascii_lowercase());
    }
    normalized
}

/// Whether normalising would leave a valid name as it is.
fn is_normalized(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.bytes().all(plain) && !name.contains("--")
}

fn check_name(what: &'static str, name: &str) -> Result<(), ValueError> {
    let refuse = |problem: String| Err(ValueError::new(what, name, problem));
    if name.is_empty() {
        return refuse("is empty; write a name".to_owned());
    }
    if name.len() > NAME_BYTES_MAX {
        return refuse(format!("is longer than {NAME_BYTES_MAX} bytes"));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return refuse("may hold only ASCII letters, digits, `-`, `_` and `.`; versions, extras and markers have fields of their own".to_owned());
    }
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    if !edge(name.bytes().next()) || !edge(name.bytes().next_back()) {
        return refuse("must start and end with a letter or a digit".to_owned());
    }
    Ok(())
}

/// A version specifier, kept as spelled: PEP 440 (`>=2.31,<3`), or a constraint
/// that only Poetry reads (`^2.31`, `~2`, `1.2.*`, `>=1 || <0.5`).
///
/// ```
/// use fix_plan::{SpecKind, VersionSpec};
/// assert_eq!(">=2.31,<3".parse::<VersionSpec>()?.kind(), SpecKind::Pep440);
/// assert_eq!("^2.31".parse::<VersionSpec>()?.kind(), SpecKind::Poetry);
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

    /// The specifier as spelled; empty for any version.
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

    /// Whether both mean the same versions by their own text: equal clauses in any order, white space aside.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (SpecKind::Pep440, SpecKind::Pep440) => {
                let clauses = |spec: &Self| {
                    let mut clauses: Vec<String> = VersionSpecifiers::from_str(&spec.text)
                        .map(|all| all.iter().map(ToString::to_string).collect())
                        .unwrap_or_default();
                    clauses.sort();
                    clauses.dedup();
                    clauses
                };
                clauses(self) == clauses(other)
            }
            (a, b) => a == b && self.text.split_whitespace().eq(other.text.split_whitespace()),
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
        if text.split(',').all(is_plain_clause) {
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
            return Ok(Self { text: text.to_owned(), kind: SpecKind::Pep440 });
        }
        if is_poetry_constraint(text) {
            return Ok(Self { text: text.to_owned(), kind: SpecKind::Poetry });
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
fn is_plain_clause(clause: &str) -> bool {
    let operators = ["==", "!=", ">=", "<=", ">", "<"];
    let release = operators.iter().find_map(|operator| clause.strip_prefix(operator));
    let number = |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    release.is_some_and(|release| release.split('.').all(number))
}

/// Poetry: alternatives by `||` or `|`, each a list of clauses by comma or blank.
fn is_poetry_constraint(text: &str) -> bool {
    text.replace("||", "|").split('|').all(|alternative| {
        let clauses = merge_operators(alternative);
        !clauses.is_empty() && clauses.iter().all(|clause| is_poetry_clause(clause))
    })
}

/// Splits at commas and blanks, but keeps `>= 1.0` together; empty when a comma has nothing beside it.
fn merge_operators(alternative: &str) -> Vec<String> {
    let mut clauses = Vec::new();
    for part in alternative.split(',') {
        let mut open: Option<String> = None;
        let mut any = false;
        for word in part.split(' ').filter(|word| !word.is_empty()) {
            any = true;
            let clause = open.take().unwrap_or_default() + word;
            if clause.bytes().all(|b| b"<>=!~^".contains(&b)) {
                open = Some(clause);
            } else {
                clauses.push(clause);
            }
        }
        if !any || open.is_some() {
            return Vec::new();
        }
    }
    clauses
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

/// An environment marker (PEP 508), kept as spelled: `python_version < "3.11"`.
///
/// ```
/// use fix_plan::Marker;
/// assert!("python_version < '3.11'".parse::<Marker>().is_ok());
/// assert!("python_version < '3.11'\nevil".parse::<Marker>().is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Marker(String);

impl Marker {
    /// The marker as spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is true in the same environments, whatever its spelling.
    #[must_use]
    pub fn same_meaning(&self, other: &str) -> bool {
        match (MarkerTree::from_str(&self.0), MarkerTree::from_str(other)) {
            (Ok(a), Ok(b)) => a == b,
            _ => self.0 == other,
        }
    }
}

impl FromStr for Marker {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = |problem: &str| Err(ValueError::new("marker", text, problem));
        if text.trim().is_empty() {
            return refuse("is empty; leave the field out instead");
        }
        if text.len() > MARKER_BYTES_MAX {
            return refuse("is longer than 512 bytes");
        }
        if !text.bytes().all(|b| b == b' ' || (b.is_ascii_graphic() && !b";#\\`$@{}&".contains(&b))) {
            return refuse("holds a character that no marker needs");
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return refuse("has blanks around it; leave them out");
        }
        match MarkerTree::from_str(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => refuse("is no PEP 508 marker; write for example `python_version < \"3.11\"`"),
        }
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_by_pep_503() {
        let name = |text: &str| text.parse::<PackageName>().unwrap();
        assert_eq!(name("Foo._-Bar"), name("foo-bar"));
        assert_eq!(name("a.b").as_str(), "a.b");
        for spelled in ["a", "a-b1", "a--b", "A", "a.b", "a_b", "a-_b"] {
            assert_eq!(name(spelled).normalized(), normalize_name(spelled));
        }
        for bad in ["", "-a", "a-", "a b", "a[b]", "a==1", "a;b", "ré", "a\n", "a/b", "a@b", &"a".repeat(129)] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad:?}");
        }
    }

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
            assert!(is_plain_clause(clause) && VersionSpecifiers::from_str(clause).is_ok(), "{clause}");
        }
        for clause in ["~=1.0", "==1.*", "===1", "1.0", ">=", ">= 1", "==1.", "==.1", "==1a", "==v1", "<>1"] {
            assert!(!is_plain_clause(clause), "{clause}");
        }
    }

    #[test]
    fn meaning_ignores_order_and_blanks() {
        let spec = |text: &str| text.parse::<VersionSpec>().unwrap();
        assert!(spec(">=1,<2").same_meaning(&spec("<2, >=1")));
        assert!(!spec(">=1,<2").same_meaning(&spec(">=1")));
        assert!(!spec("==1").same_meaning(&spec("")));
        let marker: Marker = "python_version<'3.8'".parse().unwrap();
        assert!(marker.same_meaning("python_version < \"3.8\""));
    }

    #[test]
    fn markers_hold_one_marker() {
        for bad in [
            "",
            " ",
            "python_version",
            "os_name == 'a'; x",
            "a == 'b' # c",
            "os_name == 'a'\n",
            "python_version < '3' --x",
        ] {
            assert!(bad.parse::<Marker>().is_err(), "{bad:?}");
        }
    }
}
