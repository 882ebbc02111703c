//! Python package names, extras, versions and markers, each with one door.
//!
//! Every value here ends up inside somebody's `pyproject.toml` or requirements
//! file, so each grammar is an allow-list: none can hold a newline, a quote, a
//! comment sign, an option or a second requirement.

mod marker;
mod spec;

use std::fmt;
use std::str::FromStr;

pub use marker::Marker;
pub use spec::{SpecKind, VersionSpec};

use crate::limits::NAME_BYTES_MAX;

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
}
