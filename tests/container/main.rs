//! Checks in containers, over a real engine: what holds, what ends them, and what is left.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fix_adapters::validator::container::{ContainerOptions, Pull};
use fix_adapters::validator::{Container, Recipe, Recipes};
use fix_pipeline::{AdapterErrorKind, CheckStatus, Report, RunContext, Subject, Validator as _};
use fix_tests::adapters::assert_ends;
use fix_tests::engine::{IMAGE, Kind, TestEngine};
use fix_tests::processes::processes_with;
use fix_tests::repository::TestRepository;

use self::environments::{
    another_tree_is_prepared_by_itself, the_same_tree_is_prepared_once_and_each_check_has_its_own_copy,
    trees_with_the_same_requirements_share, what_does_not_fit_takes_nothing_from_others,
};
use self::targets::{ATTACKS, Targets, named};

mod environments;
#[path = "../sandbox/targets.rs"]
mod targets;

/// The same for each engine.
macro_rules! tests {
    ($($test:ident,)*) => {
        mod docker {
            $(#[tokio::test]
            async fn $test() {
                if let Some(engine) = super::TestEngine::start(super::Kind::Docker) {
                    super::$test(&engine).await;
                }
            })*
        }

        mod podman {
            $(#[tokio::test]
            async fn $test() {
                if let Some(engine) = super::TestEngine::start(super::Kind::Podman) {
                    super::$test(&engine).await;
                }
            })*
        }
    };
}

tests! {
    attacks_are_held,
    only_what_is_bounded_can_be_written,
    limits_end_a_check_with_a_status_of_its_own,
    preparing_has_the_network_and_leaves_the_tree_as_it_was,
    a_dropped_check_leaves_nothing,
    what_killed_workers_left_is_swept_when_its_time_is_over,
    nothing_outlives_a_killed_worker,
    the_image_is_settled_once_and_named_in_the_report,
    what_can_not_hold_is_refused,
    the_same_tree_is_prepared_once_and_each_check_has_its_own_copy,
    another_tree_is_prepared_by_itself,
    trees_with_the_same_requirements_share,
    what_does_not_fit_takes_nothing_from_others,
}

fn fixed(prepare: &[&str], check: &[&str]) -> Recipes {
    let owned = |commands: &[&str]| commands.iter().map(|command| (*command).to_owned()).collect();
    Recipes::Fixed(Recipe { prepare: owned(prepare), check: owned(check) })
}

/// The baseline of a repository of these files.
async fn checked(files: &[(&str, &str)], recipes: Recipes, options: ContainerOptions) -> Report {
    let repository = TestRepository::new(files);
    let run = RunContext::new(repository.failure("event-1", "log"));
    let validator = Container::new(repository.mirror(), recipes, options).await.unwrap();
    validator.validate(&run, Subject::Baseline).await.unwrap()
}

/// Each attack works in a container that is let do everything, and none in ours.
async fn attacks_are_held(engine: &TestEngine) {
    let targets = Targets::new();
    let socket = engine.socket().display().to_string();
    let arguments = targets.arguments(&socket);

    let open = "run --rm --cap-add SYS_ADMIN --cap-add SYS_PTRACE --cap-add SYS_TIME --security-opt seccomp=unconfined \
                --security-opt apparmor=unconfined --network host --pid host --shm-size 256m \
                --env CARGO_MANIFEST_DIR --security-opt";
    let mut control: Vec<&str> = open.split(' ').collect();
    control.push(if engine.kind() == Kind::Docker { "systempaths=unconfined" } else { "unmask=ALL" });
    control.push("--volume");
    let mounts = [socket, targets.folder()].map(|path| format!("{path}:{path}"));
    control.extend([mounts[0].as_str(), "--volume", &mounts[1], IMAGE, "python3", "-c", ATTACKS]);
    control.extend(arguments.split(' '));
    let works = engine.client(&control);
    assert_eq!(targets.held_by_control(&works), Vec::<&str>::new(), "the control of these fails: {works}");
    // As the user of the sandbox, not as root.
    let mut control = vec!["run", "--rm", "--user", "65534:65534", IMAGE, "python3", "-c", ATTACKS];
    control.extend(arguments.split(' '));
    control.push("setuid_program");
    let works_as_user = engine.client(&control);
    assert_eq!(named(&works_as_user, "works: "), ["setuid_program"], "{works_as_user}");

    let mut options = engine.options();
    options.limits.processes = 40;
    options.limits.disk_bytes = 32 << 20;
    options.limits.disk_files = 8_192;
    options.limits.file_bytes = 16 << 20;
    options.limits.open_files = 128;
    let report =
        checked(&[("attacks.py", ATTACKS)], fixed(&[], &[&format!("python attacks.py {arguments}")]), options).await;
    let mut attacks = [named(&works, "works: "), named(&works, "held: ")].concat();
    attacks.sort_unstable();
    assert!(attacks.len() > 30, "{works}");
    assert_eq!(named(&report.output_tail, "held: "), attacks, "{}", report.output_tail);
    engine.assert_empty();
}

