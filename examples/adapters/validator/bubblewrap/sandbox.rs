//! One command in one sandbox.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use fix_pipeline::{AdapterError, AdapterErrorKind};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::{Instant as Deadline, timeout_at};

use super::program;
use crate::repository::Snapshot;
use crate::validator::check::{ENVIRONMENT, Ended, NOBODY};
use crate::validator::limits::SandboxLimits;

/// Makes the virtual environment that `python` means in every later command. Isolated, so that no module of
/// the tree is taken for one of Python's own.
pub(super) fn make_environment(pip: bool) -> String {
    format!("{PYTHON} -I -m venv {}../venv", if pip { "" } else { "--without-pip " })
}

/// Trusted code on the host opens the verdict's file for bubblewrap's monitor, closes
/// whatever else this process inherited, and becomes the sandbox.
const LAUNCH: &str = "\
import os, sys
verdict = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
os.dup2(verdict, 3)
os.set_inheritable(3, True)
os.dup2(1, 2)
os.closerange(4, os.sysconf('SC_OPEN_MAX'))
os.execv(sys.argv[2], sys.argv[2:])";

const PYTHON: &str = "/usr/bin/python3";

/// A directory for one check: random, private, gone when dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    dir: TempDir,
}

impl Workspace {
    /// Lays out the files of `snapshot` in `tree/`.
    pub(super) fn new(snapshot: &Snapshot) -> std::io::Result<Self> {
        let workspace = Self::empty()?;
        snapshot.write_to(&workspace.inside().join("tree"))?;
        workspace.hand_over(workspace.dir.path())?;
        Ok(workspace)
    }

    pub(super) fn empty() -> std::io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("fix-").permissions(fs::Permissions::from_mode(0o700)).tempdir()?;
        for folder in ["work/tree", "work/home", "status"] {
            fs::create_dir_all(dir.path().join(folder))?;
        }
        fs::write(dir.path().join("work/passwd"), format!("sandbox:x:{NOBODY}:{NOBODY}::/work/home:/bin/sh\n"))?;
        let workspace = Self { dir };
        workspace.hand_over(workspace.dir.path())?;
        Ok(workspace)
    }

    /// Lays the files out anew: what preparing did to them is gone, so that what is checked is the snapshot.
    pub(super) fn restore(&self, snapshot: &Snapshot) -> std::io::Result<()> {
        let tree = self.inside().join("tree");
        fs::remove_dir_all(&tree)?;
        fs::create_dir(&tree)?;
        snapshot.write_to(&tree)?;
        self.hand_over(&tree)
    }

    /// What is `/work` inside.
    fn inside(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// The file that the sandbox's own monitor writes the verdict to; not visible inside.
    fn status_file(&self) -> PathBuf {
        self.dir.path().join("status/verdict")
    }

    /// As root, everything in `folder` becomes nobody's, who runs the sandbox.
    fn hand_over(&self, folder: &Path) -> std::io::Result<()> {
        if !is_root() {
            return Ok(());
        }
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            lchown(&folder, Some(NOBODY), Some(NOBODY))?;
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    lchown(entry.path(), Some(NOBODY), Some(NOBODY))?;
                }
            }
        }
        Ok(())
    }
}

/// What a command may reach.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Network {
    /// Nothing.
    None,
    /// What the host reaches.
    Shared,
}

/// The programs that make a sandbox, found and tried out.
#[derive(Clone, Debug)]
pub(super) struct Sandbox {
    bwrap: PathBuf,
    prlimit: PathBuf,
    /// Gives up root first, when we have it.
    setpriv: Option<PathBuf>,
    /// Whether this bubblewrap can forbid nested user name spaces.
    disable_userns: bool,
    /// Whether this bubblewrap can bound `/tmp`.
    tmp_size: bool,
    limits: SandboxLimits,
}

