//! Ollama's own API.

use fix_plan::Finish;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::chat::Piece;
use super::{EventError, Message, Progress, Question, parse, server_error, to_json, unknown_end};

/// The sizes of a context that are asked for: few, because each change loads the model anew.
const CONTEXTS_TOKENS: [usize; 4] = [8_192, 16_384, 32_768, 65_536];
/// Bytes of a log that make a token, at least.
const TOKEN_BYTES: usize = 3;

#[derive(Serialize)]
struct Request<'q> {
    model: &'q str,
    messages: [Message<'q>; 2],
    stream: bool,
    format: &'q RawValue,
    /// A prompt that does not fit is an error, not cut in silence. Older servers don't know the field.
    truncate: bool,
    options: Options,
}

#[derive(Serialize)]
struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    num_predict: u32,
    /// The default is smaller than a prompt may be.
    num_ctx: usize,
}

pub(super) fn body(question: &Question<'_>) -> Vec<u8> {
    let Question { model, prompt, schema, sampling, is_openai: _ } = *question;
    let tokens = prompt.bytes() / TOKEN_BYTES + usize::try_from(sampling.output_tokens).unwrap_or(usize::MAX);
    let largest = CONTEXTS_TOKENS.iter().copied().max().unwrap_or_default();
    to_json(&Request {
        model,
        messages: [Message::system(prompt), Message::user(prompt)],
        stream: true,
        format: schema,
        truncate: false,
        options: Options {
            temperature: sampling.temperature,
            seed: sampling.seed,
            num_predict: sampling.output_tokens,
            num_ctx: CONTEXTS_TOKENS.into_iter().find(|&size| size >= tokens).unwrap_or(largest),
        },
    })
}

#[derive(Deserialize)]
struct Line {
    message: Option<Content>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Content {
    content: Option<String>,
}

pub(super) fn read(event: &str, pieces: &mut Vec<Piece>) -> Result<Progress, EventError> {
    let line: Line = parse(event)?;
    if let Some(error) = &line.error {
        // Ollama gives its errors no class; one in the middle of an answer is a model that fell over.
        return Err(server_error(error, &[]));
    }
    match line.message.and_then(|message| message.content).filter(|text| !text.is_empty()) {
        Some(text) => pieces.push(Piece::Text(text)),
        None => pieces.push(Piece::Alive),
    }
    if !line.done {
        return Ok(Progress::More);
    }
    // Servers before 0.1.38 give no reason.
    let finish = match line.done_reason.as_deref() {
        None | Some("" | "stop") => Finish::Complete,
        Some("length") => Finish::Truncated,
        Some(other) => return Err(unknown_end(other)),
    };
    pieces.extend([Piece::Tokens { input: line.prompt_eval_count, output: line.eval_count }, Piece::Finish(finish)]);
    Ok(Progress::Last)
}
