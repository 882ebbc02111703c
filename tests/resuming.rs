//! Runs that were begun and not ended: what they go on with, what stops them, and what is set aside.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use fix_patch::{SourceBlob, SourceTree, TreeError};
use fix_pipeline::AdapterErrorKind::{Conflict, Damaged, Refused, StaleBase, Unavailable};
use fix_pipeline::testing::mocks::{MockPlanSource, MockPrSink, MockValidator};
use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator, ForgeFault};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, Announcement, Entry, Event, Finished, JournalError, MemoryRunStore, Observer,
    Outcome, OutcomeCode, Pipeline, PipelineError, PrSink, PrStatus, PullRequest, RunContext, RunId, RunStore,
    SetAside, Validated,
};
use fix_plan::RepoPath;
use fix_policy::{PolicyEngine, SafetyPolicy};

/// A sink that fails the test when it is called.
fn never() -> MockPrSink {
    let mut sink = MockPrSink::new();
    sink.expect_open().never();
    sink.expect_find().never();
    sink
}

fn stopped(finished: &Finished) -> (OutcomeCode, &str) {
    match &finished.outcome {
        Outcome::Stopped { code, message } => (*code, message),
        Outcome::Opened(pull_request) => panic!("opened {pull_request:?}"),
    }
}

/// Once the forge was asked and its answer lost, no way out forgets that there may be a pull request.
#[tokio::test]
async fn what_may_be_open_is_never_called_stopped() {
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let (validator, forge, store) = (FakeValidator::red_then_green(), FakeForge::default(), MemoryRunStore::default());
    let mut pipeline = Pipeline::new(&source, &validator, &forge, &store);
    forge.then(ForgeFault::LoseAnswer);
    assert!(pipeline.run(&case.failure, &case.tree).await.unwrap_err().is_transient());

    // Whatever changed in between, what is there is found before anything is derived.
    pipeline.policy =
        PolicyEngine::new(SafetyPolicy::from_toml("version = 1\n[limits]\nlines_added_max = 0\n").unwrap()).unwrap();
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    assert_eq!(finished.outcome.code(), OutcomeCode::Opened);
    assert_eq!((forge.pull_requests().len(), source.asked(), validator.checks()), (1, 1, (1, 1)));
}

/// A run that is announced, with nothing at the forge yet.
async fn announced(store: &MemoryRunStore, forge: &FakeForge) -> Case {
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), forge, store);
    forge.then(ForgeFault::Refuse(Unavailable));
    assert!(pipeline.run(&case.failure, &case.tree).await.unwrap_err().is_transient());
    case
}

/// Whoever resumes an announced run can't end it for a reason of its own: another worker may be asking.
#[tokio::test]
async fn an_announced_run_is_ended_by_the_forge_alone() {
    let (store, forge) = (MemoryRunStore::default(), FakeForge::default());
    let case = announced(&store, &forge).await;
    let mut pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), &forge, &store);
    let unsettled = |error: PipelineError| {
        assert!(matches!(error, PipelineError::Unsettled { .. }), "{error:?}");
        assert!(!error.is_transient());
    };
    let default = std::mem::replace(
        &mut pipeline.policy,
        PolicyEngine::new(SafetyPolicy::from_toml("version = 1\n[limits]\nlines_added_max = 0\n").unwrap()).unwrap(),
    );
    unsettled(pipeline.run(&case.failure, &case.tree).await.unwrap_err());
    pipeline.policy = default;
    forge.then(ForgeFault::Refuse(Refused));
    unsettled(pipeline.abandon(&case.failure, "crashed 3 times").await.unwrap_err());
    forge.then(ForgeFault::Refuse(Unavailable));
    assert!(pipeline.abandon(&case.failure, "crashed 3 times").await.unwrap_err().is_transient());
    assert_eq!(forge.pull_requests().len(), 0);
    // With the forge's own word that nothing is there, and the queue's that nobody asks any more.
    let finished = pipeline.abandon(&case.failure, "crashed 3 times").await.unwrap();
    assert_eq!(stopped(&finished).0, OutcomeCode::Abandoned);
}

