//! What a proxy is asked for.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::route::Proxy;
use crate::HostName;

/// Longest head of a request or an answer, in bytes.
const HEAD_BYTES_MAX: usize = 32 << 10;
const HEADERS_MAX: usize = 100;

/// A request, as far as it is read.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) way: Way,
    /// With its port.
    pub(super) target: HostName,
    /// `GET`, and the like.
    method: String,
    /// What is asked of the target, where that is seen.
    path: String,
    /// The others are for the proxy alone.
    headers: Vec<(String, Vec<u8>)>,
    /// How much belongs to it behind the head, in bytes; of a tunnel, nothing.
    pub(super) body_bytes: u64,
    /// What came behind the head already.
    pub(super) rest: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// `CONNECT`: whatever it is, it is between the two.
    Tunnel,
    /// HTTP in the clear.
    Plain,
}

impl Request {
    /// `None` for what is no request for a proxy.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let Some(head) = Head::read(stream).await? else { return Ok(None) };
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut headers);
        if !parsed.parse(&head.text).is_ok_and(|status| status.is_complete()) {
            return Ok(None);
        }
        let (Some(method), Some(asked)) = (parsed.method, parsed.path) else { return Ok(None) };
        let (way, target, path) = if method == "CONNECT" {
            let Some(target) = asked.parse().ok().filter(|target: &HostName| target.port.is_some()) else {
                return Ok(None);
            };
            (Way::Tunnel, target, String::new())
        } else {
            // Tunnels are for the other scheme.
            let Some(rest) = asked.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).and(asked.get(7..))
            else {
                return Ok(None);
            };
            let Some(target) = HostName::of_url(asked) else { return Ok(None) };
            let path = rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or_default();
            (Way::Plain, target, if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
        };
        let named =
            |name: &'static str| parsed.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        // Where it ends has to be clear to everybody; and what comes behind it is another's, whom nobody has judged.
        let mut lengths = named("content-length").map(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
        let body_bytes = match (lengths.next(), lengths.next()) {
            (None, _) => 0,
            (Some(Some(length)), None) => length,
            _ => return Ok(None),
        };
        if named("transfer-encoding").next().is_some() || way == Way::Plain && is_longer(&head.rest, body_bytes) {
            return Ok(None);
        }
        let for_us =
            ["host", "connection", "proxy-connection", "proxy-authorization", "keep-alive", "expect", "upgrade"];
        let kept = parsed.headers.iter().filter(|header| !for_us.contains(&header.name.to_ascii_lowercase().as_str()));
        let headers = kept.map(|header| (header.name.to_owned(), header.value.to_owned())).collect();
        Ok(Some(Self { way, target, method: method.to_owned(), path, headers, body_bytes, rest: head.rest }))
    }

    /// The head that is sent on, to the target itself or to a proxy. It is the only one on its connection.
    pub(super) fn head(&self, proxy: Option<&Proxy>) -> Vec<u8> {
        let mut host = self.target.clone();
        host.port = host.port.filter(|port| *port != 80);
        let (at, who) = proxy.map(|proxy| (format!("http://{host}"), proxy.header())).unwrap_or_default();
        let mut head = format!("{} {at}{} HTTP/1.1\r\nHost: {host}\r\n{who}", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        head.extend_from_slice(b"Connection: close\r\n\r\n");
        head
    }
}

fn is_longer(bytes: &[u8], most: u64) -> bool {
    u64::try_from(bytes.len()).map_or(true, |length| length > most)
}

/// The head of a message, its empty line included, and what came behind it.
pub(super) struct Head {
    pub(super) text: Vec<u8>,
    pub(super) rest: Vec<u8>,
}

impl Head {
    /// `None` when it does not end, or is too long.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        loop {
            let end = text.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(rest) = end.map(|end| text.split_off(end + 4)) {
                return Ok(Some(Self { text, rest }));
            }
            if text.len() > HEAD_BYTES_MAX || stream.read_buf(&mut text).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Byte by byte, so that what comes behind it is left to others.
    pub(super) async fn read_exactly(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            if text.len() > HEAD_BYTES_MAX {
                return Ok(None);
            }
            text.push(stream.read_u8().await?);
        }
        Ok(Some(Self { text, rest: Vec::new() }))
    }

    /// The status, when it is an answer.
    pub(super) fn status(&self) -> Option<u16> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(&self.text).ok()?;
        parsed.code
    }

    /// The head of an answer that says that its connection is closed behind it; `None` when it is no answer.
    pub(super) fn closing(&self) -> Option<Vec<u8>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut headers);
        parsed.parse(&self.text).ok()?;
        let mut head = format!("HTTP/1.1 {} {}\r\n", parsed.code?, parsed.reason.unwrap_or_default()).into_bytes();
        for header in parsed.headers {
            if !["connection", "keep-alive", "proxy-connection"]
                .iter()
                .any(|name| header.name.eq_ignore_ascii_case(name))
            {
                head.extend_from_slice(&[header.name.as_bytes(), b": ", header.value, b"\r\n"].concat());
            }
        }
        head.extend_from_slice(b"Connection: close\r\n\r\n");
        Some(head)
    }
}
