//! How a host is reached, if it may be.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::hosts::PrepareHosts;
use super::networks::{Network, is_local};
use super::request::{Head, Request, Way};
use crate::HostName;

/// The longest that connecting may take, with all that belongs to it.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);

/// Which hosts, and through what.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Routes {
    hosts: PrepareHosts,
    /// The package indexes that are set, which are reached wherever they are.
    indexes: Vec<HostName>,
    /// This machine's own proxies: for HTTP in the clear, and for tunnels.
    plain: Option<Proxy>,
    tunnel: Option<Proxy>,
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

    /// Through these proxies, but to hosts of the list `without`, as `NO_PROXY` has it.
    #[must_use]
    pub(in super::super) fn through(mut self, plain: &str, tunnel: &str, without: &str) -> Self {
        self.plain = Proxy::new(plain);
        self.tunnel = Proxy::new(tunnel);
        self.without =
            without.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect();
        self
    }

    /// What is allowed, for a key.
    pub(in super::super) fn hosts(&self) -> &PrepareHosts {
        &self.hosts
    }

    /// Whether something on this machine's loopback is meant to be reached: an index, or what is named.
    pub(in super::super) fn leads_to_loopback(&self) -> bool {
        let is_loopback = |host: &HostName| {
            host.name == "localhost" || host.name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        };
        self.indexes.iter().chain(&self.hosts.named).any(is_loopback)
    }

    /// What is allowed, for the report.
    pub(in super::super) fn describe(&self) -> String {
        let public = if self.hosts.public { ", hosts outside of local networks" } else { "" };
        format!("the package index{public}, {} named hosts", self.hosts.named.len())
    }

    /// Connects, with the target itself or with a proxy.
    pub(super) async fn connect(&self, request: &Request) -> Result<(TcpStream, Option<&Proxy>), Refusal> {
        let connecting = self.connect_at_all(request);
        timeout(CONNECT_TIME_MAX, connecting).await.unwrap_or_else(|_| {
            Err(Refusal { status: 504, reason: format!("{} can't be reached in time", request.target) })
        })
    }

    async fn connect_at_all(&self, request: &Request) -> Result<(TcpStream, Option<&Proxy>), Refusal> {
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
        let unreachable = |what: &HostName, error: &io::Error| Refusal {
            status: 502,
            reason: format!("{what} can't be reached ({:?})", error.kind()),
        };
        match &found {
            Ok(found) if !named && found.iter().any(|address| is_local(address.ip())) => {
                return Err(forbidden(target, "is local"));
            }
            // Whatever a proxy would make of it.
            Err(_) if !named => return Err(forbidden(target, "can't be resolved here")),
            _ => {}
        }
        let proxy = if request.way == Way::Tunnel { &self.tunnel } else { &self.plain };
        let addresses = found.as_deref().unwrap_or_default();
        match proxy.as_ref().filter(|_| !self.is_without_proxy(target, addresses)) {
            None => {
                let found = found.map_err(|error| unreachable(target, &error))?;
                let connected = TcpStream::connect(found.as_slice()).await;
                Ok((connected.map_err(|error| unreachable(target, &error))?, None))
            }
            Some(proxy) => {
                let Some(host) = &proxy.host else {
                    let reason = "the proxy of this machine is no http:// URL, and can't be gone through".to_owned();
                    return Err(Refusal { status: 502, reason });
                };
                let connected = async { TcpStream::connect(resolve(host).await?.as_slice()).await };
                let mut stream = connected.await.map_err(|error| unreachable(host, &error))?;
                if request.way == Way::Tunnel {
                    tunnel(&mut stream, target, proxy).await?;
                }
                Ok((stream, Some(proxy)))
            }
        }
    }

    /// As most programs read `NO_PROXY`: names, with all below them; addresses and networks; or everything.
    fn is_without_proxy(&self, target: &HostName, addresses: &[SocketAddr]) -> bool {
        let shown = target.to_string();
        self.without.iter().any(|name| {
            let name = name.trim_start_matches('*').trim_start_matches('.').trim_matches(['[', ']']);
            let below = target.name.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            let network: Option<Network> = name.parse().ok();
            let inside = network.is_some_and(|network| addresses.iter().any(|address| network.contains(address.ip())));
            // A star is all that was there.
            name.is_empty() || below || inside || shown == *name
        })
    }
}

/// A proxy that this machine goes through.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    /// `None` for one that can't be spoken to.
    host: Option<HostName>,
    /// What it is told of who asks; never seen inside.
    password: Option<SecretString>,
}

impl Proxy {
    /// `http://user:password@proxy.example:3128`, or without what is not needed.
    fn new(url: &str) -> Option<Self> {
        if url.is_empty() {
            return None;
        }
        let rest = match url.split_once("://") {
            None => Some(url),
            Some((scheme, rest)) => scheme.eq_ignore_ascii_case("http").then_some(rest),
        };
        let authority = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let host = host.parse().ok().map(|host: HostName| HostName { port: host.port.or(Some(80)), ..host });
        Some(Self { host, password: user.map(|user| STANDARD.encode(unescaped(user)).into()) })
    }

    /// What it is told, as a header.
    pub(super) fn header(&self) -> String {
        let basic = |password: &SecretString| format!("Proxy-Authorization: Basic {}\r\n", password.expose_secret());
        self.password.as_ref().map_or_else(String::new, basic)
    }
}

/// Without the escapes of a URL.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    bytes
}

/// Asks a proxy for a tunnel, and reads no further than its head: what comes next is the target's.
async fn tunnel(stream: &mut TcpStream, target: &HostName, proxy: &Proxy) -> Result<(), Refusal> {
    let refuse = |said: &str| Refusal { status: 502, reason: format!("the proxy of this machine {said}") };
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", proxy.header());
    let asked = async {
        stream.write_all(request.as_bytes()).await?;
        Head::read_exactly(stream).await
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