/// The forge is asked by two at once: what the other one gets is done just before this one is refused.
struct Overtaken<'f>(&'f FakeForge);

impl PrSink for Overtaken<'_> {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        self.0.open(run, change).await?;
        Err(AdapterError::new(StaleBase, "open a pull request", "the base moved on"))
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        self.0.find(run, announced).await
    }
}

#[tokio::test]
async fn a_refusal_is_looked_into_before_it_ends_a_run() {
    let (case, forge) = (Case::missing_dependency(), FakeForge::default());
    let source = FakePlanSource::answering([case.plan.clone()]);
    let validator = FakeValidator::red_then_green();
    let pipeline = Pipeline::new(source, validator, Overtaken(&forge), MemoryRunStore::default());
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    assert_eq!((finished.outcome.code(), forge.pull_requests().len()), (OutcomeCode::Opened, 1));
}

/// A look that fails for good says nothing about what is there, whatever it calls the reason.
#[tokio::test]
async fn a_look_that_fails_ends_no_run() {
    let (store, forge) = (MemoryRunStore::default(), FakeForge::default());
    let case = announced(&store, &forge).await;
    let pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), &forge, &store);
    forge.then(ForgeFault::Refuse(StaleBase));
    let error = pipeline.run(&case.failure, &case.tree).await.unwrap_err();
    assert!(matches!(error, PipelineError::Unsettled { code: OutcomeCode::StaleBase, .. }), "{error:?}");
}

/// Called off by a queue that took it for dead, while its worker opens the pull request.
struct CalledOff<'f>(&'f FakeForge, &'f MemoryRunStore, &'f Case);

impl PrSink for CalledOff<'_> {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        let queue = Pipeline::new(MockPlanSource::new(), MockValidator::new(), self.0, self.1);
        queue.abandon(&self.2.failure, "crashed 3 times").await.unwrap();
        self.0.open(run, change).await
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        self.0.find(run, announced).await
    }
}

#[tokio::test]
async fn a_pull_request_of_a_run_that_was_called_off_is_told() {
    let (case, forge, store) = (Case::missing_dependency(), FakeForge::default(), MemoryRunStore::default());
    let source = FakePlanSource::answering([case.plan.clone()]);
    let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), CalledOff(&forge, &store, &case), &store);
    let error = pipeline.run(&case.failure, &case.tree).await.unwrap_err();
    let PipelineError::OpenedLate { branch, code, .. } = &error else { panic!("{error:?}") };
    assert_eq!((branch, *code), (&forge.pull_requests()[0].branch, OutcomeCode::Abandoned));

    // So is everybody who comes after, since that worker may have died with its answer; until a person decides.
    let pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), &forge, &store);
    for _ in 0..2 {
        let (run, abandoned) = (pipeline.run(&case.failure, &case.tree), pipeline.abandon(&case.failure, "again"));
        for error in [run.await.unwrap_err(), abandoned.await.unwrap_err()] {
            assert!(matches!(&error, PipelineError::OpenedLate { code: OutcomeCode::Abandoned, .. }), "{error:?}");
        }
    }
    forge.then(ForgeFault::Refuse(Unavailable));
    assert!(pipeline.run(&case.failure, &case.tree).await.unwrap_err().is_transient(), "it is asked again later");
    forge.then(ForgeFault::Refuse(Refused));
    assert!(pipeline.run(&case.failure, &case.tree).await.is_ok(), "nobody can look, and the run is over");
    forge.close(branch);
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    assert_eq!(stopped(&finished), (OutcomeCode::Abandoned, "crashed 3 times"));
}

/// A run that was called over before it announced anything is answered from its journal alone.
#[tokio::test]
async fn the_forge_is_not_asked_about_what_was_never_announced() {
    let (case, store) = begun_until("validated").await;
    let pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), never(), &store);
    for reason in ["crashed 3 times", "crashed 4 times"] {
        let finished = pipeline.abandon(&case.failure, reason).await.unwrap();
        assert_eq!(stopped(&finished), (OutcomeCode::Abandoned, "crashed 3 times"));
    }
}

