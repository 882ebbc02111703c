//! Every order of events, up to the longest legal run: the table accepts exactly the legal ones.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "that is how a test says no")]

use std::collections::BTreeSet;

use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator};
use fix_pipeline::{
    CheckStatus, Event, Journal, MemoryRunStore, OutcomeCode, Pipeline, PrStatus, RunStore as _, State, Verdict,
};

/// An event, as far as the table looks at it.
type Letter = &'static str;

/// What may stand between the baseline and the review of a plan: rounds that end with a valid plan…
const GOOD_ROUNDS: [&[Letter]; 3] =
    [&["valid 0"], &["mendable 0", "valid 1"], &["mendable 0", "mendable 1", "valid 2"]];
/// … and rounds that end without one.
const BAD_ROUNDS: [&[Letter]; 4] = [
    &["hopeless 0"],
    &["mendable 0", "hopeless 1"],
    &["mendable 0", "mendable 1", "hopeless 2"],
    &["mendable 0", "mendable 1", "mendable 2"],
];
const LETTERS: [Letter; 29] = [
    "started",
    "red",
    "not red",
    "flaky",
    "fickle",
    "valid 0",
    "valid 1",
    "valid 2",
    "valid 3",
    "mendable 0",
    "mendable 1",
    "mendable 2",
    "mendable 3",
    "hopeless 0",
    "hopeless 1",
    "hopeless 2",
    "plan allowed",
    "plan denied",
    "patch",
    "patch allowed",
    "patch denied",
    "green",
    "not green",
    "opening",
    "opened",
    "opened closed",
    "decided",
    "decided open",
    "stopped opened",
];

/// Written down again, in another way than the table: every legal run, and with it each of its beginnings.
fn legal() -> BTreeSet<Vec<Letter>> {
    let mut runs: Vec<Vec<Letter>> = ["not red", "flaky", "fickle"].map(|baseline| vec!["started", baseline]).to_vec();
    for rounds in BAD_ROUNDS {
        runs.push([&["started", "red"], rounds].concat());
    }
    for rounds in GOOD_ROUNDS {
        let planned = [&["started", "red"], rounds].concat();
        for rest in [
            &["plan denied"][..],
            &["plan allowed", "patch", "patch denied"],
            &["plan allowed", "patch", "patch allowed", "not green"],
            &["plan allowed", "patch", "patch allowed", "green", "opening", "opened"],
            &["plan allowed", "patch", "patch allowed", "green", "opening", "decided"],
        ] {
            runs.push([&planned, rest].concat());
        }
    }
    let mut legal = BTreeSet::new();
    for run in runs {
        for end in 0..=run.len() {
            let beginning = run[..end].to_vec();
            // Anything that began, and did not end, may be stopped.
            if end > 0 && !matches!(beginning.last(), Some(&("opened" | "decided"))) {
                legal.insert([&beginning[..], &["stopped"]].concat());
            }
            legal.insert(beginning);
        }
    }
    legal
}

#[tokio::test]
async fn the_table_accepts_what_is_legal_and_nothing_else() {
    let legal = legal();
    let events = Events::of_a_real_run().await;
    let longest = legal.iter().map(Vec::len).max().unwrap();
    let mut seen = BTreeSet::new();
    let mut tried = 0;
    let mut frontier = vec![(Vec::new(), Journal::default())];
    while let Some((run, journal)) = frontier.pop() {
        assert!(run.len() <= longest, "{run:?} is longer than any legal run");
        seen.insert(run.clone());
        // Other terms change nothing of where a run is, so that nothing is to be tried behind them.
        let resumed = journal.next(events.get("resumed"));
        let goes_on = journal.state() != State::New && !journal.state().is_terminal();
        assert_eq!(resumed.is_ok(), goes_on, "{run:?}, resumed: {resumed:?}");
        if let Ok(entry) = resumed {
            let mut journal = journal.clone();
            let before = journal.state();
            journal.push(entry).unwrap();
            assert_eq!(journal.state(), before);
        }
        for letter in LETTERS.into_iter().chain(["stopped"]) {
            tried += 1;
            let longer = [&run[..], &[letter]].concat();
            let next = journal.next(events.get(letter));
            assert_eq!(next.is_ok(), legal.contains(&longer), "{longer:?}: {next:?}");
            if let Ok(entry) = next {
                let mut journal = journal.clone();
                journal.push(entry).unwrap();
                frontier.push((longer, journal));
            }
        }
    }
    assert_eq!(seen, legal, "every legal beginning is reached");
    assert!(tried > 1_000);
}

