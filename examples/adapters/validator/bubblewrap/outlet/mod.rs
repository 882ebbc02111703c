//! The one way out of preparing: a proxy on a socket, outside of the sandbox.
//!
//! Inside, `forward.py` listens where programs look for a proxy, and leads to the socket. There is no other network:
//! names are resolved here, and what may not be reached is not even asked for.

mod hosts;
mod request;
mod route;

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

pub use hosts::{HostName, InvalidHostName, PrepareHosts};
use request::{Request, Way};
pub(super) use route::Routes;

/// Where the socket is inside.
pub(super) const SOCKET: &str = "/run/outlet";

/// What programs inside are told of it.
pub(super) const PROXY: &str = "http://127.0.0.1:3128";

/// The variables that name a proxy, as programs have come to look for it.
pub(super) const VARIABLES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

/// Inside: listens, and becomes the command.
pub(super) const FORWARD: &str = include_str!("forward.py");

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;

/// An open way out; closed when dropped, with all that goes through it.
#[derive(Debug)]
pub(super) struct Outlet(JoinHandle<()>);

impl Outlet {
    /// Listens at `name` in `folder`. Who may go there is a matter of the folder.
    pub(super) fn open(folder: &Path, name: &str, routes: Arc<Routes>) -> io::Result<Self> {
        let path = folder.join(name);
        let _ = fs::remove_file(&path);
        // The path of a socket is short, and that of a folder may be long.
        let short = File::open(folder)?;
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/{name}", short.as_raw_fd()))?;
        fs::set_permissions(&path, Permissions::from_mode(0o666))?;
        Ok(Self(tokio::spawn(accept(listener, routes))))
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept(listener: UnixListener, routes: Arc<Routes>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Ends them all when it is dropped.
    let mut connections = JoinSet::new();
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let Ok((inside, _)) = listener.accept().await else {
            // Out of descriptors, say: there will be some again.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let routes = Arc::clone(&routes);
        connections.spawn(async move {
            // What breaks off, both ends see for themselves.
            let _ = serve(inside, &routes).await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut inside: UnixStream, routes: &Routes) -> io::Result<()> {
    let Some(request) = Request::read(&mut inside).await? else {
        return refuse(&mut inside, 400, "no request for a proxy").await;
    };
    let (mut outside, is_direct) = match routes.connect(&request).await {
        Ok(connected) => connected,
        Err(refusal) => return refuse(&mut inside, refusal.status, &refusal.reason).await,
    };
    match request.way {
        Way::Tunnel => inside.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
        Way::Plain => outside.write_all(&request.head(is_direct)).await?,
    }
    outside.write_all(&request.rest).await?;
    copy_bidirectional(&mut inside, &mut outside).await.map(drop)
}

/// Programs show the reason, so that it says what to do.
async fn refuse(inside: &mut UnixStream, status: u16, reason: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    inside.write_all(answer.as_bytes()).await?;
    inside.shutdown().await?;
    // Closed with something unread, the answer would be lost.
    let (mut unread, mut nowhere) = (inside.take(1 << 20), tokio::io::sink());
    let _ = tokio::time::timeout(Duration::from_secs(2), tokio::io::copy(&mut unread, &mut nowhere)).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A server that answers whatever it is told with what it was told, and its port.
    async fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut heard = vec![0; 4_096];
                let length = stream.read(&mut heard).await.unwrap();
                let _ = stream.write_all(&[b"heard: ", &heard[..length]].concat()).await;
            }
        });
        port
    }

    /// What comes back for `request`.
    async fn answer(routes: Routes, request: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let _outlet = Outlet::open(folder.path(), "socket", Arc::new(routes)).unwrap();
        let mut stream = UnixStream::connect(folder.path().join("socket")).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn named(host: &str) -> Routes {
        Routes::new(PrepareHosts::only([host.parse().unwrap()]), [])
    }

    #[tokio::test]
    async fn a_host_that_is_named_is_reached() {
        let port = echo().await;
        let host = format!("127.0.0.1:{port}");
        let request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\nhello");
        assert_eq!(answer(named(&host), &request).await, "HTTP/1.1 200 Connection established\r\n\r\nheard: hello");
        let request = format!(
            "GET http://{host}/simple/?x HTTP/1.1\r\nHost: other\r\nProxy-Connection: keep-alive\r\nA: b\r\n\r\nrest"
        );
        assert_eq!(
            answer(named(&host), &request).await,
            format!("heard: GET /simple/?x HTTP/1.1\r\nHost: {host}\r\nA: b\r\nConnection: close\r\n\r\nrest")
        );
        // And its index, whatever else is allowed.
        let index = Routes::new(PrepareHosts::default(), [format!("http://{host}/simple").as_str()]);
        assert!(answer(index, &request).await.starts_with("heard: "));
    }

    #[tokio::test]
    async fn this_machine_and_its_networks_are_not_reached() {
        let port = echo().await;
        for host in
            ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "2130706433"]
        {
            let request = format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n");
            let answered = answer(Routes::new(PrepareHosts::default(), []), &request).await;
            assert!(answered.starts_with("HTTP/1.1 403 "), "{host}: {answered}");
            assert!(answered.contains("prepare_hosts"), "{answered}");
        }
        let request = format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n");
        for other in ["127.0.0.1:1", "127.0.0.2", "packages.example"] {
            let answered = answer(named(other), &request).await;
            assert!(answered.starts_with("HTTP/1.1 403 "), "{other}: {answered}");
        }
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused() {
        let long = format!("GET http://a/ HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(100_000));
        for odd in [
            "hello\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "CONNECT x HTTP/1.1\r\n\r\n",
            "GET ftp://a/ HTTP/1.1\r\n\r\n",
            &long,
        ] {
            let answered = answer(Routes::new(PrepareHosts::default(), []), odd).await;
            assert!(answered.starts_with("HTTP/1.1 400 "), "{odd:.40}: {answered}");
        }
    }

    #[tokio::test]
    async fn another_proxy_is_gone_through() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let upstream = tokio::spawn(async move {
            let mut heard = Vec::new();
            for said in
                ["HTTP/1.1 200 OK\r\nVia: it\r\n\r\nhi", "HTTP/1.1 407 Who are you\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"]
            {
                let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
                let mut head = vec![0; 4_096];
                let length = stream.read(&mut head).await.unwrap();
                heard.push(String::from_utf8(head[..length].to_vec()).unwrap());
                stream.write_all(said.as_bytes()).await.unwrap();
            }
            heard
        });
        let routes = || named("packages.invalid").through(&proxy, &proxy, "");
        let tunnel = "CONNECT packages.invalid:443 HTTP/1.1\r\n\r\n";
        let established = "HTTP/1.1 200 Connection established\r\n\r\n";
        assert_eq!(answer(routes(), tunnel).await, format!("{established}hi"));
        assert!(answer(routes(), tunnel).await.starts_with("HTTP/1.1 502 the proxy of this machine says 407"));
        let plain = "GET http://packages.invalid/a HTTP/1.1\r\n\r\n";
        assert_eq!(answer(routes(), plain).await, "HTTP/1.1 200 OK\r\n\r\n");
        let refused = answer(routes(), "CONNECT other.invalid:443 HTTP/1.1\r\n\r\n").await;
        assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
        let heard = upstream.await.unwrap();
        assert_eq!(heard[0], "CONNECT packages.invalid:443 HTTP/1.1\r\nHost: packages.invalid:443\r\n\r\n");
        assert!(heard[2].starts_with("GET http://packages.invalid/a HTTP/1.1\r\n"), "{heard:?}");
        // Where it is not to be gone through, it is not asked.
        let port = echo().await;
        let host = format!("127.0.0.1:{port}");
        let direct = named(&host).through(&proxy, &proxy, "example.org, 127.0.0.1");
        assert!(answer(direct, &format!("GET http://{host}/ HTTP/1.1\r\n\r\n")).await.starts_with("heard: GET / "));
    }
}