/// What stands for a password depends on what is known to be secret; the repository is the same.
#[tokio::test]
async fn a_run_is_resumed_under_another_redactor() {
    let case = Case::missing_dependency();
    let of = |repository: &str| {
        let mut failure = case.failure.clone();
        failure.repository = format!("https://bot:tok3n-of-the-day@git.example/{repository}");
        failure.log = "E   ModuleNotFoundError: No module named 'requests'\nsent tok3n-of-the-day\n".into();
        failure
    };
    let failure = of("app.git");
    let (forge, store) = (FakeForge::default(), MemoryRunStore::default());
    let validator = FakeValidator::red_then_green();
    validator.then(Err(Unavailable));
    let mut pipeline = Pipeline::new(FakePlanSource::answering([case.plan.clone()]), validator, &forge, &store);
    assert!(pipeline.run(&failure, &case.tree).await.unwrap_err().is_transient());
    pipeline.redactor = fix_plan::Redactor::new(["tok3n-of-the-day"]);
    let finished = pipeline.run(&failure, &case.tree).await.unwrap();
    assert_eq!(finished.outcome.code(), OutcomeCode::Opened);
    let elsewhere = pipeline.run(&of("other.git"), &case.tree).await.unwrap_err();
    assert!(matches!(elsewhere, PipelineError::DifferentFailure { .. }), "{elsewhere:?}");
}

/// A person may have decided before anybody recorded that there is a pull request.
#[tokio::test]
async fn a_merged_pull_request_is_told_from_a_closed_one() {
    for (decide, expected) in [
        (FakeForge::close as fn(&FakeForge, &str), OutcomeCode::ClosedByPerson),
        (FakeForge::merge, OutcomeCode::Merged),
    ] {
        let case = Case::missing_dependency();
        let (source, forge) = (FakePlanSource::answering([case.plan.clone()]), FakeForge::default());
        let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), &forge, MemoryRunStore::default());
        forge.then(ForgeFault::LoseAnswer);
        pipeline.run(&case.failure, &case.tree).await.unwrap_err();
        decide(&forge, &forge.pull_requests()[0].branch);
        let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
        assert_eq!(stopped(&finished).0, expected);
        let recorded = finished.record.pull_request.unwrap();
        assert!(!recorded.status.is_open(), "{recorded:?}");
        let journal = pipeline.run_store.load(finished.run).await.unwrap();
        assert_eq!(journal.last().unwrap().event().name(), "pr_decided");
    }
}

/// A store that holds the beginning of a run: everything before the event of this name.
async fn begun_until(name: &str) -> (Case, MemoryRunStore) {
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let pipeline =
        Pipeline::new(source, FakeValidator::red_then_green(), FakeForge::default(), MemoryRunStore::default());
    let run = pipeline.run(&case.failure, &case.tree).await.unwrap().run;
    let store = MemoryRunStore::default();
    for entry in pipeline.run_store.load(run).await.unwrap() {
        if entry.event().name() == name {
            break;
        }
        store.append(run, &entry).await.unwrap();
    }
    (case, store)
}

/// Another policy, one that decides about this plan as the default one does.
fn harmless_change() -> PolicyEngine {
    PolicyEngine::new(SafetyPolicy::from_toml("version = 1\n[limits]\nfiles_max = 9\n").unwrap()).unwrap()
}

