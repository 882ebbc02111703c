//! The plan source `model` against servers that answer well, badly, and with malice.

mod dialogue;
mod hostile;
mod patience;
mod server;
mod shapes;

use std::time::Duration;

use fix_adapters::plan_source::model::{Answered, Api, HttpModel, ModelPlanSource, ModelSpec};
use fix_pipeline::AdapterError;
use fix_plan::schema::Dialect;
use fix_plan::{Failure, Finish, Log, Prompt};
use serde_json::{Value, json};
use server::{Server, head, text};
use shapes::{begin, events, reasons, response, sse};

const KEY: &str = "local-Xk29fPqLr83vTz";
const PLAN: &str = r#"{"root_cause": "é: os is unused", "category": "lint_format", "confidence": 0.9, "files": ["a.py"],
    "operations": [{"type": "remove_unused", "file": "a.py", "details": {"import": "os"}, "rationale": "r", "evidence": []}]}"#;

fn failure(log: &str) -> Failure {
    let commit = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
    let repository = "https://build:hunter2xyz@git.example/team/app.git";
    Failure::new("e".parse().unwrap(), repository, commit, "main".parse().unwrap(), 0, Log::from(log))
}

/// A source for a model of the server, with a key, and short pauses.
fn source(api: Api, server: &Server) -> ModelPlanSource<HttpModel> {
    let spec: ModelSpec = format!("{api}:small").parse().unwrap();
    let variable = |name: &str| (name == "FIX_MODEL_API_KEY").then(|| KEY.to_owned());
    let mut source = ModelPlanSource::new(spec.connect(Some(&server.url), variable).unwrap());
    source.limits.backoff = Duration::from_millis(1);
    source
}

fn prompt(source: &ModelPlanSource<HttpModel>) -> Prompt {
    source.prompt(&failure("a.py:1:1: F401 'os' imported but unused"), None).unwrap()
}

async fn ask(source: &ModelPlanSource<HttpModel>) -> Result<Answered, AdapterError> {
    source.ask(&prompt(source)).await
}

/// An error and what caused it; never with the key, never with a control character.
fn told(error: &AdapterError) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        told.push_str(": ");
        told.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!told.contains(KEY) && !format!("{error:?}").contains(KEY), "{told}");
    assert!(!told.contains(char::is_control), "{told:?}");
    told
}

#[tokio::test]
async fn the_pieces_of_an_answer_are_put_together() {
    for api in Api::ALL {
        let server = Server::start(vec![response(api, PLAN, reasons(api).0)]).await;
        let answered = ask(&source(api, &server)).await.unwrap();
        assert_eq!((answered.text.as_str(), answered.finish), (PLAN, Finish::Complete), "{api}");
        assert_eq!((answered.usage.input_tokens, answered.usage.output_tokens), (Some(844), Some(40)), "{api}");
        assert!(answered.usage.latency_ms.is_some());
    }
}

#[tokio::test]
async fn every_byte_may_come_alone() {
    for api in Api::ALL {
        let body = events(api, PLAN, reasons(api).0).concat();
        let mut script = vec![begin(api)];
        script.extend(body.as_bytes().iter().map(|&byte| server::Step::Send(vec![byte])));
        let server = Server::start(vec![script]).await;
        assert_eq!(ask(&source(api, &server)).await.unwrap().text, PLAN, "{api}");
    }
}

