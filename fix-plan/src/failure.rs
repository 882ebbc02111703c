//! What planning starts from: one failure of a CI job, and what its log says.

use std::fmt;
use std::str::FromStr;

use crate::limits::EVENT_ID_BYTES_MAX;
use crate::log::Log;
use crate::package::ValueError;

/// One failure of a CI job, on one commit of one repository.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// Identifies the failure: two deliveries of one failure carry the same identifier.
    pub event_id: EventId,
    /// Where the repository is: a URL or a path that the embedder's adapters understand.
    pub repository: String,
    /// The commit that failed.
    pub commit: CommitId,
    /// The branch that a pull request goes to.
    pub branch: BranchName,
    /// When the job failed, in seconds since 1970-01-01T00:00:00Z. The commit of a
    /// fix carries this time, so that a retry gives the same commit.
    pub failed_at_s: i64,
    /// The name of the job, when it is known.
    pub job: Option<String>,
    /// What the job printed.
    pub log: Log,
}

impl Failure {
    /// A failure from its parts.
    #[must_use]
    pub fn new(
        event_id: EventId,
        repository: impl Into<String>,
        commit: CommitId,
        branch: BranchName,
        failed_at_s: i64,
        log: Log,
    ) -> Self {
        Self { event_id, repository: repository.into(), commit, branch, failed_at_s, job: None, log }
    }

    /// The same, of the job `name`.
    #[must_use]
    pub fn with_job(mut self, name: Option<String>) -> Self {
        self.job = name;
        self
    }
}

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

checked_string! {
    /// The short name of a branch, by the rules of `git check-ref-format --branch`.
    BranchName, "branch", |text| {
        let component = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
        let forbidden = |c: char| c.is_control() || c == ' ' || "~^:?*[\\".contains(c) || crate::text::is_invisible(c);
        if text.is_empty() || text.len() > 244 {
            return Err("must have 1 to 244 bytes");
        }
        if text == "@" || text.starts_with('-') || text.ends_with('.') || text.contains("..") || text.contains("@{") || text.contains(forbidden) {
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
        for bad in ["", "-x", "a..b", "a b", "a/", "/a", ".a", "a.lock", "a~1", "@", "a@{1}", "a\n"] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad:?}");
        }
        assert!("a b".parse::<EventId>().is_err());
    }
}
