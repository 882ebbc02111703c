//! A process killed around each journal entry, then started again: one pull request, and no lost run.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use fix_adapters::run_store::Sqlite;
use fix_pipeline::{Journal, RunId, RunStore as _, State};
use fix_tests::repository::TestRepository;

/// The entries of a run that ends with a pull request.
const ENTRIES: u64 = 9;

fn child(repository: &TestRepository, moment: &str, entry: u64) -> ExitStatus {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crash-child"));
    command.arg(repository.home()).arg(moment).arg(entry.to_string()).status().unwrap()
}

async fn killed_and_resumed(moment: &str, entry: u64) {
    let repository = TestRepository::new(&[("app.py", "import os\nimport sys\n\nprint(sys.path)\n")]);
    assert_eq!(child(&repository, moment, entry).signal(), Some(9), "{moment} entry {entry}: the child dies");
    assert!(child(&repository, "never", 0).success(), "{moment} entry {entry}: the next one ends the run");
    assert!(child(&repository, "never", 0).success(), "{moment} entry {entry}: a third finds it ended");

    assert_eq!(repository.other_branches().len(), 1, "{moment} entry {entry}: one branch");
    let pull_requests = std::fs::read_dir(repository.home().join("pull-requests")).unwrap().count();
    assert_eq!(pull_requests, 1, "{moment} entry {entry}: one pull request");
    let store = Sqlite::open(&repository.home().join("runs.sqlite3")).await.unwrap();
    let entries = store.load(RunId::of(&"event-1".parse().unwrap())).await.unwrap();
    assert_eq!(u64::try_from(entries.len()).unwrap(), ENTRIES, "{moment} entry {entry}: nothing is done twice");
    assert_eq!(Journal::replay(entries).unwrap().state(), State::Opened);
}

#[tokio::test]
async fn killed_after_each_entry() {
    for entry in 0..ENTRIES {
        killed_and_resumed("after", entry).await;
    }
}

/// The work of a step is done, and its entry is not stored: the branch is pushed, say.
#[tokio::test]
async fn killed_before_each_entry() {
    for entry in 0..ENTRIES {
        killed_and_resumed("before", entry).await;
    }
}
