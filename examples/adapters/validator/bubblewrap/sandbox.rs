//! One command in one sandbox.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use fix_pipeline::{AdapterError, AdapterErrorKind};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::{Instant as Deadline, timeout_at};

use super::group::{Group, Groups};
use super::index;
use super::outlet::{PrepareHosts, Routes};
use super::room::make_environment;
use super::workspace::{self, Workspace};
use crate::validator::calls;
use crate::validator::check::{Ended, NOBODY};
use crate::validator::environments;
use crate::validator::limits::SandboxLimits;
use crate::validator::recipe::Recipe;

/// Trusted code on the host joins the control groups, opens the verdict's file for bubblewrap's monitor, writes down
/// the filter of system calls, closes whatever else this process inherited, and becomes the sandbox.
const LAUNCH: &str = "\
import os, sys
os.dup2(1, 2)
for group in filter(None, sys.argv[2].split(':')):
    with open(group + '/cgroup.procs', 'w') as processes:
        processes.write('0')
verdict = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
os.dup2(verdict, 3)
os.set_inheritable(3, True)
calls = os.memfd_create('calls')
os.write(calls, bytes.fromhex(sys.argv[3]))
os.lseek(calls, 0, os.SEEK_SET)
os.dup2(calls, 4)
os.set_inheritable(4, True)
os.closerange(5, os.sysconf('SC_OPEN_MAX'))
os.execv(sys.argv[4], sys.argv[4:])";

/// What is missing where a name space can't be made.
pub(super) const HINT: &str = "; unprivileged user name spaces must be allowed";

pub(super) const PYTHON: &str = "/usr/bin/python3";

/// What a command may reach.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Network {
    /// Nothing.
    None,
    /// What the proxy leads to.
    Outlet,
}

/// A command, as `/bin/sh` reads it.
#[derive(Debug)]
pub(super) struct Job<'j> {
    pub(super) command: &'j str,
    pub(super) network: Network,
    pub(super) folder: &'j str,
    /// What it reads.
    pub(super) input: Option<File>,
    /// Where its output goes; else it is given back.
    pub(super) output: Option<File>,
    /// The largest file that it may write, where that is not the limit of the check.
    pub(super) file_bytes: Option<u64>,
}

impl<'j> Job<'j> {
    /// A command in the tree, without network.
    pub(super) fn new(command: &'j str) -> Self {
        let (input, output) = (None, None);
        Self { command, network: Network::None, folder: "/work/tree", input, output, file_bytes: None }
    }
}

/// A place, and what bounds the commands in it.
#[derive(Debug)]
pub(super) struct Cell {
    /// Dropped first: its processes hold the other.
    group: Option<Group>,
    workspace: Workspace,
}

/// The programs that make a sandbox, found and tried out.
#[derive(Clone, Debug)]
pub(super) struct Sandbox {
    bwrap: PathBuf,
    prlimit: PathBuf,
    nsenter: PathBuf,
    /// The words before a command that give up root, when we have it.
    drop_root: Vec<String>,
    /// Whether this bubblewrap can forbid nested user name spaces.
    disables_userns: bool,
    /// What keeps system calls back, where that is known for this processor.
    filter: Option<String>,
    /// Python's version and build.
    python: String,
    /// Where control groups can be made, or why not.
    groups: Result<Groups, String>,
    limits: SandboxLimits,
    /// Where preparing may go.
    routes: Arc<Routes>,
}