/// Where nothing depends on the policy yet, and where it decides the same, a run goes on under a new one.
#[tokio::test]
async fn a_changed_policy_is_recorded_and_decides_what_is_left() {
    for until in ["baseline_checked", "plan_reviewed", "patch_reviewed", "pr_opening"] {
        let (case, store) = begun_until(until).await;
        let source = FakePlanSource::answering([case.plan.clone()]);
        let mut pipeline = Pipeline::new(source, FakeValidator::red_then_green(), FakeForge::default(), store);
        pipeline.policy = harmless_change();
        let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
        assert_eq!(finished.outcome.code(), OutcomeCode::Opened, "until {until}: {:?}", finished.outcome);
        let journal = pipeline.run_store.load(finished.run).await.unwrap();
        let resumed: Vec<_> = journal.iter().filter(|entry| entry.event().name() == "resumed").collect();
        let [entry] = resumed.as_slice() else { panic!("until {until}: {resumed:?}") };
        assert!(matches!(entry.event(), Event::Resumed { terms } if *terms == pipeline.terms()), "{entry:?}");
    }
}

/// What was decided, and would be decided otherwise now, is a person's to settle.
#[tokio::test]
async fn a_policy_that_decides_otherwise_ends_the_run() {
    let strict = SafetyPolicy::from_toml("version = 1\n[limits]\nlines_added_max = 0\n").unwrap();
    for (until, expected) in [("patch_reviewed", OutcomeCode::PatchDenied), ("validated", OutcomeCode::Changed)] {
        let (case, store) = begun_until(until).await;
        let mut pipeline = Pipeline::new(MockPlanSource::new(), FakeValidator::red_then_green(), never(), store);
        pipeline.policy = PolicyEngine::new(strict.clone()).unwrap();
        let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
        assert_eq!(stopped(&finished).0, expected, "until {until}");
    }
}

/// Every setting that decides a run is in its terms, and each crate's version.
#[test]
fn terms_name_what_decides_a_run() {
    let mut pipeline = Pipeline::new((), (), (), ());
    let before = pipeline.terms();
    for part in ["fix-plan 0.", "fix-patch 0.", "fix-policy 0.", "fix-pipeline 0."] {
        assert!(before.engine.contains(part), "{}", before.engine);
    }
    assert!(!before.strategies.is_empty());
    pipeline.repeats = NonZeroU32::new(3).unwrap();
    pipeline.options.tidy = false;
    pipeline.options.allow.insert(fix_patch::Allowance::Reexport);
    let after = pipeline.terms();
    assert_eq!((after.repeats, after.tidy, after.allow.len()), (3, false, 1));
    assert_ne!(before, after);
}

type Way = fn(Vec<Entry>) -> Result<Vec<Entry>, AdapterError>;
type Cause = fn() -> Box<dyn std::error::Error + Send + Sync>;

/// Gives out what a test says.
struct Gives(Way, MemoryRunStore);

impl RunStore for Gives {
    async fn append(&self, _: RunId, entry: &Entry) -> Result<(), AdapterError> {
        panic!("nothing is written to a run that is set aside: {entry:?}")
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        (self.0)(self.1.load(run).await?)
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn unsettled(&self, run: RunId, branch: &str, code: OutcomeCode) {
        self.0.lock().unwrap().push(format!("{run} unsettled {branch}: {code}"));
    }

    fn set_aside(&self, run: RunId, reason: SetAside, error: &(dyn std::error::Error + Send + Sync + 'static)) {
        self.0.lock().unwrap().push(format!("{run} {}: {error}", reason.as_str()));
    }
}

/// The same JSON with one thing changed.
fn edited(entry: &Entry, from: &str, to: &str) -> Result<Entry, JournalError> {
    Entry::from_json(&entry.to_json().replacen(from, to, 1))
}

/// A journal that can't be used is told as such, by name and with a way out; nothing is done on top of it.
#[tokio::test]
async fn a_journal_that_cannot_be_used_sets_the_run_aside() {
    let ways: [(Way, SetAside); 6] = [
        (
            |mut entries| {
                Ok({
                    entries.remove(1);
                    entries
                })
            },
            SetAside::Damaged,
        ),
        (
            |mut entries| {
                Ok({
                    entries[0] = edited(&entries[0], "requests", "requestz").unwrap();
                    entries
                })
            },
            SetAside::Damaged,
        ),
        (
            |entries| Err(edited(&entries[0], "\"version\":3", "\"version\":4,\"new\":0").unwrap_err().into()),
            SetAside::OtherVersion,
        ),
        (|entries| Err(edited(&entries[0], "{", "[").unwrap_err().into()), SetAside::Damaged),
        (|_| Err(AdapterError::new(Damaged, "load", "a page is torn")), SetAside::Damaged),
        (|_| Err(AdapterError::new(Refused, "load", "not allowed")), SetAside::Refused),
    ];
    for (way, expected) in ways {
        let (case, store) = begun_until("plan_reviewed").await;
        let told = Arc::new(Told::default());
        let mut pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), never(), Gives(way, store));
        pipeline.observer = told.clone();
        let run = RunId::of(&case.failure.event_id);
        let error = pipeline.run(&case.failure, &case.tree).await.unwrap_err();
        assert!(matches!(&error, PipelineError::SetAside { reason, .. } if *reason == expected), "{error:?}");
        assert!(!error.is_transient() && !error.is_conflict());
        let text = error.to_string();
        assert!(text.contains(&run.to_string()) && text.contains("; "), "{text}");
        assert!(pipeline.abandon(&case.failure, "crashed 3 times").await.is_err(), "nor is it abandoned");
        let told = told.0.lock().unwrap();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with(&format!("{run} {}", expected.as_str())), "{told:?}");
    }
}

