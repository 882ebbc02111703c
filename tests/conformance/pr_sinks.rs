//! Pull request sinks: ours keep the contract, broken ones are found out.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use fix_adapters::pr_sink::{LocalGit, LocalPullRequest, LocalState};
use fix_pipeline::testing::conformance::{self, ForgeHarness, SeenPullRequest, Situation};
use fix_pipeline::testing::{Case, FakeForge, FakeValidator, ForgeFault};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, Announcement, PrSink, PrStatus, PullRequest, RunContext, Validated,
};
use fix_tests::adapters::Scripted;
use fix_tests::repository::{TestRepository, git};

const BASE_COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A forge in memory, with a sink of some kind before it.
struct InMemory<S> {
    sink: S,
    make: fn() -> S,
    forge: fn(&S) -> &FakeForge,
}

impl<S: PrSink> ForgeHarness for InMemory<S> {
    type Sink = S;

    async fn fresh(&mut self) {
        self.sink = (self.make)();
    }

    fn sink(&self) -> &S {
        &self.sink
    }

    async fn pull_requests(&self) -> Vec<SeenPullRequest> {
        let seen = (self.forge)(&self.sink).pull_requests().into_iter().map(|pull_request| SeenPullRequest {
            branch: pull_request.branch,
            tree: pull_request.tree,
            base_commit: pull_request.base_commit,
            title: pull_request.title,
            body: pull_request.body,
            labels: pull_request.labels,
            base_branch: pull_request.base_branch,
            status: pull_request.status,
        });
        seen.collect()
    }

    async fn base(&self) -> String {
        BASE_COMMIT.to_owned()
    }

    async fn bring_about(&mut self, situation: Situation, branch: &str) -> bool {
        let forge = (self.forge)(&self.sink);
        match situation {
            Situation::Closed => forge.close(branch),
            Situation::Merged => forge.merge(branch),
            Situation::Occupied => forge.occupy(branch),
            Situation::BaseMoved => forge.move_base("main"),
            // A forge in memory is asked once for all: who was faster, and what got lost, look the same.
            Situation::AnswerLost | Situation::RaceLost => forge.then(ForgeFault::LoseAnswer),
            Situation::NoAnswer | Situation::EndlessAnswer => forge.then(ForgeFault::NoAnswer),
            _ => return false,
        }
        true
    }

    async fn patience(&self) {}
}

#[tokio::test]
async fn the_fake() {
    let (run, change) = Case::missing_dependency().validated(FakeValidator::red_then_green()).await.unwrap();
    let mut harness = InMemory { sink: FakeForge::default(), make: FakeForge::default, forge: |sink| sink };
    let found = conformance::pr_sink(&mut harness, &run, &change).await;
    // What it can't bring about is told.
    let left_out = ["a_closed_one_without_its_branch_is_reported", "a_closed_one_without_its_branch_is_left_alone"]
        .into_iter()
        .chain(["a_merged_one_without_its_branch_is_reported", "a_merged_one_without_its_branch_is_left_alone"]);
    assert_eq!(found.left_out(), left_out.collect::<Vec<_>>());
    found.assert();
}

const SOURCE: &str = "import os\nimport sys\n\nprint(sys.path)\n";
const PLAN: &str = r#"{"root_cause": "unused", "category": "lint_format", "confidence": 0.9, "files": ["app.py"], "operations":
    [{"type": "remove_unused", "file": "app.py", "details": {"import": "os"}, "rationale": "unused", "evidence": []}]}"#;

/// Does its work and, once, loses the answer.
struct Lossy {
    sink: LocalGit,
    loses: AtomicBool,
}

impl PrSink for Lossy {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        let opened = self.sink.open(run, change).await?;
        if self.loses.swap(false, Ordering::SeqCst) {
            return Err(AdapterError::new(AdapterErrorKind::Unavailable, "open", "the answer was lost"));
        }
        Ok(opened)
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        self.sink.find(run, announced).await
    }
}

/// Real git; every fresh repository has the same commit.
struct Local {
    repository: TestRepository,
    sink: Lossy,
}

