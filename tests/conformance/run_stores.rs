//! Run stores: ours keep the contract, broken ones are found out.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::task::Poll;

use fix_adapters::run_store::Sqlite;
use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator, conformance};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, Entry, Event, FailureRecord, Journal, MemoryRunStore, OutcomeCode, Pipeline, RunId,
    RunStore, Terms,
};
use sqlx::{AssertSqlSafe, Connection as _};

#[tokio::test]
async fn the_store_in_memory() {
    conformance::run_store(&MemoryRunStore::default()).await.assert();
}

/// A file, opened by whoever asks.
struct File<'f>(&'f std::path::Path);

impl conformance::StoreHarness for File<'_> {
    type Store = Sqlite;

    async fn open(&self) -> Sqlite {
        Sqlite::open(self.0).await.unwrap()
    }

    fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }
}

/// A store of which every instance is its own: what one has, the other does not.
struct Amnesiac;

impl conformance::StoreHarness for Amnesiac {
    type Store = MemoryRunStore;

    async fn open(&self) -> MemoryRunStore {
        MemoryRunStore::default()
    }

    fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        File(std::path::Path::new("")).block_on(future)
    }
}

#[tokio::test]
async fn a_store_that_keeps_nothing_is_found_out() {
    let broken = conformance::durable_run_store(&Amnesiac).await.broken();
    assert_eq!(broken, ["what_is_acknowledged_survives", "of_racing_instances_one_wins_each_step"]);
    let found = conformance::run_store(&MemoryRunStore::default()).await;
    assert_eq!(found.left_out(), broken, "with one instance, these are left out, and said to be");
}

#[tokio::test]
async fn the_store_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.sqlite3");
    let found = conformance::durable_run_store(&File(&file)).await;
    assert!(found.left_out().is_empty(), "{:?}", found.left_out());
    found.assert();

    let store = Sqlite::open(&file).await.unwrap();
    let (run, entries) = short_run();
    for entry in &entries {
        store.append(run, entry).await.unwrap();
    }
    let again = Sqlite::open(&file).await.unwrap();
    assert_eq!(again.load(run).await.unwrap(), entries, "entries survive");
    let runs = again.runs(100).await.unwrap();
    let row = runs.iter().find(|row| row.event_id == "event-1").expect("the row changes with the journal");
    assert_eq!((row.status.as_str(), row.error.as_deref()), ("no_plan", Some("nothing")));
}

/// A hundred workers at once, some of whom come second and some of whom give up while they wait: entries share
/// transactions, and nobody's answer depends on another's.
#[tokio::test]
async fn entries_that_share_a_transaction_are_answered_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("runs.sqlite3")).await.unwrap();
    let (_, entries) = short_run();
    let run_of = |number: u32| RunId::of(&format!("event-{number}").parse().unwrap());
    let mut appends = Vec::new();
    for number in 0..100 {
        // Every seventh has nothing to stand on.
        let entry = &entries[usize::from(number % 7 == 0)];
        appends.push((number, Box::pin(store.append(run_of(number), entry))));
    }
    let mut given_up = Vec::new();
    for (number, append) in &mut appends {
        let waits = std::future::poll_fn(|context| Poll::Ready(append.as_mut().poll(context).is_pending())).await;
        // The first of them writes for the others.
        if waits && *number % 5 == 0 {
            given_up.push(*number);
        }
    }
    assert!(given_up.contains(&0), "{given_up:?}");
    appends.retain(|(number, _)| !given_up.contains(number));
    for (number, append) in appends {
        let kind = append.await.err().map(|error| error.kind());
        assert_eq!(kind, (number % 7 == 0).then_some(AdapterErrorKind::Conflict), "{number}");
        let stored = store.load(run_of(number)).await.unwrap();
        assert_eq!(stored, entries[..usize::from(number % 7 != 0)], "{number}");
    }
    for number in given_up {
        let stored = store.load(run_of(number)).await.unwrap();
        assert!(stored.is_empty() || stored == entries[..1], "{number}: the entry, or nothing");
    }
}

/// A whole run, with a pull request at its end.
async fn whole_run(store: &impl RunStore) -> (RunId, Vec<Entry>) {
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), FakeForge::default(), store);
    let run = pipeline.run(&case.failure, &case.tree).await.unwrap().run;
    (run, store.load(run).await.unwrap())
}

