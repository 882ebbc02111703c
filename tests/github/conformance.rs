//! The contract of a pull request sink, point by point.

use std::time::Duration;

use fix_adapters::pr_sink::GitHub;
use fix_adapters::pr_sink::github::Commits;
use fix_pipeline::PrStatus;
use fix_pipeline::testing::conformance::{self, ForgeHarness, SeenPullRequest, Situation};
use serde_json::{Value, json};

use crate::app::App;
use crate::forge::World;
use crate::pushing::pushed;

/// A world, and the sink that works with it.
struct OnGitHub {
    make: fn() -> (World, GitHub),
    world: World,
    sink: GitHub,
}

impl OnGitHub {
    fn new(make: fn() -> (World, GitHub)) -> Self {
        let (world, sink) = make();
        Self { make, world, sink }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl ForgeHarness for OnGitHub {
    type Sink = GitHub;

    async fn fresh(&mut self) {
        *self = Self::new(self.make);
    }

    fn sink(&self) -> &GitHub {
        &self.sink
    }

    async fn pull_requests(&self) -> Vec<SeenPullRequest> {
        let seen = self.world.pulls().into_iter().map(|pull| SeenPullRequest {
            branch: text(&pull["head"]["ref"]),
            base_branch: text(&pull["base"]["ref"]),
            tree: self.world.git(&["rev-parse", &format!("{}^{{tree}}", text(&pull["head"]["sha"]))]),
            base_commit: self.world.git(&["rev-parse", &format!("{}^", text(&pull["head"]["sha"]))]),
            title: text(&pull["title"]),
            body: text(&pull["body"]),
            labels: pull["labels"].as_array().unwrap().iter().map(|label| text(&label["name"])).collect(),
            status: match (pull["state"] == "open", pull["merged_at"].is_null()) {
                (true, _) if pull["draft"] == true => PrStatus::Draft,
                (true, _) => PrStatus::Open,
                (false, true) => PrStatus::Closed,
                (false, false) => PrStatus::Merged,
            },
        });
        seen.collect()
    }

    async fn base(&self) -> String {
        self.world.git(&["rev-parse", "main"])
    }

    async fn bring_about(&mut self, situation: Situation, branch: &str) -> bool {
        match situation {
            Situation::Closed => self.world.decide(branch, json!({"state": "closed"})),
            Situation::Merged => {
                self.world.decide(branch, json!({"state": "closed", "merged_at": "2026-03-02T10:00:00Z"}));
            }
            Situation::BranchDeleted => drop(self.world.git(&["update-ref", "-d", &format!("refs/heads/{branch}")])),
            Situation::Occupied => self.world.commit_on(branch),
            Situation::BaseMoved => self.world.commit_on("main"),
            Situation::AnswerLost => self.world.fault("POST pulls", json!({"kind": "lose"})),
            Situation::RaceLost => self.world.fault("POST pulls", json!({"kind": "twice"})),
            Situation::NoAnswer => self.world.fault("any", json!({"kind": "slow"})),
            Situation::EndlessAnswer => self.world.fault("any", json!({"kind": "huge", "bytes": 64 << 20})),
            _ => return false,
        }
        true
    }

    async fn patience(&self) {
        // Above what the sink itself waits for one answer: it gives up first.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

async fn assert_kept(make: fn() -> (World, GitHub)) {
    let mut harness = OnGitHub::new(make);
    let (run, change) = harness.world.change("event-1").await;
    conformance::pr_sink(&mut harness, &run, &change).await.assert();
}

fn impatient(mut sink: GitHub) -> GitHub {
    sink.options.patience.request = Duration::from_millis(500);
    sink
}

#[tokio::test]
async fn with_a_token_and_an_author() {
    assert_kept(|| {
        let world = World::new();
        let sink = impatient(world.sink());
        (world, sink)
    })
    .await;
}

#[tokio::test]
async fn with_commits_that_are_pushed() {
    assert_kept(|| {
        let world = World::new();
        let mut sink = impatient(world.sink());
        sink.options.commits = pushed(&world);
        (world, sink)
    })
    .await;
}

#[tokio::test]
async fn as_an_app_with_signed_commits_and_drafts() {
    if App::get().is_none() {
        return;
    }
    assert_kept(|| {
        let app = App::get().expect("openssl, as before");
        let world = app.world();
        let mut sink = impatient(world.sink_of(app.credentials()));
        sink.options.commits = Commits::SignedByGitHub;
        sink.options.draft = true;
        (world, sink)
    })
    .await;
}
