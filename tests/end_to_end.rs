//! The quickstart's two repositories, through the real sandbox and with real packages.

#[path = "../examples/quickstart/repositories.rs"]
mod repositories;

use std::path::Path;
use std::process::{Command, Stdio};

use fix_adapters::plan_source::Rules;
use fix_adapters::pr_sink::{LocalGit, LocalPullRequest};
use fix_adapters::repository::{Location, Repository};
use fix_adapters::run_store::Sqlite;
use fix_adapters::validator::{Bubblewrap, Recipes, SandboxLimits};
use fix_pipeline::{
    AdapterErrorKind, CheckStatus, Finished, Journal, Outcome, Phase, Pipeline, Replayed, RunStore as _, replay,
};
use fix_plan::{Failure, Log};
use fix_tests::repository::{TestRepository, git};
use repositories::Broken;

type Error = Box<dyn std::error::Error>;

/// Runs one of the repositories; `None`, visibly, where there is no sandbox.
async fn mend(home: &Path, broken: &Broken) -> Option<(Finished, Repository)> {
    let origin = broken.create(home).unwrap();
    let repository = Repository::open(&home.join("mirrors"), Location::Local(origin.clone())).unwrap();
    let validator = match Bubblewrap::new(repository.clone(), Recipes::Detect, SandboxLimits::default()).await {
        Ok(validator) => validator,
        Err(error) if error.kind() == AdapterErrorKind::Unsupported => {
            eprintln!("skipped: {error}");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let commit = repository.resolve("main").await.unwrap();
    let failure = Failure::new(
        format!("test-{}", broken.name).parse().unwrap(),
        origin.to_string_lossy(),
        commit.clone(),
        "main".parse().unwrap(),
        repository.commit_time_s(&commit).await.unwrap(),
        Log::from(broken.log),
    );
    let pr_sink = LocalGit::new(repository.clone(), home.join("pull-requests"));
    let run_store = Sqlite::open(&home.join("runs.sqlite3")).await.unwrap();
    let pipeline = Pipeline::new(Rules, validator, pr_sink, run_store);
    let finished = pipeline.run(&failure, &repository.snapshot(&commit).await.unwrap()).await.unwrap();
    let entries = pipeline.run_store.load(finished.run).await.unwrap();
    let journal = Journal::replay(entries).expect("a journal that can be trusted");
    let events: Vec<_> = journal.events().map(fix_pipeline::Event::name).collect();
    assert_eq!(
        events,
        [
            "started",
            "baseline_checked",
            "plan_proposed",
            "plan_reviewed",
            "patch_generated",
            "patch_reviewed",
            "validated",
            "pr_opening",
            "pr_opened"
        ],
        "{}: {:?}",
        broken.story,
        finished.outcome
    );
    let snapshot = repository.snapshot(&commit).await.unwrap();
    let stages = replay(&journal, &pipeline.policy, &pipeline.generator, &pipeline.options, Some(&snapshot)).unwrap();
    assert_eq!(stages.len(), 14, "{stages:?}");
    assert!(stages.iter().all(|(_, replayed)| *replayed == Replayed::Same), "{stages:?}");
    Some((finished, repository))
}

/// Red, then green, and the branch holds exactly the tree that was green.
fn assert_published(home: &Path, broken: &Broken, finished: &Finished, removed: &[&str], added: &[&str]) {
    let Outcome::Opened(pull_request) = &finished.outcome else { panic!("{:?}", finished.outcome) };
    let (baseline, validation) =
        (finished.record.baseline.as_ref().unwrap(), finished.record.validation.as_ref().unwrap());
    assert_eq!(baseline.status, CheckStatus::Failed);
    assert_eq!(validation.status, CheckStatus::Passed);
    assert!(validation.tests_run >= 1 && validation.tests_run >= baseline.tests_run);
    assert!(validation.commands.iter().any(|command| command.phase == Phase::Prepare));

    let origin = home.join(format!("{}.git", broken.name));
    let branch = &pull_request.branch;
    assert_eq!(git(&origin, &["rev-parse", &format!("{branch}^{{tree}}")]), validation.tree);
    assert_eq!(git(&origin, &["rev-parse", &format!("{branch}^")]), git(&origin, &["rev-parse", "main"]));
    let diff = git(&origin, &["diff", "--unified=0", "main", branch]);
    let lines = |sign: &str| -> Vec<String> {
        let changed = diff.lines().filter(|line| line.starts_with(sign) && !line.starts_with(&sign.repeat(3)));
        changed.map(|line| line.trim_start_matches(sign).to_owned()).collect()
    };
    assert_eq!(lines("-"), removed);
    assert_eq!(lines("+"), added);

    let file = home.join("pull-requests").join(format!("{}.json", branch.replace('/', "-")));
    let text: LocalPullRequest = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(Some(&text.commit), pull_request.commit.as_ref());
    assert!(text.body.contains("| verdict | failed | passed |"), "{}", text.body);

    let report = serde_json::to_value(finished.record.report(finished.run)).unwrap();
    for key in ["event_id", "run_id", "plan", "plan_policy", "patch_stats", "patch_policy", "validation", "pr"] {
        assert!(!report[key].is_null(), "{key}");
    }
    assert_eq!(report["validation"], serde_json::json!({"status": "passed", "tests_failed": 0}));
    let proof = &report["proof"];
    assert_eq!((&proof["baseline"]["status"], &proof["validation"]["status"]), (&"failed".into(), &"passed".into()));
    for check in [&proof["baseline"], &proof["validation"]] {
        assert_eq!(check["fingerprint"].as_str().unwrap().len(), 64);
        assert!(check["sandbox"].as_str().unwrap().starts_with("bubblewrap"));
        assert!(check["commands"].as_array().unwrap().iter().all(|command| command["exit_code"].is_i64()));
    }
}

fn broken(name: &str) -> &'static Broken {
    repositories::ALL.iter().find(|broken| broken.name == name).unwrap()
}

#[tokio::test]
async fn a_missing_dependency_is_declared_installed_and_proven() {
    let home = tempfile::tempdir().unwrap();
    let broken = broken("missing-dependency");
    let Some((finished, _)) = mend(home.path(), broken).await else { return };
    assert_published(home.path(), broken, &finished, &[], &["    \"PyYAML\","]);
    let Outcome::Opened(pull_request) = &finished.outcome else { unreachable!() };
    assert_eq!(pull_request.labels, ["safe"]);
}

#[tokio::test]
async fn unused_imports_are_removed_and_the_lint_step_passes() {
    let home = tempfile::tempdir().unwrap();
    let broken = broken("unused-imports");
    let Some((finished, _)) = mend(home.path(), broken).await else { return };
    assert_published(home.path(), broken, &finished, &["import os, json", "    Optional,"], &["import json"]);
}

/// What a test does must not reach the host, whatever it tries. Each attempt succeeds outside of
/// the sandbox: that is its control.
#[tokio::test]
async fn checks_see_no_network_no_host_and_leave_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    std::fs::write(home.path().join("secret"), "x").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let marker = format!("fix-test-{}", std::process::id());
    let attempts = [
        format!("/usr/bin/python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 2)\""),
        format!("test -e {}/secret", home.path().display()),
        format!("touch {}/evil", home.path().display()),
        "test -e /etc/hostname".to_owned(),
        "grep -qs CARGO_ /proc/[0-9]*/environ".to_owned(),
        format!("kill -0 {}", std::process::id()),
        "test \"$(ls -d /proc/[0-9]* | wc -l)\" -gt 12".to_owned(),
    ];
    for attempt in &attempts {
        let outside = Command::new("/bin/sh").args(["-c", attempt]).status().unwrap();
        assert!(outside.success(), "the control of {attempt:?}");
    }
    let mut check: Vec<String> = attempts.iter().map(|attempt| format!("! ({attempt}) 2>/dev/null")).collect();
    check.push("! touch /usr/evil 2>/dev/null".to_owned());
    check.push("test \"$(ls /proc/self/fd | wc -l)\" -le 4".to_owned());
    check.push("! unshare --user true 2>/dev/null".to_owned());
    // A grandchild that keeps the output open must not keep us waiting, and must not live on.
    check.push(format!("(setsid sh -c 'sleep 1000; : {marker}' &) ; true"));
    check.push("false".to_owned());
    let recipe = fix_adapters::validator::Recipe { prepare: Vec::new(), check };
    let validator = match Bubblewrap::new(repository.mirror(), Recipes::Fixed(recipe), SandboxLimits::default()).await {
        Ok(validator) => validator,
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let report = check_baseline(&validator, &repository).await;
    let failed: Vec<_> =
        report.commands.iter().filter(|command| command.exit_code != Some(0)).map(|command| &command.command).collect();
    assert_eq!(failed, ["false"], "{}", report.output_tail);
    assert_eq!(report.status, CheckStatus::Failed);
    assert!(report.commands.iter().all(|command| command.duration_ms < 60_000), "nobody waits for a grandchild");
    let survivors = Command::new("pgrep").args(["-f", &marker]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&survivors.stdout), "", "no grandchild lives on");
}

