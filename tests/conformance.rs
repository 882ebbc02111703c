//! The contract of a run store, checked on ours.

use fix_adapters::run_store::Sqlite;
use fix_pipeline::{
    AdapterErrorKind, Entry, Event, FailureRecord, Journal, MemoryRunStore, OutcomeCode, RunId, RunStore,
};
use fix_plan::{Failure, Log};

fn started() -> Event {
    let commit = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
    let failure =
        Failure::new("event-1".parse().unwrap(), "/srv/a.git", commit, "main".parse().unwrap(), 0, Log::from("log"));
    Event::Started { failure: FailureRecord::from(&failure), policy: "p".to_owned(), engine: "e".to_owned() }
}

fn entries() -> Vec<Entry> {
    let mut journal = Journal::default();
    for event in [started(), Event::Stopped { code: OutcomeCode::NoPlan, message: "nothing".to_owned() }] {
        let entry = journal.next(event).unwrap();
        journal.push(entry).unwrap();
    }
    journal.entries().to_vec()
}

/// What every store must do.
async fn check(store: &impl RunStore) {
    let (run, other) = (RunId::of(&"event-1".parse().unwrap()), RunId::of(&"event-2".parse().unwrap()));
    let entries = entries();
    assert_eq!(store.load(run).await.unwrap(), []);
    let gap = store.append(run, &entries[1]).await.unwrap_err();
    assert_eq!(gap.kind(), AdapterErrorKind::Conflict, "a gap is a conflict");
    store.append(run, &entries[0]).await.unwrap();
    let twice = store.append(run, &entries[0]).await.unwrap_err();
    assert_eq!(twice.kind(), AdapterErrorKind::Conflict, "the same number twice is a conflict");
    assert_eq!(store.load(run).await.unwrap(), entries[..1], "a conflict stores nothing");
    store.append(run, &entries[1]).await.unwrap();
    let loaded = store.load(run).await.unwrap();
    assert_eq!(
        loaded.iter().map(Entry::to_json).collect::<Vec<_>>(),
        entries.iter().map(Entry::to_json).collect::<Vec<_>>()
    );
    assert_eq!(store.load(other).await.unwrap(), [], "runs do not mix");
}

/// Of two writers, one wins.
async fn race(store: &(impl RunStore + Clone + 'static)) {
    let run = RunId::of(&"race".parse().unwrap());
    let entries = entries();
    let (a, b) = tokio::join!(store.append(run, &entries[0]), store.append(run, &entries[0]));
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1, "{a:?} {b:?}");
}

#[tokio::test]
async fn the_store_in_memory() {
    check(&MemoryRunStore::default()).await;
}

#[tokio::test]
async fn the_store_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.sqlite3");
    let store = Sqlite::open(&file).await.unwrap();
    check(&store).await;
    race(&store).await;
    let again = Sqlite::open(&file).await.unwrap();
    assert_eq!(again.load(RunId::of(&"event-1".parse().unwrap())).await.unwrap(), entries(), "entries survive");
    let runs = again.runs(10).await.unwrap();
    let run = runs.iter().find(|run| run.status == "no_plan").expect("the row changes with the journal");
    assert_eq!((run.event_id.as_str(), run.error.as_deref()), ("event-1", Some("nothing")));
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

/// A byte changed in a stored run is found, and named.
#[test]
fn a_changed_entry_breaks_the_chain() {
    let mut entries = entries();
    let changed = entries[0].to_json().replace("\"log\":\"log\"", "\"log\":\"lug\"");
    entries[0] = Entry::from_json(&changed).unwrap();
    let error = Journal::replay(entries).unwrap_err();
    assert!(error.to_string().starts_with("entry 1 "), "{error}");
}
