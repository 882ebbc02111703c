//! The one way out of preparing: a proxy on a socket, outside of the sandbox.
//!
//! Inside, `forward.py` listens where programs look for a proxy, and leads to the socket. There is no other network:
//! names are resolved here, and what may not be reached is not even asked for.

mod hosts;
mod networks;
mod request;
mod route;

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio::{pin, select};

pub use hosts::PrepareHosts;
use request::{Head, Request, Way};
pub(super) use route::Routes;

/// Where the socket is inside.
pub(super) const SOCKET: &str = "/run/outlet";

/// What programs inside are told of it.
pub(super) const PROXY: &str = "http://127.0.0.1:3128";

/// What programs reach without it: what they start themselves.
pub(super) const WITHOUT: &str = "localhost,127.0.0.1,::1";

/// The variables that name a proxy, as programs have come to look for it.
pub(super) const VARIABLES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

/// Inside: listens, and becomes the command.
pub(super) const FORWARD: &str = include_str!("forward.py");

/// Connections at once.
const CONNECTIONS_MAX: usize = 32;

/// The longest that one side is listened to when the other has said all.
const LAST_WORDS_MAX: Duration = Duration::from_secs(10);

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
    let (mut outside, proxy) = match routes.connect(&request).await {
        Ok(connected) => connected,
        Err(refusal) => return refuse(&mut inside, refusal.status, &refusal.reason).await,
    };
    match request.way {
        Way::Tunnel => {
            inside.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            outside.write_all(&request.rest).await?;
            tunnel(&mut inside, &mut outside, LAST_WORDS_MAX).await
        }
        Way::Plain => {
            outside.write_all(&request.head(proxy)).await?;
            outside.write_all(&request.rest).await?;
            exchange(&mut inside, &mut outside, &request, LAST_WORDS_MAX).await
        }
    }
}

/// Whatever the two say, until both have said it; outside, soon after inside.
async fn tunnel(inside: &mut UnixStream, outside: &mut TcpStream, last_words: Duration) -> io::Result<()> {
    let ((mut inside_read, mut inside_write), (mut outside_read, mut outside_write)) =
        (inside.split(), outside.split());
    let out = async {
        copy(&mut inside_read, &mut outside_write).await?;
        outside_write.shutdown().await
    };
    let back = async {
        copy(&mut outside_read, &mut inside_write).await?;
        inside_write.shutdown().await
    };
    either(out, back, last_words).await
}

/// Until what comes back is said; soon after what goes out is.
async fn either(
    out: impl Future<Output = io::Result<()>>,
    back: impl Future<Output = io::Result<()>>,
    last_words: Duration,
) -> io::Result<()> {
    pin!(out, back);
    select! {
        said = &mut back => said,
        said = &mut out => {
            said?;
            timeout(last_words, back).await.unwrap_or(Ok(()))
        }
    }
}

/// One request and its answer, and nothing else: the next one may be for another host.
async fn exchange(
    inside: &mut UnixStream,
    outside: &mut TcpStream,
    request: &Request,
    last_words: Duration,
) -> io::Result<()> {
    let ((mut inside_read, mut inside_write), (mut outside_read, mut outside_write)) =
        (inside.split(), outside.split());
    let left = request.body_bytes.saturating_sub(u64::try_from(request.rest.len()).unwrap_or(u64::MAX));
    let out = async {
        copy(&mut (&mut inside_read).take(left), &mut outside_write).await?;
        // An answer may come late; who goes away wants none. What is asked besides goes nowhere.
        copy(&mut inside_read, &mut tokio::io::sink()).await.map(drop)
    };
    let back = async {
        let head = Head::read(&mut outside_read).await?;
        let closing = head.as_ref().and_then(Head::closing);
        let (Some(head), Some(closing)) = (head, closing) else {
            return inside_write.write_all(b"HTTP/1.1 502 no answer that is HTTP\r\nConnection: close\r\n\r\n").await;
        };
        inside_write.write_all(&closing).await?;
        inside_write.write_all(&head.rest).await?;
        copy(&mut outside_read, &mut inside_write).await?;
        inside_write.shutdown().await
    };
    either(out, back, last_words).await
}

