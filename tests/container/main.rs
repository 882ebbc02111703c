//! Checks in containers, over a real engine: what holds, what ends them, and what is left.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fix_adapters::validator::container::{ContainerOptions, Pull};
use fix_adapters::validator::{Container, Recipe, Recipes};
use fix_pipeline::{AdapterErrorKind, CheckStatus, Report, RunContext, Subject, Validator as _};
use fix_tests::adapters::assert_ends;
use fix_tests::docker::{DockerEngine, IMAGE};
use fix_tests::repository::TestRepository;

use self::targets::{ATTACKS, Targets, named};

#[path = "../sandbox/targets.rs"]
mod targets;

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
#[tokio::test]
async fn attacks_are_held() {
    let Some(engine) = DockerEngine::start() else { return };
    let targets = Targets::new();
    let socket = engine.socket().display().to_string();
    let arguments = targets.arguments(&socket);

    let open = "run --rm --cap-add SYS_ADMIN --cap-add SYS_PTRACE --cap-add SYS_TIME --security-opt seccomp=unconfined \
                --security-opt apparmor=unconfined --security-opt systempaths=unconfined --network host --pid host \
                --shm-size 256m --env CARGO_MANIFEST_DIR --volume";
    let mut control: Vec<&str> = open.split(' ').collect();
    let mounts = [socket, targets.folder()].map(|path| format!("{path}:{path}"));
    control.extend([mounts[0].as_str(), "--volume", &mounts[1], IMAGE, "python3", "-c", ATTACKS]);
    control.extend(arguments.split(' '));
    let works = engine.docker(&control);
    assert_eq!(targets.held_by_control(&works), Vec::<&str>::new(), "the control of these fails: {works}");
    // As the user of the sandbox, not as root.
    let mut control = vec!["run", "--rm", "--user", "65534:65534", IMAGE, "python3", "-c", ATTACKS];
    control.extend(arguments.split(' '));
    control.push("setuid_program");
    let works_as_user = engine.docker(&control);
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

#[tokio::test]
async fn limits_end_a_check_with_a_status_of_its_own() {
    let Some(engine) = DockerEngine::start() else { return };
    let mut options = engine.options();
    options.limits.wall_time = Duration::from_secs(20);
    options.limits.memory_bytes = 128 << 20;
    options.limits.disk_bytes = 32 << 20;
    options.limits.cpu_s = 10;
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

#[tokio::test]
async fn preparing_has_the_network_and_leaves_the_tree_as_it_was() {
    let Some(engine) = DockerEngine::start() else { return };
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

/// What no attack would notice.
const AS_HELD: &str = "{{.HostConfig.Privileged}} {{.HostConfig.Binds}} {{.HostConfig.LogConfig.Type}} \
                       {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.Config.Healthcheck.Test}} {{.HostConfig.IpcMode}}";

/// Whenever a future is dropped, what it made goes.
#[tokio::test]
async fn a_dropped_check_leaves_nothing() {
    let Some(engine) = DockerEngine::start() else { return };
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let run = RunContext::new(repository.failure("event-1", "log"));
    let recipes = fixed(&[], &["sleep 300"]);
    let validator = Container::new(repository.mirror(), recipes.clone(), engine.options()).await.unwrap();
    for ms in (0..3_000).step_by(200) {
        let ended = tokio::time::timeout(Duration::from_millis(ms), validator.validate(&run, Subject::Baseline)).await;
        assert!(ended.is_err());
    }
    // In the midst of the check itself; the engine says how it holds it.
    let commands = || engine.docker(&["ps", "--format", "{{.Names}} {{.Command}}", "--no-trunc"]);
    let checking = async {
        loop {
            if let Some(command) = commands().lines().find(|line| line.contains("sleep 300")) {
                let name = command.split(' ').next().unwrap();
                break engine.docker(&["inspect", "--format", AS_HELD, name]);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        report = validator.validate(&run, Subject::Baseline) => panic!("{report:?}"),
        held = checking => assert_eq!(held, "false [] none 4294967296 4294967296 [NONE] private"),
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

#[tokio::test]
async fn what_killed_workers_left_is_swept_when_its_time_is_over() {
    let Some(engine) = DockerEngine::start() else { return };
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let run = RunContext::new(repository.failure("event-1", "log"));
    let validator = Container::new(repository.mirror(), fixed(&[], &["true"]), engine.options()).await.unwrap();
    let label = |expires: &str| format!("dev.fix.expires={expires}");
    for (name, label) in [("over", label("1")), ("in-use", label("99999999999")), ("foreign", "other=1".to_owned())] {
        engine.docker(&["volume", "create", "--label", &label, name]);
        let volume = format!("{name}:/work");
        engine.docker(&[
            "run", "--detach", "--name", name, "--label", &label, "--volume", &volume, IMAGE, "sleep", "900",
        ]);
    }
    validator.validate(&run, Subject::Baseline).await.unwrap();
    let names = |listed: &str| listed.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let kept = BTreeSet::from(["foreign".to_owned(), "in-use".to_owned()]);
    assert_eq!(names(&engine.docker(&["ps", "--all", "--format", "{{.Names}}"])), kept);
    assert_eq!(names(&engine.docker(&["volume", "ls", "--format", "{{.Name}}"])), kept);
}

const SOCKET: &str = "FIX_TEST_ENGINE_SOCKET";

/// A command ends with its worker, by itself; what else the worker left goes with the next check, and not an hour later.
#[tokio::test]
async fn nothing_outlives_a_killed_worker() {
    let Some(engine) = DockerEngine::start() else { return };
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_worker", "--include-ignored"])
        .env(SOCKET, engine.socket())
        .spawn()
        .unwrap();
    let commands = || engine.docker(&["ps", "--format", "{{.Command}}", "--no-trunc"]);
    let mut ended = None;
    while !commands().contains("sleep 300") && ended.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ended = worker.try_wait().unwrap();
    }
    // Let it do what it tries first.
    tokio::time::sleep(Duration::from_millis(500)).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(ended, None);
    for _ in 0..200 {
        if !commands().contains("sleep 300") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!commands().contains("sleep 300"), "{}", commands());
    assert!(!engine.left().is_empty(), "the worker removed what it was killed before");
    checked(&[("a.txt", "a\n")], fixed(&[], &["true"]), engine.options()).await;
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
    let check = format!("trap '' HUP TERM INT; kill -9 1; kill 1; {stop} & sleep 300; wait");
    checked(&[("a.txt", "a\n")], fixed(&[], &[&check]), options).await;
}

/// A name that comes to mean another image between red and green changes nothing.
#[tokio::test]
async fn the_image_is_settled_once_and_named_in_the_report() {
    let Some(engine) = DockerEngine::start() else { return };
    let digest = engine.docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let run = RunContext::new(repository.failure("event-1", "log"));
    let check = fixed(&[], &["! test -e /other"]);
    let validator = Container::new(repository.mirror(), check, engine.options()).await.unwrap();
    let before = validator.validate(&run, Subject::Baseline).await.unwrap();
    engine.docker(&["run", "--name", "other", IMAGE, "mkdir", "/other"]);
    let other = engine.docker(&["commit", "other", IMAGE]);
    assert_ne!(other, digest);
    let after = validator.validate(&run, Subject::Baseline).await.unwrap();
    assert!(before.sandbox.contains(&digest), "{}", before.sandbox);
    assert_eq!((before.sandbox, before.status), (after.sandbox, after.status));
    assert_eq!(after.commands.last().unwrap().exit_code, Some(0));
}

#[tokio::test]
async fn what_can_not_hold_is_refused() {
    let Some(engine) = DockerEngine::start() else { return };
    engine.docker(&["run", "--name", "bare", IMAGE, "rm", "/usr/bin/python3"]);
    engine.docker(&["commit", "bare", "local/bare"]);
    engine.docker(&["commit", "--change", "VOLUME /data", "bare", "local/volumes"]);
    engine.docker(&["rm", "bare"]);
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let refused = async |change: fn(&mut ContainerOptions), says: &str| {
        let mut options = engine.options();
        change(&mut options);
        let error = Container::new(repository.mirror(), Recipes::Detect, options).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Unsupported, "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    };
    refused(|options| options.socket = "/nowhere".into(), "/nowhere").await;
    refused(|options| options.image = "local/absent".to_owned(), "set ContainerOptions::pull").await;
    let pull = |options: &mut ContainerOptions| {
        options.image = "127.0.0.1:9/absent".to_owned();
        options.pull = Pull::WhenMissing;
    };
    refused(pull, "can't be pulled").await;
    refused(|options| options.image = "local/bare".to_owned(), "python3").await;
    refused(|options| options.image = "local/volumes".to_owned(), "declares volumes").await;
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
