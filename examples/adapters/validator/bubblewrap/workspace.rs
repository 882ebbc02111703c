//! A place for one check, in memory, bounded, seen by nobody else.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::outlet::{Outlet, Routes};
use super::sandbox::{HINT, PYTHON, is_root};
use crate::validator::check::NOBODY;
use crate::validator::left;
use crate::validator::limits::SandboxLimits;

/// What the names of work directories, and of control groups, begin with.
pub(super) const PREFIX: &str = "fix-sandbox-";

/// Makes a file system in memory in a name space of its own, as no one but root may elsewhere, and keeps it
/// until its input ends. bubblewrap could make one, but not bound its files, nor keep it for the next command.
const HOLD: &str = r#"
import ctypes, os, sys
space, size, files = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
def call(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
step = "making a user name space failed"
try:
    user, group = os.getuid(), os.getgid()
    call(libc.unshare(0x10000000 | 0x00020000))
    for name, text in ("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1"):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    step = f"mounting a file system at {space} failed; everybody must be able to go there, TMPDIR names another place"
    call(libc.mount(None, b"/", None, 0x4000 | 0x40000, None))
    options = f"size={size},nr_inodes={files},mode=0700"
    call(libc.mount(b"tmpfs", os.fsencode(space), b"tmpfs", 2 | 4, options.encode()))
    for name in "work", "work/tree", "work/home", "tmp", "shm":
        os.mkdir(f"{space}/{name}", 0o700)
except Exception as error:
    print(f"{step}: {error}", flush=True)
else:
    print("ready", flush=True)
    sys.stdin.read()
"#;

/// The name of the socket that leads out.
const OUTLET: &str = "outlet";

/// What that says where it may not.
const NO_NAME_SPACE: &str = "making a user name space failed";

/// A directory for one check: random, private, gone when dropped. Its files are in memory, and gone with the
/// process that holds them.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Ends the holder, even when this process is killed.
    _input: Option<ChildStdin>,
    holder: Child,
    dir: TempDir,
    /// Held, so that nobody sweeps it.
    _claim: File,
}

impl Workspace {
    /// `drop_root` are the words before a command that give up root.
    pub(super) async fn open(drop_root: &[String], limits: &SandboxLimits) -> io::Result<Self> {
        let (dir, claim) = claimed_dir()?;
        let space = dir.path().join("space");
        fs::create_dir(&space)?;
        fs::create_dir(dir.path().join("status"))?;
        fs::write(dir.path().join("passwd"), format!("sandbox:x:{NOBODY}:{NOBODY}::/work/home:/bin/sh\n"))?;
        if is_root() {
            for path in [dir.path(), &space] {
                chown(path, Some(NOBODY), Some(NOBODY))?;
            }
        }
        // Sizes of 0 would mean no bound.
        let (bytes, files) = (limits.disk_bytes.max(4_096).to_string(), limits.disk_files.max(8).to_string());
        let python = [PYTHON, "-I", "-S", "-c", HOLD].map(str::to_owned);
        let mut words = drop_root.iter().chain(&python);
        let mut command = Command::new(words.next().map_or(PYTHON, String::as_str));
        command.args(words).arg(&space).args([&bytes, &files]);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut holder = command.spawn()?;
        let mut said = String::new();
        if let Some(output) = holder.stdout.take() {
            let mut output = BufReader::new(output);
            tokio::time::timeout(Duration::from_secs(30), output.read_line(&mut said)).await??;
        }
        if said != "ready\n" {
            let hint = if said.starts_with(NO_NAME_SPACE) { HINT } else { "" };
            return Err(io::Error::other(format!("no private file system can be made: {}{hint}", said.trim())));
        }
        Ok(Self { _input: holder.stdin.take(), holder, dir, _claim: claim })
    }

    /// A path inside of the file system, as its holder sees it.
    pub(super) fn inside(&self, path: &str) -> PathBuf {
        self.dir.path().join("space").join(path)
    }

    /// Who sees it.
    pub(super) fn holder(&self) -> io::Result<u32> {
        self.holder.id().ok_or_else(|| io::Error::other("the holder of the file system has ended"))
    }

    /// The users that programs inside know.
    pub(super) fn users(&self) -> PathBuf {
        self.dir.path().join("passwd")
    }

    /// Opens the way out of the commands that may have one.
    pub(super) fn open_outlet(&self, routes: Arc<Routes>) -> io::Result<Outlet> {
        Outlet::open(self.dir.path(), OUTLET, routes)
    }

    /// Its socket.
    pub(super) fn outlet(&self) -> PathBuf {
        self.dir.path().join(OUTLET)
    }

    /// The file that the sandbox's own monitor writes the verdict to; not visible inside.
    pub(super) fn status_file(&self) -> PathBuf {
        self.dir.path().join("status/verdict")
    }
}

/// Removes what killed processes left.
pub(super) fn sweep() {
    left::sweep(&std::env::temp_dir(), PREFIX, |path: &Path| fs::remove_dir_all(path));
}

/// A new directory. Until it is claimed, somebody may sweep it: then the next one.
fn claimed_dir() -> io::Result<(TempDir, File)> {
    loop {
        let mut builder = tempfile::Builder::new();
        let dir = builder.prefix(PREFIX).permissions(fs::Permissions::from_mode(0o700)).tempdir();
        let dir = dir.map_err(|error| {
            let place = std::env::temp_dir();
            io::Error::new(error.kind(), format!("no folder can be made in {}: {error}", place.display()))
        })?;
        if let Some(claim) = left::claim(dir.path())? {
            return Ok((dir, claim));
        }
    }
}