impl Sandbox {
    /// Finds the programs and runs `true` in a sandbox.
    pub(super) async fn find(limits: SandboxLimits) -> Result<Self, AdapterError> {
        let find = |name: &str, package: &str| {
            program(name).ok_or_else(|| no_sandbox(format!("{name} is missing; install the package {package}")))
        };
        if !Path::new(PYTHON).is_file() {
            return Err(no_sandbox(format!("{PYTHON} is missing; install the packages python3 and python3-venv")));
        }
        let bwrap = find("bwrap", "bubblewrap")?;
        let help = Command::new(&bwrap).arg("--help").output().await;
        let help = help.map_err(|error| no_sandbox("bwrap can't be started".to_owned()).with_source(error))?;
        let sandbox = Self {
            prlimit: find("prlimit", "util-linux")?,
            setpriv: if is_root() { Some(find("setpriv", "util-linux")?) } else { None },
            disable_userns: String::from_utf8_lossy(&help.stdout).contains("--disable-userns"),
            tmp_size: String::from_utf8_lossy(&help.stdout).contains("--size"),
            bwrap,
            limits,
        };
        sandbox.try_out().await?;
        Ok(sandbox)
    }

    async fn try_out(&self) -> Result<(), AdapterError> {
        let workspace =
            Workspace::empty().map_err(|error| no_sandbox("no work directory".to_owned()).with_source(error))?;
        let deadline = Instant::now() + std::time::Duration::from_secs(30);
        let tried = self.run(&workspace, Network::None, "test -w /work/tree", deadline).await;
        match tried.map_err(|error| no_sandbox("bubblewrap does not work here".to_owned()).with_source(error))? {
            (Ended::Exit(0), _) => Ok(()),
            (ended, said) => {
                let said = String::from_utf8_lossy(&said);
                Err(no_sandbox(format!(
                    "bubblewrap does not work here ({ended:?}: {}); unprivileged user name spaces must be allowed",
                    said.trim()
                )))
            }
        }
    }

    /// What holds the commands, for the report.
    pub(super) fn describe(&self, limits: &SandboxLimits) -> String {
        format!(
            "bubblewrap: own user, process, mount and IPC name spaces, no capabilities{}; check in a network name space of its \
             own, prepare with the network of the host; per process {} MiB of memory, {} s of processor time, {} open files, \
             files of {} MiB; {} processes; {} MiB of /tmp{}; {} s in all, {} MiB of output",
            if self.disable_userns { ", no nested user name spaces" } else { "" },
            limits.memory_bytes >> 20,
            limits.cpu_s,
            limits.open_files,
            limits.file_bytes >> 20,
            limits.processes,
            limits.tmp_bytes >> 20,
            if self.tmp_size { "" } else { " (not enforced by this bubblewrap)" },
            limits.wall_time.as_secs(),
            limits.output_bytes >> 20,
        )
    }

    /// Runs `command` with `/bin/sh`, and gives how it ended and what it printed.
    pub(super) async fn run(
        &self,
        workspace: &Workspace,
        network: Network,
        command: &str,
        deadline: Instant,
    ) -> Result<(Ended, Vec<u8>), AdapterError> {
        let status_file = workspace.status_file();
        let failed = |error: std::io::Error| {
            AdapterError::new(AdapterErrorKind::Unavailable, "run a command in the sandbox", "the sandbox failed")
                .with_source(error)
        };
        let _ = fs::remove_file(&status_file);
        let mut outside = Command::new(PYTHON);
        outside.args(["-I", "-S", "-c", LAUNCH]).arg(&status_file);
        outside.args(self.arguments(workspace, network, command));
        outside.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = outside.spawn().map_err(failed)?;
        let mut printed = Vec::new();
        let Some(stdout) = child.stdout.take() else {
            return Err(failed(std::io::Error::other("no standard output")));
        };
        let most = u64::try_from(self.limits.output_bytes).unwrap_or(u64::MAX);
        let mut stdout = stdout.take(most + 1);
        let deadline = Deadline::from_std(deadline);
        let reading = timeout_at(deadline, stdout.read_to_end(&mut printed)).await;
        let cut = printed.len() > self.limits.output_bytes;
        let waiting = if cut || reading.is_err() { None } else { timeout_at(deadline, child.wait()).await.ok() };
        if waiting.is_none() {
            // The monitor's death takes the whole process tree with it.
            child.kill().await.map_err(failed)?;
            printed.truncate(self.limits.output_bytes);
            return Ok((if cut { Ended::OutputCut } else { Ended::TimedOut }, printed));
        }
        Ok((verdict(&status_file, &printed)?, printed))
    }

