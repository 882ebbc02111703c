//! Checks in bubblewrap: what holds, what ends them, what is left, and what is kept.

mod again;
mod environments;
mod left;
mod prepare;
mod reports;
mod targets;

use std::process::Command;
use std::time::Duration;

use fix_adapters::validator::{Bubblewrap, Recipe, Recipes, SandboxLimits};
use fix_pipeline::{AdapterErrorKind, CheckStatus, Report, RunContext, Subject, Validator as _};
use fix_tests::adapters::assert_ends;
use fix_tests::repository::TestRepository;

use self::targets::{ATTACKS, Targets, named};

fn fixed(prepare: &[&str], check: &[&str]) -> Recipes {
    let owned = |commands: &[&str]| commands.iter().map(|command| (*command).to_owned()).collect();
    Recipes::Fixed(Recipe { prepare: owned(prepare), check: owned(check) })
}

/// A validator; `None` where there is no sandbox, which is said.
async fn sandbox(repository: &TestRepository, recipes: Recipes, limits: SandboxLimits) -> Option<Bubblewrap> {
    match Bubblewrap::new(repository.mirror(), recipes, limits).await {
        Ok(validator) => Some(validator),
        Err(error) if error.kind() == AdapterErrorKind::Unsupported => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

async fn baseline(validator: &Bubblewrap, repository: &TestRepository) -> Report {
    let run = RunContext::new(repository.failure("event-1", "log"));
    validator.validate(&run, Subject::Baseline).await.unwrap()
}

/// Runs the attacks where everything is allowed: as root, on a copy of this machine's files that is gone afterwards.
const OPEN: &str = r#"
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/dev/shm"
mkdir -m 777 "$1/root/open"
cp /usr/bin/id "$1/root/bin/suid-id"
chmod 4755 "$1/root/bin/suid-id"
mkdir -p "$1/root$TARGETS" "$1/root/old"
mount --bind "$TARGETS" "$1/root$TARGETS"
cd "$1/root"
shift
pivot_root . old
exec chroot . /usr/bin/python3 "$@"
"#;

/// What the attacks print without a sandbox.
fn without_sandbox(targets: &Targets, arguments: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = if again::is_root() {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", OPEN, "sh"]).arg(folder.path());
        command.env("TARGETS", targets.folder());
        command
    } else {
        // What needs root is shown by root alone, and must be held here, too.
        Command::new("/usr/bin/python3")
    };
    let output = command.args(["-c", ATTACKS]).args(arguments.split(' ')).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

#[tokio::test]
async fn attacks_are_held() {
    let targets = Targets::new();
    let engine = format!("{}/engine.sock", targets.folder());
    let _listener = std::os::unix::net::UnixListener::bind(&engine).unwrap();
    let arguments = targets.arguments(&engine);
    let repository = TestRepository::new(&[("attacks.py", ATTACKS)]);
    let mut limits = SandboxLimits::default();
    limits.processes = 40;
    limits.disk_bytes = 32 << 20;
    limits.disk_files = 8_192;
    limits.file_bytes = 16 << 20;
    limits.open_files = 128;
    let check = format!("python attacks.py {arguments}");
    let Some(validator) = sandbox(&repository, fixed(&[], &[&check]), limits).await else { return };

    let outside = without_sandbox(&targets, &arguments);
    let held_outside = targets.held_by_control(&outside);
    if again::is_root() {
        assert_eq!(held_outside, Vec::<&str>::new(), "the control of these fails: {outside}");
    } else {
        println!("skipped: the controls of {held_outside:?}, which are no attacks by this user");
    }
    let mut attacks = [named(&outside, "works: "), named(&outside, "held: ")].concat();
    attacks.sort_unstable();
    assert!(attacks.len() > 30, "{outside}");
    let report = baseline(&validator, &repository).await;
    assert_eq!(named(&report.output_tail, "held: "), attacks, "{}", report.output_tail);
    again::as_ordinary_user("attacks_are_held");
}

#[tokio::test(flavor = "current_thread")]
async fn limits_end_a_check_with_a_status_of_its_own() {
    let mut limits = SandboxLimits::default();
    limits.wall_time = Duration::from_secs(5);
    limits.memory_bytes = 192 << 20;
    limits.disk_bytes = 64 << 20;
    limits.disk_files = 4_096;
    limits.processes = 64;
    limits.cpu_s = 1;
    limits.output_bytes = 1 << 20;
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let Some(validator) = sandbox(&repository, fixed(&[], &["true"]), limits).await else { return };
    let grouped = !baseline(&validator, &repository).await.sandbox.contains("for want of control groups");
    if !grouped {
        println!("skipped: memory of a whole sandbox, which only a control group bounds");
    }
    let memory = if grouped { CheckStatus::OutOfMemory } else { CheckStatus::Failed };
    let hidden = if grouped { CheckStatus::OutOfMemory } else { CheckStatus::NothingRan };
    let together = "python -c 'import os, time\nfor _ in range(6): os.fork() or (b\"x\" * (64 << 20), time.sleep(3), os._exit(0))\ntime.sleep(2)'";
    let cases = [
        ("sleep 300", CheckStatus::TimedOut),
        ("trap '' TERM HUP INT; while :; do sleep 1; done", CheckStatus::TimedOut),
        // The time is over when the output ends, too.
        ("exec sleep 300 >/dev/null 2>&1", CheckStatus::TimedOut),
        ("while :; do echo yes; done", CheckStatus::OutputCut),
        ("head -c 10G /dev/zero >&2", CheckStatus::OutputCut),
        ("kill -9 $$", CheckStatus::Killed),
        ("python -c 'while True: pass'", CheckStatus::Killed),
        ("python -c 'x = b\"x\" * (256 << 20)'", memory),
        // Caught, and passed over in silence.
        ("python -c 'x = b\"x\" * (256 << 20)' || true", hidden),
        (together, hidden),
        // Disk and files end as a failed command.
        ("head -c 80M /dev/zero > large", CheckStatus::Failed),
        ("head -c 40M /dev/zero > /tmp/one && head -c 40M /dev/zero > /dev/shm/two", CheckStatus::Failed),
        ("python -c 'for n in range(5000): open(f\"/tmp/{n}\", \"w\")'", CheckStatus::Failed),
        // What it leaves behind, and keeps its output, ends with it.
        ("(trap '' TERM HUP; sleep 300) & exit 3", CheckStatus::Failed),
        (
            "python -c 'import os, time; os.fork() or os.setsid() and (os.fork() or time.sleep(300))'; exit 3",
            CheckStatus::Failed,
        ),
        ("bomb() { bomb | bomb & }; bomb; sleep 1; exit 3", CheckStatus::Failed),
        ("no-such-command", CheckStatus::NothingRan),
        ("true", CheckStatus::NothingRan),
    ];
    for some in cases.chunks(9) {
        let mut checks = tokio::task::JoinSet::new();
        for (command, expected) in some.iter().copied() {
            let mirror = repository.mirror();
            let run = RunContext::new(repository.failure("event-1", "log"));
            checks.spawn(async move {
                let validator = Bubblewrap::new(mirror, fixed(&[], &[command]), limits).await.unwrap();
                assert_ends(&validator, &run, expected).await;
            });
        }
        while let Some(check) = checks.join_next().await {
            check.unwrap();
        }
    }
    again::as_ordinary_user("limits_end_a_check_with_a_status_of_its_own");
}

/// A commit that does not fit is refused before anything is written.
#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let large = "a".repeat(2 << 20);
    let folders: Vec<String> = (0..40).map(|number| format!("{number}/a.txt")).collect();
    let many: Vec<(&str, &str)> = folders.iter().map(|path| (path.as_str(), "a")).collect();
    for files in [vec![("a.txt", large.as_str())], many] {
        let repository = TestRepository::new(&files);
        let mut limits = SandboxLimits::default();
        limits.disk_bytes = 1 << 20;
        limits.disk_files = 32;
        let Some(validator) = sandbox(&repository, fixed(&[], &["true"]), limits).await else { return };
        let run = RunContext::new(repository.failure("event-1", "log"));
        let error = validator.validate(&run, Subject::Baseline).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Unsupported, "{error:?}");
    }
}

/// A setting that is wrong is not taken for a machine that is.
#[test]
fn what_stands_in_the_way_is_named() {
    if !again::is_root() {
        return println!("skipped: an ordinary user gives up no rights to a folder");
    }
    // Only root may go there, and the sandbox is nobody's.
    let folder = tempfile::tempdir().unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(folder.path(), private).unwrap();
    let output = again::this("a_folder_of_others", folder.path()).env("FIX_TEST_FOLDER", "").output().unwrap();
    again::assert_passed(&output);
}

#[tokio::test]
#[ignore = "run by `what_stands_in_the_way_is_named` in a process of its own, with another TMPDIR"]
async fn a_folder_of_others() {
    if std::env::var_os("FIX_TEST_FOLDER").is_none() {
        return;
    }
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let refused = async |limits| {
        let error = Bubblewrap::new(repository.mirror(), fixed(&[], &["true"]), limits).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Unsupported, "{error:?}");
        let said = error.to_string();
        assert!(!said.contains("user name spaces must be allowed"), "{said}");
        said
    };
    let said = refused(SandboxLimits::default()).await;
    assert!(said.contains("TMPDIR"), "{said}");
    let mut limits = SandboxLimits::default();
    limits.memory_bytes = 0;
    let said = refused(limits).await;
    assert!(said.contains("memory_bytes"), "{said}");
}

