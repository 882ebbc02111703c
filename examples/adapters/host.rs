//! Hosts, by name and port.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::Deserialize;

/// A host, with its port where that is neither 80 nor 443: `packages.example`, `10.0.0.7:3141`, `[::1]:3141`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct HostName {
    /// In lower case; of an address of version 6, without its brackets.
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

/// A text that names no host.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} names no host; write it as packages.example or packages.example:8443")]
pub struct InvalidHostName(String);

impl HostName {
    /// Whether it is this one, or a usual port of it.
    pub(crate) fn is(&self, target: &Self) -> bool {
        let usual = matches!(target.port, Some(80 | 443) | None);
        self.name == target.name && (self.port.is_none() && usual || self.port == target.port)
    }

    /// The host of a URL, with its port.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let port = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let host: Self = authority.parse().ok()?;
        Some(Self { port: host.port.or(Some(port)), ..host })
    }
}

impl TryFrom<String> for HostName {
    type Error = InvalidHostName;

    fn try_from(text: String) -> Result<Self, InvalidHostName> {
        text.parse()
    }
}

impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        let wrong = || InvalidHostName(text.to_owned());
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (text, None),
        };
        // Where an address of version 6 ends, only brackets tell.
        if name.contains(':') && !name.starts_with('[') {
            return Err(wrong());
        }
        let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)).transpose()?;
        let name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().map_err(|_| wrong())?.to_string(),
            None => name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(),
        };
        let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_name = name.chars().all(usual) || name.parse::<Ipv6Addr>().is_ok();
        if name.is_empty() || name.len() > 253 || !is_name { Err(wrong()) } else { Ok(Self { name, port }) }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]", self.name)?,
            false => f.write_str(&self.name)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_and_perhaps_a_port() {
        for (text, shown) in [
            ("Packages.Example.", "packages.example"),
            ("packages.example:8443", "packages.example:8443"),
            ("10.0.0.7:3141", "10.0.0.7:3141"),
            ("[::1]:3141", "[::1]:3141"),
            ("[0:0::1]", "[::1]"),
        ] {
            assert_eq!(text.parse::<HostName>().unwrap().to_string(), shown);
        }
        for bad in [
            "",
            ":80",
            "a:0",
            "a:70000",
            "a b",
            "a/b",
            "me@a",
            "*.a",
            "[a]",
            "a:b:1",
            "::1",
            "::1:80",
            "https://a",
            "é",
        ] {
            assert!(bad.parse::<HostName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_host_without_a_port_is_its_usual_ones() {
        let is = |rule: &str, target: &str| rule.parse::<HostName>().unwrap().is(&target.parse().unwrap());
        assert!(
            is("a.example", "A.example:443") && is("a.example", "a.example:80") && is("a.example:81", "a.example:81")
        );
        assert!(
            !is("a.example", "a.example:22")
                && !is("a.example:81", "a.example:80")
                && !is("a.example", "b.a.example:80")
        );
        assert_eq!(HostName::of_url("https://Index.example/simple?x").unwrap().to_string(), "index.example:443");
        assert_eq!(HostName::of_url("http://[::1]:8080").unwrap().to_string(), "[::1]:8080");
        assert_eq!(HostName::of_url("ftp://a"), None);
        assert_eq!(HostName::of_url("https://me:word@a"), None);
    }
}