async fn limits_end_a_check_with_a_status_of_its_own(engine: &TestEngine) {
    let mut options = engine.options();
    options.limits.wall_time = Duration::from_secs(20);
    options.limits.memory_bytes = 128 << 20;
    options.limits.disk_bytes = 32 << 20;
    options.limits.cpu_s = 3;
    options.limits.output_bytes = 1 << 20;
    let options = Arc::new(options);
    let cases = [
        ("sleep 300", CheckStatus::TimedOut),
        ("trap '' TERM; while :; do sleep 1; done", CheckStatus::TimedOut),
        // The time is over when the output ends, too.
        ("exec sleep 300 >/dev/null 2>&1", CheckStatus::TimedOut),
        ("while :; do echo yes; done", CheckStatus::OutputCut),
        ("while :; do echo yes; done >&2", CheckStatus::OutputCut),
        ("python -c \"print('x' * (16 << 20), end='')\"", CheckStatus::OutputCut),
        ("kill -9 $$", CheckStatus::Killed),
        ("python -c 'while True: pass'", CheckStatus::Killed),
        ("python -c 'x = b\"x\" * (256 << 20)'", CheckStatus::OutOfMemory),
        // Caught, and passed over in silence.
        ("python -c 'x = b\"x\" * (256 << 20)' || true", CheckStatus::OutOfMemory),
        // What it leaves behind, and keeps its output, ends with it.
        ("(trap '' TERM HUP; sleep 300) & exit 3", CheckStatus::Failed),
        (
            "python -c 'import os, time; os.fork() or os.setsid() and (os.fork() or time.sleep(300))'; exit 3",
            CheckStatus::Failed,
        ),
        ("no-such-command", CheckStatus::NothingRan),
        ("true", CheckStatus::NothingRan),
    ];
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    for some in cases.chunks(5) {
        let mut checks = tokio::task::JoinSet::new();
        for (command, expected) in some.iter().copied() {
            let (mirror, options) = (repository.mirror(), ContainerOptions::clone(&options));
            let run = RunContext::new(repository.failure("event-1", "log"));
            checks.spawn(async move {
                let validator = Container::new(mirror, fixed(&[], &[command]), options).await.unwrap();
                assert_ends(&validator, &run, expected).await;
            });
        }
        while let Some(check) = checks.join_next().await {
            check.unwrap();
        }
    }
    engine.assert_empty();
}

async fn preparing_has_the_network_and_leaves_the_tree_as_it_was(engine: &TestEngine) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 10)'");
    let mut options = engine.options();
    options.prepare_environment = vec![("PIP_INDEX_URL".to_owned(), "https://index.invalid/simple".to_owned())];
    let recipe = fixed(
        &[
            &connect,
            "echo changed > a.txt",
            ": > ../home/prepared",
            "test $PIP_INDEX_URL = https://index.invalid/simple",
        ],
        &[
            "test -e ../home/prepared && test $(cat a.txt) = a && test $(cat folder/b.txt) = b",
            "! test -e new && test -z \"$PIP_INDEX_URL\"",
            "python -c 'import sys; sys.exit(sys.prefix != \"/work/venv\")'",
            &connect,
        ],
    );
    let files = [("a.txt", "a\n"), ("folder/b.txt", "b\n")];
    let report = checked(&files, recipe.clone(), options.clone()).await;
    let codes: Vec<_> = report.commands.iter().map(|command| command.exit_code).collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 0, 0, 0, 1].map(Some), "{report:?}");
    options.prepare_network = None;
    let report = checked(&files, recipe, options).await;
    assert_eq!(report.status, CheckStatus::PrepareFailed, "{report:?}");
    drop(listener);
    engine.assert_empty();
}

/// A command that lasts, and its last word, by which it is told from all others of the machine.
fn sleep() -> (String, String) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let word = format!("300.{}{count:03}", std::process::id());
    (format!("sleep {word}"), word)
}

/// What no attack would notice.
const AS_HELD: &str = "{{.HostConfig.Privileged}} {{.HostConfig.LogConfig.Type}} {{.HostConfig.Memory}} \
                       {{.HostConfig.MemorySwap}} {{.HostConfig.IpcMode}} {{.HostConfig.Binds}} {{.Config.Healthcheck.Test}}";