/// Every byte of every stored entry and of its row, changed: the journal is not trusted, and the place is named.
#[tokio::test]
async fn a_changed_byte_is_found_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.sqlite3");
    let store = Sqlite::open(&file).await.unwrap();
    let (run, entries) = whole_run(&store).await;
    assert_eq!(entries.len(), 9);
    let mut database = sqlx::SqliteConnection::connect(&file.to_string_lossy()).await.unwrap();
    sqlx::query("PRAGMA synchronous = OFF").execute(&mut database).await.unwrap();
    let mut flips = 0;
    for entry in &entries {
        let sequence = entry.sequence();
        for (column, kept) in [("entry_json", entry.to_json().into_bytes()), ("digest", entry.digest().into_bytes())] {
            for at in 0..kept.len() {
                // The highest bit, too: what is stored then is no text any more.
                for bit in if at % 16 == 0 { &[0, 7][..] } else { &[0] } {
                    let mut bytes = kept.clone();
                    bytes[at] ^= 1 << bit;
                    tamper(&mut database, run, sequence, column, bytes).await;
                    let error = store.load(run).await.expect_err(column);
                    // A changed version is another version's entry.
                    let kinds = [AdapterErrorKind::Damaged, AdapterErrorKind::Unsupported];
                    assert!(kinds.contains(&error.kind()), "byte {at} of entry {sequence}: {error}");
                    let problem = error.to_string();
                    assert!(
                        problem.contains(&format!("entry {sequence} ")),
                        "byte {at} of entry {sequence}: {problem}"
                    );
                    flips += 1;
                }
            }
            tamper(&mut database, run, sequence, column, kept).await;
        }
    }
    assert_eq!(store.load(run).await.unwrap(), entries);
    let columns =
        ["event_id", "repository", "status", "plan_json", "plan_policy_json", "patch_diff", "patch_stats_json"];
    for column in columns.into_iter().chain(["patch_policy_json", "validation_json", "pr_json"]) {
        let select = format!("SELECT CAST({column} AS BLOB) FROM fix_pipeline_runs WHERE id = ?1");
        let stored: Vec<u8> =
            sqlx::query_scalar(AssertSqlSafe(select)).bind(run.to_string()).fetch_one(&mut database).await.unwrap();
        assert!(!stored.is_empty(), "{column}");
        for at in 0..stored.len() {
            let mut bytes = stored.clone();
            bytes[at] ^= 1;
            set(&mut database, run, column, bytes).await;
            let problem = store.load(run).await.expect_err(column).to_string();
            assert!(problem.contains(&format!("column {column} ")), "byte {at} of {column}: {problem}");
            flips += 1;
        }
        set(&mut database, run, column, stored).await;
    }
    assert_eq!(store.load(run).await.unwrap(), entries);
    eprintln!("flipped bytes: {flips} of {flips} named");
}

async fn set(database: &mut sqlx::SqliteConnection, run: RunId, column: &str, bytes: Vec<u8>) {
    let update = format!("UPDATE fix_pipeline_runs SET {column} = CAST(?2 AS TEXT) WHERE id = ?1");
    sqlx::query(AssertSqlSafe(update)).bind(run.to_string()).bind(bytes).execute(database).await.unwrap();
}

/// Entries that are gone leave a trace in the row, and a row that is gone one in the entries. Whoever lists
/// runs sees it, until somebody mends it.
#[tokio::test]
async fn what_is_gone_is_noticed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.sqlite3");
    let store = Sqlite::open(&file).await.unwrap();
    let (run, entries) = whole_run(&store).await;
    let mut database = sqlx::SqliteConnection::connect(&file.to_string_lossy()).await.unwrap();
    for (from, problem) in [(8, "column status "), (0, "the journal of the run is gone")] {
        sqlx::query("DELETE FROM fix_pipeline_entries WHERE run_id = ?1 AND sequence >= ?2")
            .bind(run.to_string())
            .bind(from)
            .execute(&mut database)
            .await
            .unwrap();
        let error = store.load(run).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Damaged);
        assert!(error.to_string().contains(problem), "{error}");
        let [row] = store.runs(10).await.unwrap().try_into().unwrap();
        assert_eq!(row.status, "set_aside");
        assert!(row.error.unwrap().contains(problem));
    }
    // From a backup.
    for entry in &entries {
        let insert = "INSERT INTO fix_pipeline_entries (run_id, sequence, entry_json, digest) VALUES (?1, ?2, ?3, ?4)";
        let query = sqlx::query(insert).bind(run.to_string()).bind(i64::try_from(entry.sequence()).unwrap());
        query.bind(entry.to_json()).bind(entry.digest()).execute(&mut database).await.unwrap();
    }
    assert_eq!(store.load(run).await.unwrap(), entries);
    let [row] = store.runs(10).await.unwrap().try_into().unwrap();
    assert_eq!((row.status.as_str(), row.error), ("opened", None));
}

