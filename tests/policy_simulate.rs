//! What another policy would have decided about recorded runs.

use fix_adapters::run_store::Sqlite;
use fix_adapters::simulate::simulate;
use fix_pipeline::Pipeline;
use fix_pipeline::testing::FakePlanSource;
use fix_pipeline::testing::mocks::MockPrSink;
use fix_policy::{PolicyEngine, SafetyPolicy};
use fix_tests::adapters::Scripted;
use fix_tests::repository::TestRepository;

const PLAN: &str = r#"{"root_cause":"x","category":"lint_format","confidence":1,"files":["app.py"],"operations":[{"type":"remove_unused","file":"app.py","details":{"import":"os"},"rationale":"r","evidence":[]}]}"#;

fn engine(text: &str) -> PolicyEngine {
    PolicyEngine::from_policy_or_deny(SafetyPolicy::from_toml(text))
}

#[tokio::test]
async fn runs_are_decided_again_under_both_policies() {
    let repository = TestRepository::new(&[("app.py", "import os\nimport sys\nprint(sys.path)\n")]);
    let file = repository.home().join("runs.sqlite3");
    let mut pipeline = Pipeline::new(
        FakePlanSource::answering([PLAN, PLAN]),
        Scripted::mended(repository.mirror()),
        MockPrSink::new(),
        Sqlite::open(&file).await.unwrap(),
    );
    // The second run ends at its patch, so that the sink is never asked.
    pipeline.policy = engine("version = 1\n[limits]\nlines_removed_max = 0");
    for event in ["event-1", "event-2"] {
        let finished = pipeline.run(&repository.failure(event, "log"), &repository.snapshot()).await.unwrap();
        assert!(finished.record.patch_diff.is_some());
    }
    let store = Sqlite::open_to_read(&file).await.unwrap();

    let strict = engine("version = 1\n[limits]\nlines_removed_max = 0");
    let simulation =
        simulate(&store, &store.runs(u32::MAX).await.unwrap(), &strict, &PolicyEngine::default()).await.unwrap();
    assert_eq!((simulation.runs, simulation.otherwise(), simulation.differences.len()), (2, 2, 2));
    let patch = &simulation.differences[0];
    assert_eq!((patch.what, patch.old.allowed, patch.new.allowed), ("patch", false, true));
    assert_eq!((patch.gone.len(), patch.came.len()), (1, 0));
    assert_eq!(patch.gone[0].code, "limit_exceeded");

    let simulation =
        simulate(&store, &store.runs(u32::MAX).await.unwrap(), &PolicyEngine::default(), &PolicyEngine::default())
            .await
            .unwrap();
    assert!(simulation.differences.is_empty());

    let simulation = simulate(
        &store,
        &store.runs(u32::MAX).await.unwrap(),
        &PolicyEngine::default(),
        &engine("version = 1\n[paths]\nforbidden = ['*.py']"),
    )
    .await
    .unwrap();
    assert_eq!(
        simulation.differences.iter().map(|found| found.what).collect::<Vec<_>>(),
        ["plan", "patch", "plan", "patch"]
    );
    assert_eq!(simulation.differences[0].came[0].code, "path_forbidden");

    let simulation =
        simulate(&store, &store.runs(u32::MAX).await.unwrap(), &PolicyEngine::default(), &engine("")).await.unwrap();
    assert!(simulation.differences.iter().all(|found| !found.new.allowed), "an empty policy denies");
}
