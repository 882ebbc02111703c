//! Validators: ours keep the contract, broken ones are found out.

use fix_adapters::validator::{Bubblewrap, Recipes, SandboxLimits};
use fix_pipeline::testing::{Case, FakeValidator, conformance};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, CheckStatus, CommandRecord, Phase, Report, RunContext, Subject, Validator,
};
use fix_tests::adapters::Scripted;
use fix_tests::repository::TestRepository;

#[tokio::test]
async fn the_fake() {
    let (run, change) = Case::missing_dependency().validated(FakeValidator::red_then_green()).await.unwrap();
    conformance::validator(&FakeValidator::red_then_green(), &run, &change).await.assert();
}

/// A failure that needs no packages.
fn unused_import() -> (TestRepository, Case) {
    let files = [
        ("app.py", "import os\nimport sys\n\n\ndef name():\n    return sys.platform\n"),
        (
            "test_app.py",
            "import ast, unittest\n\n\nclass Unused(unittest.TestCase):\n    def test_no_os(self):\n        names = [alias.name for node in ast.parse(open('app.py').read()).body if isinstance(node, ast.Import) for alias in node.names]\n        self.assertNotIn('os', names)\n",
        ),
    ];
    let repository = TestRepository::new(&files);
    let plan = r#"{"root_cause": "unused", "category": "lint_format", "confidence": 0.9, "files": ["app.py"], "operations":
        [{"type": "remove_unused", "file": "app.py", "details": {"import": "os"}, "rationale": "unused", "evidence": []}]}"#;
    let case = Case {
        failure: repository.failure("event-1", "log"),
        tree: files.into_iter().map(|(path, text)| (path.parse().unwrap(), text.into())).collect(),
        plan: plan.to_owned(),
    };
    (repository, case)
}

/// The check of that failure.
fn unittest() -> Recipes {
    Recipes::Check(vec!["python3 -m unittest".to_owned()])
}

#[tokio::test]
async fn the_sandbox() {
    let (repository, case) = unused_import();
    let validator = match Bubblewrap::new(repository.mirror(), unittest(), SandboxLimits::default()).await {
        Ok(validator) => validator,
        Err(error) if error.kind() == AdapterErrorKind::Unsupported => {
            eprintln!("skipped: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let (run, change) = case.validated(Scripted::mended(repository.mirror())).await.unwrap();
    conformance::validator(&validator, &run, &change).await.assert();
}

#[cfg(feature = "container")]
#[tokio::test]
async fn the_container_of_docker() {
    the_container(fix_tests::engine::Kind::Docker).await;
}

#[cfg(feature = "container")]
#[tokio::test]
async fn the_container_of_podman() {
    the_container(fix_tests::engine::Kind::Podman).await;
}

#[cfg(feature = "container")]
async fn the_container(kind: fix_tests::engine::Kind) {
    let Some(engine) = fix_tests::engine::TestEngine::start(kind) else { return };
    let (repository, case) = unused_import();
    let validator = fix_adapters::validator::Container::new(repository.mirror(), unittest(), engine.options());
    let validator = validator.await.unwrap();
    let (run, change) = case.validated(Scripted::mended(repository.mirror())).await.unwrap();
    conformance::validator(&validator, &run, &change).await.assert();
    drop(validator);
    engine.assert_empty();
}

/// What a broken validator does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    SaysYes,
    RunsNothing,
    ForgetsThePatch,
    ChangesTheCommand,
    PassesOnAFailedCommand,
    FailsOnNothing,
}

struct Broken {
    flaw: Flaw,
    inner: FakeValidator,
}

impl Validator for Broken {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let mut report = self.inner.validate(run, subject).await?;
        let patched = matches!(subject, Subject::Patched(_));
        let command = |command: &str, exit_code| CommandRecord {
            phase: Phase::Check,
            command: command.to_owned(),
            exit_code: Some(exit_code),
            duration_ms: 1,
        };
        match self.flaw {
            Flaw::SaysYes => report.status = CheckStatus::Passed,
            Flaw::RunsNothing => report.tests_run = 0,
            Flaw::ForgetsThePatch => report.tree = "base".to_owned(),
            Flaw::ChangesTheCommand => report.commands.push(command(if patched { "true" } else { "pytest" }, 0)),
            Flaw::FailsOnNothing if !patched => {
                (report.tests_failed, report.commands) = (0, vec![command("pytest", 0)]);
            }
            Flaw::FailsOnNothing => {}
            Flaw::PassesOnAFailedCommand => report.commands.push(command("pytest", 1)),
        }
        Ok(report)
    }
}

#[tokio::test]
async fn broken_validators_are_found_out() {
    let (run, change) = Case::missing_dependency().validated(FakeValidator::red_then_green()).await.unwrap();
    for (flaw, point) in [
        (Flaw::SaysYes, "the_baseline_fails"),
        (Flaw::RunsNothing, "passing_means_that_tests_ran"),
        (Flaw::ForgetsThePatch, "a_patch_makes_another_tree"),
        (Flaw::ChangesTheCommand, "red_and_green_run_the_same_commands"),
        (Flaw::PassesOnAFailedCommand, "passing_means_that_every_command_exited_with_0"),
        (Flaw::FailsOnNothing, "failing_means_that_something_failed"),
    ] {
        let validator = Broken { flaw, inner: FakeValidator::red_then_green() };
        let broken = conformance::validator(&validator, &run, &change).await.broken();
        assert!(broken.contains(&point), "{point} is not in {broken:?}");
    }
}

/// A suite ends whatever an adapter does.
#[tokio::test]
async fn validators_that_never_answer_are_found_out() {
    struct Hangs;
    impl Validator for Hangs {
        async fn validate(&self, _: &RunContext, _: Subject<'_>) -> Result<Report, AdapterError> {
            std::future::pending().await
        }
    }
    let (run, change) = Case::missing_dependency().validated(FakeValidator::red_then_green()).await.unwrap();
    let patience = std::time::Duration::from_millis(1);
    let broken = conformance::validator_within(&Hangs, &run, &change, patience).await.broken();
    assert!(broken.contains(&"every_call_ends"), "{broken:?}");
}
