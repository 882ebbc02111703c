//! When it is asked again, and for how long.

use std::sync::Mutex;
use std::time::Duration;

use fix_adapters::plan_source::ModelPlanSource;
use fix_adapters::plan_source::model::{Answer, Api, ChatModel, ModelError, Piece, Retry};
use fix_pipeline::AdapterErrorKind;
use fix_plan::schema::Dialect;
use fix_plan::{Finish, Prompt};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::server::{Server, Step, json};
use crate::shapes::{begin, piece, reasons, response};
use crate::{PLAN, ask, failure, source, told};

#[tokio::test]
async fn what_passes_is_tried_again() {
    for api in Api::ALL {
        let good = || response(api, PLAN, reasons(api).0);
        let busy = |status: &str| json(status, &[("retry-after", "0")], r#"{"error": {"message": "busy"}}"#);
        let cut = || vec![begin(api), crate::server::text(&piece(api, "half"))];
        let reset = || vec![begin(api), crate::server::text(&piece(api, "half")), Step::Reset];
        for scripts in [
            vec![busy("429 Too Many Requests"), good()],
            vec![busy("503 Service Unavailable"), busy("529 Overloaded"), good()],
            vec![json("500 Internal Server Error", &[], ""), good()],
            vec![vec![Step::Reset], good()],
            vec![vec![], good()],
            vec![reset(), cut(), good()],
        ] {
            let asked = scripts.len();
            let server = Server::start(scripts).await;
            let answered = ask(&source(api, &server)).await.unwrap();
            assert_eq!(answered.text, PLAN, "{api}: the whole answer, and nothing of the broken ones");
            assert_eq!(server.requests().len(), asked);
        }
    }
}

#[tokio::test]
async fn it_is_not_asked_for_ever() {
    let busy = || json("503 Service Unavailable", &[], "");
    let server = Server::start(vec![busy(), busy(), busy(), busy(), busy()]).await;
    let error = ask(&source(Api::OpenAi, &server)).await.unwrap_err();
    assert!(error.is_transient() && told(&error).contains("503"), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_server_that_wants_an_hour_gets_it() {
    let later = httpdate(Duration::from_secs(3_600));
    for wait in ["3600", "18446744073709551615", &later] {
        let server = Server::start(vec![json("429 Too Many Requests", &[("retry-after", wait)], "")]).await;
        let error = ask(&source(Api::Anthropic, &server)).await.unwrap_err();
        assert!(error.is_transient() && told(&error).contains("to be asked again in"), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

/// A date of HTTP, from now.
fn httpdate(ahead: Duration) -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now() + ahead)
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let server = Server::start(vec![]).await;
    // The listener is gone with its task, which had nothing to do.
    while tokio::net::TcpStream::connect(server.url.trim_start_matches("http://")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = ask(&source(Api::Ollama, &server)).await.unwrap_err();
    assert!(error.is_transient() && told(&error).contains("can't be reached"), "{}", told(&error));
}

/// Does what it is told, in a time that passes as fast as we like.
struct Scripted(Mutex<Vec<Act>>);

enum Act {
    Fail(Retry),
    Answer(Vec<(Duration, Piece)>),
}

struct ScriptedAnswer(Vec<(Duration, Piece)>);

impl ChatModel for Scripted {
    type Answer = ScriptedAnswer;

    fn name(&self) -> &str {
        "scripted"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Ollama
    }

    async fn ask(&self, _: &Prompt, _: &RawValue) -> Result<ScriptedAnswer, ModelError> {
        let act = self.0.lock().unwrap().remove(0);
        match act {
            Act::Fail(retry) => Err(ModelError::transient("ask", "is busy").with_retry(retry)),
            Act::Answer(pieces) => Ok(ScriptedAnswer(pieces)),
        }
    }
}

impl Answer for ScriptedAnswer {
    async fn next(&mut self) -> Result<Option<Piece>, ModelError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (after, piece) = self.0.remove(0);
        tokio::time::sleep(after).await;
        Ok(Some(piece))
    }
}

/// The outcome, and how many seconds it took.
async fn play(acts: Vec<Act>) -> (Result<String, AdapterErrorKind>, u64) {
    let source = ModelPlanSource::new(Scripted(Mutex::new(acts)));
    let prompt = source.prompt(&failure("log"), None).unwrap();
    let begun = Instant::now();
    let answered = source.ask(&prompt).await;
    let outcome = answered.map(|answered| answered.text).map_err(|error| error.kind());
    (outcome, begun.elapsed().as_secs())
}

fn answer(pieces: Vec<(u64, Piece)>) -> Act {
    Act::Answer(pieces.into_iter().map(|(after_s, piece)| (Duration::from_secs(after_s), piece)).collect())
}

fn text() -> Piece {
    Piece::Text("x".to_owned())
}

#[tokio::test(start_paused = true)]
async fn pauses_double_unless_the_server_names_one() {
    let whole = || answer(vec![(0, text()), (0, Piece::Finish(Finish::Complete))]);
    let soon = || Act::Fail(Retry::Soon);
    let after = |seconds| Act::Fail(Retry::After(Duration::from_secs(seconds)));
    assert_eq!(play(vec![soon(), soon(), whole()]).await, (Ok("x".to_owned()), 3));
    assert_eq!(play(vec![after(7), after(40), whole()]).await, (Ok("x".to_owned()), 47));
    assert_eq!(play(vec![soon(), soon(), soon(), whole()]).await, (Err(AdapterErrorKind::Unavailable), 3));
    assert_eq!(play(vec![after(120)]).await, (Err(AdapterErrorKind::Unavailable), 0), "more than there is");
    assert_eq!(play(vec![after(100), after(20)]).await, (Err(AdapterErrorKind::Unavailable), 100));
    assert_eq!(play(vec![Act::Fail(Retry::Never)]).await, (Err(AdapterErrorKind::Unavailable), 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_has_two_limits() {
    let end = || (1, Piece::Finish(Finish::Complete));
    assert_eq!(play(vec![answer(vec![(19, text()), (19, Piece::Alive), end()])]).await, (Ok("x".to_owned()), 39));
    assert_eq!(
        play(vec![answer(vec![(19, text()), (21, text()), end()])]).await,
        (Err(AdapterErrorKind::Unavailable), 39)
    );
    let steady = (0..60).map(|_| (3, text())).chain([end()]).collect();
    assert_eq!(play(vec![answer(steady)]).await, (Err(AdapterErrorKind::Unavailable), 120));
}

#[tokio::test(start_paused = true)]
async fn all_attempts_share_the_time() {
    let fails_late = || answer((0..15).map(|_| (3, Piece::Alive)).collect());
    // 45 s, 1 s, 45 s, 2 s; then there are 27 left.
    let (outcome, seconds) = play(vec![fails_late(), fails_late(), fails_late()]).await;
    assert_eq!((outcome, seconds), (Err(AdapterErrorKind::Unavailable), 120));
}