    fn arguments(&self, workspace: &Workspace, network: Network, command: &str) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut push = |texts: &[&str]| arguments.extend(texts.iter().map(OsString::from));
        if let Some(setpriv) = &self.setpriv {
            let nobody = NOBODY.to_string();
            push(&[
                &setpriv.to_string_lossy(),
                "--reuid",
                &nobody,
                "--regid",
                &nobody,
                "--clear-groups",
                "--no-new-privs",
                "--",
            ]);
        }
        let limits = &self.limits;
        push(&[
            &self.prlimit.to_string_lossy(),
            &format!("--as={}", limits.memory_bytes),
            &format!("--cpu={}", limits.cpu_s),
            &format!("--fsize={}", limits.file_bytes),
            &format!("--nofile={}", limits.open_files),
            "--core=0",
            "--",
            &self.bwrap.to_string_lossy(),
            "--unshare-all",
            "--unshare-user",
            "--uid",
            &NOBODY.to_string(),
            "--gid",
            &NOBODY.to_string(),
            "--hostname",
            "sandbox",
            "--cap-drop",
            "ALL",
            "--new-session",
            "--die-with-parent",
            "--json-status-fd",
            "3",
            "--clearenv",
        ]);
        if self.disable_userns {
            push(&["--disable-userns"]);
        }
        if network == Network::Shared {
            push(&["--share-net"]);
            for file in ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/pip.conf"] {
                push(&["--ro-bind-try", file, file]);
            }
            for (name, value) in index_settings() {
                push(&["--setenv", &name, &value]);
            }
        }
        for (name, value) in ENVIRONMENT {
            push(&["--setenv", name, value]);
        }
        for folder in
            ["/usr", "/etc/ssl", "/etc/ca-certificates", "/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"]
        {
            push(&["--ro-bind-try", folder, folder]);
        }
        for folder in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"] {
            match fs::read_link(folder) {
                Ok(target) => push(&["--symlink", &target.to_string_lossy(), folder]),
                Err(_) => push(&["--ro-bind-try", folder, folder]),
            }
        }
        let work = workspace.inside();
        push(&["--proc", "/proc", "--dev", "/dev"]);
        if self.tmp_size {
            push(&["--size", &limits.tmp_bytes.to_string()]);
        }
        push(&["--tmpfs", "/tmp", "--bind", &work.to_string_lossy(), "/work"]);
        push(&["--ro-bind", &work.join("passwd").to_string_lossy(), "/etc/passwd"]);
        // Inside: there the kernel counts the processes of this sandbox, not those of the host's user.
        let processes = format!("--nproc={}", limits.processes);
        push(&["--chdir", "/work/tree", "--", &self.prlimit.to_string_lossy(), &processes, "--"]);
        push(&["/bin/sh", "-c", command]);
        arguments
    }
}

/// How pip reaches its index here, without credentials.
fn index_settings() -> Vec<(String, String)> {
    let names = [
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_TRUSTED_HOST",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_CERT",
        "SSL_CERT_FILE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    ];
    let settings = names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    settings.filter(|(_, value)| !value.contains('@')).collect()
}

/// Reads what bubblewrap's monitor wrote: `{ "exit-code": 0 }` on a line of its own.
fn verdict(status_file: &Path, printed: &[u8]) -> Result<Ended, AdapterError> {
    let status = fs::read_to_string(status_file).unwrap_or_default();
    let codes = status.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut codes = codes.filter_map(|line| line.get("exit-code")?.as_i64());
    let code = codes.next();
    match code.and_then(|code| i32::try_from(code).ok()) {
        // A shell, and bubblewrap, report a signal so.
        Some(code) if code > 128 => Ok(Ended::Signal),
        Some(code) => Ok(Ended::Exit(code)),
        // It worked when it was tried out: the machine is out of something, for now.
        None => {
            let said: String = String::from_utf8_lossy(printed).trim().chars().take(500).collect();
            let message = format!("bubblewrap could not set the sandbox up: {said}");
            Err(AdapterError::new(AdapterErrorKind::Unavailable, "run a command in the sandbox", message))
        }
    }
}

fn no_sandbox(problem: String) -> AdapterError {
    AdapterError::new(
        AdapterErrorKind::Unsupported,
        "open a sandbox",
        format!("{problem}. Nothing was run: tests never run unprotected"),
    )
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
