//! Each way a run can end without a pull request opens nothing, and says why.

use fix_pipeline::testing::mocks::{MockPlanSource, MockPrSink};
use fix_pipeline::testing::{Case, FakeForge, FakePlanSource};
use fix_pipeline::{
    AdapterError, Announcement, CheckStatus, CommandRecord, Event, Finished, MemoryRunStore, Outcome, OutcomeCode,
    Phase, Pipeline, PrSink, PrStatus, PullRequest, Report, RunContext, RunStore, Subject, Validated, Validator,
};
use fix_policy::{PolicyEngine, SafetyPolicy};
use fix_tests::adapters::Scripted;
use fix_tests::repository::TestRepository;

const SOURCE: &str = "import os\nimport sys\n\nprint(sys.path)\n";

fn plan(file: &str, details: &str) -> String {
    format!(
        r#"{{"root_cause": "unused", "category": "lint_format", "confidence": 0.9, "files": ["{file}"], "operations":
        [{{"type": "remove_unused", "file": "{file}", "details": {details}, "rationale": "unused", "evidence": []}}]}}"#
    )
}

fn good_plan() -> String {
    plan("app.py", r#"{"import": "os"}"#)
}

fn repository() -> TestRepository {
    TestRepository::new(&[("app.py", SOURCE), ("conftest.py", "import os\n")])
}

/// A sink that fails the test when it is called.
fn never() -> MockPrSink {
    let mut sink = MockPrSink::new();
    sink.expect_open().never();
    sink
}

async fn run(repository: &TestRepository, answers: &[&str], validator: Scripted) -> Finished {
    let pipeline = Pipeline::new(
        FakePlanSource::answering(answers.iter().copied()),
        validator,
        never(),
        MemoryRunStore::default(),
    );
    let finished = pipeline.run(&repository.failure("event-1", "log"), &repository.snapshot()).await.unwrap();
    let journal = pipeline.run_store.load(finished.run).await.unwrap();
    assert_eq!(journal.last().unwrap().event().name(), "stopped", "the journal says how it ended");
    assert_eq!(repository.other_branches(), [""; 0]);
    finished
}

fn stopped(finished: &Finished) -> (OutcomeCode, &str) {
    match &finished.outcome {
        Outcome::Stopped { code, message } => (*code, message),
        Outcome::Opened(pull_request) => panic!("opened {pull_request:?}"),
    }
}

#[tokio::test]
async fn a_green_baseline_asks_nobody_and_opens_nothing() {
    let repository = repository();
    let mut source = MockPlanSource::new();
    source.expect_propose().never();
    let validator = Scripted::new(repository.mirror(), CheckStatus::Passed, CheckStatus::Passed);
    let pipeline = Pipeline::new(source, validator, never(), MemoryRunStore::default());
    let finished = pipeline.run(&repository.failure("event-1", "log"), &repository.snapshot()).await.unwrap();
    assert_eq!(stopped(&finished).0, OutcomeCode::AlreadyGreen);
}

#[tokio::test]
async fn a_plan_that_policy_denies_opens_nothing() {
    let repository = repository();
    let finished =
        run(&repository, &[&plan("conftest.py", r#"{"import": "os"}"#)], Scripted::mended(repository.mirror())).await;
    let (code, message) = stopped(&finished);
    assert_eq!(code, OutcomeCode::PlanDenied);
    assert!(message.contains("conftest.py is forbidden"), "{message}");
    assert!(!finished.record.plan_policy.unwrap().allowed);
}

#[tokio::test]
async fn a_plan_without_a_generator_is_stopped_early() {
    let repository = repository();
    let plan = good_plan().replace("lint_format", "docker_build");
    let finished = run(&repository, &[&plan], Scripted::mended(repository.mirror())).await;
    assert_eq!(stopped(&finished).0, OutcomeCode::PlanUnsupported);
}

#[tokio::test]
async fn a_refused_patch_opens_nothing() {
    let repository = repository();
    let finished =
        run(&repository, &[&plan("app.py", r#"{"import": "sys"}"#)], Scripted::mended(repository.mirror())).await;
    let (code, message) = stopped(&finished);
    assert_eq!(code, OutcomeCode::PatchRefused);
    assert!(message.contains("[still_used]"), "{message}");
}

#[tokio::test]
async fn a_patch_that_policy_denies_opens_nothing() {
    let repository = repository();
    let mut pipeline = Pipeline::new(
        FakePlanSource::answering([good_plan()]),
        Scripted::mended(repository.mirror()),
        never(),
        MemoryRunStore::default(),
    );
    let policy = SafetyPolicy::from_toml("version = 1\n[limits]\nlines_removed_max = 0\n").unwrap();
    pipeline.policy = PolicyEngine::new(policy).unwrap();
    let finished = pipeline.run(&repository.failure("event-1", "log"), &repository.snapshot()).await.unwrap();
    assert_eq!(stopped(&finished).0, OutcomeCode::PatchDenied);
}

#[tokio::test]
async fn a_failing_validation_opens_nothing() {
    for (status, expected) in [
        (CheckStatus::Failed, OutcomeCode::ValidationFailed),
        (CheckStatus::NothingRan, OutcomeCode::NothingRan),
        (CheckStatus::TimedOut, OutcomeCode::TimedOut),
    ] {
        let repository = repository();
        let validator = Scripted::new(repository.mirror(), CheckStatus::Failed, status);
        assert_eq!(stopped(&run(&repository, &[&good_plan()], validator).await).0, expected);
    }
}

#[tokio::test]
async fn an_invalid_plan_is_repaired_at_most_twice() {
    let repository = repository();
    let finished = run(&repository, &["{}", "[]", "no", &good_plan()], Scripted::mended(repository.mirror())).await;
    assert_eq!(stopped(&finished).0, OutcomeCode::PlanInvalid);

    let finished = run(&repository, &["{}", "{}", &good_plan()], Scripted::mended(repository.mirror())).await;
    assert!(stopped(&finished).1.contains("[repeated]"), "{:?}", finished.outcome);
}

#[tokio::test]
async fn a_repaired_plan_goes_on() {
    let repository = repository();
    let mut sink = MockPrSink::new();
    sink.expect_open().once().returning(|_, change| {
        let draft = change.draft();
        let opened = PullRequest::new(PrStatus::Open, &draft.branch, draft.labels.clone());
        Box::pin(async move { Ok(opened) })
    });
    let source = FakePlanSource::answering(["{}".to_owned(), good_plan()]);
    let pipeline = Pipeline::new(source, Scripted::mended(repository.mirror()), sink, MemoryRunStore::default());
    let failure = repository.failure("event-1", "log");
    let finished = pipeline.run(&failure, &repository.snapshot()).await.unwrap();
    assert_eq!(finished.outcome.code(), OutcomeCode::Opened);
    // Delivered again, it is the same run: nobody is asked, and nothing is opened twice.
    let again = pipeline.run(&failure, &repository.snapshot()).await.unwrap();
    assert_eq!(again.outcome, finished.outcome);
}

/// A validator whose command changes between red and green, as by a restart with another configuration.
struct Fickle(Scripted);

impl Validator for Fickle {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let command = if matches!(subject, Subject::Baseline) { "exit 1" } else { "exit 0" };
        let mut report = self.0.validate(run, subject).await?;
        report.commands.push(CommandRecord {
            phase: Phase::Check,
            command: command.to_owned(),
            exit_code: Some(0),
            duration_ms: 1,
        });
        Ok(report)
    }
}

#[tokio::test]
async fn red_by_one_command_and_green_by_another_proves_nothing() {
    let repository = repository();
    let validator = Fickle(Scripted::mended(repository.mirror()));
    let pipeline =
        Pipeline::new(FakePlanSource::answering([good_plan()]), validator, never(), MemoryRunStore::default());
    let finished = pipeline.run(&repository.failure("event-1", "log"), &repository.snapshot()).await.unwrap();
    assert_eq!(stopped(&finished).0, OutcomeCode::Changed);
}

/// Two failures that are not the same failure prove nothing either.
#[tokio::test]
async fn checks_that_fail_in_different_ways_are_flaky() {
    struct Wanders(std::sync::atomic::AtomicU64);
    impl Validator for Wanders {
        async fn validate(&self, _: &RunContext, _: Subject<'_>) -> Result<Report, AdapterError> {
            let failed = 1 + self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(Report::new(CheckStatus::Failed, "tree").with_tests(9, failed))
        }
    }
    let case = Case::missing_dependency();
    let mut pipeline =
        Pipeline::new(MockPlanSource::new(), Wanders(Default::default()), never(), MemoryRunStore::default());
    pipeline.repeats = std::num::NonZeroU32::new(2).unwrap();
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    let expected = "without a patch, 2 checks failed in 2 different ways";
    assert_eq!(stopped(&finished), (OutcomeCode::Flaky, expected));
}

/// Evidence that the log does not hold is a violation like any other, and can be repaired.
#[tokio::test]
async fn evidence_must_be_in_the_log() {
    let repository = repository();
    let invented = good_plan().replace(r#""evidence": []"#, r#""evidence": ["app.py:1: F401 os"]"#);
    let finished = run(&repository, &[&invented], Scripted::mended(repository.mirror())).await;
    assert_eq!(stopped(&finished).0, OutcomeCode::NoPlan, "asked again, the source has no more answers");
}

/// What is stored, and shown to a plan source, holds no secret of the log.
#[tokio::test]
async fn secrets_never_reach_the_journal() {
    let repository = repository();
    let validator = Scripted::mended(repository.mirror());
    let mut pipeline = Pipeline::new(FakePlanSource::default(), validator, never(), MemoryRunStore::default());
    pipeline.redactor = fix_plan::Redactor::new(["our-own-secret"]);
    let failure = repository.failure("event-1", "PASSWORD=hunter2hunter2\nsent our-own-secret\n");
    let finished = pipeline.run(&failure, &repository.snapshot()).await.unwrap();
    let journal = pipeline.run_store.load(finished.run).await.unwrap();
    let stored: String = journal.iter().map(fix_pipeline::Entry::to_json).collect();
    assert!(stored.contains("PASSWORD=[redacted password]"), "{stored}");
    assert!(!stored.contains("hunter2") && !stored.contains("our-own-secret"), "{stored}");
}

/// Whatever port it comes from, in whichever field.
#[tokio::test]
async fn no_adapter_brings_a_secret_into_the_journal() {
    const SECRET: &str = "our-own-secret";
    struct Talkative(FakeForge);
    impl Validator for Talkative {
        async fn validate(&self, _: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
            let (status, code) = match subject {
                Subject::Baseline => (CheckStatus::Failed, 1),
                Subject::Patched(_) => (CheckStatus::Passed, 0),
            };
            let mut report = Report::new(status, format!("tree {code} {SECRET}")).with_tests(1, u64::from(code == 1));
            report.sandbox = format!("a box {SECRET}");
            report.output_tail = format!("{SECRET}\nE   ModuleNotFoundError: No module named 'requests'\n");
            report.commands.push(CommandRecord {
                phase: Phase::Check,
                command: format!("env KEY={SECRET} INDEX=https://user:hunter2hunter2@h/ python -m unittest"),
                exit_code: Some(code),
                duration_ms: 1,
            });
            Ok(report)
        }
    }
    impl PrSink for Talkative {
        async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
            let opened = self.0.open(run, change).await?;
            Ok(opened.with_url(format!("https://user:{SECRET}@h/1")))
        }

        async fn find(&self, run: &RunContext, at: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
            self.0.find(run, at).await
        }
    }
    let case = Case::missing_dependency();
    let plan = case.plan.replacen("tests import", &format!("{SECRET} at https://u:hunter2hunter2@h/ tests import"), 1);
    let sink = Talkative(FakeForge::default());
    let source = FakePlanSource::answering([plan]);
    let mut pipeline = Pipeline::new(source, Talkative(FakeForge::default()), sink, MemoryRunStore::default());
    pipeline.redactor = fix_plan::Redactor::new([SECRET]);
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    assert_eq!(finished.outcome.code(), OutcomeCode::Opened);
    let journal = pipeline.run_store.load(finished.run).await.unwrap();
    let stored: String = journal.iter().map(fix_pipeline::Entry::to_json).collect();
    let published = format!("{:?}", pipeline.pr_sink.0.pull_requests());
    for text in [stored, published, format!("{:?}", finished.record)] {
        assert!(text.contains("[redacted secret]"), "{text}");
        assert!(!text.contains(SECRET) && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn what_is_already_so_is_no_change() {
    let repository = TestRepository::new(&[("requirements.txt", "requests==2.31.0\n")]);
    let plan = r#"{"root_cause": "x", "category": "python_missing_dependency", "confidence": 1, "files": ["requirements.txt"],
        "operations": [{"type": "add_dependency", "file": "requirements.txt", "details": {"name": "Requests", "spec": "==2.31.0"},
        "rationale": "r", "evidence": []}]}"#;
    let finished = run(&repository, &[plan], Scripted::mended(repository.mirror())).await;
    assert_eq!(stopped(&finished).0, OutcomeCode::NoChange);
}

/// A sink can be chosen at run time, and still takes nothing but a validated change.
#[test]
fn mocks_and_twins_are_sinks() {
    fn is_a_sink<S: PrSink>() {}
    is_a_sink::<MockPrSink>();
    is_a_sink::<std::sync::Arc<dyn fix_pipeline::dynamic::DynPrSink>>();
}

/// Every way a run can end is in the table of the page on the pipeline.
#[test]
fn every_outcome_is_documented() {
    let page = include_str!("../docs/pipeline.md");
    for code in OutcomeCode::ALL {
        assert!(page.contains(&format!("`{code}`")), "{code} is not in docs/pipeline.md");
    }
}

/// The baseline fails with something else than the log told: no model is asked.
#[tokio::test]
async fn another_failure_is_not_this_one() {
    struct Another;
    impl Validator for Another {
        async fn validate(&self, _: &RunContext, _: Subject<'_>) -> Result<Report, AdapterError> {
            let mut report = Report::new(CheckStatus::Failed, "tree").with_tests(1, 1);
            report.output_tail = "ModuleNotFoundError: No module named 'yaml'\n".to_owned();
            Ok(report)
        }
    }
    let repository = repository();
    let mut source = MockPlanSource::new();
    source.expect_propose().never();
    let pipeline = Pipeline::new(source, Another, never(), MemoryRunStore::default());
    let failure = repository.failure("event-1", "ModuleNotFoundError: No module named 'requests'\n");
    let finished = pipeline.run(&failure, &repository.snapshot()).await.unwrap();
    assert_eq!(stopped(&finished).0, OutcomeCode::DifferentFailure);
}

/// Nor with something that nobody knows, where all of what it printed is there.
#[tokio::test]
async fn an_unknown_failure_is_not_this_one() {
    struct Prints(String);
    impl Validator for Prints {
        async fn validate(&self, _: &RunContext, _: Subject<'_>) -> Result<Report, AdapterError> {
            let mut report = Report::new(CheckStatus::Failed, "tree").with_tests(1, 1);
            report.output_tail = self.0.clone();
            Ok(report)
        }
    }
    let case = Case::missing_dependency();
    for (printed, expected) in [
        ("AssertionError: 1 != 2\n".to_owned(), OutcomeCode::DifferentFailure),
        // It may have printed it before.
        ("AssertionError: 1 != 2\n".repeat(1_000), OutcomeCode::NoPlan),
        (String::new(), OutcomeCode::NoPlan),
    ] {
        let pipeline = Pipeline::new(FakePlanSource::default(), Prints(printed), never(), MemoryRunStore::default());
        let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
        assert_eq!(stopped(&finished).0, expected);
    }
}

/// Checks that disagree with themselves prove nothing, in red and in green.
#[tokio::test]
async fn flaky_checks_end_a_run() {
    use CheckStatus::{Failed, Passed};
    for (verdicts, expected) in [
        (&[Failed, Failed, Passed][..], "without a patch, 2 of 3 checks ended as failed"),
        (&[Failed, Failed, Failed, Passed, Passed, Failed], "with the patch, 2 of 3 checks ended as passed"),
    ] {
        let case = Case::missing_dependency();
        let validator = fix_pipeline::testing::FakeValidator::red_then_green();
        for verdict in verdicts {
            validator.then(Ok(*verdict));
        }
        let source = FakePlanSource::answering([case.plan.clone()]);
        let mut pipeline = Pipeline::new(source, validator, never(), MemoryRunStore::default());
        pipeline.repeats = std::num::NonZeroU32::new(3).unwrap();
        let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
        assert_eq!(stopped(&finished), (OutcomeCode::Flaky, expected));
    }
}

/// Who schedules runs may give one up; what is over stays as it is.
#[tokio::test]
async fn an_abandoned_run_is_over_and_recorded() {
    let case = Case::missing_dependency();
    let validator = fix_pipeline::testing::FakeValidator::red_then_green();
    validator.then(Err(fix_pipeline::AdapterErrorKind::Unavailable));
    let source = FakePlanSource::answering([case.plan.clone()]);
    let pipeline = Pipeline::new(source, validator, never(), MemoryRunStore::default());
    assert!(pipeline.run(&case.failure, &case.tree).await.unwrap_err().is_transient());
    let finished = pipeline.abandon(&case.failure, "its worker crashed 3 times").await.unwrap();
    assert_eq!(stopped(&finished), (OutcomeCode::Abandoned, "its worker crashed 3 times"));
    let again = pipeline.run(&case.failure, &case.tree).await.unwrap();
    assert_eq!(again.outcome, finished.outcome);
}

/// What adapters hand in is bounded before it is kept.
#[tokio::test]
async fn an_endless_answer_is_cut() {
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering(vec!["ü".repeat(10_000_000); 3]);
    let validator = fix_pipeline::testing::FakeValidator::red_then_green();
    let pipeline = Pipeline::new(source, validator, never(), MemoryRunStore::default());
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    assert_eq!(stopped(&finished).0, OutcomeCode::PlanInvalid);
    for entry in pipeline.run_store.load(finished.run).await.unwrap() {
        if let Event::PlanProposed { round } = entry.event() {
            assert!(round.text.len() <= fix_plan::limits::PLAN_BYTES_MAX, "{}", round.text.len());
            assert_eq!(round.finish, fix_pipeline::FinishRecord::Truncated);
        }
    }
}

/// "Passed" beside a failed command, a failed test or the tree of the baseline is not believed.
#[tokio::test]
async fn a_verdict_that_contradicts_itself_opens_nothing() {
    use fix_pipeline::{CommandRecord, Phase, Report, Subject};
    struct Contradicts(fn(&mut Report));
    impl Validator for Contradicts {
        async fn validate(&self, _: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
            let check = |exit_code| CommandRecord {
                phase: Phase::Check,
                command: "pytest".to_owned(),
                exit_code: Some(exit_code),
                duration_ms: 1,
            };
            Ok(match subject {
                Subject::Baseline => {
                    let mut report = Report::new(CheckStatus::Failed, "base").with_tests(2, 1);
                    report.commands.push(check(1));
                    report
                }
                Subject::Patched(_) => {
                    let mut report = Report::new(CheckStatus::Passed, "patched").with_tests(2, 0);
                    report.commands.push(check(0));
                    (self.0)(&mut report);
                    report
                }
            })
        }
    }
    let ways: [fn(&mut Report); 4] = [
        |report| report.tests_failed = 1,
        |report| report.commands[0].exit_code = Some(1),
        |report| report.tree = "base".to_owned(),
        |report| report.tree.clear(),
    ];
    for way in ways {
        let case = Case::missing_dependency();
        let source = FakePlanSource::answering([case.plan.clone()]);
        let pipeline = Pipeline::new(source, Contradicts(way), never(), MemoryRunStore::default());
        let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
        assert_eq!(stopped(&finished).0, OutcomeCode::ValidationFailed);
    }
}

/// Says what it is told to.
struct Says(fn(&mut Report));

impl Validator for Says {
    async fn validate(&self, _: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let (status, tree, failed) = match subject {
            Subject::Baseline => (CheckStatus::Failed, "base", 1),
            Subject::Patched(_) => (CheckStatus::Passed, "patched", 0),
        };
        let mut report = Report::new(status, tree).with_tests(2, failed);
        (self.0)(&mut report);
        Ok(report)
    }
}

async fn says(says: fn(&mut Report)) -> (Finished, MemoryRunStore, FakeForge) {
    let (case, forge) = (Case::missing_dependency(), FakeForge::default());
    let source = FakePlanSource::answering([case.plan.clone()]);
    let pipeline = Pipeline::new(source, Says(says), forge, MemoryRunStore::default());
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    (finished, pipeline.run_store, pipeline.pr_sink)
}

fn check(exit_code: i32) -> CommandRecord {
    let command = "python -m pytest".to_owned();
    CommandRecord { phase: Phase::Check, command, exit_code: Some(exit_code), duration_ms: 1 }
}

/// A red that is green by its own commands reproduces nothing.
#[tokio::test]
async fn a_failure_of_nothing_is_none() {
    let (finished, _, forge) = says(|report| {
        report.tests_failed = 0;
        report.commands.push(check(0));
    })
    .await;
    assert_eq!(stopped(&finished).0, OutcomeCode::BaselineUnusable, "{finished:?}");
    assert_eq!(forge.pull_requests().len(), 0);
}

/// What adapters say is stored again and again: so much of it, and no more.
#[tokio::test]
async fn what_a_validator_says_is_bounded() {
    let (finished, store, _) = says(|report| {
        report.output_tail = format!("{}the end", "é".repeat(1 << 20));
        report.sandbox = "s".repeat(1 << 20);
        report.commands.push(check(i32::from(report.status == CheckStatus::Failed)));
        report.commands[0].command = "c".repeat(1 << 20);
    })
    .await;
    assert_eq!(finished.outcome.code(), OutcomeCode::Opened);
    let entries = store.load(finished.run).await.unwrap();
    let longest = entries.iter().map(|entry| entry.to_json().len()).max().unwrap();
    assert!(longest < 256 << 10, "{longest} bytes");
    assert!(finished.record.baseline.unwrap().output_tail.ends_with("éthe end"));

    let (finished, _, forge) = says(|report| report.commands = vec![check(0); 1_001]).await;
    let (code, message) = stopped(&finished);
    assert!(code == OutcomeCode::AdapterFailed && message.contains("1001 commands"), "{message}");
    assert_eq!(forge.pull_requests().len(), 0);
}

/// What a sink answers is shown to people: without secrets, and without what moves their cursors.
#[tokio::test]
async fn what_a_sink_answers_is_cleaned() {
    struct Says(FakeForge);
    impl PrSink for Says {
        async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
            let mut opened = self.0.open(run, change).await?;
            let secret = "ghp_0123456789abcdefghijABCDEFGHIJ456789";
            opened.labels = (0..200).map(|_| format!("\u{1b}[2J{secret}")).collect();
            Ok(opened.with_commit(secret).with_url(format!("https://forge.example/\r\n{}", "x".repeat(1 << 20))))
        }

        async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
            self.0.find(run, announced).await
        }
    }
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let validator = fix_pipeline::testing::FakeValidator::red_then_green();
    let pipeline = Pipeline::new(source, validator, Says(FakeForge::default()), MemoryRunStore::default());
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    let Outcome::Opened(opened) = &finished.outcome else { panic!("{finished:?}") };
    let text = format!("{opened:?}");
    assert!(!text.contains("ghp_0123") && !text.contains("u{1b}") && text.len() < 64 << 10, "{text}");
    assert_eq!(opened.labels.len(), 100);
}
