//! A process killed at each point of a run, then started again: one pull request, and no lost run.
//!
//! `FIX_CRASH_ROUNDS` says how often each point is tried.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use fix_adapters::run_store::Sqlite;
use fix_adapters::validator::{Bubblewrap, Recipes, SandboxLimits};
use fix_pipeline::{Journal, RunId, RunStore, State};
use fix_tests::corpus::{folder, lines};
use fix_tests::processes::{crash_rounds as rounds, event_of, processes_with};
use fix_tests::repository::TestRepository;

/// The entries of a run that ends with a pull request.
const ENTRIES: usize = 9;

/// Where the process dies, and which points of the corpus these are.
const POINTS: [(&str, &[&str]); 21] = [
    ("before:started", &["C05"]),
    ("after:started", &["C06"]),
    ("before:baseline_checked", &[]),
    ("after:baseline_checked", &[]),
    ("plan_source", &["C07"]),
    ("before:plan_proposed", &["C08"]),
    ("after:plan_proposed", &["C09"]),
    ("before:plan_reviewed", &[]),
    ("after:plan_reviewed", &["C10"]),
    ("before:patch_generated", &["C11"]),
    ("after:patch_generated", &["C12"]),
    ("before:patch_reviewed", &[]),
    ("after:patch_reviewed", &["C13"]),
    ("validator", &[]),
    ("before:validated", &["C15"]),
    ("after:validated", &["C16"]),
    ("before:pr_opening", &[]),
    ("after:pr_opening", &["C17"]),
    ("pushed", &["C19"]),
    ("before:pr_opened", &["C21"]),
    ("after:pr_opened", &["C22"]),
];

/// Where the journal is kept, as the environment says: in SQLite without.
type Store<'s> = &'s [(&'s str, &'s str)];

fn child(repository: &TestRepository, point: &str, store: Store<'_>) -> ExitStatus {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crash-child"));
    child.arg(repository.home()).arg(point).envs(store.iter().copied()).status().unwrap()
}

async fn killed_and_resumed<R: RunStore>(point: &str, store: Store<'_>, opened: impl AsyncFn(&TestRepository) -> R) {
    let repository = TestRepository::new(&[("app.py", "import os\nimport sys\n\nprint(sys.path)\n")]);
    assert_eq!(child(&repository, point, store).signal(), Some(9), "{point}: the child dies");
    if point == "pushed" {
        assert_eq!(repository.other_branches().len(), 1, "the branch is there");
        assert!(!repository.home().join("pull-requests").exists(), "the pull request is not");
    }
    assert!(child(&repository, "never", store).success(), "{point}: the next one ends the run");
    assert!(child(&repository, "never", store).success(), "{point}: a third finds it ended");

    assert_eq!(repository.other_branches().len(), 1, "{point}: one branch");
    let pull_requests = std::fs::read_dir(repository.home().join("pull-requests")).unwrap().count();
    assert_eq!(pull_requests, 1, "{point}: one pull request");
    assert_eq!(calls(&repository), expected_calls(point), "{point}: nobody is asked what is known");
    let entries = opened(&repository).await.load(run_of(&repository)).await.unwrap();
    assert_eq!(entries.len(), ENTRIES, "{point}: nothing is done twice");
    assert_eq!(Journal::replay(entries).unwrap().state(), State::Opened);
}

fn run_of(repository: &TestRepository) -> RunId {
    RunId::of(&event_of(repository.home()).parse().unwrap())
}

async fn in_sqlite(repository: &TestRepository) -> Sqlite {
    Sqlite::open(&repository.home().join("store/runs.sqlite3")).await.unwrap()
}

/// How often each adapter was asked, over all processes.
fn calls(repository: &TestRepository) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for line in std::fs::read_to_string(repository.home().join("calls")).unwrap().lines() {
        *calls.entry(line.to_owned()).or_default() += 1;
    }
    calls
}

/// Once in all, but for the one call whose answer was lost with the process; and a look at the forge by
/// whoever finds the run announced.
fn expected_calls(point: &str) -> BTreeMap<String, usize> {
    let lost = match point {
        "before:baseline_checked" => "baseline",
        "plan_source" | "before:plan_proposed" => "plan_source",
        "validator" | "before:validated" => "patched",
        "pushed" => "open",
        _ => "",
    };
    let once = ["baseline", "plan_source", "patched", "open"];
    let mut calls: BTreeMap<_, _> =
        once.into_iter().map(|call| (call.to_owned(), 1 + usize::from(call == lost))).collect();
    if ["after:pr_opening", "pushed", "before:pr_opened"].contains(&point) {
        calls.insert("find".to_owned(), 1);
    }
    calls
}

/// Points of the corpus that need more than this process: a sandbox (below), and a forge that kills
/// (`tests/github/crashes.rs`).
const ELSEWHERE: [&str; 3] = ["C14", "C18", "C20"];

