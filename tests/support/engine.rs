//! A container engine of a test's own, in a folder of its own, with an image made of this machine's Python.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fix_adapters::validator::container::ContainerOptions;
use tempfile::TempDir;

/// The image: Python, a shell, a few tools, `suid-id`, which belongs to root and
/// runs as root, and `/open`, where everybody may write.
pub const IMAGE: &str = "localhost/fix-python:test";

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

/// Which engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Docker,
    Podman,
}

/// An engine that ends with its test.
#[derive(Debug)]
pub struct TestEngine {
    kind: Kind,
    folder: TempDir,
    child: Child,
}

impl TestEngine {
    /// A new engine that has the image and no network but the host's. Without its programs, or the
    /// rights to run them, the caller's test is skipped, visibly.
    ///
    /// # Panics
    /// When an engine comes up that can't be used.
    #[must_use]
    pub fn start(kind: Kind) -> Option<Self> {
        let started = if rustix::process::geteuid().is_root() {
            let folder = tempfile::Builder::new().prefix("en").tempdir_in("/tmp").unwrap();
            match kind {
                Kind::Docker => start_docker(&folder),
                Kind::Podman => start_podman(&folder),
            }
            .map(|child| Self { kind, folder, child })
        } else {
            Err("only root can start a container engine".to_owned())
        };
        match started {
            Ok(engine) => {
                engine.make_image();
                Some(engine)
            }
            Err(why) => {
                println!("skipped: {why}");
                None
            }
        }
    }

    /// Which engine it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the engine listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(&self.folder)
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

    /// What the engine's own client prints with these arguments, which mean the same to `docker` and `podman`.
    ///
    /// # Panics
    /// When it fails.
    pub fn client(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{:?} {:?}: {out}{err}", self.kind, arguments.first());
        out.trim().to_owned()
    }

    /// Every container, and every volume.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let containers = self.client(&["ps", "--all", "--format", "{{.Names}}: {{.Status}}"]);
        let volumes = self.client(&["volume", "ls", "--format", "{{.Name}}"]);
        containers.lines().chain(volumes.lines()).map(str::to_owned).collect()
    }

    /// How many volumes are in memory now.
    #[must_use]
    pub fn mounts_in_memory(&self) -> usize {
        self.mounts().iter().filter(|path| path.contains("/volumes/")).count()
    }

    /// Checks that there is no container and no volume.
    ///
    /// # Panics
    /// When there is.
    pub fn assert_empty(&self) {
        assert_eq!(self.left(), Vec::<String>::new());
    }

    fn command(&self) -> Command {
        let (program, names_socket) = match self.kind {
            Kind::Docker => ("docker", "--host"),
            Kind::Podman => ("podman", "--url"),
        };
        let mut command = Command::new(program);
        command.arg(names_socket).arg(format!("unix://{}", self.socket().display()));
        command
    }

    /// Where something is mounted in the folder of this engine.
    fn mounts(&self) -> Vec<String> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let paths = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        paths.filter(|path| Path::new(path).starts_with(self.folder.path())).map(str::to_owned).collect()
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

impl Drop for TestEngine {
    fn drop(&mut self) {
        if self.kind == Kind::Podman {
            // Its containers are no children of its, and would live on.
            let _ = self.command().args(["rm", "--all", "--force", "--time", "0"]).output();
        }
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        for mount in self.mounts() {
            let _ = Command::new("umount").args(["--lazy", &mount]).status();
        }
    }
}

/// Docker, or why there is none.
fn start_docker(folder: &TempDir) -> Result<Child, String> {
    let [Some(dockerd), Some(_), Some(setpriv)] = ["dockerd", "docker", "setpriv"].map(program) else {
        return Err("Docker's programs are not installed (Debian: docker.io)".to_owned());
    };
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut child = Command::new(setpriv)
        .args(["--pdeathsig", "TERM"])
        .arg(dockerd)
        .args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"])
        .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
        .args(["--host", &format!("unix://{}", socket(folder).display())])
        .env("FIX_TEST_SECRET", "of the engine")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = log.by_ref().take_while(|line| !line.contains("API listen on")).collect();
    // Somebody has to read on, or the engine waits for room.
    std::thread::spawn(move || log.for_each(drop));
    if child.try_wait().unwrap().is_some() || !socket(folder).exists() {
        return Err(format!("dockerd does not start here: {}", said.last().map_or("", String::as_str)));
    }
    Ok(child)
}

/// All that Podman would share with other engines of the machine is its own: locks, too, which are otherwise in the
/// machine's shared memory. Its limits are such that they need no right to raise them.
const PODMAN: &str = r#"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
"#;

/// Podman's service, or why there is none.
fn start_podman(folder: &TempDir) -> Result<Child, String> {
    let runtime = ["crun", "runc"].into_iter().find_map(program);
    let [Some(podman), Some(setpriv), Some(runtime)] = [program("podman"), program("setpriv"), runtime] else {
        return Err("Podman's programs are not installed (Debian: podman, runc)".to_owned());
    };
    let at = |name: &str| folder.path().join(name);
    let [images, containers] = ["root", "run"].map(at);
    let storage = format!("[storage]\ndriver = \"overlay\"\ngraphroot = {images:?}\nrunroot = {containers:?}\n");
    let settings = [
        ("CONTAINERS_CONF", "containers.conf", PODMAN),
        ("CONTAINERS_STORAGE_CONF", "storage.conf", &storage),
        ("CONTAINERS_REGISTRIES_CONF", "registries.conf", ""),
    ];
    let mut command = Command::new(setpriv);
    for (variable, name, text) in settings {
        fs::write(at(name), text).unwrap();
        command.env(variable, at(name));
    }
    command.args(["--pdeathsig", "TERM"]).arg(podman);
    command.arg("--tmpdir").arg(at("tmp")).arg("--network-config-dir").arg(at("networks"));
    let address = format!("unix://{}", socket(folder).display());
    command.arg("--runtime").arg(runtime).args(["system", "service", "--time", "0", &address]);
    let log = at("log");
    // Where memory ran out, it leaves a file in the folder that it runs in.
    let mut child = command
        .current_dir(folder.path())
        .env("FIX_TEST_SECRET", "of the engine")
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    while UnixStream::connect(socket(folder)).is_err() {
        if child.try_wait().unwrap().is_some() {
            let said = fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("podman does not start here: {}", said.lines().last().unwrap_or_default()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("engine.sock")
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")]);
    folders.map(|folder| folder.join(name)).find(|path: &PathBuf| Path::is_file(path))
}