async fn tamper(database: &mut sqlx::SqliteConnection, run: RunId, sequence: u64, column: &str, bytes: Vec<u8>) {
    let update =
        format!("UPDATE fix_pipeline_entries SET {column} = CAST(?3 AS TEXT) WHERE run_id = ?1 AND sequence = ?2");
    sqlx::query(AssertSqlSafe(update))
        .bind(run.to_string())
        .bind(i64::try_from(sequence).unwrap())
        .bind(bytes)
        .execute(database)
        .await
        .unwrap();
}

/// Without a digest beside the entries, the chain alone names what was changed, in a store of any kind.
#[test]
fn the_chain_breaks_behind_a_changed_entry() {
    let (_, mut entries) = short_run();
    let changed = entries[0].to_json().replace("ModuleNotFoundError", "ModuleNotFaundError");
    entries[0] = Entry::from_json(&changed).unwrap();
    let error = Journal::replay(entries).unwrap_err();
    assert!(error.to_string().starts_with("entry 1 "), "{error}");
}

fn short_run() -> (RunId, Vec<Entry>) {
    let failure = Case::missing_dependency().failure;
    let mut journal = Journal::default();
    for event in [
        Event::Started { failure: FailureRecord::from(&failure), terms: terms() },
        Event::Stopped { code: OutcomeCode::NoPlan, message: "nothing".to_owned() },
    ] {
        let entry = journal.next(event).unwrap();
        journal.push(entry).unwrap();
    }
    (RunId::of(&failure.event_id), journal.entries().to_vec())
}

fn terms() -> Terms {
    Terms::new(&fix_policy::PolicyEngine::default(), &fix_patch::PatchGenerator::default(), &Default::default(), 1)
}

/// A store that is looked at is not made, and not changed.
#[tokio::test]
async fn looking_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "x").unwrap();
    assert!(Sqlite::open_to_read(&file).await.is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"x");
    assert!(Sqlite::open_to_read(&folder.path().join("absent")).await.is_err());
    assert!(!folder.path().join("absent").exists());
}

/// What a broken store does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    LastWriterWins,
    Forgets,
    MixesRuns,
    LosesControlCharacters,
    ReversesOrder,
}

struct Broken {
    flaw: Flaw,
    runs: Mutex<BTreeMap<RunId, Vec<Entry>>>,
}

impl RunStore for Broken {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        let mut runs = self.runs.lock().unwrap();
        let entries = runs.entry(run).or_default();
        let at = usize::try_from(entry.sequence()).unwrap();
        if self.flaw == Flaw::LastWriterWins && at <= entries.len() {
            entries.truncate(at);
        } else if at != entries.len() {
            return Err(AdapterError::new(AdapterErrorKind::Conflict, "append", "taken"));
        }
        if self.flaw != Flaw::Forgets {
            entries.push(entry.clone());
        }
        Ok(())
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        let runs = self.runs.lock().unwrap();
        let mut entries = match self.flaw {
            Flaw::MixesRuns => runs.values().flatten().cloned().collect(),
            _ => runs.get(&run).cloned().unwrap_or_default(),
        };
        match self.flaw {
            Flaw::ReversesOrder => entries.reverse(),
            Flaw::LosesControlCharacters => {
                let without = entries.iter().map(|entry| entry.to_json().replacen("\\u0000", "", 1));
                entries = without.map(|json| Entry::from_json(&json).unwrap()).collect();
            }
            _ => {}
        }
        Ok(entries)
    }
}

#[tokio::test]
async fn broken_stores_are_found_out() {
    for (flaw, point) in [
        (Flaw::LastWriterWins, "a_number_twice_is_a_conflict"),
        (Flaw::LastWriterWins, "of_racing_writers_one_wins"),
        (Flaw::Forgets, "what_is_acknowledged_is_there"),
        (Flaw::MixesRuns, "runs_do_not_mix"),
        (Flaw::LosesControlCharacters, "odd_text_survives"),
        (Flaw::ReversesOrder, "entries_keep_their_order"),
    ] {
        let broken = conformance::run_store(&Broken { flaw, runs: Mutex::default() }).await.broken();
        assert!(broken.contains(&point), "{point} is not in {broken:?}");
    }
}