impl Sandbox {
    /// Finds the programs, removes what killed processes left, and runs `true` in a sandbox.
    pub(super) async fn find(limits: SandboxLimits) -> Result<Self, AdapterError> {
        limits.check()?;
        let find = |name: &str, package: &str| {
            program(name).ok_or_else(|| no_sandbox(format!("{name} is missing; install the package {package}")))
        };
        if !Path::new(PYTHON).is_file() {
            return Err(no_sandbox(format!("{PYTHON} is missing; install the packages python3 and python3-venv")));
        }
        let bwrap = find("bwrap", "bubblewrap")?;
        let help = Command::new(&bwrap).arg("--help").output().await;
        let help = help.map_err(|error| no_sandbox("bwrap can't be started".to_owned()).with_source(error))?;
        let mut drop_root = Vec::new();
        if is_root() {
            let (setpriv, nobody) = (find("setpriv", "util-linux")?.display().to_string(), NOBODY.to_string());
            let words = [&setpriv, "--reuid", &nobody, "--regid", &nobody, "--clear-groups", "--no-new-privs", "--"];
            drop_root = words.map(str::to_owned).to_vec();
        }
        find("tar", "tar")?;
        find("find", "findutils")?;
        let python = Command::new(PYTHON).args(["-I", "-S", "-VV"]).env_clear().output().await;
        let python = python.map_err(|error| no_sandbox(format!("{PYTHON} can't be started")).with_source(error))?;
        workspace::sweep();
        let sandbox = Self {
            prlimit: find("prlimit", "util-linux")?,
            nsenter: find("nsenter", "util-linux")?,
            drop_root,
            disables_userns: String::from_utf8_lossy(&help.stdout).contains("--disable-userns"),
            filter: calls::filter(calls::Nested::Elsewhere),
            python: String::from_utf8_lossy(&python.stdout).into_owned(),
            groups: Groups::find(&limits),
            bwrap,
            limits,
            routes: Arc::new(index::routes(PrepareHosts::default())),
        };
        sandbox.try_out().await?;
        Ok(sandbox)
    }

    async fn try_out(&self) -> Result<(), AdapterError> {
        let no_use =
            |error: AdapterError| no_sandbox(format!("no sandbox can be made here: {error}")).with_source(error);
        let cell = self.open().await.map_err(no_use)?;
        let deadline = Instant::now() + std::time::Duration::from_secs(30);
        // With the way out that preparing has, which asks for most.
        let job = Job { network: Network::Outlet, ..Job::new("test -w /work/tree") };
        match self.run(&cell, job, deadline).await.map_err(no_use)? {
            (Ended::Exit(0), _) => Ok(()),
            (ended, said) => {
                let said = String::from_utf8_lossy(&said);
                // As bubblewrap puts it: "Creating new namespace failed", "No permissions to create new namespace".
                let hint = if said.contains("namespace") { HINT } else { "" };
                Err(no_sandbox(format!("bubblewrap does not work here ({ended:?}: {}){hint}", said.trim())))
            }
        }
    }

    /// A new place for commands, with nothing in it but empty folders.
    pub(super) async fn open(&self) -> Result<Cell, AdapterError> {
        let failed = |error: io::Error| {
            AdapterError::new(AdapterErrorKind::Unavailable, "open a sandbox", error.to_string()).with_source(error)
        };
        let group = self.groups.as_ref().ok().map(|groups| groups.make(&self.limits)).transpose().map_err(failed)?;
        let workspace = Workspace::open(&self.drop_root, &self.limits).await.map_err(failed)?;
        Ok(Cell { group, workspace })
    }

    pub(super) fn allow(&mut self, hosts: PrepareHosts) {
        self.routes = Arc::new(index::routes(hosts));
    }

    pub(super) fn limits(&self) -> &SandboxLimits {
        &self.limits
    }

    pub(super) fn routes(&self) -> &Routes {
        &self.routes
    }

    pub(super) fn bwrap(&self) -> &Path {
        &self.bwrap
    }

    pub(super) fn prlimit(&self) -> &Path {
        &self.prlimit
    }

    pub(super) fn nsenter(&self) -> &Path {
        &self.nsenter
    }

    pub(super) fn filters_calls(&self) -> bool {
        self.filter.is_some()
    }

    pub(super) fn drop_root(&self) -> &[String] {
        &self.drop_root
    }

    pub(super) fn disables_userns(&self) -> bool {
        self.disables_userns
    }

    /// What holds the commands, for the report.
    pub(super) fn describe(&self) -> String {
        let limits = &self.limits;
        let memory = limits.memory_bytes >> 20;
        let whole = match &self.groups {
            Ok(groups) => format!("by {}", groups.describe(limits)),
            Err(why) => format!(
                "by resource limits alone, for want of control groups ({why}), {memory} MiB of memory a process"
            ),
        };
        format!(
            "bubblewrap: own user, process, mount, IPC and network name spaces, no capabilities{}{}; no network, but for \
             preparing a proxy to {}; {whole}; {} processes; {} MiB and {} files on disk, in memory; per \
             process {} s of processor time, {} open files, files of {} MiB; {} s in all, {} MiB of output",
            if self.disables_userns { ", no nested user name spaces" } else { "" },
            if self.filter.is_some() { ", system calls filtered" } else { "" },
            self.routes.describe(),
            limits.processes,
            limits.disk_bytes >> 20,
            limits.disk_files,
            limits.cpu_s,
            limits.open_files,
            limits.file_bytes >> 20,
            limits.wall_time.as_secs(),
            limits.output_bytes >> 20,
        )
    }