impl Local {
    fn new() -> Self {
        let repository = TestRepository::new(&[("app.py", SOURCE)]);
        let sink = LocalGit::new(repository.mirror(), repository.home().join("pull-requests"));
        Self { repository, sink: Lossy { sink, loses: AtomicBool::new(false) } }
    }

    fn file(&self, branch: &str) -> PathBuf {
        self.repository.home().join("pull-requests").join(format!("{}.json", branch.replace('/', "-")))
    }

    fn decide(&self, branch: &str, state: &str) {
        let file = self.file(branch);
        let text = std::fs::read_to_string(&file).unwrap().replace("\"open\"", &format!("{state:?}"));
        std::fs::write(file, text).unwrap();
    }

    fn commit_on(&self, branch: &str) {
        let checkout = self.repository.home().join("checkout");
        git(&checkout, &["commit", "--quiet", "--allow-empty", "--message", "Theirs"]);
        let refspec = format!("HEAD:refs/heads/{branch}");
        git(&checkout, &["push", "--quiet", &self.repository.origin().to_string_lossy(), &refspec]);
    }
}

/// The branch, or what it was before it was deleted.
fn head<'p>(branches: &[String], pull_request: &'p LocalPullRequest) -> &'p str {
    if branches.contains(&pull_request.branch) { &pull_request.branch } else { &pull_request.commit }
}

impl ForgeHarness for Local {
    type Sink = Lossy;

    async fn fresh(&mut self) {
        *self = Self::new();
    }

    fn sink(&self) -> &Lossy {
        &self.sink
    }

    async fn pull_requests(&self) -> Vec<SeenPullRequest> {
        let Ok(files) = std::fs::read_dir(self.repository.home().join("pull-requests")) else { return Vec::new() };
        let text = |file: std::fs::DirEntry| std::fs::read_to_string(file.path()).unwrap();
        let parsed = files.map(|file| serde_json::from_str::<LocalPullRequest>(&text(file.unwrap())).unwrap());
        let branches = self.repository.other_branches();
        let seen = parsed.map(|pull_request| SeenPullRequest {
            tree: self.repository.git(&["rev-parse", &format!("{}^{{tree}}", head(&branches, &pull_request))]),
            base_commit: self.repository.git(&["rev-parse", &format!("{}^", head(&branches, &pull_request))]),
            branch: pull_request.branch,
            title: pull_request.title,
            body: pull_request.body,
            labels: pull_request.labels,
            base_branch: pull_request.base,
            status: match pull_request.state {
                LocalState::Open => PrStatus::Open,
                LocalState::Closed => PrStatus::Closed,
                LocalState::Merged => PrStatus::Merged,
            },
        });
        seen.collect()
    }

    async fn base(&self) -> String {
        self.repository.git(&["rev-parse", "main"])
    }

    async fn bring_about(&mut self, situation: Situation, branch: &str) -> bool {
        match situation {
            Situation::Closed => self.decide(branch, "closed"),
            Situation::Merged => self.decide(branch, "merged"),
            Situation::BranchDeleted => drop(self.repository.git(&["branch", "--delete", "--force", branch])),
            Situation::Occupied => self.commit_on(branch),
            Situation::BaseMoved => self.commit_on("main"),
            Situation::AnswerLost => self.sink.loses.store(true, Ordering::SeqCst),
            _ => return false,
        }
        true
    }

    async fn patience(&self) {}
}

#[tokio::test]
async fn the_local_repository() {
    let mut harness = Local::new();
    let case = Case {
        failure: harness.repository.failure("event-1", "log"),
        tree: std::iter::once(("app.py".parse().unwrap(), SOURCE.into())).collect(),
        plan: PLAN.to_owned(),
    };
    let (run, change) = case.validated(Scripted::mended(harness.repository.mirror())).await.unwrap();
    conformance::pr_sink(&mut harness, &run, &change).await.assert();
}

/// What a broken sink does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    OpensAnother,
    ReopensClosed,
    TakesMergedForClosed,
    FindsNothing,
    CallsAFaultPermanent,
    TakesForeignBranches,
    GivesUpForGood,
    LooksAtTheBaseFirst,
    HidesWhatIsStale,
}