/// Whenever a future is dropped, what it made goes.
async fn a_dropped_check_leaves_nothing(engine: &TestEngine) {
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let run = RunContext::new(repository.failure("event-1", "log"));
    let recipes = fixed(&[], &[&sleep().0]);
    let validator = Container::new(repository.mirror(), recipes.clone(), engine.options()).await.unwrap();
    for ms in (0..3_000).step_by(200) {
        let ended = tokio::time::timeout(Duration::from_millis(ms), validator.validate(&run, Subject::Baseline)).await;
        assert!(ended.is_err(), "{ended:?}");
    }
    drop(validator);
    engine.assert_empty();

    // In the midst of the check itself; the engine says how it holds it.
    let (sleep, word) = sleep();
    let recipes = fixed(&[], &[&sleep]);
    let validator = Container::new(repository.mirror(), recipes.clone(), engine.options()).await.unwrap();
    let checking = async {
        while processes_with(&word) == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let names = engine.client(&["ps", "--format", "{{.Names}}"]);
        let name = names.lines().find(|name| name.contains("-command-")).unwrap();
        engine.client(&["inspect", "--format", AS_HELD, name])
    };
    tokio::select! {
        report = validator.validate(&run, Subject::Baseline) => panic!("{report:?}"),
        held = checking => {
            let (held, mounted) = held.split_once('[').unwrap();
            // Podman lists volumes like folders of the host, and calls private memory so.
            let ipc = if engine.kind() == Kind::Docker { "private" } else { "shareable" };
            assert_eq!(held, format!("false none 4294967296 4294967296 {ipc} "));
            let (mounted, health) = mounted.split_once("] ").unwrap();
            assert!(mounted.split_terminator(' ').all(|mount| mount.starts_with("fix-")), "{mounted}");
            assert_eq!(health, "[NONE]");
        }
    }
    drop(validator);
    engine.assert_empty();

    // The same when a panic comes between, and its runtime goes, too.
    let options = engine.options();
    let panicked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let validator = Container::new(repository.mirror(), recipes, options).await.unwrap();
            tokio::select! {
                report = validator.validate(&run, Subject::Baseline) => drop(report),
                () = tokio::time::sleep(Duration::from_secs(2)) => panic!("in the midst of it"),
            }
        });
    });
    assert!(panicked.join().is_err());
    engine.assert_empty();
}

async fn what_killed_workers_left_is_swept_when_its_time_is_over(engine: &TestEngine) {
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let run = RunContext::new(repository.failure("event-1", "log"));
    let validator = Container::new(repository.mirror(), fixed(&[], &["true"]), engine.options()).await.unwrap();
    let label = |expires: &str| format!("dev.fix.expires={expires}");
    for (name, label) in [("over", label("1")), ("in-use", label("99999999999")), ("foreign", "other=1".to_owned())] {
        engine.client(&["volume", "create", "--label", &label, name]);
        let volume = format!("{name}:/work");
        engine.client(&[
            "run", "--detach", "--name", name, "--label", &label, "--volume", &volume, IMAGE, "sleep", "900",
        ]);
    }
    validator.validate(&run, Subject::Baseline).await.unwrap();
    let names = |listed: &str| listed.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let kept = BTreeSet::from(["foreign".to_owned(), "in-use".to_owned()]);
    assert_eq!(names(&engine.client(&["ps", "--all", "--format", "{{.Names}}"])), kept);
    assert_eq!(names(&engine.client(&["volume", "ls", "--format", "{{.Name}}"])), kept);
}

const SOCKET: &str = "FIX_TEST_ENGINE_SOCKET";
const SLEEP: &str = "FIX_TEST_SLEEP";

