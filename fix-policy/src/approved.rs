//! Proof that a policy said yes.

use crate::decision::Decision;

/// A value that a [`PolicyEngine`](crate::PolicyEngine) allowed, with its decision.
///
/// Only the engine makes one, and it can't be read back from a store: a journal
/// must never mint an approval.
///
/// ```compile_fail
/// let forged: fix_policy::Approved<&str> = serde_json::from_str("\"x\"").unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "an approval is the way to the next stage"]
pub struct Approved<T> {
    value: T,
    decision: Decision,
}

impl<T> Approved<T> {
    /// `decision` allows `value`.
    pub(crate) fn new(value: T, decision: Decision) -> Self {
        Self { value, decision }
    }

    /// What was allowed.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The decision that allows it.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

/// A value that a policy denied: the decision says why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("denied by policy: {}", reasons(decision))]
#[non_exhaustive]
pub struct Denied {
    /// The decision.
    pub decision: Box<Decision>,
}

fn reasons(decision: &Decision) -> String {
    let blocking = decision.violations.iter().filter(|violation| violation.severity == crate::Severity::Block);
    blocking.map(|violation| violation.message.as_str()).collect::<Vec<_>>().join("; ")
}
