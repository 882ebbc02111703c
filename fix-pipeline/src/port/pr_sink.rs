//! Where a validated change is proposed.

use serde::{Deserialize, Serialize};

use super::forward;
use crate::bounds;
use crate::error::AdapterError;
use crate::journal::Announcement;
use crate::run::RunContext;
use crate::validated::Validated;

/// Proposes a validated change for review. It can't merge one: there is no such method.
///
/// # Contract
/// - Idempotent: asked again for the same run, it answers with the same pull
///   request and changes nothing. The branch is [`Draft::branch`](crate::Draft), a
///   function of the run.
/// - It publishes exactly the validated tree, [`Validated::tree`], on the commit it
///   was validated against; what it can't publish so is an error.
/// - It never forces a push, and never touches a branch that it did not create.
/// - An open pull request of the branch is adopted; a closed or merged one is left alone, and the
///   answer says which: a person decided. That holds when its branch is gone, too.
/// - [`find`](PrSink::find) gives what [`open`](PrSink::open) would find, and changes nothing. "None" is the
///   forge's own word, read where it is written: never a cache's, and never a guess after an error.
/// - Text from [`Validated::draft`] is published as it is: it is made inert by the pipeline.
///
/// # Errors
/// [`AdapterErrorKind::StaleBase`](crate::AdapterErrorKind) has an outcome of its own.
/// [`AdapterErrorKind::Refused`](crate::AdapterErrorKind) when the branch holds what is not the run's.
///
/// # Cancel safety
/// Dropping the future may leave a branch or a pull request behind; asked again,
/// the sink finds and adopts it. The pipeline announces both in the journal before it asks.
///
/// ```
/// use std::sync::Mutex;
/// use fix_pipeline::{AdapterError, Announcement, PrSink, PrStatus, PullRequest, RunContext, Validated};
///
/// /// A list in memory.
/// #[derive(Default)]
/// struct Listed(Mutex<Vec<PullRequest>>);
///
/// impl PrSink for Listed {
///     async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
///         if let Some(existing) = self.find(run, &change.announcement()).await? {
///             return Ok(existing);
///         }
///         let draft = change.draft();
///         let opened = PullRequest::new(PrStatus::Open, draft.branch.clone(), draft.labels.clone());
///         self.0.lock().unwrap().push(opened.clone());
///         Ok(opened)
///     }
///
///     async fn find(&self, _: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
///         let list = self.0.lock().unwrap();
///         Ok(list.iter().find(|existing| existing.branch == announced.branch).cloned())
///     }
/// }
/// ```
///
/// Nothing but a [`Validated`] can be handed in, and nothing outside the pipeline makes one:
///
/// ```compile_fail
/// use fix_pipeline::{PrSink, RunContext};
/// async fn smuggle(sink: impl PrSink, run: &RunContext, patch: fix_policy::Approved<fix_patch::Patch>) {
///     sink.open(run, &patch).await.unwrap();
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no pull request sink",
    note = "implement `fix_pipeline::PrSink`, with `async fn open` and `async fn find`"
)]
pub trait PrSink: Send + Sync {
    /// Opens, or finds, the pull request of a run.
    fn open(
        &self,
        run: &RunContext,
        change: &Validated,
    ) -> impl Future<Output = Result<PullRequest, AdapterError>> + Send;

    /// Looks for the pull request of a run, and opens nothing: what a worker asks before it derives
    /// anything, when one before it may have opened what was announced.
    fn find(
        &self,
        run: &RunContext,
        announced: &Announcement,
    ) -> impl Future<Output = Result<Option<PullRequest>, AdapterError>> + Send;
}

forward!(PrSink {
    open(run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError>;
    find(run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError>;
});

/// A pull request, as the forge knows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PullRequest {
    /// Its state.
    pub status: PrStatus,
    /// Its branch.
    pub branch: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Where a person finds it.
    pub url: Option<String>,
    /// The commit that it proposes.
    pub commit: Option<String>,
}

impl PullRequest {
    /// A pull request of `branch`.
    #[must_use]
    pub fn new(status: PrStatus, branch: impl Into<String>, labels: Vec<String>) -> Self {
        Self { status, branch: branch.into(), labels, url: None, commit: None }
    }

    /// What can be stored and shown: each text `cleaned`, without control characters, and not too long.
    pub(crate) fn cleaned(self, cleaned: impl Fn(&str) -> String) -> Self {
        let clean = |text: &str| bounds::head(bounds::shown(&cleaned(text)), bounds::TEXT_BYTES_MAX);
        Self {
            status: self.status,
            branch: self.branch,
            labels: self.labels.iter().take(bounds::LABELS_MAX).map(|label| clean(label)).collect(),
            url: self.url.as_deref().map(clean),
            commit: self.commit.as_deref().map(clean),
        }
    }

    /// The same, found at `url`.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The same, proposing `commit`.
    #[must_use]
    pub fn with_commit(mut self, commit: impl Into<String>) -> Self {
        self.commit = Some(commit.into());
        self
    }
}

/// The state of a pull request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PrStatus {
    /// Waiting for a person.
    Open,
    /// Open, marked as a draft.
    Draft,
    /// Closed by a person, without a merge.
    Closed,
    /// Merged by a person.
    Merged,
}

impl PrStatus {
    /// Whether it still waits for a person.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Draft)
    }
}