/// A command ends with its worker, by itself; what else the worker left goes with the next check, and not an hour later.
async fn nothing_outlives_a_killed_worker(engine: &TestEngine) {
    let (sleep, word) = sleep();
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_worker", "--include-ignored"])
        .envs([(SOCKET, engine.socket().into_os_string()), (SLEEP, sleep.into())])
        .spawn()
        .unwrap();
    let mut ended = None;
    while processes_with(&word) == 0 && ended.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ended = worker.try_wait().unwrap();
    }
    // Let it do what it tries first.
    tokio::time::sleep(Duration::from_millis(500)).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(ended, None);
    // The volumes are freed with the last who uses them.
    let lives_on = || (processes_with(&word), engine.client(&["ps", "--quiet"]), engine.mounts_in_memory());
    let nothing = (0, String::new(), 0);
    for _ in 0..200 {
        if lives_on() == nothing {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(lives_on(), nothing);
    assert!(!engine.left().is_empty(), "the worker removed what it was killed before");
    checked(&[("a.txt", "a\n")], fixed(&[], &["true"]), engine.options()).await;
    engine.assert_empty();
}

/// Prints every folder that can be written.
const WRITABLE: &str = r#"
import os
for folder, below, _ in os.walk("/"):
    if folder == "/proc":
        below.clear()
    if os.access(folder, os.W_OK):
        print("writable:", folder)
"#;

/// What is bounded, by this or, for queues of messages, by the kernel; Podman would give more.
async fn only_what_is_bounded_can_be_written(engine: &TestEngine) {
    let files = [("writable.py", WRITABLE), ("a.txt", "a\n")];
    let report = checked(&files, fixed(&[], &["python3 -I writable.py"]), engine.options()).await;
    let folders = named(&report.output_tail, "writable: ");
    let mounts: BTreeSet<_> =
        folders.iter().map(|folder| if folder.starts_with("/work/") { "/work" } else { folder }).collect();
    let mut expected = BTreeSet::from(["/dev/shm", "/tmp", "/work"]);
    expected.extend(mounts.contains("/dev/mqueue").then_some("/dev/mqueue"));
    assert_eq!(mounts, expected, "{report:?}");
    engine.assert_empty();
}

#[tokio::test]
#[ignore = "run, and killed, by `nothing_outlives_a_killed_worker` in a process of its own"]
async fn a_worker() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let mut options = ContainerOptions::new(IMAGE);
    options.socket = socket.into();
    // It does what it can to live on.
    let stop = "python -c 'import ctypes, time; ctypes.CDLL(None).ptrace(16, 1, 0, 0); time.sleep(300)'";
    let check = format!("trap '' HUP TERM INT; kill -9 1; kill 1; {stop} & {}; wait", std::env::var(SLEEP).unwrap());
    checked(&[("a.txt", "a\n")], fixed(&[], &[&check]), options).await;
}

/// A name that comes to mean another image between red and green changes nothing.
async fn the_image_is_settled_once_and_named_in_the_report(engine: &TestEngine) {
    let digest = engine.client(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let run = RunContext::new(repository.failure("event-1", "log"));
    let check = fixed(&[], &["! test -e /other"]);
    let validator = Container::new(repository.mirror(), check, engine.options()).await.unwrap().with_environments(None);
    let before = validator.validate(&run, Subject::Baseline).await.unwrap();
    engine.client(&["run", "--name", "other", IMAGE, "mkdir", "/other"]);
    let other = engine.client(&["commit", "other", IMAGE]);
    assert_ne!(other, digest);
    let after = validator.validate(&run, Subject::Baseline).await.unwrap();
    assert!(before.sandbox.contains(&digest), "{}", before.sandbox);
    assert_eq!((before.sandbox, before.status), (after.sandbox, after.status));
    assert_eq!(after.commands.last().unwrap().exit_code, Some(0));
}

async fn what_can_not_hold_is_refused(engine: &TestEngine) {
    engine.client(&["run", "--name", "bare", IMAGE, "rm", "/usr/bin/python3"]);
    engine.client(&["commit", "bare", "localhost/bare"]);
    engine.client(&["commit", "--change", "VOLUME /data", "bare", "localhost/volumes"]);
    engine.client(&["rm", "bare"]);
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let refused = async |change: fn(&mut ContainerOptions), says: &str| {
        let mut options = engine.options();
        change(&mut options);
        let error = Container::new(repository.mirror(), Recipes::Detect, options).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Unsupported, "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    };
    refused(|options| options.socket = "/nowhere".into(), "/nowhere").await;
    refused(|options| options.image = "localhost/absent".to_owned(), "set ContainerOptions::pull").await;
    let pull = |options: &mut ContainerOptions| {
        options.image = "127.0.0.1:9/absent".to_owned();
        options.pull = Pull::WhenMissing;
    };
    refused(pull, "can't be pulled").await;
    refused(|options| options.image = "localhost/bare".to_owned(), "python3").await;
    refused(|options| options.image = "localhost/volumes".to_owned(), "declares volumes").await;
    engine.assert_empty();
    let mut options = engine.options();
    options.limits.disk_bytes = 1 << 20;
    let large = TestRepository::new(&[("a.txt", &"a".repeat(2 << 20))]);
    let validator = Container::new(large.mirror(), fixed(&[], &["true"]), options).await.unwrap();
    let run = RunContext::new(large.failure("event-1", "log"));
    let error = validator.validate(&run, Subject::Baseline).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Unsupported, "{error:?}");
    engine.assert_empty();
}
