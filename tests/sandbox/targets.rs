//! What attacks are after: things of this machine that are there, so that only a sandbox keeps them away.

use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Prints of each attack whether it works.
pub const ATTACKS: &str = include_str!("attacks.py");

/// Listeners, a secret file, and a process with a secret in its environment.
#[derive(Debug)]
pub struct Targets {
    port: u16,
    has_v6: bool,
    process: Child,
    folder: TempDir,
    _listeners: (TcpListener, Option<TcpListener>, UnixListener),
}

impl Targets {
    pub fn new() -> Self {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = v4.local_addr().unwrap().port();
        let v6 = TcpListener::bind(("::1", port)).ok();
        let names = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = names.recv_from(&mut question) {
                let _ = names.send_to(&question[..length], from);
            }
        });
        let name = SocketAddr::from_abstract_name(format!("fix-test-{port}")).unwrap();
        let abstract_socket = UnixListener::bind_addr(&name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        let process =
            Command::new("sleep").arg("900").env("FIX_TEST_SECRET", "of another").stdin(Stdio::null()).spawn().unwrap();
        Self { port, has_v6: v6.is_some(), process, folder, _listeners: (v4, v6, abstract_socket) }
    }

    /// The folder of the secret.
    pub fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// The arguments of the attacks, with the socket of a container engine.
    pub fn arguments(&self, engine: &str) -> String {
        let Self { port, process, .. } = self;
        format!("{port} fix-test-{port} {engine} {}/secret {}", self.folder(), process.id())
    }

    /// The attacks that a control held although it should not have, as it printed them.
    pub fn held_by_control<'r>(&self, printed: &'r str) -> Vec<&'r str> {
        let mut held = named(printed, "held: ");
        if !self.has_v6 {
            println!("skipped: network_v6, this machine has no IPv6");
            held.retain(|attack| *attack != "network_v6");
        }
        held
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The attacks of the lines that begin with `mark`, sorted.
pub fn named<'r>(printed: &'r str, mark: &str) -> Vec<&'r str> {
    let lines = printed.lines().filter_map(|line| line.strip_prefix(mark));
    let mut names: Vec<_> = lines.map(|rest| rest.split(' ').next().unwrap()).collect();
    names.sort_unstable();
    names
}
