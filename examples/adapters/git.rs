//! Running git, with nothing of the user's or the repository's own configuration.

use std::ffi::OsStr;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use fix_pipeline::{AdapterError, AdapterErrorKind};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use crate::repository::Lease;

/// One git directory.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    dir: PathBuf,
    /// Keeps a directory that may be removed.
    _lease: Option<Lease>,
    /// The one configuration that it reads.
    config: PathBuf,
}

/// A git command that failed.
#[derive(Debug, thiserror::Error)]
#[error("git {operation} in {dir}: {problem}")]
pub struct GitError {
    operation: String,
    dir: String,
    problem: String,
}

impl GitError {
    pub(crate) fn new(operation: &str, dir: &Path, problem: String) -> Self {
        Self { operation: operation.to_owned(), dir: dir.display().to_string(), problem }
    }

    /// What git said, or why it could not be started.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// The error as an adapter reports it.
    pub(crate) fn into_adapter(self, kind: AdapterErrorKind, operation: &'static str) -> AdapterError {
        AdapterError::new(kind, operation, "git failed; see the cause").with_source(self)
    }
}

impl Git {
    /// The git directory at `dir`.
    pub(crate) fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), _lease: None, config: PathBuf::from("/dev/null") }
    }

    /// The git directory at `dir`, which stays for as long as this or a copy of it does.
    pub(crate) fn leased(dir: impl Into<PathBuf>, lease: Lease, config: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), _lease: Some(lease), config: config.into() }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs git and gives its standard output.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: &[A]) -> Result<Vec<u8>, GitError> {
        self.run_with(args, &[], b"")
    }

    /// The same, as one trimmed line of text.
    pub(crate) fn line<A: AsRef<OsStr>>(&self, args: &[A]) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.run(args)?).trim().to_owned())
    }

    /// Runs git with more environment and something on its standard input.
    pub(crate) fn run_with<A: AsRef<OsStr>>(
        &self,
        args: &[A],
        environment: &[(&str, &OsStr)],
        input: &[u8],
    ) -> Result<Vec<u8>, GitError> {
        let mut command = self.command();
        command.args(args).envs(environment.iter().copied());
        let operation = args.first().map(|arg| arg.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
        let failed = |problem: String| GitError::new(&operation, &self.dir, problem);
        let mut child = command.spawn().map_err(|error| failed(format!("can't be started ({error}); install git")))?;
        let mut stdin = child.stdin.take();
        let input = input.to_vec();
        // Written beside the reading, so that neither side waits for the other.
        let writer = std::thread::spawn(move || stdin.take().map(|mut stdin| stdin.write_all(&input)));
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        let _ = writer.join();
        self.answer(&operation, output)
    }

    /// Runs git, and hands what it prints to `read` as it comes: none of it is held. git ends when `read` does.
    pub(crate) fn read_with<A: AsRef<OsStr>, T>(
        &self,
        args: &[A],
        input: Vec<u8>,
        read: impl FnOnce(&mut BufReader<ChildStdout>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut command = self.command();
        let mut child = command.args(args).stderr(Stdio::null()).spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        // Written beside the reading, so that neither side waits for the other.
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let answer = match stdout {
            Some(stdout) => read(&mut BufReader::new(stdout)),
            None => Err(io::Error::other("git has no output")),
        };
        // Whatever it has left to say, nobody reads.
        let _ = child.kill();
        child.wait()?;
        let _ = writer.join();
        answer
    }

    /// Runs git beside other work, within the usual [`Bounds`]: a call that takes longer, or whose caller gives up,
    /// is killed.
    pub(crate) async fn call<A: AsRef<OsStr>>(&self, args: &[A]) -> Result<Vec<u8>, GitError> {
        self.call_with(args, &[], b"").await
    }

    /// The same, as one trimmed line of text.
    pub(crate) async fn call_line<A: AsRef<OsStr>>(&self, args: &[A]) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.call(args).await?).trim().to_owned())
    }

    /// The same with more environment and something on its standard input.
    pub(crate) async fn call_with<A: AsRef<OsStr>>(
        &self,
        args: &[A],
        environment: &[(&str, &OsStr)],
        input: &[u8],
    ) -> Result<Vec<u8>, GitError> {
        self.call_within(args, environment, input, Bounds::default()).await
    }

    /// The same for what comes from elsewhere, and within these bounds.
    pub(crate) async fn call_bounded<A: AsRef<OsStr>>(
        &self,
        args: &[A],
        environment: &[(&str, &OsStr)],
        bounds: Bounds,
    ) -> Result<Vec<u8>, GitError> {
        self.call_within(args, environment, b"", bounds).await
    }

    async fn call_within<A: AsRef<OsStr>>(
        &self,
        args: &[A],
        environment: &[(&str, &OsStr)],
        input: &[u8],
        bounds: Bounds,
    ) -> Result<Vec<u8>, GitError> {
        let mut command = self.command();
        command.args(args).envs(environment.iter().copied());
        let operation = args.first().map(|arg| arg.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
        let failed = |problem: String| GitError::new(&operation, &self.dir, problem);
        let Ok(ended) = tokio::time::timeout(bounds.time, communicate(command, input, &bounds)).await else {
            return Err(failed(format!("took longer than {} s, and was killed", bounds.time.as_secs())));
        };
        match ended.map_err(|error| failed(error.to_string()))? {
            Some(output) => self.answer(&operation, output),
            None => Err(failed(format!("printed more than {} bytes, and was killed", bounds.output_bytes))),
        }
    }

    fn answer(&self, operation: &str, output: Output) -> Result<Vec<u8>, GitError> {
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        // On one line, without what moves a terminal's cursor.
        let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let said: String = said.join("; ").replace(char::is_control, " ").chars().take(2_000).collect();
        Err(GitError::new(operation, &self.dir, format!("{said} ({})", output.status)))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
            .env("GIT_DIR", &self.dir)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", &self.config)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", "file")
            .env("LC_ALL", "C")
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "safe.directory=*"])
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "fetch.fsckObjects=true"])
            // A redirect may lead anywhere.
            .args(["-c", "http.followRedirects=false"])
            // So that it ends also when nobody is left who would end it.
            .args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// What one call of git may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) time: Duration,
    /// What it prints.
    pub(crate) output_bytes: u64,
    /// Each file that it writes.
    pub(crate) file_bytes: Option<u64>,
}

