//! Plans from a language model.
//!
//! [`ModelPlanSource`] asks a [`ChatModel`] and enforces the limits while the answer streams in;
//! [`HttpModel`] is the client for Ollama, OpenAI-compatible servers and Anthropic. What an answer
//! is worth, the strict parser of the plan contract says, never this module.

mod api;
mod chat;
mod endpoint;
mod frames;
mod http;
mod limits;
mod spec;

use std::fmt;

use fix_pipeline::{AdapterError, AdapterErrorKind, PlanRequest, PlanSource, RawPlan, Usage};
use fix_plan::{Delimiter, Failure, Finish, Prompt, Redactor, Violation};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout};

pub use api::Api;
pub use chat::{Answer, ChatModel, ModelError, Piece, Retry};
pub use endpoint::{Endpoint, EndpointError};
pub use http::{HttpAnswer, HttpModel, Sampling};
pub use limits::ModelLimits;
pub use spec::{ModelSpec, SpecError};

/// What this adapter does, as its errors say it.
const ASK: &str = "ask the model";

/// Asks a model for plans.
///
/// One call is one round: the dialogue (a question, and at most two repairs) is the pipeline's.
/// Secrets are taken out of the log, the repository's name and the answer before once more, so that
/// no prompt holds any, whoever calls.
#[derive(Clone)]
#[non_exhaustive]
pub struct ModelPlanSource<M> {
    /// The model.
    pub model: M,
    /// How much of an answer is taken, and how long it may need.
    pub limits: ModelLimits,
    /// Takes secrets out of what is sent.
    pub redactor: Redactor,
    schema: Box<RawValue>,
}

/// An answer that came in whole, or up to a limit.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Answered {
    /// The text.
    pub text: String,
    /// How it ended. One that was longer than the limit is cut, and truncated.
    pub finish: Finish,
    /// What it cost.
    pub usage: Usage,
}

impl<M: ChatModel> ModelPlanSource<M> {
    /// A source that asks `model`, within the default limits.
    pub fn new(model: M) -> Self {
        let schema = model.dialect().schema();
        Self { model, limits: ModelLimits::default(), redactor: Redactor::default(), schema }
    }

    /// The same, within these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: ModelLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Asks once, and again after transient errors.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when the server is down, busy, silent or too slow;
    /// [`AdapterErrorKind::Refused`] when it refuses, or does not speak its protocol.
    pub async fn ask(&self, prompt: &Prompt) -> Result<Answered, AdapterError> {
        let begun = Instant::now();
        let left = || self.limits.total.saturating_sub(begun.elapsed());
        let mut attempt = 1;
        loop {
            let failed = match timeout(left(), self.attempt(prompt)).await {
                Ok(Ok(answered)) => return Ok(answered),
                Ok(Err(failed)) => failed,
                Err(_) => {
                    let message = format!("{} did not answer within {:?}", self.model.name(), self.limits.total);
                    return Err(AdapterError::new(AdapterErrorKind::Unavailable, ASK, message));
                }
            };
            let wait = match failed.retry {
                Retry::Never => return Err(failed.error),
                Retry::Soon => self.limits.backoff.saturating_mul(2_u32.saturating_pow(attempt - 1)),
                Retry::After(wait) => wait,
            };
            // A server that wants to be left alone for longer than there is time is left alone: the run is resumable.
            if attempt >= self.limits.attempts || wait >= left() {
                return Err(failed.error);
            }
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, prompt: &Prompt) -> Result<Answered, ModelError> {
        let begun = Instant::now();
        let mut answer = self.within_idle(self.model.ask(prompt, &self.schema)).await?;
        let mut text = String::new();
        let mut finish = None;
        let mut usage = Usage::default();
        while let Some(piece) = self.within_idle(answer.next()).await? {
            match piece {
                Piece::Text(piece) => {
                    text.push_str(&piece);
                    if text.len() > self.limits.answer_bytes {
                        text.truncate(text.floor_char_boundary(self.limits.answer_bytes));
                        finish = Some(Finish::Truncated);
                        break;
                    }
                }
                // A refusal stays one, whatever the server says behind it.
                Piece::Finish(_) if finish == Some(Finish::Refused) => {}
                Piece::Finish(end) => finish = Some(end),
                Piece::Tokens { input, output } => {
                    usage.input_tokens = input.or(usage.input_tokens);
                    usage.output_tokens = output.or(usage.output_tokens);
                }
                Piece::Alive => {}
            }
        }
        let Some(finish) = finish else {
            let message = format!("the answer of {} broke off after {} bytes", self.model.name(), text.len());
            return Err(ModelError::transient(ASK, message));
        };
        usage.latency_ms = u64::try_from(begun.elapsed().as_millis()).ok();
        Ok(Answered { text, finish, usage })
    }

    /// A model that sends nothing for too long is given up, and not asked again: it would be as slow.
    async fn within_idle<T>(&self, work: impl Future<Output = Result<T, ModelError>>) -> Result<T, ModelError> {
        match timeout(self.limits.idle, work).await {
            Ok(done) => done,
            Err(_) => {
                let message = format!("{} sent nothing for {:?}", self.model.name(), self.limits.idle);
                Err(ModelError::transient(ASK, message).with_retry(Retry::Never))
            }
        }
    }

    /// The question about `failure`, or the repair of the answer before, without secrets.
    ///
    /// # Errors
    /// When the system has no random bytes for the delimiter.
    pub fn prompt(&self, failure: &Failure, previous: Option<(&str, &[Violation])>) -> Result<Prompt, AdapterError> {
        let delimiter = delimiter()?;
        let mut failure = failure.clone();
        failure.log = failure.log.redacted(&self.redactor);
        failure.repository = self.redactor.redact(&failure.repository).into_owned();
        Ok(match previous {
            None => Prompt::question(&failure, &delimiter),
            Some((text, violations)) => Prompt::repair(&failure, &self.redactor.redact(text), violations, &delimiter),
        })
    }
}

/// Without the redactor, which may know secrets.
impl<M: fmt::Debug> fmt::Debug for ModelPlanSource<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelPlanSource")
            .field("model", &self.model)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<M: ChatModel> PlanSource for ModelPlanSource<M> {
    async fn propose(&self, request: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        let previous = request.previous.map(|previous| (previous.text, previous.violations));
        let answered = self.ask(&self.prompt(request.failure, previous)?).await?;
        Ok(raw_plan(self.model.name(), answered))
    }
}

/// The one place where an answer is handed over to the pipeline.
fn raw_plan(name: &str, Answered { text, finish, usage }: Answered) -> RawPlan {
    RawPlan::new(name, text).with_finish(finish).with_usage(usage)
}

/// Drawn anew for each prompt, so that nobody can foresee it.
fn delimiter() -> Result<Delimiter, AdapterError> {
    let failed = |message: String| AdapterError::new(AdapterErrorKind::Unavailable, "draw a delimiter", message);
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| failed(format!("the system has no random bytes: {error}")))?;
    Ok(Delimiter::from_random(bytes))
}