#[tokio::test]
async fn the_ends_of_an_answer_are_told_apart() {
    for api in Api::ALL {
        let (_, cut, refused) = reasons(api);
        for (reason, finish) in [(Some(cut), Finish::Truncated), (refused, Finish::Refused)] {
            let Some(reason) = reason else { continue };
            let server = Server::start(vec![response(api, "half a pl", reason)]).await;
            let answered = ask(&source(api, &server)).await.unwrap();
            assert_eq!((answered.text.as_str(), answered.finish), ("half a pl", finish), "{api} {reason}");
        }
    }
    // OpenAI's models may refuse in a field of its own, and end as if nothing were the matter.
    let refusal = json!({"choices": [{"index": 0, "delta": {"refusal": "I can't help."}, "finish_reason": null}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let body = [sse(&refusal), sse(&end), "data: [DONE]\n\n".to_owned()].concat();
    let server = Server::start(vec![vec![begin(Api::OpenAi), text(&body)]]).await;
    let answered = ask(&source(Api::OpenAi, &server)).await.unwrap();
    assert_eq!((answered.text.as_str(), answered.finish), ("I can't help.", Finish::Refused));
}

#[tokio::test]
async fn an_empty_answer_is_an_answer() {
    for api in Api::ALL {
        let server = Server::start(vec![response(api, "", reasons(api).0)]).await;
        let answered = ask(&source(api, &server)).await.unwrap();
        assert_eq!((answered.text.as_str(), answered.finish), ("", Finish::Complete), "{api}");
    }
}

/// The schema as it is sent: on one line, its keys in their order.
#[tokio::test]
async fn the_request_holds_what_it_should_and_no_secret() {
    let log = "PGPASSWORD=xK9fe2Pq psql\na.py:1:1: F401 'os' imported but unused";
    for (api, path, dialect, schema_at) in [
        (Api::OpenAi, "/chat/completions", Dialect::OpenAiStrict, "/response_format/json_schema/schema"),
        (Api::Anthropic, "/v1/messages", Dialect::Anthropic, "/output_config/format/schema"),
        (Api::Ollama, "/api/chat", Dialect::Ollama, "/format"),
    ] {
        let server = Server::start(vec![response(api, PLAN, reasons(api).0)]).await;
        let source = source(api, &server);
        let prompt = source.prompt(&failure(log), None).unwrap();
        source.ask(&prompt).await.unwrap();
        let [request] = &server.requests()[..] else { panic!("one request") };
        let body = request.json();

        assert_eq!(request.line, format!("POST {path} HTTP/1.1"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!((&body["model"], &body["stream"]), (&json!("small"), &json!(true)));
        let schema: Value = serde_json::from_str(dialect.schema().get()).unwrap();
        assert_eq!(body.pointer(schema_at), Some(&schema), "{api}");
        assert!(request.body.contains(dialect.schema().get()), "{api}: the keys keep their order");
        let (temperature, seed, tokens) = match api {
            Api::Ollama => (&body["options"]["temperature"], &body["options"]["seed"], &body["options"]["num_predict"]),
            _ => (&body["temperature"], &body["seed"], &body["max_tokens"]),
        };
        assert_eq!((temperature.as_f64(), tokens.as_u64()), (Some(0.0), Some(4096)), "{api}");
        // Anthropic's API has none.
        assert_eq!(seed.as_u64(), (api != Api::Anthropic).then_some(1), "{api}");
        match api {
            Api::OpenAi => {
                assert_eq!(body["response_format"]["json_schema"]["strict"], true);
                assert_eq!(body["stream_options"]["include_usage"], true);
            }
            Api::Anthropic => {
                assert_eq!(body["output_config"]["format"]["type"], "json_schema");
                assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
            }
            _ => {
                assert_eq!((&body["truncate"], &body["options"]["num_ctx"]), (&json!(false), &json!(8192)));
            }
        }

        let texts: Vec<&Value> =
            body["messages"].as_array().unwrap().iter().map(|message| &message["content"]).collect();
        let system = if api == Api::Anthropic { &body["system"] } else { texts[0] };
        assert_eq!((system, *texts.last().unwrap()), (&json!(prompt.system), &json!(prompt.user)), "{api}");
        assert!(prompt.user.contains("F401 'os'") && prompt.user.contains("PGPASSWORD=[redacted"));
        for secret in ["xK9fe2Pq", "hunter2xyz", KEY] {
            assert!(!request.body.contains(secret), "{api}: {secret}");
        }

        let (header, before) = if api == Api::Anthropic { ("x-api-key", "") } else { ("authorization", "Bearer ") };
        let holding: Vec<_> = request.headers.iter().filter(|(_, value)| value.contains(KEY)).collect();
        assert_eq!(holding, [&(header.to_owned(), format!("{before}{KEY}"))], "{api}: in its header and nowhere else");
        let shown = format!("{source:?}");
        assert!(!shown.contains(KEY) && !shown.contains("AhoCorasick"), "nor spelt by the automaton that looks for it");
    }
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let server = Server::start(vec![response(Api::OpenAi, PLAN, "stop")]).await;
    let spec: ModelSpec = "openai:small".parse().unwrap();
    let source = ModelPlanSource::new(spec.connect(Some(&server.url), |_| None).unwrap());
    ask(&source).await.unwrap();
    assert_eq!(server.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn each_prompt_has_a_delimiter_of_its_own() {
    let server = Server::start(vec![]).await;
    let source = source(Api::Ollama, &server);
    let delimiters: std::collections::BTreeSet<String> = (0..8)
        .map(|_| prompt(&source).user.split("<<<log ").nth(1).unwrap().lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(delimiters.len(), 8);
    assert!(delimiters.iter().all(|delimiter| delimiter.len() == 32));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for api in Api::ALL {
        let elsewhere = Server::start(vec![response(api, PLAN, reasons(api).0)]).await;
        for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let redirect = head(status, &[("location", &elsewhere.url)]);
            let server = Server::start(vec![vec![redirect]]).await;
            let error = ask(&source(api, &server)).await.unwrap_err();
            assert!(!error.is_transient() && told(&error).contains("not followed"), "{error}");
        }
        assert!(elsewhere.requests().is_empty());
    }
}
