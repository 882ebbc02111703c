//! What can go wrong in an adapter, and in the pipeline.

use std::error::Error;
use std::fmt;

use crate::journal::JournalError;

/// What an adapter answers when it can't do its work.
///
/// A transient error leaves the run as it is, to be resumed; a permanent one ends
/// it with [`OutcomeCode::AdapterFailed`](crate::OutcomeCode) or a code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct AdapterError {
    kind: AdapterErrorKind,
    operation: &'static str,
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl AdapterError {
    /// An error of `kind` while doing `operation` (`"git push"`, `"open sandbox"`); `message`
    /// names the thing it was done to, and says what to do.
    #[must_use]
    pub fn new(kind: AdapterErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { kind, operation, message: message.into(), source: None }
    }

    /// The same, caused by `source`, which must not be repeated in the message.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> AdapterErrorKind {
        self.kind
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, AdapterErrorKind::Unavailable | AdapterErrorKind::Conflict)
    }
}

/// The kinds of adapter errors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AdapterErrorKind {
    /// Something outside is down, slow or busy. Transient.
    Unavailable,
    /// Another worker was faster: a store's compare-and-set failed. Transient, for this worker.
    Conflict,
    /// The adapter can't do what is asked, now or later: an unknown URL, a project without tests.
    Unsupported,
    /// A plan source has nothing to propose.
    NothingToPropose,
    /// The base branch moved, so that the validated tree can't be published on it.
    StaleBase,
    /// The other side refused: credentials, permissions, a bug. Permanent.
    Refused,
}

impl AdapterErrorKind {
    /// The stable name, `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Conflict => "conflict",
            Self::Unsupported => "unsupported",
            Self::NothingToPropose => "nothing_to_propose",
            Self::StaleBase => "stale_base",
            Self::Refused => "refused",
        }
    }
}

/// Why a run could not go on. Infrastructure, never a judgement: a denial is an
/// [`Outcome`](crate::Outcome).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// An adapter failed in a way that may pass; the run is resumable.
    #[error("{port} failed")]
    Adapter {
        /// Which port.
        port: Port,
        /// What failed.
        source: AdapterError,
    },
    /// The files of the commit can't be read.
    #[error("the snapshot of the commit can't be read")]
    Snapshot(#[source] fix_patch::PatchError),
    /// The stored journal is not one that this pipeline wrote.
    #[error("the journal of the run can't be trusted")]
    Journal(#[from] JournalError),
    /// The forge may have been asked for a pull request, and its answer was never recorded; now the run
    /// can't ask again. It stays as it is, for a person: nothing is opened, and nothing forgotten.
    #[error(
        "there may be a pull request of branch {branch}, and the run can't go on ({code}: {message}); look at the forge, or resume it as it was begun"
    )]
    Unsettled {
        /// The branch that was announced.
        branch: String,
        /// What the run would have ended as.
        code: crate::OutcomeCode,
        /// Why it can't go on.
        message: String,
    },
    /// The event was delivered before, with another repository or commit.
    #[error("the event was delivered before for {stored}, and now for {delivered}")]
    DifferentFailure {
        /// Repository and commit of the stored run.
        stored: String,
        /// Repository and commit of this delivery.
        delivered: String,
    },
}

impl PipelineError {
    /// Whether a queue should try the run again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Adapter { source, .. } => source.is_transient(),
            Self::Snapshot(_) => true,
            Self::Journal(_) | Self::Unsettled { .. } | Self::DifferentFailure { .. } => false,
        }
    }
}

/// The four ports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the pipeline has these four")]
pub enum Port {
    /// [`PlanSource`](crate::PlanSource)
    PlanSource,
    /// [`Validator`](crate::Validator)
    Validator,
    /// [`PrSink`](crate::PrSink)
    PrSink,
    /// [`RunStore`](crate::RunStore)
    RunStore,
}

impl Port {
    /// The stable name, `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PlanSource => "plan_source",
            Self::Validator => "validator",
            Self::PrSink => "pr_sink",
            Self::RunStore => "run_store",
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PlanSource => "the plan source",
            Self::Validator => "the validator",
            Self::PrSink => "the pull request sink",
            Self::RunStore => "the run store",
        })
    }
}
