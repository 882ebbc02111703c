//! Servers that are broken, or mean it.

use std::time::Duration;

use fix_adapters::plan_source::model::Api;
use fix_pipeline::AdapterErrorKind;
use fix_plan::Finish;
use fix_plan::limits::PLAN_BYTES_MAX;
use serde_json::json;

use crate::server::{Server, Step, head, json, text};
use crate::shapes::{begin, events, line, piece, reasons, response, sse};
use crate::{KEY, PLAN, ask, source, told};

const MIB: usize = 1 << 20;
/// What the system takes on its way to a reader that is gone: its buffers grow with the load. Far from 100 MiB.
const ON_ITS_WAY: usize = 48 * MIB;

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_limit() {
    for api in Api::ALL {
        let event = piece(api, "pour");
        let flood = Step::Flood(event.repeat(1000).into_bytes(), usize::MAX);
        let server = Server::start(vec![vec![begin(api), flood]]).await;
        let mut source = source(api, &server);
        source.limits.answer_bytes = 10_001;
        let answered = ask(&source).await.unwrap();
        assert_eq!((answered.text.len(), answered.finish), (10_001, Finish::Truncated), "{api}");
    }
}

#[tokio::test]
async fn the_cut_is_between_characters() {
    let server = Server::start(vec![response(Api::Ollama, &"é".repeat(200_000), "stop")]).await;
    let mut source = source(Api::Ollama, &server);
    assert_eq!(source.limits.answer_bytes, PLAN_BYTES_MAX);
    source.limits.answer_bytes -= 1;
    let answered = ask(&source).await.unwrap();
    assert_eq!((answered.text.len(), answered.finish), (PLAN_BYTES_MAX - 2, Finish::Truncated));
}

#[tokio::test]
async fn a_hundred_megabytes_are_not_read() {
    let line = |api| (api, "x".repeat(64 * 1024));
    let many = |api| (api, event_without_text(api).repeat(1000));
    for (api, body) in [
        line(Api::OpenAi),
        line(Api::Anthropic),
        line(Api::Ollama),
        many(Api::OpenAi),
        // Lines of one event that never ends, and signs of life.
        (Api::Anthropic, format!("data: {}\n", "y".repeat(64 * 1024))),
        (Api::Anthropic, format!(": {}\n", "ping ".repeat(4 * 1024))),
    ] {
        let server = Server::start(vec![vec![begin(api), Step::Flood(body.into_bytes(), 100 * MIB)]]).await;
        let error = ask(&source(api, &server)).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Refused, "{api}: {}", told(&error));
        assert!(told(&error).contains("longer than"), "{api}: {}", told(&error));
        assert!(server.sent() < 16 * MIB + ON_ITS_WAY, "{api}: {} bytes", server.sent());
    }
}

fn event_without_text(api: Api) -> String {
    match api {
        Api::Ollama => line(&json!({"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": false})),
        Api::Anthropic => sse(&json!({"type": "ping"})),
        _ => sse(&json!({"choices": []})),
    }
}

#[tokio::test]
async fn the_body_of_an_error_is_bounded_too() {
    for api in Api::ALL {
        let flood = Step::Flood(vec![b'x'; 64 * 1024], 100 * MIB);
        let server = Server::start(vec![vec![head("400 Bad Request", &[]), flood]]).await;
        let error = ask(&source(api, &server)).await.unwrap_err();
        assert!(told(&error).contains("400 Bad Request"), "{error}");
        assert!(server.sent() < ON_ITS_WAY, "{} bytes", server.sent());
    }
}

#[tokio::test]
async fn another_media_type_is_no_answer() {
    for api in Api::ALL {
        for headers in
            [&[("content-type", "text/html; charset=utf-8")][..], &[("content-type", "application/json")], &[]]
        {
            let page = vec![head("200 OK", headers), text("<html>Please log in</html>")];
            let server = Server::start(vec![page]).await;
            let error = ask(&source(api, &server)).await.unwrap_err();
            assert_eq!(error.kind(), AdapterErrorKind::Refused);
            assert!(told(&error).contains("media type"), "{error}");
        }
    }
}

