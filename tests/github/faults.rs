//! Whatever goes wrong, at whatever step: in the end there is one pull request, and it is right.

use std::time::Duration;

use fix_adapters::pr_sink::GitHub;
use fix_pipeline::{AdapterErrorKind, PrSink as _, RunContext, Validated};
use serde_json::{Value, json};

use crate::forge::{TOKEN, World, told};
use crate::pushing::pushed;

/// The requests of a change that is opened on a fresh forge, in their order; its commit is made by them.
pub const STEPS: [&str; 11] = [
    "GET pulls",
    "GET git/ref",
    "GET git/commit",
    "POST git/blobs",
    "POST git/trees",
    "POST git/commits",
    "POST git/refs",
    "GET label",
    "POST labels",
    "POST pulls",
    "POST issue/labels",
];

/// The same where the commit is pushed, from a clone that has to be fetched first.
pub const PUSHED_STEPS: [&str; 11] = [
    "GET pulls",
    "GET git/ref",
    "GET git-upload-pack",
    "POST git-upload-pack",
    "GET git-receive-pack",
    "POST git-receive-pack",
    "GET git/commit",
    "GET label",
    "POST labels",
    "POST pulls",
    "POST issue/labels",
];

fn sink(world: &World) -> GitHub {
    let mut sink = world.sink();
    sink.options.patience.request = Duration::from_millis(500);
    sink.options.answer_bytes = 1 << 20;
    sink
}

fn pushing_sink(world: &World) -> GitHub {
    let mut sink = sink(world);
    sink.options.commits = pushed(world);
    sink
}

/// Opens until it is open, as a queue does; every error on the way must be one that passes.
async fn open_in_the_end(
    world: &World,
    sink: fn(&World) -> GitHub,
    (run, change): &(RunContext, Validated),
    case: &str,
) {
    for _ in 0..4 {
        // Each time another worker, who knows nothing of the one before.
        match sink(world).open(run, change).await {
            Ok(_) => {
                world.assert_one(change);
                return;
            }
            Err(error) => assert!(error.is_transient(), "{case}: {}", told(&error)),
        }
    }
    panic!("{case}: not opened in four attempts");
}

async fn at_each_step(fault: Value) {
    // Every world begins with the same commit, so that one change is for all of them.
    let change = World::new().change("event-1").await;
    at_each_of(STEPS, sink, &change, &fault).await;
    at_each_of(PUSHED_STEPS, pushing_sink, &change, &fault).await;
}

async fn at_each_of(steps: [&str; 11], sink: fn(&World) -> GitHub, change: &(RunContext, Validated), fault: &Value) {
    for step in steps {
        let world = World::new();
        world.fault(step, fault.clone());
        open_in_the_end(&world, sink, change, &format!("{step}: {fault}")).await;
        assert!(world.faults().is_empty(), "{step}: it was never asked");
    }
}

#[tokio::test]
async fn a_lost_answer() {
    at_each_step(json!({"kind": "lose"})).await;
}

#[tokio::test]
async fn a_lost_request() {
    at_each_step(json!({"kind": "lose_request"})).await;
}

#[tokio::test]
async fn cut_json() {
    at_each_step(json!({"kind": "cut"})).await;
}

#[tokio::test]
async fn an_answer_that_never_comes() {
    at_each_step(json!({"kind": "slow"})).await;
}

#[tokio::test]
async fn an_answer_that_is_too_long() {
    at_each_step(json!({"kind": "huge", "bytes": 2 << 20})).await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_taken() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    world.fault("GET pulls", json!({"kind": "huge", "bytes": 2 << 20}));
    let mut sink = sink(&world);
    sink.options.patience.attempts = 1;
    let error = sink.open(&run, &change).await.unwrap_err();
    assert!(error.is_transient() && told(&error).contains("longer than 1048576 bytes"), "{}", told(&error));
}

#[tokio::test]
async fn a_server_in_trouble() {
    at_each_step(json!({"kind": "status", "status": 500, "message": "Server Error"})).await;
}

#[tokio::test]
async fn a_server_in_trouble_that_has_done_it() {
    at_each_step(json!({"kind": "done_and_bad_gateway"})).await;
}

#[tokio::test]
async fn a_faster_worker() {
    at_each_step(json!({"kind": "twice"})).await;
}

#[tokio::test]
async fn a_limit_that_passes_at_once() {
    let headers = json!({"retry-after": "0"});
    at_each_step(json!({"kind": "status", "status": 429, "message": "slow down", "headers": headers})).await;
}

