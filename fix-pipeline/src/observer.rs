//! Watching a run while it works.

use std::error::Error;
use std::time::Duration;

use crate::error::{AdapterError, Port, SetAside};
use crate::journal::Entry;
use crate::outcome::OutcomeCode;
use crate::run::RunId;

/// Is told what a run does, as it does it: for progress and metrics.
///
/// It can't change anything; the journal is the truth. Every method does nothing by itself.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
/// use fix_pipeline::{Observer, OutcomeCode, RunId};
///
/// /// How often runs ended in which way.
/// #[derive(Default)]
/// struct Outcomes(Mutex<BTreeMap<OutcomeCode, u64>>);
///
/// impl Observer for Outcomes {
///     fn finished(&self, _: RunId, outcome: OutcomeCode) {
///         *self.0.lock().unwrap().entry(outcome).or_default() += 1;
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// A stage begins, and may take a while.
    fn stage_started(&self, run: RunId, stage: Stage) {
        let _ = (run, stage);
    }

    /// An entry was stored.
    fn recorded(&self, run: RunId, entry: &Entry) {
        let _ = (run, entry);
    }

    /// An adapter answered, or its budget was used up: how long that took.
    fn adapter_called(&self, run: RunId, port: Port, took: Duration) {
        let _ = (run, port, took);
    }

    /// An adapter could not do its work, or took longer than its [budget](crate::Budgets).
    fn adapter_failed(&self, run: RunId, port: Port, error: &AdapterError) {
        let _ = (run, port, error);
    }

    /// What is stored of the run can't be used, and a person must look. Told each time that it is tried.
    fn set_aside(&self, run: RunId, reason: SetAside, error: &(dyn Error + Send + Sync + 'static)) {
        let _ = (run, reason, error);
    }

    /// There is, or may be, a pull request of `branch` that the journal does not know, and the run, which ended or
    /// would end with `code`, can't find out or is over: a person must look. Told each time that it is tried.
    fn unsettled(&self, run: RunId, branch: &str, code: OutcomeCode) {
        let _ = (run, branch, code);
    }

    /// The run is over. Told at most once a run, by the worker that ended it; by none when that worker
    /// crashed right after. Who counts for the books reads the store.
    fn finished(&self, run: RunId, outcome: OutcomeCode) {
        let _ = (run, outcome);
    }
}

/// Watches nothing.
impl Observer for () {}

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

impl Stage {
    /// The stable name, `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Plan => "plan",
            Self::Patch => "patch",
            Self::Validate => "validate",
            Self::PullRequest => "pull_request",
        }
    }

    pub(crate) fn span(self) -> tracing::Span {
        tracing::info_span!("fix.stage", stage = self.as_str())
    }
}
