//! Why a policy can't be used.

use std::fmt;

/// Why a policy can't be used. Whoever meets one denies everything.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file can't be read, or is no text in the language of its ending.
    #[error("the policy can't be read: {problem}")]
    Unreadable {
        /// What is wrong, and where.
        problem: String,
    },
    /// There is nothing in it.
    #[error("the policy is empty; write at least `version = 1`, or give no policy to have the default one")]
    Empty,
    /// It says something that no policy can say.
    #[error("the policy is invalid: {}", listed(problems))]
    Invalid {
        /// Everything that is wrong.
        problems: Vec<PolicyProblem>,
    },
}

/// One thing that is wrong with a policy.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct PolicyProblem {
    /// The key, such as `paths.forbidden`.
    pub key: String,
    /// What is wrong with it, and what to write.
    pub message: String,
}

impl PolicyProblem {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.message)
    }
}

fn listed(problems: &[PolicyProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