/// A version of the pipeline that knows no more than its own entries says so, whatever they look like.
#[test]
fn entries_of_another_version_are_told_as_such() {
    for json in [r#"{"version":1,"sequence":0,"previous":null,"event":{"type":"dreamed","of":[]}}"#, r#"{"version":7}"#]
    {
        assert!(matches!(Entry::from_json(json), Err(JournalError::Version { .. })), "{json}");
    }
    assert!(matches!(Entry::from_json("{}"), Err(JournalError::Format { .. })));
}

/// Another worker was faster: nothing is out of order, and a queue needs to know.
#[tokio::test]
async fn a_conflict_is_told_from_an_outage() {
    struct Fails(AdapterErrorKind);
    impl RunStore for Fails {
        async fn append(&self, _: RunId, _: &Entry) -> Result<(), AdapterError> {
            Err(AdapterError::new(self.0, "append", "as the test says"))
        }

        async fn load(&self, _: RunId) -> Result<Vec<Entry>, AdapterError> {
            Ok(Vec::new())
        }
    }
    for kind in [Conflict, Unavailable] {
        let case = Case::missing_dependency();
        let pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), never(), Fails(kind));
        let error = pipeline.run(&case.failure, &case.tree).await.unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error.is_conflict(), kind == Conflict, "{error:?}");
    }
}

/// Files that can't be read now leave the run as it is, also when the patch was there before; files that can
/// never be read end it.
#[tokio::test]
async fn a_snapshot_that_fails_for_good_ends_the_run() {
    struct Fails(Cause);
    impl SourceTree for Fails {
        fn read(&self, path: &RepoPath) -> Result<SourceBlob, TreeError> {
            Err(TreeError::Unreadable { path: path.clone(), source: (self.0)() })
        }

        fn exists(&self, path: &RepoPath) -> Result<bool, TreeError> {
            Err(TreeError::Unreadable { path: path.clone(), source: (self.0)() })
        }
    }
    let ways: [(Cause, bool); 6] = [
        (|| "git was killed".into(), true),
        (|| std::io::Error::from(std::io::ErrorKind::TimedOut).into(), true),
        (|| std::io::Error::from(std::io::ErrorKind::PermissionDenied).into(), false),
        (|| AdapterError::new(Unavailable, "read", "busy").into(), true),
        (|| AdapterError::new(Damaged, "read", "a torn object").into(), false),
        (|| std::io::Error::other(AdapterError::new(Refused, "read", "no")).into(), false),
    ];
    for (way, transient) in ways {
        for until in ["patch_generated", "patch_reviewed"] {
            let (case, store) = begun_until(until).await;
            let pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), never(), store);
            match pipeline.run(&case.failure, &Fails(way)).await {
                Err(error) => assert!(transient && error.is_transient(), "{error:?}"),
                Ok(finished) => {
                    assert!(!transient && stopped(&finished).0 == OutcomeCode::AdapterFailed, "{finished:?}")
                }
            }
        }
    }
}

