//! How a host is reached, if it may be.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::hosts::{HostName, PrepareHosts, is_local};
use super::request::{Head, Request, Way};

/// The longest that connecting may take, with all that belongs to it.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);

/// Which hosts, and through what.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Routes {
    hosts: PrepareHosts,
    /// The package indexes that are set, which are reached wherever they are.
    indexes: Vec<HostName>,
    /// This machine's own proxies: for HTTP in the clear, and for tunnels.
    plain: Option<HostName>,
    tunnel: Option<HostName>,
    /// What is reached without them.
    without: Vec<String>,
}

/// Why a host is not reached.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// One line of printable ASCII.
    pub(super) reason: String,
}

impl Routes {
    /// To `hosts`, and to those of `indexes`, which are URLs.
    pub(in super::super) fn new<'u>(hosts: PrepareHosts, indexes: impl IntoIterator<Item = &'u str>) -> Self {
        let indexes = indexes.into_iter().filter_map(HostName::of_url).collect();
        Self { hosts, indexes, ..Self::default() }
    }

    /// Through these proxies, but to hosts of the list `without`, as `NO_PROXY` has it. One that is no plain URL is
    /// not used.
    #[must_use]
    pub(in super::super) fn through(mut self, plain: &str, tunnel: &str, without: &str) -> Self {
        // What speaks TLS, or wants a password, can't be spoken to.
        let proxy = |url: &str| HostName::of_url(url).filter(|_| url.to_ascii_lowercase().starts_with("http://"));
        self.plain = proxy(plain);
        self.tunnel = proxy(tunnel);
        let names = without.split(',').map(|name| name.trim().to_ascii_lowercase());
        self.without = names.filter(|name| !name.is_empty()).collect();
        self
    }

    /// What is allowed, for a key.
    pub(in super::super) fn hosts(&self) -> &PrepareHosts {
        &self.hosts
    }

    /// What is allowed, for the report.
    pub(in super::super) fn describe(&self) -> String {
        let public = if self.hosts.public { ", hosts outside of local networks" } else { "" };
        format!("the package index{public}, {} named hosts", self.hosts.named.len())
    }

    /// Connects, and says whether it is with the target itself.
    pub(super) async fn connect(&self, request: &Request) -> Result<(TcpStream, bool), Refusal> {
        let connecting = self.connect_at_all(request);
        timeout(CONNECT_TIME_MAX, connecting).await.unwrap_or_else(|_| {
            Err(Refusal { status: 504, reason: format!("{} can't be reached in time", request.target) })
        })
    }

    async fn connect_at_all(&self, request: &Request) -> Result<(TcpStream, bool), Refusal> {
        let target = &request.target;
        let is_named = |hosts: &[HostName]| hosts.iter().any(|host| host.is(target));
        let named = is_named(&self.indexes) || is_named(&self.hosts.named);
        if !named && !self.hosts.public {
            return Err(forbidden(target, "is none of them"));
        }
        if !named && !matches!(target.port, Some(80 | 443)) {
            return Err(forbidden(target, "is no usual port"));
        }
        let found = resolve(target).await;
        let local = found.as_ref().is_ok_and(|found| found.iter().any(|address| is_local(address.ip())));
        if local && !named {
            return Err(forbidden(target, "is local"));
        }
        let proxy = if request.way == Way::Tunnel { &self.tunnel } else { &self.plain };
        let unreachable = |what: &HostName, error: &io::Error| Refusal {
            status: 502,
            reason: format!("{what} can't be reached ({:?})", error.kind()),
        };
        match proxy.as_ref().filter(|_| !self.is_without_proxy(target)) {
            None => {
                let found = found.map_err(|error| unreachable(target, &error))?;
                let connected = TcpStream::connect(found.as_slice()).await;
                Ok((connected.map_err(|error| unreachable(target, &error))?, true))
            }
            Some(proxy) => {
                let connected = async { TcpStream::connect(resolve(proxy).await?.as_slice()).await };
                let mut stream = connected.await.map_err(|error| unreachable(proxy, &error))?;
                if request.way == Way::Tunnel {
                    tunnel(&mut stream, target).await?;
                }
                Ok((stream, false))
            }
        }
    }

    /// As most programs read `NO_PROXY`: names, with all below them; addresses; or everything.
    fn is_without_proxy(&self, target: &HostName) -> bool {
        let shown = target.to_string();
        self.without.iter().any(|name| {
            let name = name.strip_prefix('.').unwrap_or(name);
            let below = target.name.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            name == "*" || below || shown == *name
        })
    }
}

/// Asks a proxy for a tunnel, and reads no further than its head: what comes next is the target's.
async fn tunnel(proxy: &mut TcpStream, target: &HostName) -> Result<(), Refusal> {
    let refuse = |said: &str| Refusal { status: 502, reason: format!("the proxy of this machine {said}") };
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    let asked = async {
        proxy.write_all(request.as_bytes()).await?;
        Head::read_exactly(proxy).await
    };
    let head = asked.await.map_err(|error| refuse(&format!("broke off ({:?})", error.kind())))?;
    match head.and_then(|head| head.status()) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(refuse(&format!("says {status} to {target}"))),
        None => Err(refuse("says nothing that is HTTP")),
    }
}

async fn resolve(host: &HostName) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = lookup_host((host.name.as_str(), host.port.unwrap_or(80))).await?.collect();
    if found.is_empty() { Err(io::Error::new(io::ErrorKind::NotFound, "no address")) } else { Ok(found) }
}

fn forbidden(target: &HostName, why: &str) -> Refusal {
    Refusal { status: 403, reason: format!("{target} {why}; prepare_hosts names what may be reached") }
}