/// Three in a row, at every step where asking again is harmless: one call, and no error.
#[tokio::test]
async fn what_passes_is_waited_for() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let passing =
        [(403, Some("0")), (429, Some("0")), (408, None), (500, None), (502, None), (503, Some("0")), (504, None)];
    let harmless = STEPS.iter().filter(|step| !matches!(**step, "POST git/refs" | "POST pulls"));
    for ((status, after), step) in passing.iter().cycle().zip(harmless.flat_map(|step| [step; 3])) {
        let headers = after.map_or(json!({}), |after| json!({"retry-after": after}));
        world.fault(step, json!({"kind": "status", "status": status, "message": "later", "headers": headers}));
    }
    let opened = sink(&world).open(&run, &change).await;
    assert!(opened.is_ok(), "{opened:?}");
    world.assert_one(&change);
}

#[tokio::test]
async fn a_conflict_passes() {
    let world = World::new();
    let change = world.change("event-1").await;
    for step in ["POST git/blobs", "POST git/trees", "POST git/commits", "POST git/refs"] {
        world.fault(step, json!({"kind": "status", "status": 409, "message": "Conflict"}));
        let error = sink(&world).open(&change.0, &change.1).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Unavailable, "{step}: {}", told(&error));
    }
    open_in_the_end(&world, sink, &change, "a conflict").await;
}

/// A refusal is permanent, says what it is about, and leaves no pull request behind.
#[tokio::test]
async fn refusals_are_told_apart() {
    let cases = [
        (301, "Moved Permanently", "has moved"),
        (307, "Temporary Redirect", "has moved"),
        (401, "Bad credentials", "credentials are wrong"),
        (403, "Resource not accessible by integration", "may not do this"),
        (404, "Not Found", "may not see it"),
        (409, "Git Repository is empty.", "has no commit yet"),
        (410, "Issues are disabled for this repo", "refuses it"),
        (422, "Validation Failed", "takes no such thing"),
        (451, "Repository access blocked", "refuses it"),
    ];
    // One world for all: a step that is refused leaves those after it to be made.
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    for step in ["GET pulls", "POST git/blobs", "POST git/trees", "POST git/commits", "POST labels", "POST pulls"] {
        for (status, message, expected) in cases {
            if (step, status) == ("POST labels", 422) {
                continue; // It is there already.
            }
            world.fault(step, json!({"kind": "status", "status": status, "message": message}));
            let error = sink(&world).open(&run, &change).await.unwrap_err();
            assert_eq!(error.kind(), AdapterErrorKind::Refused, "{step} {status}: {}", told(&error));
            assert!(told(&error).contains(expected) && told(&error).contains(message), "{step}: {}", told(&error));
            assert!(world.pulls().is_empty(), "{step} {status}");
        }
    }
}

/// It is open by then: an error would have it forgotten.
#[tokio::test]
async fn a_pull_request_that_can_not_be_labelled_is_still_one() {
    let world = World::new();
    world.fault("POST issue/labels", json!({"kind": "status", "status": 403, "message": "Forbidden"}));
    let (run, change) = world.change("event-1").await;
    let opened = sink(&world).open(&run, &change).await.unwrap();
    assert!(opened.labels.is_empty() && opened.status.is_open());
    assert_eq!(sink(&world).open(&run, &change).await.unwrap().labels, change.draft().labels);
}

#[tokio::test]
async fn a_branch_that_somebody_else_makes_meanwhile_is_left_alone() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let reference = format!("refs/heads/{}", change.draft().branch);
    world.fault("POST git/refs", json!({"kind": "before", "run": ["update-ref", reference, "main"]}));
    let error = sink(&world).open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Refused);
    assert!(told(&error).contains("is left alone"), "{}", told(&error));
    assert_eq!(world.git(&["rev-parse", &reference]), world.git(&["rev-parse", "main"]));
    assert!(world.pulls().is_empty());
}

#[tokio::test]
async fn what_a_server_says_is_one_short_line_without_the_token() {
    let world = World::new();
    let said = format!("your token {TOKEN}\r\n\u{1b}[31m is bad {}", "x".repeat(10_000));
    world.fault("GET pulls", json!({"kind": "status", "status": 401, "message": said}));
    let (run, change) = world.change("event-1").await;
    let told = told(&sink(&world).open(&run, &change).await.unwrap_err());
    assert!(told.contains("your token [redacted secret]") && told.len() < 600, "{told}");
}
