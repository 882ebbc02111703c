//! The names that tell one failure from another.

use std::fmt;
use std::str::FromStr;

use crate::limits::EVENT_ID_BYTES_MAX;
use crate::package::ValueError;
use crate::redact::Redactor;

macro_rules! checked_string {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(problem) => Err(ValueError::new($what, text, problem)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_string! {
    /// Identifies one failure event: 1 to 256 visible ASCII characters.
    EventId, "event id", |text| {
        if text.is_empty() || text.len() > EVENT_ID_BYTES_MAX {
            return Err("must have 1 to 256 characters");
        }
        if text.bytes().all(|b| b.is_ascii_graphic()) { Ok(()) } else { Err("may hold only visible ASCII characters, no blanks") }
    }
}

checked_string! {
    /// A full git commit id: 40 or 64 lower-case hexadecimal digits.
    CommitId, "commit id", |text| {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex && matches!(text.len(), 40 | 64) { Ok(()) } else { Err("must be 40 or 64 lower-case hexadecimal digits") }
    }
}

impl BranchName {
    /// The name without its secrets; what is written in their place is a name, too.
    pub(crate) fn redacted(&self, redactor: &Redactor) -> Self {
        let redacted = redactor.redact(&self.0);
        if redacted == self.0 {
            return self.clone();
        }
        let name: String =
            redacted.chars().map(|c| if c == ' ' { '-' } else { c }).filter(|c| !"[]".contains(*c)).collect();
        name.parse().unwrap_or_else(|_| Self("redacted".to_owned()))
    }
}

checked_string! {
    /// The short name of a branch, by the rules of `git check-ref-format --branch`; not `HEAD`.
    BranchName, "branch", |text| {
        let component = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
        let forbidden = |c: char| c.is_control() || c == ' ' || "~^:?*[\\".contains(c) || crate::text::is_invisible(c);
        if text.is_empty() || text.len() > 244 {
            return Err("must have 1 to 244 bytes");
        }
        if text == "@" || text == "HEAD" || text.starts_with('-') || text.ends_with('.') || text.contains("..") || text.contains("@{") || text.contains(forbidden) {
            return Err("is no branch name that git accepts");
        }
        if text.split('/').all(component) { Ok(()) } else { Err("has a component that git does not accept") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_checked() {
        assert!("0123456789abcdef0123456789abcdef01234567".parse::<CommitId>().is_ok());
        assert!("HEAD".parse::<CommitId>().is_err());
        for good in ["main", "feature/x", "v1.0"] {
            assert!(good.parse::<BranchName>().is_ok(), "{good}");
        }
        for bad in ["", "HEAD", "-x", "a..b", "a b", "a/", "/a", ".a", "a.lock", "a~1", "@", "a@{1}", "a\n"] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad:?}");
        }
        assert!("a b".parse::<EventId>().is_err());
    }
}
