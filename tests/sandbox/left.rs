//! What is left when a check ends, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use fix_adapters::validator::SandboxLimits;
use fix_pipeline::{RunContext, Subject, Validator as _};
use fix_tests::repository::TestRepository;

use super::{again, baseline, fixed, sandbox};

const ROLE: &str = "FIX_TEST_ENDLESS";

/// Does a check that does not end, for whoever kills it.
#[tokio::test]
#[ignore = "run, and killed, by the tests that start a `Worker`, in a process of its own"]
async fn an_endless_check() {
    let Ok(marker) = std::env::var(ROLE) else { return };
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let check = format!("sh -c 'sleep 900; : {marker}'");
    if let Some(validator) = sandbox(&repository, fixed(&[], &[&check]), SandboxLimits::default()).await {
        baseline(&validator, &repository).await;
    }
}

/// A process of its own in the midst of a check.
struct Worker {
    child: Child,
    marker: String,
    folder: PathBuf,
}

impl Worker {
    /// `None` where there is no sandbox.
    fn start(folder: &Path, marker: &str) -> Option<Self> {
        let marker = format!("{marker}-{}", std::process::id());
        let mut command = again::this("left::an_endless_check", folder);
        let mut child = command.env(ROLE, &marker).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The sandbox itself, the shell in it, and that shell's own.
        while processes(&marker).len() < 3 {
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, marker, folder: folder.to_owned() })
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        eventually(|| processes(&self.marker).is_empty(), "nothing inside lives on");
    }

    fn workspaces(&self) -> usize {
        entries(&self.folder, "fix-sandbox-").len()
    }

    fn groups(&self) -> usize {
        groups(self.child.id()).len()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_killed_workers_left_is_swept_and_nothing_else() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [killed, used] = &folders;
    let Some(mut killed) = Worker::start(killed.path(), "killed") else {
        return println!("skipped: there is no sandbox");
    };
    // One that works in the same place, and one that shares its control groups alone.
    let mut beside = Worker::start(&killed.folder, "beside").unwrap();
    let mut elsewhere = Worker::start(used.path(), "elsewhere").unwrap();
    let groups = [beside.groups(), elsewhere.groups()];
    assert_eq!(killed.workspaces(), 2);
    killed.kill();
    assert_eq!(killed.workspaces(), 2, "a killed worker leaves its work directory");

    again::assert_passed(&again::this("left::a_sweep", &killed.folder).env(ROLE, "sweep").output().unwrap());
    assert_eq!((killed.workspaces(), killed.groups()), (1, 0), "what it left is swept");
    assert_eq!((elsewhere.workspaces(), [beside.groups(), elsewhere.groups()]), (1, groups), "what is in use stays");
    for worker in [&mut beside, &mut elsewhere] {
        assert!(processes(&worker.marker).len() >= 3);
        worker.kill();
    }
}

/// What no attack would notice.
#[test]
fn control_groups_hold_every_process_with_all_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let Some(worker) = Worker::start(folder.path(), "grouped") else {
        return println!("skipped: there is no sandbox");
    };
    let groups = groups(worker.child.id());
    if groups.is_empty() {
        return println!("skipped: control groups can't be made here");
    }
    let read = |name: &str| {
        let texts = groups.iter().filter_map(|group| std::fs::read_to_string(group.join(name)).ok());
        texts.map(|text| text.trim().to_owned()).next()
    };
    let either = |one: &str, two: &str| read(one).or_else(|| read(two)).unwrap();
    assert_eq!(either("memory.limit_in_bytes", "memory.max"), (4_u64 << 30).to_string());
    assert_eq!(read("pids.max").unwrap(), "258");
    assert!(either("cpu.cfs_quota_us", "cpu.max").starts_with("200000"));
    for group in &groups {
        let members = std::fs::read_to_string(group.join("cgroup.procs")).unwrap();
        let members: Vec<u32> = members.lines().map(|line| line.parse().unwrap()).collect();
        let inside = processes(&worker.marker);
        assert!(inside.iter().all(|process| members.contains(process)), "{inside:?} {members:?}");
    }
}

#[tokio::test]
#[ignore = "run by `what_killed_workers_left_is_swept_and_nothing_else` in a process of its own"]
async fn a_sweep() {
    if std::env::var(ROLE).is_ok() {
        let repository = TestRepository::new(&[("a.txt", "a\n")]);
        sandbox(&repository, fixed(&[], &["true"]), SandboxLimits::default()).await.unwrap();
    }
}

/// Whenever a future is dropped, what it made goes.
#[tokio::test]
async fn a_dropped_check_leaves_nothing() {
    let marker = format!("dropped-{}", std::process::id());
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let check = format!("sh -c 'sleep 900; : {marker}'");
    let Some(validator) = sandbox(&repository, fixed(&[], &[&check]), SandboxLimits::default()).await else { return };
    let run = RunContext::new(repository.failure("event-1", "log"));
    for ms in (0..450).step_by(50) {
        let ended = tokio::time::timeout(Duration::from_millis(ms), validator.validate(&run, Subject::Baseline)).await;
        assert!(ended.is_err());
    }
    eventually(|| processes(&marker).is_empty(), "nothing inside lives on");
}

/// A panic, and the end of its runtime, leave nothing either.
#[test]
fn an_ended_process_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = again::this("left::a_check_in_a_panic", folder.path()).env(ROLE, "panic").output().unwrap();
    again::assert_passed(&output);
    assert_eq!(entries(folder.path(), ""), Vec::<PathBuf>::new());
}

#[test]
#[ignore = "run by `an_ended_process_leaves_nothing` in a process that ends"]
fn a_check_in_a_panic() {
    if std::env::var(ROLE).is_err() {
        return;
    }
    let panicked = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let repository = TestRepository::new(&[("a.txt", "a\n")]);
            let validator = sandbox(&repository, fixed(&[], &["sleep 900"]), SandboxLimits::default()).await;
            let validator = validator.unwrap();
            tokio::select! {
                report = baseline(&validator, &repository) => drop(report),
                () = tokio::time::sleep(Duration::from_millis(700)) => panic!("in the midst of it"),
            }
        });
    });
    assert!(panicked.join().is_err());
    assert_eq!(groups(std::process::id()), Vec::<PathBuf>::new());
}

fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)).map(|entry| entry.path()).collect()
}

/// The control groups of sandboxes of a process.
fn groups(process: u32) -> Vec<PathBuf> {
    let own = format!("fix-sandbox-{process}-");
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::from("/sys/fs/cgroup")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
                if entry.file_name().to_string_lossy().starts_with(&own) {
                    found.push(entry.path());
                }
            }
        }
    }
    found
}

/// The processes with `marker` in their command line.
fn processes(marker: &str) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let has_it = |process: &u32| {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(marker)
    };
    numbers.filter(has_it).collect()
}

/// The kernel ends processes in its own time.
fn eventually(holds: impl Fn() -> bool, what: &str) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}");
}