struct Broken {
    flaw: Flaw,
    forge: FakeForge,
    extra: Mutex<u32>,
}

impl Broken {
    fn new(flaw: Flaw) -> Self {
        Self { flaw, forge: FakeForge::default(), extra: Mutex::new(0) }
    }
}

impl PrSink for Broken {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        let draft = change.draft();
        if self.flaw == Flaw::LooksAtTheBaseFirst && self.forge.has_moved(&draft.base_branch) {
            return Err(AdapterError::new(AdapterErrorKind::StaleBase, "open", "the base moved on"));
        }
        let opening = pin!(self.forge.open(run, change));
        let opened = match (self.flaw, poll_once(opening).await) {
            (_, Poll::Ready(opened)) => opened,
            (Flaw::GivesUpForGood, Poll::Pending) => {
                return Err(AdapterError::new(AdapterErrorKind::Refused, "open", "no answer"));
            }
            (_, Poll::Pending) => std::future::pending().await,
        };
        match (self.flaw, opened) {
            (Flaw::OpensAnother, Ok(opened)) => {
                *self.extra.lock().unwrap() += 1;
                let count = *self.extra.lock().unwrap();
                Ok(opened.with_url(format!("https://forge.example/{count}")))
            }
            (Flaw::ReopensClosed, Ok(mut opened)) => {
                opened.status = PrStatus::Open;
                Ok(opened)
            }
            (Flaw::TakesForeignBranches, Err(_)) => {
                Ok(PullRequest::new(PrStatus::Open, &draft.branch, draft.labels.clone()))
            }
            (Flaw::CallsAFaultPermanent, Err(_)) => {
                Err(AdapterError::new(AdapterErrorKind::Refused, "open", "something went wrong"))
            }
            (_, opened) => opened,
        }
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        let mut found = self.forge.find(run, announced).await?;
        match (self.flaw, &mut found) {
            (Flaw::FindsNothing, _) => found = None,
            (Flaw::HidesWhatIsStale, _) if self.forge.has_moved(&announced.base_branch) => found = None,
            (Flaw::TakesMergedForClosed, Some(found)) if !found.status.is_open() => found.status = PrStatus::Closed,
            _ => {}
        }
        Ok(found)
    }
}

async fn poll_once<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test]
async fn broken_sinks_are_found_out() {
    let (run, change) = Case::missing_dependency().validated(FakeValidator::red_then_green()).await.unwrap();
    for (make, point) in [
        ((|| Broken::new(Flaw::OpensAnother)) as fn() -> Broken, "asked_again_it_answers_the_same"),
        (|| Broken::new(Flaw::ReopensClosed), "a_closed_one_is_reported"),
        (|| Broken::new(Flaw::TakesMergedForClosed), "a_merged_one_is_reported"),
        (|| Broken::new(Flaw::FindsNothing), "what_is_open_is_found"),
        (|| Broken::new(Flaw::CallsAFaultPermanent), "a_lost_answer_is_transient"),
        (|| Broken::new(Flaw::CallsAFaultPermanent), "a_lost_race_is_no_failure"),
        (|| Broken::new(Flaw::TakesForeignBranches), "a_foreign_branch_is_an_error"),
        (|| Broken::new(Flaw::GivesUpForGood), "no_answer_leaves_one_pull_request"),
        (|| Broken::new(Flaw::GivesUpForGood), "an_endless_answer_leaves_one_pull_request"),
        (|| Broken::new(Flaw::LooksAtTheBaseFirst), "on_a_stale_base_what_is_open_is_adopted"),
        (|| Broken::new(Flaw::HidesWhatIsStale), "on_a_stale_base_what_is_open_is_found"),
    ] {
        let mut harness = InMemory { sink: make(), make, forge: |sink| &sink.forge };
        let broken = conformance::pr_sink(&mut harness, &run, &change).await.broken();
        assert!(broken.contains(&point), "{point} is not in {broken:?}");
    }
}