async fn check_baseline(validator: &Bubblewrap, repository: &TestRepository) -> fix_pipeline::Report {
    let run = fix_pipeline::RunContext::new(repository.failure("event-1", "log"));
    fix_pipeline::Validator::validate(validator, &run, fix_pipeline::Subject::Baseline).await.unwrap()
}

/// What is checked is the commit, whatever was done to its files while preparing.
#[tokio::test]
async fn preparing_cannot_change_what_is_checked() {
    let repository = TestRepository::new(&[("a.txt", "honest\n")]);
    let recipe = fix_adapters::validator::Recipe {
        prepare: vec!["echo forged > a.txt; echo extra > b.txt; test -e b.txt".to_owned()],
        check: vec!["grep honest a.txt && ! test -e b.txt && false".to_owned()],
    };
    let validator = match Bubblewrap::new(repository.mirror(), Recipes::Fixed(recipe), SandboxLimits::default()).await {
        Ok(validator) => validator,
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let report = check_baseline(&validator, &repository).await;
    assert_eq!(report.output_tail, "honest\n");
}

/// A tree that git would not make, with files behind a link, is refused and writes nothing.
#[tokio::test]
async fn a_forged_tree_is_refused() {
    let repository = TestRepository::new(&[("b", "x\n")]);
    let outside = repository.home().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let write = |kind: &str, content: &[u8]| {
        let file = repository.home().join("object");
        std::fs::write(&file, content).unwrap();
        repository.git(&["hash-object", "-w", "--literally", "-t", kind, &file.to_string_lossy()])
    };
    let link = write("blob", outside.to_string_lossy().as_bytes());
    let bytes = |id: &str| -> Vec<u8> {
        (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect()
    };
    let inner = repository.git(&["rev-parse", "HEAD^{tree}"]);
    let entries = [b"120000 a\0".to_vec(), bytes(&link), b"40000 a\0".to_vec(), bytes(&inner)].concat();
    let tree = write("tree", &entries);
    let commit = repository.git(&["commit-tree", &tree, "-m", "forged"]);
    repository.git(&["update-ref", "refs/heads/forged", &commit]);
    let refused = fix_adapters::repository::Snapshot::of_local(&repository.origin(), &commit);
    assert!(refused.is_err(), "read in place");
    assert!(repository.mirror().snapshot(&commit.parse().unwrap()).await.is_err(), "fetched");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn limits_end_a_check_with_a_status_of_its_own() {
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let run = fix_pipeline::RunContext::new(repository.failure("event-1", "log"));
    for (command, expected) in [
        ("sleep 60", CheckStatus::TimedOut),
        ("trap '' TERM; while :; do sleep 1; done", CheckStatus::TimedOut),
        ("yes", CheckStatus::OutputCut),
        ("kill -9 $$", CheckStatus::Killed),
        ("no-such-command", CheckStatus::NothingRan),
        ("true", CheckStatus::NothingRan),
    ] {
        let mut limits = SandboxLimits::default();
        limits.wall_time = std::time::Duration::from_secs(20);
        limits.output_bytes = 1 << 20;
        let recipe = fix_adapters::validator::Recipe { prepare: Vec::new(), check: vec![command.to_owned()] };
        if expected == CheckStatus::TimedOut {
            limits.wall_time = std::time::Duration::from_secs(8);
        }
        let validator = match Bubblewrap::new(repository.mirror(), Recipes::Fixed(recipe), limits).await {
            Ok(validator) => validator,
            Err(error) => return eprintln!("skipped: {error}"),
        };
        let report =
            fix_pipeline::Validator::validate(&validator, &run, fix_pipeline::Subject::Baseline).await.unwrap();
        assert_eq!(report.status, expected, "{command}: {}", report.output_tail);
    }
}

/// Jobs run as one user, and checkouts belong to another.
#[tokio::test]
async fn a_checkout_of_another_user_is_read() {
    let repository = TestRepository::new(&[("app.py", "print(1)\n")]);
    let chown = |path: &Path| Command::new("chown").args(["-R", "12345:12345"]).arg(path).status().unwrap().success();
    if !chown(&repository.origin()) {
        eprintln!("skipped: only root can give a repository away");
        return;
    }
    let mirror = repository.mirror();
    let snapshot = mirror.snapshot(&mirror.resolve("main").await.unwrap()).await.unwrap();
    assert_eq!(snapshot.text("app.py"), "print(1)\n");
}

/// Ten files, ten times in a folder, seven times over: a few kilobytes of objects, and a hundred million paths.
#[tokio::test]
async fn a_tree_without_end_is_refused_and_never_held() {
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let make = |lines: String| -> String {
        let mut child = Command::new("git")
            .args(["mktree"])
            .current_dir(repository.origin())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let ten = |kind: &str, object: &str| (0..10).map(|n| format!("{kind} {object}\tpath-{n}\n")).collect::<String>();
    let mut tree = make(ten("100644 blob", &repository.git(&["rev-parse", "main:a.txt"])));
    for _ in 0..7 {
        tree = make(ten("040000 tree", &tree));
    }
    let commit = repository.git(&["commit-tree", "-m", "Bomb", &tree]);
    repository.git(&["update-ref", "refs/heads/bomb", &commit]);
    let (mirror, commit) = (repository.mirror(), commit.parse().unwrap());
    assert_eq!(mirror.commit_time_s(&commit).await.unwrap(), 1_772_442_000, "the files are not looked at");
    let error = mirror.snapshot(&commit).await.unwrap_err();
    let told = fix_adapters::terminal::with_causes(&error);
    assert!(told.contains("printed more than"), "{told}");
}
