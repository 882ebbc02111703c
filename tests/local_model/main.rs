//! The plan source `model` with a real model, on real logs. The model is too small to be right; what
//! must hold, must hold whatever it says.

mod server;

use std::time::Duration;

use fix_adapters::plan_source::model::{HttpModel, ModelPlanSource, ModelSpec, Sampling};
use fix_pipeline::testing::FakePlanSource;
use fix_pipeline::testing::mocks::MockPrSink;
use fix_pipeline::{
    CheckStatus, Event, Finished, Journal, MemoryRunStore, Outcome, Pipeline, PlanSource, PrStatus, PullRequest,
    RunStore as _,
};
use fix_plan::limits::REPAIRS_MAX;
use fix_plan::{Dialogue, Finish, FixPlan, Log, Next};
use fix_tests::adapters::Scripted;
use fix_tests::repository::TestRepository;
use server::LocalModel;

/// A project that fails, and what a tool printed about it.
struct Case {
    name: &'static str,
    /// Few, for a model of our own is slow; another may say as much as it likes.
    output_tokens: u32,
    files: &'static [(&'static str, &'static str)],
    log: &'static str,
}

const CASES: [Case; 3] = [
    Case {
        name: "pytest",
        output_tokens: 160,
        files: &[
            (
                "pyproject.toml",
                "[project]\nname = \"shop\"\nversion = \"1.2.0\"\ndependencies = [\n    \"click>=8\",\n]\n",
            ),
            ("shop/__init__.py", ""),
            ("shop/prices.py", "import requests\n"),
            ("tests/test_prices.py", "from shop import prices\n"),
        ],
        log: include_str!("logs/pytest.txt"),
    },
    Case {
        name: "unittest",
        output_tokens: 32,
        files: &[
            ("requirements.txt", "click==8.1.7\n"),
            ("settings.py", "import yaml\n"),
            ("tests/test_settings.py", "import settings\n"),
        ],
        log: include_str!("logs/unittest.txt"),
    },
    Case {
        name: "ruff",
        output_tokens: 32,
        files: &[(
            "report.py",
            "import json\nimport os\nfrom typing import Dict, List, Optional\n\nprint(json, Dict, List)\n",
        )],
        log: include_str!("logs/ruff.txt"),
    },
];

fn source(model: &LocalModel, output_tokens: u32) -> ModelPlanSource<HttpModel> {
    let spec: ModelSpec = "openai:smollm2".parse().unwrap();
    let mut sampling = Sampling::default();
    sampling.output_tokens = output_tokens;
    let mut source = ModelPlanSource::new(spec.connect(Some(model.url()), |_| None).unwrap().with_sampling(sampling));
    // A busy machine is no failure of this test.
    (source.limits.total, source.limits.idle) = (Duration::from_secs(300), Duration::from_secs(120));
    source
}

#[tokio::test]
async fn whatever_a_model_says() {
    let Some(model) = LocalModel::start() else { return };
    for case in &CASES {
        let repository = TestRepository::new(case.files);
        let tokens = if model.is_our_own() { case.output_tokens } else { Sampling::default().output_tokens };
        let (finished, answers) = run(case, &repository, source(&model, tokens), CheckStatus::Passed).await;
        let finishes: Vec<Finish> = answers.iter().map(|(_, finish)| *finish).collect();
        eprintln!("{}: {finishes:?}, {}", case.name, finished.outcome.code());

        // The same answers, and a patch that does not help.
        let texts: Vec<&str> = answers.iter().map(|(text, _)| text.as_str()).collect();
        let (finished, _) = run(
            case,
            &repository,
            FakePlanSource::answering(texts.iter().map(ToString::to_string)),
            CheckStatus::Failed,
        )
        .await;
        assert!(!matches!(finished.outcome, Outcome::Opened(_)), "{}: no pull request without green", case.name);
    }
    the_options_reach_the_model(&model).await;
}

/// Runs a case to its end, checks its journal, and gives the answers.
async fn run(
    case: &Case,
    repository: &TestRepository,
    source: impl PlanSource,
    patched: CheckStatus,
) -> (Finished, Vec<(String, Finish)>) {
    let mut sink = MockPrSink::new();
    let opens = if patched == CheckStatus::Passed { 0..=1 } else { 0..=0 };
    sink.expect_open().times(opens).returning(|_, change| {
        let draft = change.draft();
        let opened = PullRequest::new(PrStatus::Open, &draft.branch, draft.labels.clone());
        Box::pin(async move { Ok(opened) })
    });
    let validator = Scripted::new(repository.mirror(), CheckStatus::Failed, patched);
    let pipeline = Pipeline::new(source, validator, sink, MemoryRunStore::default());
    let finished = pipeline.run(&repository.failure(case.name, case.log), &repository.snapshot()).await.unwrap();
    let journal = Journal::replay(pipeline.run_store.load(finished.run).await.unwrap()).unwrap();

    // The journal keeps each answer as it came, with the verdict of the strict parser.
    let mut dialogue = Dialogue::default();
    let mut answers = Vec::new();
    let mut plan = None;
    for event in journal.events() {
        let Event::PlanProposed { round } = event else { continue };
        assert!(plan.is_none(), "{}: a valid plan ends the dialogue", case.name);
        let finish = Finish::from(round.finish);
        let valid = match dialogue.answer(&round.text, finish, &Log::from(case.log)) {
            Next::Plan(valid) => {
                assert_eq!(FixPlan::parse(round.text.as_bytes()).as_ref(), Ok(&*valid));
                plan = Some(valid);
                true
            }
            Next::Repair(_) | Next::GiveUp(_) => false,
        };
        assert_eq!(round.violations.is_empty(), valid, "{}: {}", case.name, round.text);
        answers.push((round.text.clone(), finish));
    }
    assert!((1..=REPAIRS_MAX as usize + 1).contains(&answers.len()), "{}: {} rounds", case.name, answers.len());

    // A pull request has a valid plan, a failing baseline, and a green validation before it.
    let names: Vec<&str> = journal.events().map(Event::name).collect();
    if let Outcome::Opened(_) = finished.outcome {
        assert!(
            plan.is_some() && names.ends_with(&["patch_reviewed", "validated", "pr_opening", "pr_opened"]),
            "{names:?}"
        );
    } else {
        assert_eq!(names.last(), Some(&"stopped"), "{names:?}");
    }
    (finished, answers)
}

/// Length, schema, seed: what the server promises, and what we must have asked for rightly to get it.
async fn the_options_reach_the_model(model: &LocalModel) {
    let source = source(model, 24);
    let failure = TestRepository::new(CASES[0].files).failure("event", CASES[0].log);
    let mut prompt = source.prompt(&failure, None).unwrap();
    prompt.system = "You are a friendly person.".to_owned();
    prompt.user = "Hello! How are you?".to_owned();
    let (first, second) = (source.ask(&prompt).await.unwrap(), source.ask(&prompt).await.unwrap());
    assert_eq!((&first.text, first.finish), (&second.text, Finish::Truncated));
    assert_eq!(first.usage.output_tokens, Some(24));
    assert!(first.usage.input_tokens.is_some_and(|tokens| (10..100).contains(&tokens)), "{:?}", first.usage);
    // Nothing but the schema asks for this, and for this first.
    let text: String = first.text.split_whitespace().collect();
    assert!(text.starts_with("{\"root_cause"), "{text}");
}
