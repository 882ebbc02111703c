//! Stored runs, derived again: wherever they ended.

use fix_patch::{MemoryTree, PatchGenerator, PatchOptions, SourceBlob, SourceTree, TreeError};
use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator};
use fix_pipeline::{
    CheckStatus, Entry, Journal, MemoryRunStore, OutcomeCode, Pipeline, ReplayError, Replayed, RunRecord,
    RunStore as _, replay,
};
use fix_plan::RepoPath;
use fix_policy::{PolicyEngine, SafetyPolicy};

/// A run that ended so, and the files that it was about.
async fn run(case: &Case, answers: &[&str], validator: FakeValidator, expected: OutcomeCode) -> Vec<Entry> {
    let source = FakePlanSource::answering(answers.iter().copied());
    let pipeline = Pipeline::new(source, validator, FakeForge::default(), MemoryRunStore::default());
    let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
    assert_eq!(finished.outcome.code(), expected, "{:?}", finished.outcome);
    pipeline.run_store.load(finished.run).await.unwrap()
}

fn replayed(
    entries: Vec<Entry>,
    policy: &PolicyEngine,
    tree: Option<&dyn SourceTree>,
) -> Vec<(&'static str, Replayed)> {
    let journal = Journal::replay(entries).unwrap();
    replay(&journal, policy, &PatchGenerator::default(), &PatchOptions::default(), tree).unwrap()
}

