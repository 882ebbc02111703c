//! How much, and how long.

use std::time::Duration;

use fix_plan::limits::PLAN_BYTES_MAX;

/// How much of an answer is taken, and how long it may need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ModelLimits {
    /// Longest answer, in bytes; what is beyond is cut while it streams in. At most
    /// [`PLAN_BYTES_MAX`] make sense: no longer plan is read.
    pub answer_bytes: usize,
    /// The time for a round, attempts and pauses between them included.
    pub total: Duration,
    /// The time that may pass without a sign of life.
    pub idle: Duration,
    /// Attempts, the first included. Only transient errors lead to another.
    pub attempts: u32,
    /// The pause before the second attempt, unless the server names one; it doubles with each.
    pub backoff: Duration,
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self {
            answer_bytes: PLAN_BYTES_MAX,
            total: Duration::from_secs(120),
            idle: Duration::from_secs(20),
            attempts: 3,
            backoff: Duration::from_secs(1),
        }
    }
}