fn verdict(status: CheckStatus, fingerprint: &str) -> Verdict {
    serde_json::from_value(serde_json::json!({"status": status, "tree": "t", "fingerprint": fingerprint})).unwrap()
}

/// Real events, varied in what the table looks at.
struct Events(Vec<Event>);

impl Events {
    async fn of_a_real_run() -> Self {
        let case = Case::missing_dependency();
        let source = FakePlanSource::answering([case.plan.clone()]);
        let store = MemoryRunStore::default();
        let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), FakeForge::default(), store);
        let finished = pipeline.run(&case.failure, &case.tree).await.unwrap();
        let entries = pipeline.run_store.load(finished.run).await.unwrap();
        Self(entries.iter().map(|entry| entry.event().clone()).collect())
    }

    fn get(&self, letter: Letter) -> Event {
        let (kind, argument) = letter.split_once(' ').unwrap_or((letter, ""));
        let name = match (kind, argument) {
            ("red", _) | ("not", "red") | ("flaky" | "fickle", _) => "baseline_checked",
            ("valid" | "mendable" | "hopeless", _) => "plan_proposed",
            ("plan", _) => "plan_reviewed",
            ("patch", "") => "patch_generated",
            ("patch", _) => "patch_reviewed",
            ("green", _) | ("not", "green") => "validated",
            ("opening", _) => "pr_opening",
            ("opened", _) => "pr_opened",
            ("resumed", _) => {
                let Event::Started { terms, .. } = self.get("started") else { unreachable!() };
                return Event::Resumed { terms };
            }
            ("decided", _) => {
                let Event::PrOpened { mut pull_request } = self.get("opened") else { unreachable!() };
                pull_request.status = if argument == "open" { PrStatus::Open } else { PrStatus::Merged };
                return Event::PrDecided { pull_request };
            }
            ("stopped", "opened") => return Event::Stopped { code: OutcomeCode::Opened, message: String::new() },
            ("stopped", _) => return Event::Stopped { code: OutcomeCode::NoPlan, message: String::new() },
            _ => "started",
        };
        let mut event = self.0.iter().find(|event| event.name() == name).unwrap().clone();
        match &mut event {
            Event::BaselineChecked { verdicts, .. } => {
                *verdicts = match kind {
                    "red" => vec![verdict(CheckStatus::Failed, "a"); 2],
                    "flaky" => vec![verdict(CheckStatus::Failed, "a"), verdict(CheckStatus::Passed, "a")],
                    "fickle" => vec![verdict(CheckStatus::Failed, "a"), verdict(CheckStatus::Failed, "b")],
                    _ => vec![verdict(CheckStatus::Passed, "a")],
                };
            }
            Event::Validated { verdicts, .. } => {
                let status = if kind == "green" { CheckStatus::Passed } else { CheckStatus::Failed };
                *verdicts = vec![verdict(status, "a")];
            }
            Event::PlanProposed { round } => {
                let violation = serde_json::json!({"pointer": "", "code": "invalid_json", "message": "is not JSON"});
                round.round = argument.parse().unwrap();
                round.repairable = kind == "mendable";
                if kind != "valid" {
                    round.violations.push(serde_json::from_value(violation).unwrap());
                }
            }
            Event::PlanReviewed { decision, .. } | Event::PatchReviewed { decision } => {
                decision.allowed = argument == "allowed";
            }
            Event::PrOpened { pull_request } if argument == "closed" => pull_request.status = PrStatus::Closed,
            _ => {}
        }
        event
    }
}
