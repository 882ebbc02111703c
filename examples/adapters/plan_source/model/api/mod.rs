//! The APIs: what is sent, and what comes back. No I/O.

mod anthropic;
mod ollama;
mod openai;

use std::fmt;

use fix_plan::Prompt;
use fix_plan::schema::Dialect;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::chat::Piece;
use super::frames::Framing;
use super::http::Sampling;

/// The protocol that a server speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Api {
    /// Ollama's own (`/api/chat`).
    Ollama,
    /// OpenAI's chat completions (`/v1/chat/completions`), which llama.cpp, vLLM, LM Studio and many services speak, too.
    OpenAi,
    /// Anthropic's messages (`/v1/messages`).
    Anthropic,
}

/// What is asked.
pub(super) struct Question<'q> {
    pub(super) model: &'q str,
    pub(super) prompt: &'q Prompt,
    pub(super) schema: &'q RawValue,
    pub(super) sampling: &'q Sampling,
    /// OpenAI's own servers know fields that others don't, and the other way round.
    pub(super) is_openai: bool,
}

/// Whether more events are to come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    More,
    Last,
}

/// An event that is no piece of an answer.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum EventError {
    /// It is not what the protocol says.
    Protocol(String),
    /// The server gives up, as it says.
    Server { message: String, is_transient: bool },
}

impl Api {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Ollama, Self::OpenAi, Self::Anthropic];

    /// As it stands before a model's name: `ollama`, `openai`, `anthropic`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// Where it is, unless somebody says otherwise.
    #[must_use]
    pub fn default_url(self) -> &'static str {
        match self {
            Self::Ollama => "http://127.0.0.1:11434",
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com",
        }
    }

    /// The environment variable with the key for the [default URL](Api::default_url).
    #[must_use]
    pub fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::Ollama => None,
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
        }
    }

    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::Ollama => Dialect::Ollama,
            Self::OpenAi => Dialect::OpenAiStrict,
            Self::Anthropic => Dialect::Anthropic,
        }
    }

    /// The method, below the base URL.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Ollama => "/api/chat",
            Self::OpenAi => "/chat/completions",
            Self::Anthropic => "/v1/messages",
        }
    }

    /// Where the models are listed, below the base URL.
    pub(super) fn list_path(self) -> &'static str {
        match self {
            Self::Ollama => "/api/tags",
            Self::OpenAi => "/models",
            Self::Anthropic => "/v1/models",
        }
    }

    /// The names in a list of models; `None` for what is no such list.
    pub(super) fn listed(self, list: &Value) -> Option<Vec<&str>> {
        let (list, name) = match self {
            Self::Ollama => (list.get("models"), "name"),
            Self::OpenAi | Self::Anthropic => (list.get("data"), "id"),
        };
        Some(list?.as_array()?.iter().filter_map(|model| model.get(name)?.as_str()).collect())
    }

    pub(super) fn framing(self) -> Framing {
        match self {
            Self::Ollama => Framing::JsonLines,
            Self::OpenAi | Self::Anthropic => Framing::ServerSentEvents,
        }
    }

    /// The header that holds the key, and what stands before it there.
    pub(super) fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::Ollama | Self::OpenAi => ("authorization", "Bearer "),
            Self::Anthropic => ("x-api-key", ""),
        }
    }

    /// Headers of its own.
    pub(super) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Ollama | Self::OpenAi => &[],
            Self::Anthropic => &[("anthropic-version", "2023-06-01")],
        }
    }

    /// The body of the request.
    pub(super) fn body(self, question: &Question<'_>) -> Vec<u8> {
        match self {
            Self::Ollama => ollama::body(question),
            Self::OpenAi => openai::body(question),
            Self::Anthropic => anthropic::body(question),
        }
    }

    /// Reads one event of the answer.
    pub(super) fn read(self, event: &str, pieces: &mut Vec<Piece>) -> Result<Progress, EventError> {
        match self {
            Self::Ollama => ollama::read(event, pieces),
            Self::OpenAi => openai::read(event, pieces),
            Self::Anthropic => anthropic::read(event, pieces),
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What went wrong, in the words of a server: `{"error": {"message"}}`, `{"error": "…"}`, `{"message"}`.
pub(super) fn complaint(body: &Value) -> Option<&str> {
    let error = body.get("error").unwrap_or(body);
    error.as_str().or_else(|| error.get("message")?.as_str())
}

/// The class of an error, in the words of a server.
pub(super) fn complaint_class(body: &Value) -> Option<&str> {
    let error = body.get("error").unwrap_or(body);
    error.get("code").and_then(Value::as_str).or_else(|| error.get("type")?.as_str())
}

/// A message of a chat.
#[derive(Serialize)]
struct Message<'q> {
    role: &'static str,
    content: &'q str,
}

impl<'q> Message<'q> {
    fn system(prompt: &'q Prompt) -> Self {
        Self { role: "system", content: &prompt.system }
    }

    fn user(prompt: &'q Prompt) -> Self {
        Self { role: "user", content: &prompt.user }
    }
}

fn to_json(request: &impl Serialize) -> Vec<u8> {
    // Strings, numbers and JSON text only: there is nothing in a request that can't be written.
    serde_json::to_vec(request).unwrap_or_default()
}

fn parse<'e, T: serde::Deserialize<'e>>(event: &'e str) -> Result<T, EventError> {
    serde_json::from_str(event).map_err(|error| EventError::Protocol(format!("an event can't be read: {error}")))
}

fn unknown_end(reason: &str) -> EventError {
    EventError::Protocol(format!("the answer ended with {reason:?}, which this client does not know"))
}

/// An error that came as an event, after the answer had begun.
fn server_error(error: &Value, transient: &[&str]) -> EventError {
    let is_transient = complaint_class(error).is_some_and(|class| transient.contains(&class));
    EventError::Server { message: complaint(error).unwrap_or("no reason given").to_owned(), is_transient }
}
