//! Where a validated change is proposed.

use serde::{Deserialize, Serialize};

use super::forward;
use crate::error::AdapterError;
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
/// - An open pull request of the branch is adopted; a closed or merged one is left
///   alone: a person decided.
/// - Text from [`Validated::draft`] is published as it is: it is made inert by the pipeline.
///
/// # Errors
/// [`AdapterErrorKind::StaleBase`](crate::AdapterErrorKind) and
/// [`AdapterErrorKind::ClosedByPerson`](crate::AdapterErrorKind) have outcomes of their own.
///
/// # Cancel safety
/// Dropping the future may leave a branch or a pull request behind; asked again,
/// the sink finds and adopts it. The pipeline announces both in the journal before it asks.
///
/// ```
/// use fix_pipeline::{AdapterError, PrSink, PrStatus, PullRequest, RunContext, Validated};
///
/// struct Printer;
///
/// impl PrSink for Printer {
///     async fn open(&self, _: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
///         let draft = change.draft();
///         println!("{}\n\n{}", draft.title, change.patch().get().diff());
///         Ok(PullRequest::new(PrStatus::Open, draft.branch.clone(), draft.labels.clone()))
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
    note = "implement `fix_pipeline::PrSink`, with `async fn open`"
)]
pub trait PrSink: Send + Sync {
    /// Opens, or finds, the pull request of a run.
    fn open(
        &self,
        run: &RunContext,
        change: &Validated,
    ) -> impl Future<Output = Result<PullRequest, AdapterError>> + Send;
}

forward!(PrSink { open(run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError>; });

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
}