/// Two tests, so that they run side by side.
async fn every_other_point(from: usize) {
    for _ in 0..rounds() {
        for (point, _) in POINTS.iter().skip(from).step_by(2) {
            killed_and_resumed(point, &[], in_sqlite).await;
        }
    }
}

#[tokio::test]
async fn killed_at_every_even_point() {
    every_other_point(0).await;
}

#[tokio::test]
async fn killed_at_every_odd_point() {
    every_other_point(1).await;
}

/// The same over a server, which many runs share.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn killed_at_every_point_over_postgres() {
    use fix_adapters::run_store::Postgres;
    use secrecy::ExposeSecret as _;
    let Some(server) = fix_tests::postgres::PostgresServer::start() else { return };
    let url = server.url();
    let store = [("FIX_STORE__KIND", "postgres"), ("FIX_STORE_URL", url.expose_secret())];
    let database = Postgres::open(&url).await.unwrap();
    for (point, _) in POINTS {
        killed_and_resumed(point, &store, async |_: &TestRepository| database.clone()).await;
    }
}

/// The corpus knows of no other point that this process could die at.
#[test]
fn the_points_of_the_corpus_are_covered() {
    let Some(folder) = folder("security") else { return };
    for line in lines(&folder, "crash_points.tsv") {
        let (id, point) = line.split_once('\t').unwrap();
        let is_ours = point.starts_with("worker: ") && !["C23", "C24"].contains(&id);
        let is_covered = ELSEWHERE.contains(&id) || POINTS.iter().any(|(_, ids)| ids.contains(&id));
        assert!(is_covered || !is_ours, "{id}: {point}");
    }
    eprintln!("crash points: {} tried {} times each", POINTS.len(), rounds());
}

/// A killed worker takes its sandbox with it, even what left its session; the next one ends the run.
#[tokio::test]
async fn killed_while_the_sandbox_runs() {
    let repository = TestRepository::new(&[("a", "a")]);
    if let Err(error) = Bubblewrap::new(repository.mirror(), Recipes::Detect, SandboxLimits::default()).await {
        eprintln!("skipped: {error}");
        return;
    }
    for _ in 0..rounds() {
        killed_in_the_sandbox().await;
    }
}

async fn killed_in_the_sandbox() {
    let repository = TestRepository::new(&[("app.py", "import os\nimport sys\n\nprint(sys.path)\n")]);
    let home = repository.home().to_string_lossy().into_owned();
    assert_eq!(child(&repository, "sandbox", &[]).signal(), Some(9), "the child dies");
    // The kernel ends them, in its own time.
    let patience = Instant::now() + Duration::from_secs(30);
    while processes_with(&home) > 0 {
        assert!(Instant::now() < patience, "{} processes live on", processes_with(&home));
        tokio::task::yield_now().await;
    }
    assert!(child(&repository, "never", &[]).success(), "the next one ends the run");
    assert_eq!(repository.other_branches().len(), 1, "one branch");
}

/// Makes `$1/store` a disk of 64 KiB, and a page larger each time that `$2` finds it full.
const GROWING_DISK: &str = r#"
mount -t tmpfs -o size=64k,mode=777 none "$1/store" || exit 77
size=64
until "$2" "$1" never; do
    [ $? -eq 3 ] && [ $size -lt 4096 ] || exit 1
    size=$((size + 4))
    mount -o remount,size=${size}k "$1/store"
done
cp "$1"/store/* "$1/kept"
"#;

/// Full again at every few pages that are written: each time the run waits, and goes on where it was.
#[tokio::test]
async fn a_disk_that_is_full_at_each_write() {
    let repository = TestRepository::new(&[("app.py", "import os\nimport sys\n\nprint(sys.path)\n")]);
    for folder in ["store", "kept"] {
        std::fs::create_dir(repository.home().join(folder)).unwrap();
    }
    let ended = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", GROWING_DISK, "sh"])
        .arg(repository.home())
        .arg(env!("CARGO_BIN_EXE_crash-child"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    if ended.status.code() == Some(77) || said.starts_with("unshare:") {
        eprintln!("skipped: no file system can be mounted here: {said}");
        return;
    }
    assert!(ended.status.success(), "{said}");
    let store = Sqlite::open(&repository.home().join("kept/runs.sqlite3")).await.unwrap();
    let entries = store.load(run_of(&repository)).await.unwrap();
    assert_eq!(Journal::replay(entries).unwrap().state(), State::Opened);
    assert_eq!(repository.other_branches().len(), 1);
    let full = said.lines().count();
    assert!(full > 2 * ENTRIES, "{full} times full: {said}");
    eprintln!("full {full} times; asked {:?}", calls(&repository));
}