#[tokio::test]
async fn events_that_are_no_events_are_refused() {
    for api in Api::ALL {
        for event in [
            "{\"choices\": [{\"del",
            "[]",
            "7",
            "nonsense",
            "{\"choices\": 1, \"type\": 1, \"message\": 1}",
            &"[".repeat(9_000),
        ] {
            let event = if api == Api::Ollama { format!("{event}\n") } else { format!("data: {event}\n\n") };
            let server = Server::start(vec![vec![begin(api), text(&event)]]).await;
            let error = ask(&source(api, &server)).await.unwrap_err();
            assert_eq!(error.kind(), AdapterErrorKind::Refused);
            assert!(told(&error).contains("does not speak the protocol"), "{api}: {}", told(&error));
        }
        let server = Server::start(vec![vec![begin(api), Step::Send(b"data: \xff\xfe\n\n".to_vec())]]).await;
        assert!(told(&ask(&source(api, &server)).await.unwrap_err()).contains("UTF-8"));

        let server = Server::start(vec![response(api, PLAN, "because\u{1b}[31m")]).await;
        let error = ask(&source(api, &server)).await.unwrap_err();
        assert!(told(&error).contains("\"because"), "{}", told(&error));
    }
}

/// However early the body ends, what came of it is never taken for the answer.
#[tokio::test]
async fn a_cut_stream_is_no_answer() {
    for api in Api::ALL {
        let events = events(api, "{\"a\": 1}", reasons(api).0);
        let ends_at = events.iter().position(|event| event.contains(&format!("\"{}\"", reasons(api).0))).unwrap();
        for whole in 0..=ends_at {
            // The last event comes in half, or not at all.
            for half in [0, events[whole].len() / 2, events[whole].trim_end().len() - 1] {
                let body = [events[..whole].concat(), events[whole][..half].to_owned()].concat();
                let server = Server::start(vec![vec![begin(api), text(&body)]]).await;
                let mut source = source(api, &server);
                source.limits.attempts = 1;
                let error = ask(&source).await.unwrap_err();
                assert_eq!(error.kind(), AdapterErrorKind::Unavailable);
                assert!(told(&error).contains("broke off"), "{api} {body:?}: {}", told(&error));
            }
        }
    }
}

#[tokio::test]
async fn a_length_that_is_not_kept_is_a_connection_that_broke() {
    for api in Api::ALL {
        let media_type = if api == Api::Ollama { "application/x-ndjson" } else { "text/event-stream" };
        for header in [("content-length", "999999"), ("transfer-encoding", "chunked")] {
            let begin = head("200 OK", &[("content-type", media_type), header]);
            let server = Server::start(vec![vec![begin]]).await;
            let mut source = source(api, &server);
            source.limits.attempts = 1;
            let error = ask(&source).await.unwrap_err();
            assert_eq!(error.kind(), AdapterErrorKind::Unavailable, "{}", told(&error));
        }
    }
}

#[tokio::test]
async fn what_comes_behind_the_end_is_not_read() {
    for api in Api::ALL {
        let mut script = response(api, PLAN, reasons(api).0);
        script.extend([text("garbage\n\n"), Step::Hang]);
        let server = Server::start(vec![script]).await;
        assert_eq!(ask(&source(api, &server)).await.unwrap().text, PLAN, "{api}");
    }
}

#[tokio::test]
async fn escapes_for_terminals_stay_in_the_answer_and_out_of_errors() {
    for api in Api::ALL {
        let answer = "\u{1b}[2J\u{1b}]0;owned\u{7}{\"root_cause\": 1}\u{202e}";
        let server = Server::start(vec![response(api, answer, reasons(api).0)]).await;
        let answered = ask(&source(api, &server)).await.unwrap();
        assert_eq!(answered.text, answer, "the journal keeps what came");
        assert!(fix_plan::FixPlan::parse(answered.text.as_bytes()).is_err());

        let body = format!("{{\"error\": {{\"message\": \"bad \\u001b[2J\\n key {KEY} {}\"}}}}", "long ".repeat(500));
        let server = Server::start(vec![json("400 Bad Request", &[], &body)]).await;
        let error = ask(&source(api, &server)).await.unwrap_err();
        let told = told(&error);
        assert!(told.contains("bad ") && told.contains("[redacted") && told.len() < 600, "{told}");
    }
}

