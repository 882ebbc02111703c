//! The contract of a run store.

use std::fmt::Debug;
use std::pin::{Pin, pin};
use std::slice::from_ref;
use std::time::Duration;

use fix_patch::{PatchGenerator, PatchOptions};
use fix_policy::PolicyEngine;

use super::{Conformance, Patient, polled};
use crate::budget::Budgets;
use crate::error::{AdapterError, AdapterErrorKind};
use crate::journal::{Entry, Event, FailureRecord, Journal, Terms};
use crate::outcome::OutcomeCode;
use crate::port::RunStore;
use crate::run::RunId;
use crate::testing::Case;
use crate::testing::join::join_all;

/// How many writers race for one step.
const WRITERS: usize = 8;

/// Checks [`RunStore`]'s contract. Writes a few runs of its own into `store`, which must not hold
/// them yet. What takes more than one instance is left out: see [`durable_run_store`].
pub async fn run_store(store: &impl RunStore) -> Conformance {
    run_store_within(store, Budgets::default().run_store).await
}

/// The same; a call that takes longer than `patience`, instead of its [budget](Budgets), has no answer.
pub async fn run_store_within(store: &impl RunStore, patience: Duration) -> Conformance {
    let store = &Patient::new(store, patience);
    let mut found = Conformance::default();
    compare_and_set(store, &mut found).await;
    long_journal(store, &mut found).await;
    text_survives(store, &mut found).await;
    writers_race(store, &mut found).await;
    dropped_append(store, &mut found).await;
    found.leave_out(&[SURVIVES, OVER_INSTANCES]);
    store.conclude(found)
}

const SURVIVES: &str = "what_is_acknowledged_survives";
const OVER_INSTANCES: &str = "of_racing_instances_one_wins_each_step";
/// How many runs two instances race for.
const RACES: usize = 20;

/// Opens the store under test: a file, a database, what outlives a process.
pub trait StoreHarness: Sync {
    /// The store under test.
    type Store: RunStore;

    /// Opens it anew, as another process does.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Runs a future to its end on a thread of its own, in whatever runtime the store needs.
    fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> T;
}

/// Checks [`RunStore`]'s contract as [`run_store`] does, and what it says of several instances: what one
/// acknowledged another finds, and two that race on threads of their own share every run between them.
pub async fn durable_run_store(harness: &impl StoreHarness) -> Conformance {
    let store = harness.open().await;
    let mut found = run_store(&store).await;
    found.left_out.clear();
    let entries = entries("cas", "log");
    drop(store);
    let reopened = harness.open().await;
    let loaded = reopened.load(run_of("cas")).await;
    found.point(SURVIVES, holds(&loaded, &entries), || shown(&loaded));
    drop(reopened);
    let won: Vec<Vec<bool>> = std::thread::scope(|scope| {
        let racers: Vec<_> =
            (0..2).map(|writer| scope.spawn(move || harness.block_on(race(harness, writer)))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap_or_default()).collect()
    });
    let each_once = (0..RACES).all(|run| won.iter().filter(|won| won.get(run) == Some(&true)).count() == 1);
    found.point(OVER_INSTANCES, each_once, || shown(&won));
    found
}

/// Writes the first entry of many runs; says which were taken. A busy store is asked again.
async fn race(harness: &impl StoreHarness, writer: usize) -> Vec<bool> {
    let store = harness.open().await;
    let mut won = Vec::new();
    for run in 0..RACES {
        let name = format!("instances-{run}");
        let entries = entries(&name, &format!("log {writer}"));
        let Some(first) = entries.first() else { return won };
        let mut taken = store.append(run_of(&name), first).await;
        for _ in 0..100 {
            if !matches!(&taken, Err(error) if error.kind() == AdapterErrorKind::Unavailable) {
                break;
            }
            taken = store.append(run_of(&name), first).await;
        }
        won.push(taken.is_ok());
    }
    won
}

