//! OpenAI's chat completions, and servers like it.

use fix_plan::Finish;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::chat::Piece;
use super::{EventError, Message, Progress, Question, parse, server_error, to_json, unknown_end};

#[derive(Serialize)]
struct Request<'q> {
    model: &'q str,
    messages: [Message<'q>; 2],
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    /// OpenAI's newer models refuse this name, and older servers ignore the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    response_format: ResponseFormat<'q>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct ResponseFormat<'q> {
    r#type: &'static str,
    json_schema: JsonSchema<'q>,
}

#[derive(Serialize)]
struct JsonSchema<'q> {
    name: &'static str,
    strict: bool,
    schema: &'q RawValue,
}

pub(super) fn body(question: &Question<'_>) -> Vec<u8> {
    let Question { model, prompt, schema, sampling, is_openai } = *question;
    let tokens = Some(sampling.output_tokens);
    to_json(&Request {
        model,
        messages: [Message::system(prompt), Message::user(prompt)],
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        temperature: sampling.temperature,
        seed: sampling.seed,
        max_tokens: tokens.filter(|_| !is_openai),
        max_completion_tokens: tokens.filter(|_| is_openai),
        response_format: ResponseFormat {
            r#type: "json_schema",
            json_schema: JsonSchema { name: "fix_plan", strict: true, schema },
        },
    })
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// The classes of errors that pass.
const TRANSIENT: &[&str] =
    &["server_error", "rate_limit_exceeded", "overloaded_error", "unavailable_error", "timeout", "service_unavailable"];

pub(super) fn read(event: &str, pieces: &mut Vec<Piece>) -> Result<Progress, EventError> {
    if event.trim() == "[DONE]" {
        return Ok(Progress::Last);
    }
    let chunk: Chunk = parse(event)?;
    if let Some(error) = &chunk.error {
        return Err(server_error(error, TRANSIENT));
    }
    let before = pieces.len();
    // One answer was asked for.
    if let Some(Choice { delta, finish_reason }) = chunk.choices.into_iter().next() {
        if let Some(Delta { content, refusal }) = delta {
            pieces.extend(content.filter(|text| !text.is_empty()).map(Piece::Text));
            if let Some(refusal) = refusal.filter(|text| !text.is_empty()) {
                pieces.extend([Piece::Text(refusal), Piece::Finish(Finish::Refused)]);
            }
        }
        if let Some(reason) = finish_reason.filter(|reason| !reason.is_empty()) {
            pieces.push(Piece::Finish(finish(&reason)?));
        }
    }
    if let Some(Usage { prompt_tokens, completion_tokens }) = chunk.usage {
        pieces.push(Piece::Tokens { input: prompt_tokens, output: completion_tokens });
    }
    if pieces.len() == before {
        pieces.push(Piece::Alive);
    }
    Ok(Progress::More)
}

fn finish(reason: &str) -> Result<Finish, EventError> {
    match reason {
        "stop" | "stop_sequence" | "end_turn" | "eos" => Ok(Finish::Complete),
        "length" | "max_tokens" | "model_length" => Ok(Finish::Truncated),
        "content_filter" | "refusal" => Ok(Finish::Refused),
        other => Err(unknown_end(other)),
    }
}
