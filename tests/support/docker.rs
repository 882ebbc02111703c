//! A container engine of a test's own, in a folder of its own, with an image made of this machine's Python.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fix_adapters::validator::container::ContainerOptions;
use tempfile::TempDir;

/// The image: Python, a shell, a few tools, `suid-id`, which belongs to root and
/// runs as root, and `/open`, where everybody may write.
pub const IMAGE: &str = "local/fix-python:test";

/// Prints an archive of it.
const MAKE_IMAGE: &str = r#"
set -eu
cd /
programs="bin/sh bin/sleep bin/cat bin/ls bin/rm bin/mkdir bin/chmod bin/kill usr/bin/env usr/bin/python3"
python=usr/lib/$(basename "$(readlink -f /usr/bin/python3)")
libraries=$(for file in $programs $python/lib-dynload/*.so; do ldd "/$file" 2>/dev/null || true; done |
    grep -o '/[^ ]*' | sort -u | sed 's,^/,,')
wheels=
[ ! -d /usr/share/python-wheels ] || wheels=usr/share/python-wheels
mkdir -p "$1/bin"
cp /usr/bin/id "$1/bin/suid-id"
chmod 4755 "$1/bin/suid-id"
mkdir -m 777 "$1/open"
idlibraries=$(ldd /usr/bin/id | grep -o '/[^ ]*' | sort -u | sed 's,^/,,')
tar -c -h --exclude='*/test' --exclude='*/idlelib' -C "$1" bin/suid-id open -C / \
    $programs $(printf '%s\n' $libraries $idlibraries | sort -u) "$python" $wheels etc/passwd
"#;

/// An engine that ends with its test.
#[derive(Debug)]
pub struct DockerEngine {
    folder: TempDir,
    child: Child,
}

impl DockerEngine {
    /// A new engine that has the image and no network but the host's. Without Docker's programs, or the
    /// rights to run them, the caller's test is skipped, visibly.
    ///
    /// # Panics
    /// When an engine comes up that can't be used.
    #[must_use]
    pub fn start() -> Option<Self> {
        let skipped = |why: &str| {
            println!("skipped: {why}");
            None
        };
        if !rustix::process::geteuid().is_root() {
            return skipped("only root can start dockerd");
        }
        let programs = ["dockerd", "docker", "setpriv"].map(program);
        let [Some(dockerd), Some(_), Some(setpriv)] = programs else {
            return skipped("Docker's programs are not installed (Debian: docker.io)");
        };
        let folder = tempfile::Builder::new().prefix("dk").tempdir_in("/tmp").unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut child = Command::new(setpriv)
            .args(["--pdeathsig", "TERM"])
            .arg(dockerd)
            .args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"])
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["--host", &format!("unix://{}", at("docker.sock"))])
            .env("FIX_TEST_SECRET", "of the engine")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said: Vec<String> = log.by_ref().take_while(|line| !line.contains("API listen on")).collect();
        let ended = child.try_wait().unwrap();
        // Somebody has to read on, or the engine waits for room.
        std::thread::spawn(move || log.for_each(drop));
        let engine = Self { folder, child };
        if ended.is_some() || !engine.socket().exists() {
            return skipped(&format!("dockerd does not start here: {}", said.last().map_or("", String::as_str)));
        }
        engine.make_image();
        Some(engine)
    }

    /// Where the engine listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// This engine, and the image.
    #[must_use]
    pub fn options(&self) -> ContainerOptions {
        let mut options = ContainerOptions::new(IMAGE);
        options.socket = self.socket();
        // There is no other.
        options.prepare_network = Some("host".to_owned());
        options
    }

    /// What `docker` with these arguments prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "docker {:?}: {out}{err}", arguments.first());
        out.trim().to_owned()
    }

    /// Every container, and every volume.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let containers = self.docker(&["ps", "--all", "--format", "{{.Names}}: {{.Status}}"]);
        let volumes = self.docker(&["volume", "ls", "--format", "{{.Name}}"]);
        containers.lines().chain(volumes.lines()).map(str::to_owned).collect()
    }

    /// Checks that there is no container and no volume.
    ///
    /// # Panics
    /// When there is.
    pub fn assert_empty(&self) {
        assert_eq!(self.left(), Vec::<String>::new());
    }

    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.arg("--host").arg(format!("unix://{}", self.socket().display()));
        command
    }

    fn make_image(&self) {
        let mut packing = Command::new("sh")
            .args(["-c", MAKE_IMAGE, "sh"])
            .arg(self.folder.path().join("image"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let import =
            self.command().args(["import", "-", IMAGE]).stdin(packing.stdout.take().unwrap()).output().unwrap();
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        assert!(packing.wait().unwrap().success(), "the image can't be packed");
    }
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let inside = self.folder.path().display().to_string();
        for mount in mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|path| path.starts_with(&inside)) {
            let _ = Command::new("umount").args(["--lazy", mount]).status();
        }
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")]);
    folders.map(|folder| folder.join(name)).find(|path: &PathBuf| Path::is_file(path))
}