async fn compare_and_set(store: &impl RunStore, found: &mut Conformance) {
    let (run, other) = (run_of("cas"), run_of("other"));
    let entries = entries("cas", "log");
    let [first, second] = entries.as_slice() else { return };
    let loaded = store.load(run).await;
    found.point("an_unknown_run_is_empty", holds(&loaded, &[]), || shown(&loaded));
    let gap = store.append(run, second).await;
    found.point("a_gap_is_a_conflict", is_conflict(&gap), || shown(&gap));
    let appended = store.append(run, first).await;
    found.point("the_first_entry_is_stored", appended.is_ok(), || shown(&appended));
    let loaded = store.load(run).await;
    found.point("what_is_acknowledged_is_there", holds(&loaded, from_ref(first)), || shown(&loaded));
    let twice = store.append(run, first).await;
    found.point("a_number_twice_is_a_conflict", is_conflict(&twice), || shown(&twice));
    let rival = self::entries("rival", "log");
    if let Some(rival) = rival.first() {
        let answer = store.append(run, rival).await;
        found.point("the_first_writer_wins", is_conflict(&answer), || shown(&answer));
    }
    let loaded = store.load(run).await;
    found.point("a_conflict_stores_nothing", holds(&loaded, from_ref(first)), || shown(&loaded));
    let appended = store.append(run, second).await;
    found.point("the_next_entry_is_stored", appended.is_ok(), || shown(&appended));
    let loaded = store.load(run).await;
    found.point("entries_keep_their_order", holds(&loaded, &entries), || shown(&loaded));
    let again = store.load(run).await;
    found.point("loading_changes_nothing", holds(&again, &entries), || shown(&again));
    let loaded = store.load(other).await;
    found.point("runs_do_not_mix", holds(&loaded, &[]), || shown(&loaded));
}

/// As long as runs get that are repaired and resumed.
async fn long_journal(store: &impl RunStore, found: &mut Conformance) {
    const POINTS: [&str; 2] = ["a_long_journal_keeps_its_order", "at_each_number_a_conflict_stores_nothing"];
    let case = Case::new("conformance-long", &[], "", "");
    let mut journal = Journal::default();
    let begun = Event::Started { failure: FailureRecord::from(&case.failure), terms: terms() };
    let resumed = (0..LONG).map(|_| Event::Resumed { terms: terms() });
    for event in [begun].into_iter().chain(resumed) {
        if let Ok(entry) = journal.next(event) {
            let _ = journal.push(entry);
        }
    }
    let (run, entries) = (run_of("long"), journal.entries());
    let mut taken = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let appended = store.append(run, entry).await;
        let twice = store.append(run, entry).await;
        let loaded = store.load(run).await;
        let kept = entries.get(..=at).is_some_and(|entries| holds(&loaded, entries));
        taken.push(appended.is_ok() && is_conflict(&twice) && kept);
    }
    let all = taken.iter().all(|taken| *taken);
    found.point(POINTS[1], all, || format!("entry {:?}", taken.iter().position(|taken| !taken)));
    let loaded = store.load(run).await;
    found.point(POINTS[0], entries.len() > LONG && holds(&loaded, entries), || shown(&loaded));
}

/// Entries behind the first of a long journal.
const LONG: usize = 14;

/// What models write has every character there is; some databases can't hold all of them.
async fn text_survives(store: &impl RunStore, found: &mut Conformance) {
    let odd = "\0 \u{1} \u{7f} \u{feff} ' \" \\ \\u0000 %s {} \r\n\t ü 日本 \u{1f600} \u{10ffff}";
    for (name, run, text) in
        [("odd_text_survives", "odd", odd.to_owned()), ("a_large_entry_survives", "large", "x".repeat(1 << 20))]
    {
        let entries = entries(run, &text);
        for entry in &entries {
            let appended = store.append(run_of(run), entry).await;
            if appended.is_err() {
                found.point(name, false, || shown(&appended));
                return;
            }
        }
        let loaded = store.load(run_of(run)).await;
        found.point(name, holds(&loaded, &entries), || "it is not what was stored".to_owned());
    }
}

