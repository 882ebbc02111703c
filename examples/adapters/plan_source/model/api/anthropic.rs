//! Anthropic's messages.

use fix_plan::Finish;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::chat::Piece;
use super::{EventError, Message, Progress, Question, parse, server_error, to_json, unknown_end};

#[derive(Serialize)]
struct Request<'q> {
    model: &'q str,
    max_tokens: u32,
    system: &'q str,
    messages: [Message<'q>; 1],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    output_config: OutputConfig<'q>,
}

#[derive(Serialize)]
struct OutputConfig<'q> {
    format: Format<'q>,
}

#[derive(Serialize)]
struct Format<'q> {
    r#type: &'static str,
    schema: &'q RawValue,
}

/// The API knows no seed.
pub(super) fn body(question: &Question<'_>) -> Vec<u8> {
    let Question { model, prompt, schema, sampling, is_openai: _ } = *question;
    to_json(&Request {
        model,
        max_tokens: sampling.output_tokens,
        system: &prompt.system,
        messages: [Message::user(prompt)],
        stream: true,
        temperature: sampling.temperature,
        output_config: OutputConfig { format: Format { r#type: "json_schema", schema } },
    })
}

/// An event, by the fields of those that matter; the others are signs of life.
#[derive(Deserialize)]
struct Event {
    r#type: String,
    message: Option<MessageStart>,
    delta: Option<Delta>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct MessageStart {
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Delta {
    /// Of a `text_delta`; thinking comes in fields of another name.
    text: Option<String>,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// The classes of errors that pass.
const TRANSIENT: &[&str] = &["overloaded_error", "rate_limit_error", "api_error", "timeout_error"];

pub(super) fn read(event: &str, pieces: &mut Vec<Piece>) -> Result<Progress, EventError> {
    let event: Event = parse(event)?;
    let before = pieces.len();
    match event.r#type.as_str() {
        "error" => return Err(server_error(&event.error.unwrap_or_default(), TRANSIENT)),
        "message_stop" => return Ok(Progress::Last),
        "message_start" => pieces.extend(event.message.and_then(|message| message.usage).map(tokens)),
        "content_block_delta" => {
            let text = event.delta.and_then(|delta| delta.text);
            pieces.extend(text.filter(|text| !text.is_empty()).map(Piece::Text));
        }
        "message_delta" => {
            pieces.extend(event.usage.map(tokens));
            if let Some(reason) = event.delta.and_then(|delta| delta.stop_reason) {
                pieces.push(Piece::Finish(finish(&reason)?));
            }
        }
        _ => {}
    }
    if pieces.len() == before {
        pieces.push(Piece::Alive);
    }
    Ok(Progress::More)
}

fn tokens(usage: Usage) -> Piece {
    Piece::Tokens { input: usage.input_tokens, output: usage.output_tokens }
}

fn finish(reason: &str) -> Result<Finish, EventError> {
    match reason {
        "end_turn" | "stop_sequence" => Ok(Finish::Complete),
        "max_tokens" | "model_context_window_exceeded" => Ok(Finish::Truncated),
        "refusal" => Ok(Finish::Refused),
        other => Err(unknown_end(other)),
    }
}