/// What refuses for good ends a run with a code, also when it refuses a look as well.
#[tokio::test]
async fn a_forge_that_refuses_everything_ends_the_run() {
    let (case, forge, told) = (Case::missing_dependency(), FakeForge::default(), Arc::new(Told::default()));
    let source = FakePlanSource::answering([case.plan.clone()]);
    let mut pipeline = Pipeline::new(source, FakeValidator::red_then_green(), &forge, MemoryRunStore::default());
    pipeline.observer = told.clone();
    for _ in 0..2 {
        forge.then(ForgeFault::Refuse(Refused));
    }
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    let (code, message) = stopped(&finished);
    assert_eq!(code, OutcomeCode::AdapterFailed);
    assert!(message.contains("nor could anybody look"), "{message}");
    // Whoever had asked before may have been answered: then nobody knows, and somebody is told.
    let (forge, store) = (FakeForge::default(), MemoryRunStore::default());
    let case = announced(&store, &forge).await;
    let mut pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), &forge, &store);
    pipeline.observer = told.clone();
    forge.then(ForgeFault::Refuse(Refused));
    let error = pipeline.run(&case.failure, &case.tree).await.unwrap_err();
    assert!(matches!(error, PipelineError::Unsettled { .. }), "{error:?}");
    let told = told.0.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(" unsettled fix/"), "{told:?}");
}

/// What a store gives out is this run's, or nothing.
#[tokio::test]
async fn the_journal_of_another_run_is_not_taken() {
    struct Mixed<'s>(&'s MemoryRunStore, RunId);
    impl RunStore for Mixed<'_> {
        async fn append(&self, _: RunId, entry: &Entry) -> Result<(), AdapterError> {
            self.0.append(self.1, entry).await
        }

        async fn load(&self, _: RunId) -> Result<Vec<Entry>, AdapterError> {
            self.0.load(self.1).await
        }
    }
    let (case, store) = begun_until("validated").await;
    let mixed = Mixed(&store, RunId::of(&case.failure.event_id));
    let mut other = case.failure.clone();
    other.event_id = "event-2".parse().unwrap();
    let pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), never(), mixed);
    let error = pipeline.run(&other, &case.tree).await.unwrap_err();
    assert!(matches!(error, PipelineError::SetAside { reason: SetAside::Damaged, .. }), "{error:?}");
}

/// One event is of one commit on one branch.
#[tokio::test]
async fn an_event_for_another_branch_is_another_failure() {
    let (case, store) = begun_until("validated").await;
    let mut other = case.failure.clone();
    other.branch = "release".parse().unwrap();
    let pipeline = Pipeline::new(MockPlanSource::new(), MockValidator::new(), never(), store);
    let error = pipeline.run(&other, &case.tree).await.unwrap_err();
    assert!(matches!(error, PipelineError::DifferentFailure { .. }), "{error:?}");
    assert!(error.to_string().contains("release of "), "{error}");
}

/// A sink answers about the run that it is asked about.
#[tokio::test]
async fn the_pull_request_of_another_run_is_not_taken() {
    struct Confused;
    impl PrSink for Confused {
        async fn open(&self, _: &RunContext, _: &Validated) -> Result<PullRequest, AdapterError> {
            Ok(PullRequest::new(PrStatus::Open, "fix/of-somebody-else", Vec::new()))
        }

        async fn find(&self, _: &RunContext, _: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
            Ok(None)
        }
    }
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), Confused, MemoryRunStore::default());
    let error = pipeline.run(&case.failure, &case.tree).await.unwrap_err();
    assert!(matches!(error, PipelineError::Unsettled { code: OutcomeCode::AdapterFailed, .. }), "{error:?}");
}
