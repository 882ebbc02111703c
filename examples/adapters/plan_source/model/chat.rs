//! What a model client must do, and no more.

use std::time::Duration;

use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::schema::Dialect;
use fix_plan::{Finish, Prompt};
use serde_json::value::RawValue;

/// A chat model: takes a prompt, and answers piece by piece.
///
/// # Contract
/// - It asks once. Trying again, waiting and giving up are for [`ModelPlanSource`](super::ModelPlanSource),
///   which also enforces the limits while the pieces come in.
/// - It holds no more of an answer in memory than the piece that it hands out.
/// - No text of an error holds a secret or a control character.
///
/// # Cancel safety
/// Dropping the future, or the answer, ends the request.
///
/// ```
/// use fix_adapters::plan_source::model::{Answer, ChatModel, ModelError, Piece};
/// use fix_plan::schema::Dialect;
/// use fix_plan::{Finish, Prompt};
/// use serde_json::value::RawValue;
///
/// struct Canned;
/// struct CannedAnswer(Vec<Piece>);
///
/// impl ChatModel for Canned {
///     type Answer = CannedAnswer;
///     fn name(&self) -> &str {
///         "canned"
///     }
///     fn dialect(&self) -> Dialect {
///         Dialect::OpenAiStrict
///     }
///     async fn ask(&self, _: &Prompt, _: &RawValue) -> Result<CannedAnswer, ModelError> {
///         Ok(CannedAnswer(vec![Piece::Finish(Finish::Complete), Piece::Text("{}".to_owned())]))
///     }
/// }
///
/// impl Answer for CannedAnswer {
///     async fn next(&mut self) -> Result<Option<Piece>, ModelError> {
///         Ok(self.0.pop())
///     }
/// }
/// ```
pub trait ChatModel: Send + Sync {
    /// What it answers with.
    type Answer: Answer;

    /// Who answers, as the journal keeps it.
    fn name(&self) -> &str;

    /// How it wants the schema of a plan.
    fn dialect(&self) -> Dialect;

    /// Asks. `schema` is the schema of a plan in its [dialect](ChatModel::dialect), its keys in
    /// the order in which a model should write them.
    fn ask(&self, prompt: &Prompt, schema: &RawValue) -> impl Future<Output = Result<Self::Answer, ModelError>> + Send;
}

/// An answer that is coming in.
pub trait Answer: Send {
    /// The next piece; `None` when there are no more.
    fn next(&mut self) -> impl Future<Output = Result<Option<Piece>, ModelError>> + Send;
}

/// A piece of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Piece {
    /// Text of the answer.
    Text(String),
    /// A sign of life: the model thinks, or the connection is kept open.
    Alive,
    /// How the answer ended. An answer without one was cut.
    Finish(Finish),
    /// What it cost.
    Tokens {
        /// Tokens of the prompt.
        input: Option<u64>,
        /// Tokens of the answer.
        output: Option<u64>,
    },
}

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct ModelError {
    /// What went wrong.
    pub error: AdapterError,
    /// Whether asking again may help.
    pub retry: Retry,
}

/// Whether asking again may help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Retry {
    /// Not now.
    Never,
    /// After a little while.
    Soon,
    /// After this time, as the server says.
    After(Duration),
}

impl ModelError {
    /// Asking again gives the same.
    #[must_use]
    pub fn permanent(operation: &'static str, message: impl Into<String>) -> Self {
        Self { error: AdapterError::new(AdapterErrorKind::Refused, operation, message), retry: Retry::Never }
    }

    /// It may pass.
    #[must_use]
    pub fn transient(operation: &'static str, message: impl Into<String>) -> Self {
        Self { error: AdapterError::new(AdapterErrorKind::Unavailable, operation, message), retry: Retry::Soon }
    }

    /// The same, to be tried again so.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The same, caused by `source`.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.error = self.error.with_source(source);
        self
    }
}
