//! A PostgreSQL server of a test's own, on a socket in a folder of its own.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use secrecy::SecretString;
use tempfile::TempDir;

/// A server that ends with its test.
#[derive(Debug)]
pub struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    child: Child,
}

impl PostgresServer {
    /// A new server with an empty database. Without PostgreSQL's programs the caller's test is skipped, visibly.
    ///
    /// # Panics
    /// When the programs are there and no server comes up.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: PostgreSQL's programs are not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        if let Some((user, group)) = owner() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let initdb = as_owner(&programs.join("initdb"))
            .args([
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
                "--locale=C.UTF-8",
                "--encoding=UTF8",
                "--pgdata",
            ])
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(initdb.status.success(), "{}", String::from_utf8_lossy(&initdb.stderr));
        let child = serve(&programs, folder.path());
        Some(Self { folder, programs, child })
    }

    /// Where the server is.
    #[must_use]
    pub fn url(&self) -> SecretString {
        format!("postgres://postgres@localhost/postgres?host={}", self.folder.path().display()).into()
    }

    /// Ends the server as a crash does: nothing is finished, nothing is written.
    pub fn crash(&mut self) {
        let quit = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status().unwrap();
        assert!(quit.success());
        self.child.wait().unwrap();
    }

    /// Starts the server again, on what is left.
    pub fn restart(&mut self) {
        self.child = serve(&self.programs, self.folder.path());
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the server, and comes back when it takes connections.
fn serve(programs: &Path, folder: &Path) -> Child {
    let mut child = as_owner(&programs.join("postgres"))
        .args(["-c", "listen_addresses=", "-c", "log_min_messages=info", "-c", "fsync=off", "-k"])
        .arg(folder)
        .arg("-D")
        .arg(folder.join("data"))
        .current_dir(folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let said: Vec<String> =
        log.by_ref().map_while(Result::ok).take_while(|line| !line.contains("ready to accept")).collect();
    assert!(child.try_wait().unwrap().is_none(), "{}", said.join("\n"));
    // Somebody has to read on, or the server waits for room.
    std::thread::spawn(move || log.for_each(drop));
    child
}

/// A program run as the one who may own a database, who is never root; it ends with the test.
fn as_owner(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if let Some((user, group)) = owner() {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Whom root has databases run as.
fn owner() -> Option<(u32, u32)> {
    let number = |what: &str| {
        let output = Command::new("id").args([what, "postgres"]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if rustix::process::geteuid().is_root() { Some((number("-u")?, number("-g")?)) } else { None }
}

/// The folder of PostgreSQL's programs: Debian keeps them by version, the newest is taken.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.into_iter().rev().chain(std::env::split_paths(&path)).find(|folder| folder.join("initdb").exists())
}
