//! What can go wrong in an adapter, and in the pipeline.

use std::error::Error;
use std::fmt;

use crate::journal::JournalError;
use crate::run::RunId;

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
    /// What is kept is not what was written: a store found an entry changed, cut or missing. Permanent, and
    /// never mended by the adapter: a person looks.
    Damaged,
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
            Self::Damaged => "damaged",
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
    /// The files of the commit can't be read now. What can never be read ends the run instead: its cause is
    /// a permanent [`AdapterError`], or an [`io::Error`](std::io::Error) such as a denied permission.
    #[error("the snapshot of the commit can't be read")]
    Snapshot(#[source] fix_patch::PatchError),
    /// What is stored of the run can't be used. Nothing is changed, and nothing begun anew: the run is set
    /// aside, and [`Observer::set_aside`](crate::Observer::set_aside) is told.
    #[error("run {run} is set aside: its journal {reason}; {}", .reason.advice())]
    SetAside {
        /// The run.
        run: RunId,
        /// What is wrong, in a word.
        reason: SetAside,
        /// What is wrong, exactly.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A step that the transition table refuses: a bug of the pipeline, caught before it was stored.
    #[error("the next step of the run is impossible; please report this")]
    Journal(#[from] JournalError),
    /// What a run proves can't be written down: a bug of the pipeline.
    #[error("the attestation can't be written; please report this")]
    Attestation(#[source] Box<dyn Error + Send + Sync>),
    /// The forge may have been asked for a pull request, and its answer was never recorded; now the run
    /// can't ask again, or was called over meanwhile. It stays as it is, for a person: nothing is opened, and
    /// nothing forgotten.
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
            Self::SetAside { .. }
            | Self::Journal(_)
            | Self::Attestation(_)
            | Self::Unsettled { .. }
            | Self::DifferentFailure { .. } => false,
        }
    }

    /// Whether another worker was faster, and no adapter is out of order: not for an alarm, and not to be
    /// counted as a failed attempt. The other worker goes on with the run.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Adapter { source, .. } if source.kind() == AdapterErrorKind::Conflict)
    }
}

/// Why a stored run can't be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SetAside {
    /// It is not what a pipeline wrote: changed, cut, or in an order that can't be.
    Damaged,
    /// Another version of the pipeline wrote it.
    OtherVersion,
    /// The store does not give it out.
    Refused,
}

impl SetAside {
    /// The stable name, `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::OtherVersion => "other_version",
            Self::Refused => "refused",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Damaged => {
                "restore it from a backup, or look at the forge and deliver the failure anew under another event"
            }
            Self::OtherVersion => "run the version that wrote it, or a newer one",
            Self::Refused => "mend the store and run it again",
        }
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "is damaged",
            Self::OtherVersion => "is of another version",
            Self::Refused => "is refused by the store",
        })
    }
}

impl SetAside {
    /// Why, when `error` is what a store answered.
    pub(crate) fn of_store(error: &AdapterError) -> Self {
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(JournalError::Version { .. }) = error.downcast_ref() {
                return Self::OtherVersion;
            }
            cause = error.source();
        }
        if error.kind() == AdapterErrorKind::Damaged { Self::Damaged } else { Self::Refused }
    }

    /// Why, when `error` was found in what a store gave out.
    pub(crate) fn of_journal(error: &JournalError) -> Self {
        match error {
            JournalError::Version { .. } => Self::OtherVersion,
            _ => Self::Damaged,
        }
    }
}

/// Whether reading a snapshot again may help, as far as the causes of `error` tell.
pub(crate) fn may_pass(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, PermissionDenied, Unsupported};
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<AdapterError>() {
            return error.is_transient();
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            // An adapter's own error may be wrapped in one.
            return match error.get_ref().and_then(|inner| inner.downcast_ref::<AdapterError>()) {
                Some(error) => error.is_transient(),
                None => !matches!(error.kind(), InvalidData | InvalidInput | NotFound | PermissionDenied | Unsupported),
            };
        }
        cause = error.source();
    }
    true
}

/// The four ports that an embedder brings, and the one that it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the pipeline has these")]
pub enum Port {
    /// [`PlanSource`](crate::PlanSource)
    PlanSource,
    /// [`Validator`](crate::Validator)
    Validator,
    /// [`PrSink`](crate::PrSink)
    PrSink,
    /// [`RunStore`](crate::RunStore)
    RunStore,
    /// [`Signer`](crate::Signer)
    Signer,
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
            Self::Signer => "signer",
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
            Self::Signer => "the signer",
        })
    }
}