#[tokio::test]
async fn refusals_of_the_server_are_final() {
    for api in Api::ALL {
        for (status, body, expected) in [
            ("401 Unauthorized", r#"{"error": {"message": "invalid key"}}"#, "the key is missing, wrong"),
            ("403 Forbidden", "<html>", "the key is missing, wrong"),
            ("404 Not Found", r#"{"error": "model 'small' not found"}"#, "model 'small' not found"),
            ("400 Bad Request", r#"{"message": "context too small"}"#, "context too small"),
            ("422 Unprocessable Entity", "{", "refuses the request"),
            ("418 I'm a teapot", "", "refuses the request"),
            ("501 Not Implemented", "", "refuses the request"),
            ("204 No Content", "", "refuses the request"),
            ("429 Too Many Requests", r#"{"error": {"code": "insufficient_quota", "message": "pay"}}"#, "used up"),
        ] {
            let server = Server::start(vec![json(status, &[], body), response(api, PLAN, reasons(api).0)]).await;
            let error = ask(&source(api, &server)).await.unwrap_err();
            assert_eq!(error.kind(), AdapterErrorKind::Refused, "{error}");
            assert!(told(&error).contains(expected) && told(&error).contains(&status[..3]), "{}", told(&error));
            assert_eq!(server.requests().len(), 1, "{status} is not tried again");
        }
    }
}

#[tokio::test]
async fn an_error_inside_the_answer_is_told_and_judged() {
    let openai = |class: &str| sse(&json!({"error": {"message": "went wrong", "type": class}}));
    let anthropic = |class: &str| sse(&json!({"type": "error", "error": {"type": class, "message": "went wrong"}}));
    for (api, event, kind) in [
        (Api::OpenAi, openai("server_error"), AdapterErrorKind::Unavailable),
        (Api::OpenAi, openai("invalid_request_error"), AdapterErrorKind::Refused),
        (Api::Anthropic, anthropic("overloaded_error"), AdapterErrorKind::Unavailable),
        (Api::Anthropic, anthropic("invalid_request_error"), AdapterErrorKind::Refused),
        (Api::Ollama, line(&json!({"error": "went wrong"})), AdapterErrorKind::Refused),
    ] {
        let script = vec![begin(api), text(&[piece(api, "half"), event].concat())];
        let server = Server::start(vec![script.clone(), script]).await;
        let mut source = source(api, &server);
        source.limits.attempts = 2;
        let error = ask(&source).await.unwrap_err();
        assert_eq!((error.kind(), told(&error).contains("went wrong")), (kind, true), "{}", told(&error));
        let asked = if kind == AdapterErrorKind::Unavailable { 2 } else { 1 };
        assert_eq!(server.requests().len(), asked, "{api}");
    }
}

#[tokio::test]
async fn silence_and_drips_end_within_their_limits() {
    for api in Api::ALL {
        // Nothing at all; nothing behind the head; a line that never ends.
        for script in [
            vec![Step::Hang],
            vec![begin(api), text(&piece(api, "half")), Step::Hang],
            vec![begin(api), Step::Drip(b"x".to_vec())],
        ] {
            let server = Server::start(vec![script.clone(), script]).await;
            let mut source = source(api, &server);
            source.limits.idle = Duration::from_millis(60);
            let error = ask(&source).await.unwrap_err();
            assert_eq!(error.kind(), AdapterErrorKind::Unavailable);
            assert!(told(&error).contains("sent nothing for 60ms"), "{}", told(&error));
            assert_eq!(server.requests().len(), 1, "a slow model is not asked again");
        }
        // Signs of life for ever.
        let drip = Step::Drip(event_without_text(api).into_bytes());
        let server = Server::start(vec![vec![begin(api), drip]]).await;
        let mut source = source(api, &server);
        source.limits.total = Duration::from_millis(80);
        let error = ask(&source).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Unavailable);
        assert!(told(&error).contains("did not answer within 80ms"), "{}", told(&error));
    }
}