fn outcome(stages: &[(&'static str, Replayed)]) -> Replayed {
    stages.iter().find(|(stage, _)| *stage == "outcome").unwrap().1.clone()
}

/// Each end that follows from what is stored is derived, and is the same.
#[tokio::test]
async fn every_end_is_derived_again() {
    let case = Case::missing_dependency();
    let denied = case.plan.replace("\"requirements.txt\"", "\".github/requirements.txt\"");
    let unsupported = case.plan.replace("python_missing_dependency", "docker_build");
    let elsewhere = case.plan.replace("\"requirements.txt\"", "\"requirements-dev.txt\"");
    let already = case.plan.replace("\"requests\"", "\"flask\"").replace(">=2.31,<3", "==3.0.0");
    let red = FakeValidator::red_then_green;
    let ended = FakeValidator::new;
    let plan = case.plan.as_str();
    let rows: [(&[&str], FakeValidator, OutcomeCode); 9] = [
        (&[plan], red(), OutcomeCode::Opened),
        (&["{}", plan], red(), OutcomeCode::Opened),
        (&[], ended(CheckStatus::Passed, CheckStatus::Passed), OutcomeCode::AlreadyGreen),
        (&["{}", "{}"], red(), OutcomeCode::PlanInvalid),
        (&[&denied], red(), OutcomeCode::PlanDenied),
        (&[&unsupported], red(), OutcomeCode::PlanUnsupported),
        (&[&elsewhere], red(), OutcomeCode::PatchRefused),
        (&[&already], red(), OutcomeCode::NoChange),
        (&[plan], ended(CheckStatus::Failed, CheckStatus::Failed), OutcomeCode::ValidationFailed),
    ];
    for (answers, validator, expected) in rows {
        let entries = run(&case, answers, validator, expected).await;
        let stages = replayed(entries, &PolicyEngine::default(), Some(&case.tree));
        assert!(stages.iter().all(|(_, replayed)| *replayed == Replayed::Same), "{expected}: {stages:?}");
        assert_eq!(outcome(&stages), Replayed::Same);
    }
}

/// What an adapter said is no derivation's to repeat, and what needs the files says so without them.
#[tokio::test]
async fn what_cannot_be_derived_says_why() {
    let case = Case::missing_dependency();
    let entries = run(&case, &[], FakeValidator::red_then_green(), OutcomeCode::NoPlan).await;
    let stages = replayed(entries, &PolicyEngine::default(), Some(&case.tree));
    assert!(
        matches!(outcome(&stages), Replayed::LeftOut { why } if why.contains("an adapter or a person")),
        "{stages:?}"
    );
    let entries = run(&case, &[&case.plan], FakeValidator::red_then_green(), OutcomeCode::Opened).await;
    let stages = replayed(entries, &PolicyEngine::default(), None);
    assert!(matches!(outcome(&stages), Replayed::LeftOut { why } if why.contains("files")), "{stages:?}");
}

/// Another policy, other files: named where they make a difference.
#[tokio::test]
async fn what_differs_is_named() {
    let case = Case::missing_dependency();
    let entries = run(&case, &[&case.plan], FakeValidator::red_then_green(), OutcomeCode::Opened).await;
    let strict = SafetyPolicy::from_toml("version = 1\n[limits]\nlines_added_max = 0\n").unwrap();
    let stages = replayed(entries.clone(), &PolicyEngine::new(strict).unwrap(), Some(&case.tree));
    let differing = |stages: &[(&'static str, Replayed)]| -> Vec<&'static str> {
        let differs = stages.iter().filter(|(_, replayed)| matches!(replayed, Replayed::Differs { .. }));
        differs.map(|(stage, _)| *stage).collect()
    };
    assert_eq!(differing(&stages), ["policy", "patch_decision"]);
    let other: MemoryTree =
        std::iter::once(("requirements.txt".parse().unwrap(), "flask==3.0.0\nrequests==2.31.0\n".into())).collect();
    let stages = replayed(entries, &PolicyEngine::default(), Some(&other));
    assert_eq!(differing(&stages), ["patch"]);

    // Ended for want of a change, and now there is one.
    let already = case.plan.replace("\"requests\"", "\"flask\"").replace(">=2.31,<3", "==3.0.0");
    let entries = run(&case, &[&already], FakeValidator::red_then_green(), OutcomeCode::NoChange).await;
    let empty: MemoryTree = std::iter::once(("requirements.txt".parse().unwrap(), "\n".into())).collect();
    let stages = replayed(entries, &PolicyEngine::default(), Some(&empty));
    assert_eq!(differing(&stages), ["outcome"]);
}

#[tokio::test]
async fn nothing_to_derive_from_is_an_error() {
    struct Unreadable;
    impl SourceTree for Unreadable {
        fn read(&self, path: &RepoPath) -> Result<SourceBlob, TreeError> {
            Err(TreeError::Unreadable { path: path.clone(), source: "torn".into() })
        }

        fn exists(&self, path: &RepoPath) -> Result<bool, TreeError> {
            Err(TreeError::Unreadable { path: path.clone(), source: "torn".into() })
        }
    }
    let replay = |journal: &Journal, tree: &dyn SourceTree| {
        replay(journal, &PolicyEngine::default(), &PatchGenerator::default(), &PatchOptions::default(), Some(tree))
    };
    let case = Case::missing_dependency();
    assert!(matches!(replay(&Journal::default(), &case.tree), Err(ReplayError::Empty)));
    let entries = run(&case, &[&case.plan], FakeValidator::red_then_green(), OutcomeCode::Opened).await;
    let journal = Journal::replay(entries).unwrap();
    assert!(matches!(replay(&journal, &Unreadable), Err(ReplayError::Snapshot(_))));
}

/// Journals that this version of the format wrote, read by whatever comes after: byte for byte, until the version of an
/// entry changes. `FIX_BLESS=1` writes them anew, beside such a change.
#[tokio::test]
async fn kept_journals_stay_readable() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("journals");
    let case = Case::missing_dependency();
    if std::env::var_os("FIX_BLESS").is_some() {
        let red = FakeValidator::red_then_green;
        let plan = case.plan.as_str();
        let denied = case.plan.replace("\"requirements.txt\"", "\".github/requirements.txt\"");
        for (answers, expected) in [
            (&["{}", plan][..], OutcomeCode::Opened),
            (&["{}", "{}"], OutcomeCode::PlanInvalid),
            (&[&denied], OutcomeCode::PlanDenied),
            (&[], OutcomeCode::NoPlan),
        ] {
            let entries = run(&case, answers, red(), expected).await;
            let text: String = entries.iter().map(|entry| entry.to_json() + "\n").collect();
            std::fs::write(folder.join(format!("{expected}.jsonl")), text).unwrap();
        }
    }
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let entries: Vec<Entry> = text.lines().map(|line| Entry::from_json(line).expect(line)).collect();
        let written: String = entries.iter().map(|entry| entry.to_json() + "\n").collect();
        assert_eq!(written, text, "{}", file.display());
        Journal::replay(entries.clone()).unwrap();
        let outcome = RunRecord::fold(&entries).outcome().unwrap();
        assert_eq!(outcome.code().as_str(), file.file_stem().unwrap());
        seen += 1;
    }
    assert_eq!(seen, 4);
}
