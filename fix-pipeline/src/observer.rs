//! Watching a run while it works.

use crate::journal::Entry;
use crate::run::RunId;

/// Is told what a run does, as it does it: for progress and metrics.
///
/// It can't change anything; the journal is the truth.
pub trait Observer: Send + Sync {
    /// A stage begins, and may take a while.
    fn stage_started(&self, run: RunId, stage: Stage);

    /// An entry was stored.
    fn recorded(&self, run: RunId, entry: &Entry);
}

/// Watches nothing.
impl Observer for () {
    fn stage_started(&self, _: RunId, _: Stage) {}

    fn recorded(&self, _: RunId, _: &Entry) {}
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// Checking the untouched commit.
    Baseline,
    /// Asking for a plan.
    Plan,
    /// Generating the patch.
    Patch,
    /// Checking the patched tree.
    Validate,
    /// Opening the pull request.
    PullRequest,
}