/// Programs show the reason, so that it says what to do.
async fn refuse(inside: &mut UnixStream, status: u16, reason: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    inside.write_all(answer.as_bytes()).await?;
    inside.shutdown().await?;
    // Closed with something unread, the answer would be lost.
    let (mut unread, mut nowhere) = (inside.take(1 << 20), tokio::io::sink());
    let _ = timeout(LAST_WORDS_MAX, copy(&mut unread, &mut nowhere)).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers whatever it is told with what it was told, and its port.
    async fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut heard = vec![0; 4_096];
                let length = stream.read(&mut heard).await.unwrap();
                let _ = stream.write_all(&[b"HTTP/1.1 200 OK\r\n\r\nheard: ", &heard[..length]].concat()).await;
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
        let tunnel = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\nhello");
        let established = "HTTP/1.1 200 Connection established\r\n\r\n";
        assert_eq!(answer(named(&host), &tunnel).await, format!("{established}HTTP/1.1 200 OK\r\n\r\nheard: hello"));
        let plain = format!(
            "POST http://{host}/simple/?x HTTP/1.1\r\nHost: other\r\nProxy-Connection: keep-alive\r\nContent-Length: 4\r\n\r\nbody"
        );
        let heard =
            format!("POST /simple/?x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nConnection: close\r\n\r\n");
        let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        assert!(answer(named(&host), &plain).await.starts_with(&format!("{closing}heard: {heard}")));
        // And its index, whatever else is allowed.
        let index = Routes::new(PrepareHosts::default(), [format!("http://{host}/simple").as_str()]);
        assert!(answer(index, &plain).await.starts_with(closing));
    }

    /// A connection that is kept would take the next request, for whatever host, to this one.
    #[tokio::test]
    async fn one_request_is_passed_on_and_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap();
        let (mut ours, mut inside) = UnixStream::pair().unwrap();
        let mut outside = TcpStream::connect(host).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        inside.write_all(format!("GET http://{host}/one HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        let request = Request::read(&mut ours).await.unwrap().unwrap();
        let passed =
            tokio::spawn(async move { exchange(&mut ours, &mut outside, &request, Duration::from_millis(1)).await });
        // It does not heed that it is to close.
        server.write_all(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        let mut said = vec![0; 1_000];
        let mut length = 0;
        while !said[..length].ends_with(b"ok") {
            length += inside.read(&mut said[length..]).await.unwrap();
        }
        assert_eq!(&said[..length], b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        inside.write_all(b"GET http://10.0.0.1/two HTTP/1.1\r\n\r\n").await.unwrap();
        drop(inside);
        passed.await.unwrap().unwrap();
        let mut heard = String::new();
        server.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "");

        for more in [
            "GET http://H/ HTTP/1.1\r\n\r\nGET http://10.0.0.1/ HTTP/1.1\r\n\r\n",
            "POST http://H/ HTTP/1.1\r\nContent-Length: 0\r\n\r\nCONNECT 10.0.0.1:22 HTTP/1.1\r\n\r\n",
            "POST http://H/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 50\r\n\r\na",
            "POST http://H/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            let answered = answer(named(&host.to_string()), &more.replace('H', &host.to_string())).await;
            assert!(answered.starts_with("HTTP/1.1 400 "), "{more:?}: {answered}");
        }
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
        let odd = answer(Routes::new(PrepareHosts::default(), []), "CONNECT 1.1.1.1:22 HTTP/1.1\r\n\r\n").await;
        assert!(odd.starts_with("HTTP/1.1 403 1.1.1.1:22 is no usual port"), "{odd}");
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

    /// Who has gone, however the other side holds on to it, leaves its place to others.
    #[tokio::test]
    async fn a_tunnel_that_one_side_has_left_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut outside = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_held, _) = listener.accept().await.unwrap();
        let (mut inside, left) = UnixStream::pair().unwrap();
        drop(left);
        tunnel(&mut inside, &mut outside, Duration::from_millis(1)).await.unwrap();
    }

    #[tokio::test]
    async fn another_proxy_is_gone_through() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = listener.local_addr().unwrap().to_string();
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
        let with_password = format!("http://me:p%40ss@{proxy}/");
        let routes = || named("packages.invalid").through(&with_password, &proxy, "");
        let tunnel = "CONNECT packages.invalid:443 HTTP/1.1\r\n\r\n";
        let established = "HTTP/1.1 200 Connection established\r\n\r\n";
        assert_eq!(answer(routes(), tunnel).await, format!("{established}hi"));
        assert!(answer(routes(), tunnel).await.starts_with("HTTP/1.1 502 the proxy of this machine says 407"));
        let plain = "GET http://packages.invalid/a HTTP/1.1\r\nProxy-Authorization: Basic mine\r\n\r\n";
        assert_eq!(answer(routes(), plain).await, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        // Not named, and not known here: whatever the proxy would make of it.
        let internal = Routes::new(PrepareHosts::default(), []).through(&proxy, &proxy, "");
        for request in ["CONNECT internal.invalid:443 HTTP/1.1\r\n\r\n", "CONNECT 10.0.0.1:443 HTTP/1.1\r\n\r\n"] {
            let refused = answer(internal.clone(), request).await;
            assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
        }
        let heard = upstream.await.unwrap();
        assert_eq!(heard[0], "CONNECT packages.invalid:443 HTTP/1.1\r\nHost: packages.invalid:443\r\n\r\n");
        let basic = "Proxy-Authorization: Basic bWU6cEBzcw==\r\n";
        let asked = "GET http://packages.invalid/a HTTP/1.1\r\nHost: packages.invalid\r\n";
        assert_eq!(heard[2], format!("{asked}{basic}Connection: close\r\n\r\n"));
        assert!(!format!("{:?}", routes()).contains("bWU6"), "it is shown to nobody");
    }

    #[tokio::test]
    async fn another_proxy_is_passed_by_where_that_is_said() {
        let port = echo().await;
        let host = format!("127.0.0.1:{port}");
        let request = format!("GET http://{host}/ HTTP/1.1\r\n\r\n");
        for without in ["example.org, 127.0.0.1", "*", "127.0.0.0/8", &host, ".0.0.1"] {
            let direct = named(&host).through("http://127.0.0.1:1", "", without);
            assert!(answer(direct, &request).await.contains("heard: GET / "), "{without}");
        }
        for proxy in ["http://127.0.0.1:1", "https://127.0.0.1:1", "socks5://127.0.0.1:1"] {
            let through = named(&host).through(proxy, "", "10.0.0.0/8, ::1");
            let refused = answer(through, &request).await;
            assert!(refused.starts_with("HTTP/1.1 502 "), "{proxy}: {refused}");
        }
    }
}
