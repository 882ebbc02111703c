//! The same test once more: as somebody else, or to be killed.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Who is root here, and nobody else.
pub const USER: u32 = 12_345;

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs `test` of this program once more as an ordinary user, when this is root.
pub fn as_ordinary_user(test: &str) {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = ordinary(&folder) else { return };
    let output = only(&mut command, test).output().unwrap();
    print(&output);
    assert_passed(&output);
}

/// The one test of another run was there, and passed.
pub fn assert_passed(output: &Output) {
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

/// This program, to be run by an ordinary user.
fn ordinary(folder: &TempDir) -> Option<Command> {
    // Where it lies, only root may go.
    let (program, home) = (folder.path().join("test"), folder.path().join("home"));
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(USER), Some(USER)).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody).unwrap();
    let user = USER.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).arg(&program);
    command.env("HOME", &home).env("TMPDIR", &home).current_dir(&home);
    if Command::new("setpriv").arg("--version").output().is_err() {
        println!("skipped: as an ordinary user, for want of setpriv");
        return None;
    }
    Some(command)
}

/// `test` of this program, alone, with its files in `folder`.
pub fn this(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("TMPDIR", folder);
    only(&mut command, test);
    command
}

fn only<'c>(command: &'c mut Command, test: &str) -> &'c mut Command {
    command.args(["--exact", test, "--nocapture", "--include-ignored"])
}

fn print(output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        for line in String::from_utf8_lossy(stream).lines() {
            println!("as an ordinary user: {line}");
        }
    }
}
