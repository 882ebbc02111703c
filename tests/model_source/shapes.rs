//! What the three APIs send, as recorded from their documentation and from a llama.cpp server, with
//! texts of our own.

use fix_adapters::plan_source::model::Api;
use serde_json::{Value, json};

use crate::server::{Step, head, text};

/// The events of an answer: begun with, the text in pieces, and the end with `reason`.
pub fn events(api: Api, answer: &str, reason: &str) -> Vec<String> {
    let mut events = Vec::new();
    let pieces: Vec<String> =
        answer.chars().collect::<Vec<_>>().chunks(7).map(|piece| piece.iter().collect()).collect();
    match api {
        Api::OpenAi => {
            events.push(sse(&openai(json!({"role": "assistant", "content": null}), None)));
            events.extend(pieces.iter().map(|piece| sse(&openai(json!({"content": piece}), None))));
            events.push(sse(&openai(json!({}), Some(reason))));
            events.push(sse(&json!({"choices": [], "created": 1_795_364_578, "id": "chatcmpl-1", "model": "m",
                "object": "chat.completion.chunk", "usage": {"completion_tokens": 40, "prompt_tokens": 844,
                "total_tokens": 884, "prompt_tokens_details": {"cached_tokens": 0}}})));
            events.push("data: [DONE]\n\n".to_owned());
        }
        Api::Anthropic => {
            let mut event = |data: Value| {
                events.push(format!("event: {}\n{}", data["type"].as_str().unwrap(), sse(&data)));
            };
            event(json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
                "model": "m", "content": [], "stop_reason": null, "stop_sequence": null,
                "usage": {"input_tokens": 844, "output_tokens": 1}}}));
            event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}));
            event(json!({"type": "ping"}));
            for piece in &pieces {
                event(
                    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}),
                );
            }
            event(json!({"type": "content_block_stop", "index": 0}));
            event(json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
                "usage": {"output_tokens": 40}}));
            event(json!({"type": "message_stop"}));
        }
        _ => {
            for piece in &pieces {
                events.push(line(&json!({"model": "m", "created_at": "2026-03-02T10:02:41.7730118Z",
                    "message": {"role": "assistant", "content": piece}, "done": false})));
            }
            events.push(line(&json!({"model": "m", "created_at": "2026-03-02T10:02:42.7730118Z",
                "message": {"role": "assistant", "content": ""}, "done_reason": reason, "done": true,
                "total_duration": 1_000_000, "prompt_eval_count": 844, "eval_count": 40})));
        }
    }
    events
}

/// The same as a whole response.
pub fn response(api: Api, answer: &str, reason: &str) -> Vec<Step> {
    vec![begin(api), text(&events(api, answer, reason).concat())]
}

/// The head of an answer.
pub fn begin(api: Api) -> Step {
    let media_type = if api == Api::Ollama { "application/x-ndjson" } else { "text/event-stream; charset=utf-8" };
    head("200 OK", &[("content-type", media_type)])
}

/// How each says that the answer is whole, that it was cut, and that it refuses, where it can.
pub fn reasons(api: Api) -> (&'static str, &'static str, Option<&'static str>) {
    match api {
        Api::OpenAi => ("stop", "length", Some("content_filter")),
        Api::Anthropic => ("end_turn", "max_tokens", Some("refusal")),
        _ => ("stop", "length", None),
    }
}

/// One event with text.
pub fn piece(api: Api, answer: &str) -> String {
    let events = events(api, answer, reasons(api).0);
    events.into_iter().find(|event| event.contains(answer)).unwrap()
}

fn openai(delta: Value, finish_reason: Option<&str>) -> Value {
    json!({"choices": [{"finish_reason": finish_reason, "index": 0, "delta": delta}], "created": 1_795_364_570,
        "id": "chatcmpl-1", "model": "m", "system_fingerprint": "b0-unknown", "object": "chat.completion.chunk"})
}

pub fn sse(data: &Value) -> String {
    format!("data: {data}\n\n")
}

pub fn line(data: &Value) -> String {
    format!("{data}\n")
}