async fn writers_race(store: &impl RunStore, found: &mut Conformance) {
    let run = run_of("race");
    // Each writer has an entry of its own, so that it shows whose was kept.
    let rivals: Vec<Vec<Entry>> = (0..WRITERS).map(|writer| entries("race", &format!("log {writer}"))).collect();
    let firsts: Vec<&Entry> = rivals.iter().filter_map(|entries| entries.first()).collect();
    let mut appends = Vec::new();
    for first in &firsts {
        let append: Pin<Box<dyn Future<Output = Result<(), AdapterError>> + Send + '_>> =
            Box::pin(store.append(run, first));
        appends.push(append);
    }
    let answers = join_all(appends).await;
    let winners: Vec<usize> =
        answers.iter().enumerate().filter(|(_, answer)| answer.is_ok()).map(|(writer, _)| writer).collect();
    // A busy store may answer "unavailable"; it may not let two writers win.
    let losers_told = answers.iter().all(|answer| answer.as_ref().err().is_none_or(AdapterError::is_transient));
    found.point("of_racing_writers_one_wins", winners.len() == 1 && losers_told, || shown(&answers));
    let loaded = store.load(run).await;
    let kept = winners.first().and_then(|&writer| firsts.get(writer));
    let is_kept = |entries: &Vec<Entry>| entries.len() == 1 && entries.first() == kept.copied();
    found.point("the_winners_entry_is_kept", loaded.as_ref().is_ok_and(is_kept), || shown(&loaded));
}

async fn dropped_append(store: &impl RunStore, found: &mut Conformance) {
    let run = run_of("dropped");
    let entries = entries("dropped", "log");
    let Some(first) = entries.first() else { return };
    polled(pin!(store.append(run, first)), 1).await;
    // Stored or not, by now or a moment later; and either way the run goes on. A store that is still at it
    // may say that it is busy.
    let mut again = store.append(run, first).await;
    for _ in 0..100 {
        if !matches!(&again, Err(error) if error.kind() == AdapterErrorKind::Unavailable) {
            break;
        }
        again = store.append(run, first).await;
    }
    let goes_on = again.is_ok() || is_conflict(&again);
    let loaded = store.load(run).await;
    let whole = holds(&loaded, from_ref(first));
    found.point("a_dropped_append_is_all_or_nothing", goes_on && whole, || format!("{again:?}, then {loaded:?}"));
}

fn run_of(name: &str) -> RunId {
    RunId::of(&Case::new(&format!("conformance-{name}"), &[], "", "").failure.event_id)
}

/// A short run: it began, and stopped.
fn entries(name: &str, text: &str) -> Vec<Entry> {
    let case = Case::new(&format!("conformance-{name}"), &[], "", "");
    let mut failure = FailureRecord::from(&case.failure);
    text.clone_into(&mut failure.log);
    let mut journal = Journal::default();
    for event in [
        Event::Started { failure, terms: terms() },
        Event::Stopped { code: OutcomeCode::NoPlan, message: text.to_owned() },
    ] {
        if let Ok(entry) = journal.next(event) {
            let _ = journal.push(entry);
        }
    }
    journal.entries().to_vec()
}

fn terms() -> Terms {
    Terms::new(&PolicyEngine::default(), &PatchGenerator::default(), &PatchOptions::default(), 1)
}

/// Byte for byte, in order.
fn holds(loaded: &Result<Vec<Entry>, AdapterError>, entries: &[Entry]) -> bool {
    let json = |entries: &[Entry]| entries.iter().map(Entry::to_json).collect::<Vec<_>>();
    loaded.as_ref().is_ok_and(|loaded| json(loaded) == json(entries))
}

fn is_conflict(answer: &Result<(), AdapterError>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == AdapterErrorKind::Conflict)
}

fn shown(answer: &impl Debug) -> String {
    format!("{answer:?}").chars().take(500).collect()
}