impl Default for Bounds {
    /// Less time than the pipeline gives to a sink, so that what took long is named.
    fn default() -> Self {
        Self { time: Duration::from_secs(120), output_bytes: 128 << 20, file_bytes: None }
    }
}

/// Runs `command` to its end; `None` when it prints too much. It is killed, with all that it started, when this
/// future is dropped.
async fn communicate(command: Command, input: &[u8], bounds: &Bounds) -> io::Result<Option<Output>> {
    let mut child = tokio::process::Command::from(command).process_group(0).kill_on_drop(true).spawn()?;
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
    let group = Group(pid);
    if let (Some(bytes), Some(_)) = (bounds.file_bytes, pid) {
        // What it starts has the same limit; it has hardly started itself.
        prlimit(pid, Resource::Fsize, Rlimit { current: Some(bytes), maximum: Some(bytes) })?;
    }
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // git may end without reading everything; how it ended says why.
            let _ = stdin.write_all(input).await;
        }
    };
    // Written and read side by side, so that no side waits for another.
    let read = async { tokio::try_join!(head(stdout, bounds.output_bytes), head(stderr, COMPLAINT_BYTES)) };
    let (_, read) = tokio::join!(write, read);
    let (stdout, stderr) = read?;
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else { return Ok(None) };
    let status = child.wait().await?;
    drop(group);
    Ok(Some(Output { status, stdout, stderr }))
}

/// What git says of itself, at most.
const COMPLAINT_BYTES: u64 = 1 << 20;

/// All of `pipe`; `None` when there is more than `bytes`.
async fn head(pipe: Option<impl AsyncRead + Unpin>, bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(bytes.saturating_add(1)).read_to_end(&mut read).await?;
    }
    Ok(u64::try_from(read.len()).is_ok_and(|length| length <= bytes).then_some(read))
}

/// git and its helpers; killed when dropped. Those that are left when git has ended are no use to anybody.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever gives up on a call leaves no process behind.
    #[tokio::test]
    async fn a_dropped_call_is_killed() {
        let mut sleep = Command::new("sh");
        // git has helpers of its own.
        sleep
            .args(["-c", "sleep 86400.25 & sleep 86400.25"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let bounds = Bounds::default();
        let call = communicate(sleep, b"", &bounds);
        assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
        let is_running = || {
            let found = Command::new("pgrep").args(["-f", "^sleep 86400.25"]).output();
            !found.unwrap().stdout.is_empty()
        };
        // It is a signal, and takes a moment; tokio reaps it.
        for _ in 0..1_000 {
            if !is_running() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it lives on");
    }
}
