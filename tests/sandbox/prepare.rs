//! What preparing reaches.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use fix_adapters::validator::{PrepareHosts, SandboxLimits};
use fix_pipeline::CheckStatus;
use fix_tests::repository::TestRepository;

use super::{again, baseline, fixed, sandbox};

/// A server of files on this machine's loopback, such as a mirror of packages, and what it was asked for.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let body = answer(&path);
                noted.lock().unwrap().push(path);
                let length = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&[length.as_bytes(), &body].concat());
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Asks for whatever of the host there is, each in its way; what answers is printed.
const REACH: &str = r#"
import os, socket, sys, urllib.request
port, name = sys.argv[1:]
for variable in "NO_PROXY", "no_proxy":
    os.environ.pop(variable, None)
def direct():
    socket.create_connection(("127.0.0.1", int(port)), 3).close()
def by_proxy():
    urllib.request.urlopen(f"http://127.0.0.1:{port}/secret", timeout=3)
def by_tunnel():
    stream = socket.create_connection(("127.0.0.1", 3128), 3)
    stream.sendall(f"CONNECT localhost:{port} HTTP/1.1\r\n\r\n".encode())
    assert b" 200 " in stream.recv(100)
def by_socket():
    stream = socket.socket(socket.AF_UNIX)
    stream.connect("/run/outlet")
    stream.sendall(f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n".encode())
    assert b" 200 " in stream.recv(100)
def names():
    socket.getaddrinfo("example.org", 80)
def abstract():
    socket.socket(socket.AF_UNIX).connect("\0" + name)
def another_socket():
    os.rename("/run/outlet", "/run/other")
for attack in direct, by_proxy, by_tunnel, by_socket, names, abstract, another_socket:
    try:
        attack()
        print("reached by", attack.__name__)
    except Exception as error:
        print("held:", attack.__name__, error)
"#;

#[tokio::test]
async fn nothing_of_this_machine() {
    let server = Server::new(|_| b"secret".to_vec());
    let port = server.address.port();
    let name = std::os::unix::net::SocketAddr::from_abstract_name(format!("fix-prepare-{port}")).unwrap();
    let _abstract = UnixListener::bind_addr(&name).unwrap();
    // Outside, they work.
    let outside = Command::new("/usr/bin/python3")
        .args(["-c", REACH, &port.to_string(), &format!("fix-prepare-{port}")])
        .output()
        .unwrap();
    let outside = String::from_utf8_lossy(&outside.stdout).into_owned();
    for way in ["direct", "by_proxy", "abstract"] {
        assert!(outside.contains(&format!("reached by {way}\n")), "{outside}");
    }
    let before = server.asked().len();
    let repository = TestRepository::new(&[("reach.py", REACH)]);
    let prepare = format!("python3 reach.py {port} fix-prepare-{port}; exit 1");
    let Some(validator) = sandbox(&repository, fixed(&[&prepare], &["true"]), SandboxLimits::default()).await else {
        return;
    };
    let report = baseline(&validator, &repository).await;
    assert_eq!(report.status, CheckStatus::PrepareFailed, "{report:?}");
    let held = report.output_tail.lines().filter(|line| line.starts_with("held: ")).count();
    assert_eq!((held, server.asked().len()), (7, before), "{}", report.output_tail);
    assert!(report.output_tail.contains("prepare_hosts"), "it says what to do: {}", report.output_tail);
    again::as_ordinary_user("prepare::nothing_of_this_machine");
}

/// Python's own tools make a wheel, which pip fetches from a mirror on this machine, once that is named.
#[tokio::test]
async fn an_index_that_is_named() {
    const WHEEL: &str = "import io, sys, zipfile\nfile = io.BytesIO()\nwith zipfile.ZipFile(file, 'w') as wheel:\n    \
        wheel.writestr('of_index.py', 'WORD = 42')\n    wheel.writestr('of_index-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: of-index\\nVersion: 1.0\\n')\n    \
        wheel.writestr('of_index-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n    \
        wheel.writestr('of_index-1.0.dist-info/RECORD', '')\nsys.stdout.buffer.write(file.getvalue())\n";
    let made = Command::new("/usr/bin/python3").args(["-c", WHEEL]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let wheel = made.stdout;
    let page = "<a href=\"/files/of_index-1.0-py3-none-any.whl\">of_index-1.0-py3-none-any.whl</a>";
    let server = Server::new(move |path| if path.ends_with(".whl") { wheel.clone() } else { page.into() });
    let address = server.address;
    let install = format!(
        "python -m pip install --quiet --disable-pip-version-check --retries 0 --index-url http://{address}/simple --trusted-host {address} of-index"
    );
    let repository = TestRepository::new(&[("a.py", "\n")]);
    let recipes = || fixed(&[&install], &["python -c 'import of_index; print(of_index.WORD)'; false"]);
    let Some(validator) = sandbox(&repository, recipes(), SandboxLimits::default()).await else { return };
    let validator = validator.with_environments(None);
    let refused = baseline(&validator, &repository).await;
    assert_eq!(refused.status, CheckStatus::PrepareFailed, "{refused:?}");
    assert_eq!(server.asked(), Vec::<String>::new(), "{refused:?}");
    let validator = validator.with_prepare_hosts(PrepareHosts::only([address.to_string().parse().unwrap()]));
    let report = baseline(&validator, &repository).await;
    assert_eq!((report.status, report.output_tail.as_str()), (CheckStatus::Failed, "42\n"), "{report:?}");
    assert!(report.sandbox.contains("1 named hosts"), "{}", report.sandbox);
}

/// The command is alone with its children, its signals and its output, as it would be without the way out.
#[tokio::test]
async fn a_command_does_not_notice() {
    let program = "import os, signal\ntry:\n    os.waitpid(-1, os.WNOHANG)\n    print('a child')\nexcept ChildProcessError:\n    print('alone')\n\
        print(signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN, open('/proc/self/status').read().split('SigIgn:')[1].split()[0])\n\
        print(sorted(os.listdir('/proc/self/fd')))\n";
    let run = "PYTHONPATH= exec python3 -I -S program.py";
    let repository = TestRepository::new(&[("program.py", program)]);
    let recipes = fixed(&[&format!("{run} > ../home/prepare")], &[&format!("cat ../home/prepare; {run}"), "false"]);
    let Some(validator) = sandbox(&repository, recipes, SandboxLimits::default()).await else { return };
    let report = baseline(&validator.with_environments(None), &repository).await;
    let lines: Vec<_> = report.output_tail.lines().collect();
    assert_eq!(lines.len(), 6, "{report:?}");
    assert_eq!(lines[0], "alone");
    assert_eq!(lines[..3], lines[3..], "{report:?}");
}