/// Preparing can't leave the check without room in silence.
#[tokio::test]
async fn preparing_that_takes_all_room_has_failed() {
    let repository = TestRepository::new(&[("a.txt", &"a".repeat(1 << 20))]);
    let mut limits = SandboxLimits::default();
    limits.disk_bytes = 32 << 20;
    let fill = "rm a.txt; head -c 100M /dev/zero > ../home/fill; true";
    let Some(validator) = sandbox(&repository, fixed(&[fill], &["true"]), limits).await else { return };
    let report = baseline(&validator, &repository).await;
    assert_eq!(report.status, CheckStatus::PrepareFailed, "{report:?}");
}

/// What preparing puts in the way of laying the tree out anew is of no use to it.
#[tokio::test]
async fn preparing_cannot_choose_what_is_checked() {
    let repository = TestRepository::new(&[("a.txt", "honest\n"), ("folder/b.txt", "b\n")]);
    let prepare = [
        "for name in tar rm find chmod mkdir; do printf '#!/bin/sh\\nexit 0\\n' > ../venv/bin/$name; chmod +x ../venv/bin/$name; done",
        "echo forged > a.txt; echo extra > b.txt; echo left > /tmp/left; echo left > /dev/shm/left; chmod 0 folder",
        "mv /work/tree /work/other && ln -s /work/other /work/tree; /bin/chmod 500 /work",
    ];
    let check = "test $(cat a.txt) = honest && test ! -e b.txt && test -z \"$(ls -A /tmp /dev/shm | grep left)\" && \
                 test ! -L /work/tree && cat folder/b.txt && false";
    let Some(validator) = sandbox(&repository, fixed(&prepare, &[check]), SandboxLimits::default()).await else {
        return;
    };
    let report = baseline(&validator, &repository).await;
    assert_eq!((report.status, report.output_tail.as_str()), (CheckStatus::Failed, "b\n"), "{report:?}");
}

#[tokio::test]
async fn the_recipe_is_that_of_the_commit() {
    let files = [
        (".fix.toml", "[check]\nprepare = ['echo ready > ../home/ready']\ncommands = ['cat ../home/ready', 'false']\n"),
        ("test_a.py", "import unittest\n"),
    ];
    let repository = TestRepository::new(&files);
    let Some(validator) = sandbox(&repository, Recipes::Detect, SandboxLimits::default()).await else { return };
    let report = baseline(&validator, &repository).await;
    assert_eq!((report.status, report.output_tail.as_str()), (CheckStatus::Failed, "ready\n"), "{report:?}");

    let wrong = TestRepository::new(&[(".fix.toml", "[check]\ncommands = ['true']\nnetwork = true\n")]);
    let validator = Bubblewrap::new(wrong.mirror(), Recipes::Detect, SandboxLimits::default()).await.unwrap();
    let run = RunContext::new(wrong.failure("event-1", "log"));
    let error = validator.validate(&run, Subject::Baseline).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Unsupported);
    assert!(error.to_string().contains(".fix.toml") && error.to_string().contains("line 3"), "{error}");
}
