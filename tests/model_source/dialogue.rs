//! A whole run with a model: the dialogue, the journal, and the pull request.

use fix_adapters::plan_source::model::Api;
use fix_pipeline::testing::mocks::MockPrSink;
use fix_pipeline::testing::{Case, conformance};
use fix_pipeline::{
    Event, Journal, MemoryRunStore, Outcome, OutcomeCode, Pipeline, PrStatus, PullRequest, RunStore as _,
};
use fix_tests::adapters::Scripted;
use fix_tests::repository::TestRepository;

use crate::server::{Server, Step};
use crate::shapes::{reasons, response};
use crate::{PLAN, source};

const FILES: &[(&str, &str)] = &[("a.py", "import os\n\nprint(1)\n")];
const LOG: &str = "a.py:1:1: F401 'os' imported but unused\nAPI_TOKEN=xK9fe2PqWw31";

/// How a run ends, the answers in its journal, and the bodies of the requests.
async fn run(
    repository: &TestRepository,
    api: Api,
    scripts: Vec<Vec<Step>>,
    opened: usize,
) -> (Outcome, Vec<String>, Vec<String>) {
    let server = Server::start(scripts).await;
    let mut sink = MockPrSink::new();
    sink.expect_open().times(opened).returning(|_, change| {
        let draft = change.draft();
        let opened = PullRequest::new(PrStatus::Open, &draft.branch, draft.labels.clone());
        Box::pin(async move { Ok(opened) })
    });
    let validator = Scripted::mended(repository.mirror());
    let pipeline = Pipeline::new(source(api, &server), validator, sink, MemoryRunStore::default());
    let finished = pipeline.run(&repository.failure("event-1", LOG), &repository.snapshot()).await.unwrap();
    let journal = Journal::replay(pipeline.run_store.load(finished.run).await.unwrap()).unwrap();
    let answers = journal.events().filter_map(|event| match event {
        Event::PlanProposed { round } => {
            assert_eq!(round.source, format!("{api}:small"));
            Some(round.text.clone())
        }
        _ => None,
    });
    (finished.outcome, answers.collect(), server.requests().into_iter().map(|request| request.body).collect())
}

#[tokio::test]
async fn an_invalid_answer_is_mended_and_both_are_kept() {
    let repository = TestRepository::new(FILES);
    for api in Api::ALL {
        let (stop, cut, _) = reasons(api);
        // Cut, and in prose: each has its own words in the repair.
        let fenced = format!("```json\n{PLAN}\n```");
        let scripts =
            vec![response(api, "{\"root_cause\": \"a", cut), response(api, &fenced, stop), response(api, PLAN, stop)];
        let (outcome, answers, bodies) = run(&repository, api, scripts, 1).await;
        assert!(matches!(outcome, Outcome::Opened(_)), "{outcome:?}");
        assert_eq!(answers, ["{\"root_cause\": \"a", &fenced, PLAN], "{api}");
        assert!(bodies[1].contains("was cut at the limit") && bodies[2].contains("markdown_fence"), "{api}");
        assert!(bodies.iter().all(|body| body.contains("F401 'os'") && !body.contains("xK9fe2PqWw31")), "{api}");
    }
}

#[tokio::test]
async fn no_answer_opens_anything_by_itself() {
    let repository = TestRepository::new(FILES);
    for api in Api::ALL {
        let (stop, _, refusal) = reasons(api);
        let say = |text: &str| response(api, text, stop);
        let mut cases = vec![
            (vec![say(""), say("1"), say("2")], 3, "empty, and twice no plan"),
            (vec![say("no"), say("no")], 2, "the same again"),
            (vec![say(&PLAN.replace("a.py", "../a.py"))], 1, "an attempt gets no second try"),
            (vec![say(&PLAN.replace("{\"root_cause\"", "{\"auto_merge\": true, \"root_cause\""))], 1, "another field"),
        ];
        if let Some(reason) = refusal {
            cases.push((vec![response(api, PLAN, reason)], 1, "a refusal, though it parses"));
        }
        for (scripts, rounds, what) in cases {
            let (outcome, answers, _) = run(&repository, api, scripts, 0).await;
            let Outcome::Stopped { code, message } = outcome else { panic!("{api} {what}") };
            assert_eq!((code, answers.len()), (OutcomeCode::PlanInvalid, rounds), "{api} {what}: {message}");
        }
    }
}

/// The contract of plan sources, with a model that says the same each time, and one that says nothing of use.
#[tokio::test]
async fn the_contract_is_kept() {
    let case = Case::missing_dependency();
    for api in Api::ALL {
        let (stop, cut, _) = reasons(api);
        for (text, end) in [(case.plan.as_str(), stop), ("{\"root_cause\": \"a", cut), ("no", stop)] {
            let server = Server::start(vec![response(api, text, end); 4]).await;
            conformance::plan_source(&source(api, &server), &case.failure, &case.tree).await.assert();
        }
    }
}
