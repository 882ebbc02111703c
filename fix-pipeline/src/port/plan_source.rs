//! Where plans come from: a model, or a rule.

use fix_patch::SourceTree;
use fix_plan::limits::PLAN_BYTES_MAX;
use fix_plan::{Failure, Finish, Violation};
use serde::{Deserialize, Serialize};

use super::forward;
use crate::error::AdapterError;

/// Answers a failure with a plan, as text.
///
/// # Contract
/// - The answer is text, and stays text until the pipeline parses it: no adapter
///   can hand in an unchecked plan.
/// - The answer is bounded: at most [`PLAN_BYTES_MAX`](fix_plan::limits::PLAN_BYTES_MAX)
///   bytes, cut while it streams in, in bounded time.
/// - What leaves the process (a prompt) holds no secrets.
/// - Asked again with [`PlanRequest::previous`], the source tries to mend what is listed there.
///
/// # Errors
/// [`AdapterErrorKind::NothingToPropose`](crate::AdapterErrorKind) when the source has no idea.
///
/// # Cancel safety
/// Dropping the future loses the answer and nothing else.
///
/// ```
/// use fix_pipeline::{AdapterError, PlanRequest, PlanSource, RawPlan};
///
/// struct Canned(String);
///
/// impl PlanSource for Canned {
///     async fn propose(&self, _: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
///         Ok(RawPlan::new("canned", self.0.clone()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no plan source",
    note = "implement `fix_pipeline::PlanSource`, with `async fn propose`"
)]
pub trait PlanSource: Send + Sync {
    /// Proposes a plan.
    fn propose(&self, request: PlanRequest<'_>) -> impl Future<Output = Result<RawPlan, AdapterError>> + Send;
}

forward!(PlanSource { propose(request: PlanRequest<'_>) -> Result<RawPlan, AdapterError>; });

/// What a plan source is asked.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct PlanRequest<'r> {
    /// The failure.
    pub failure: &'r Failure,
    /// The files of the commit that failed.
    pub tree: &'r dyn SourceTree,
    /// What was answered before, and what is wrong with it; absent in the first round.
    pub previous: Option<Previous<'r>>,
}

impl<'r> PlanRequest<'r> {
    /// The first question about `failure`.
    #[must_use]
    pub fn new(failure: &'r Failure, tree: &'r dyn SourceTree) -> Self {
        Self { failure, tree, previous: None }
    }
}

impl std::fmt::Debug for PlanRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanRequest")
            .field("failure", &self.failure)
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

/// An answer that was no valid plan.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Previous<'r> {
    /// The answer.
    pub text: &'r str,
    /// Everything that is wrong with it.
    pub violations: &'r [Violation],
}

/// The text of an answer; what it is worth, the parser says.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RawPlan {
    /// Who answered: `rules`, the name of a model.
    pub source: String,
    /// The answer.
    pub text: String,
    /// How it ended.
    pub finish: Finish,
    /// What it cost, as far as the source knows.
    pub usage: Usage,
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what every model API tells")]
pub struct Usage {
    /// Tokens of the question.
    pub input_tokens: Option<u64>,
    /// Tokens of the answer.
    pub output_tokens: Option<u64>,
    /// From the question to the end of the answer, in milliseconds.
    pub latency_ms: Option<u64>,
}

impl RawPlan {
    /// A complete answer of `source`.
    #[must_use]
    pub fn new(source: impl Into<String>, text: impl Into<String>) -> Self {
        Self { source: source.into(), text: text.into(), finish: Finish::Complete, usage: Usage::default() }
    }

    /// The same, at this cost.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// The same within the bounds of the contract, whatever the source did: a text that is too long was cut.
    pub(crate) fn bounded(mut self) -> Self {
        if cut(&mut self.text, PLAN_BYTES_MAX) {
            self.finish = Finish::Truncated;
        }
        cut(&mut self.source, SOURCE_BYTES_MAX);
        self
    }

    /// The same, ended so.
    #[must_use]
    pub fn with_finish(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }
}

/// The longest name of a source that is kept, in bytes.
const SOURCE_BYTES_MAX: usize = 200;

/// Cuts `text` to at most `bytes_max` bytes, between two characters; says whether it had to.
fn cut(text: &mut String, bytes_max: usize) -> bool {
    let too_long = text.len() > bytes_max;
    if too_long {
        let end = (0..=bytes_max).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or_default());
    }
    too_long
}
