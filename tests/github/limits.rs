//! How often, and how much.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fix_pipeline::{AdapterErrorKind, PrSink as _};
use serde_json::{Value, json};

use crate::forge::{World, told};

fn limited(status: u16, headers: Value) -> Value {
    json!({"kind": "status", "status": status, "message": "You have exceeded a secondary rate limit.", "headers": headers})
}

/// Nothing is sent any more until the pause is over, whichever run asks.
#[tokio::test]
async fn a_long_pause_is_kept_and_not_waited_for() {
    let hour = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600;
    for (fault, least) in [
        (limited(403, json!({"retry-after": "1800"})), 1_790),
        (limited(429, json!({"retry-after": "1800"})), 1_790),
        (limited(403, json!({"x-ratelimit-remaining": "0", "x-ratelimit-reset": hour.to_string()})), 3_580),
        (limited(429, json!({"x-ratelimit-remaining": "0", "x-ratelimit-reset": hour.to_string()})), 3_580),
        (limited(403, json!({})), 60),
        (limited(429, json!({})), 60),
    ] {
        let world = World::new();
        let (run, change) = world.change("event-1").await;
        let mut sink = world.sink();
        sink.options.patience.total = Duration::from_secs(30);
        world.fault("POST git/trees", fault.clone());
        let begun = Instant::now();
        for _ in 0..2 {
            let error = sink.open(&run, &change).await.unwrap_err();
            assert_eq!(error.kind(), AdapterErrorKind::Unavailable);
            let told = told(&error);
            let seconds = told.split("left alone for ").nth(1).and_then(|rest| rest.split(' ').next());
            let seconds: u64 = seconds.unwrap_or_else(|| panic!("{told}")).parse().unwrap();
            assert!((least..=3_600).contains(&seconds), "{fault}: {told}");
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it did not wait");
        let journal = world.journal();
        let last = journal.last().unwrap();
        assert!(last["path"].as_str().unwrap().ends_with("/git/trees"), "nothing was sent after: {last}");
        // Another worker is none the wiser, and GitHub takes it.
        world.sink().open(&run, &change).await.unwrap();
        world.assert_one(&change);
    }
}

fn seed(world: &World, count: usize, branch: &str, created_at: &str) {
    for number in 0..count {
        let head = format!("{branch}{number:04}");
        world.command(
            "seed",
            &json!({"head": head, "base": "main", "created_at": created_at, "title": "t", "body": "b"}),
        );
    }
}

#[tokio::test]
async fn five_pull_requests_a_day_are_enough() {
    let now = rfc3339(Duration::ZERO);
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    // Those of people, and of yesterday, do not count.
    seed(&world, 60, "people/", &now);
    seed(&world, 10, "fix/0123456789ab-", &now);
    seed(&world, 10, "fix/00000000", &rfc3339(Duration::from_secs(25 * 3600)));
    seed(&world, 4, "fix/11111111", &now);
    world.sink().open(&run, &change).await.unwrap();

    let (second, more) = world.change("event-2").await;
    let error = world.sink().open(&second, &more).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Unavailable);
    assert!(
        told(&error).contains("5 pull requests were opened in 24 hours, and 5 are allowed; the next after 20"),
        "{error}"
    );
    assert!(world.repository.other_branches().len() == 1, "nothing is made that can't be proposed");
    let mut sink = world.sink();
    sink.options.daily_max = 6;
    sink.open(&second, &more).await.unwrap();
    // What is open stays found, whatever the count.
    let mut sink = world.sink();
    sink.options.daily_max = 0;
    assert!(sink.open(&run, &change).await.unwrap().status.is_open());
}

/// So long ago, as GitHub writes it.
fn rfc3339(ago: Duration) -> String {
    let then = SystemTime::now() - ago;
    let seconds = then.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let date =
        std::process::Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%FT%TZ"]).output().unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}