    /// The key of the environment that `recipe` makes here, when it reads `inputs`.
    pub(super) fn environment_key(&self, recipe: &Recipe, inputs: &[String]) -> String {
        // What is read from the system: Python, and the programs around it.
        let mut parts = vec!["3".to_owned(), self.python.clone()];
        parts.push(fs::read_to_string("/etc/os-release").unwrap_or_default());
        parts.push(make_environment(!recipe.prepare.is_empty()));
        parts.push(format!("{:?}", self.routes.hosts()));
        parts.extend(index::settings().into_iter().map(|(name, value)| format!("{name}={value}")));
        for list in [recipe.prepare.as_slice(), inputs] {
            parts.push(list.len().to_string());
            parts.extend(list.iter().cloned());
        }
        environments::key(parts.iter().map(String::as_str))
    }

    /// Runs `job`, and gives how it ended and what it printed.
    pub(super) async fn run(
        &self,
        cell: &Cell,
        job: Job<'_>,
        deadline: Instant,
    ) -> Result<(Ended, Vec<u8>), AdapterError> {
        let failed = |error: io::Error| {
            AdapterError::new(AdapterErrorKind::Unavailable, "run a command in the sandbox", "the sandbox failed")
                .with_source(error)
        };
        let Cell { group, workspace } = cell;
        let status_file = workspace.status_file();
        let _ = fs::remove_file(&status_file);
        let groups: Vec<_> = group.iter().flat_map(Group::paths).map(|path| path.to_string_lossy()).collect();
        let out_of_memory = || group.as_ref().map_or(0, Group::out_of_memory);
        let before = out_of_memory();
        let holder = workspace.holder().map_err(failed)?;
        // Closed with the command.
        let _outlet = match job.network {
            Network::None => None,
            Network::Outlet => Some(workspace.open_outlet(Arc::clone(&self.routes)).map_err(failed)?),
        };
        let mut outside = Command::new(PYTHON);
        outside.args(["-I", "-S", "-c", LAUNCH]).arg(&status_file).arg(groups.join(":"));
        outside.arg(self.filter.as_deref().unwrap_or_default());
        outside.args(self.arguments(workspace, holder, &job, group.is_some()));
        outside.stdin(job.input.map_or_else(Stdio::null, Stdio::from));
        outside.stdout(job.output.map_or_else(Stdio::piped, Stdio::from));
        outside.env_clear().stderr(Stdio::null()).kill_on_drop(true);
        let mut child = outside.spawn().map_err(failed)?;
        let mut printed = Vec::new();
        let deadline = Deadline::from_std(deadline);
        let (mut cut, mut in_time) = (false, true);
        if let Some(stdout) = child.stdout.take() {
            let most = u64::try_from(self.limits.output_bytes).unwrap_or(u64::MAX);
            in_time = timeout_at(deadline, stdout.take(most + 1).read_to_end(&mut printed)).await.is_ok();
            cut = printed.len() > self.limits.output_bytes;
        }
        let waiting = if cut || !in_time { None } else { timeout_at(deadline, child.wait()).await.ok() };
        if waiting.is_none() {
            // The monitor's death takes the whole process tree with it.
            child.kill().await.map_err(failed)?;
            printed.truncate(self.limits.output_bytes);
            return Ok((if cut { Ended::OutputCut } else { Ended::TimedOut }, printed));
        }
        if out_of_memory() > before {
            return Ok((Ended::OutOfMemory, printed));
        }
        Ok((verdict(&status_file, &printed)?, printed))
    }
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

/// Where the sandbox's own programs are looked for.
fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];
    folders.iter().map(|folder| PathBuf::from(folder).join(name)).find(|path| path.is_file())
}

fn no_sandbox(problem: String) -> AdapterError {
    AdapterError::new(
        AdapterErrorKind::Unsupported,
        "open a sandbox",
        format!("{problem}. Nothing was run: tests never run unprotected"),
    )
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
