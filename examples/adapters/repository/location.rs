//! Where a repository is, as far as these adapters go.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::HostName;

/// A repository on this machine, or behind HTTPS.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Location {
    /// A bare repository or a checkout, by its absolute path.
    Local(PathBuf),
    /// A URL with the scheme `https`, or `http` to this machine; without credentials.
    Url(String),
}

/// A location that these adapters don't fetch from.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unsupported clone URL: {reason}; give an https URL or the path of a repository")]
pub struct UnsupportedLocation {
    reason: &'static str,
}

impl FromStr for Location {
    type Err = UnsupportedLocation;

    fn from_str(text: &str) -> Result<Self, UnsupportedLocation> {
        let refuse = |reason| Err(UnsupportedLocation { reason });
        if text.chars().any(|c| c.is_control() || c.is_whitespace() && text.contains("://")) || text.is_empty() {
            return refuse("it is empty or holds blanks or control characters");
        }
        let lowered = text.split_once("://").map(|(scheme, rest)| format!("{}://{rest}", scheme.to_ascii_lowercase()));
        let text = lowered.as_deref().unwrap_or(text);
        if let Some(path) = text.strip_prefix("file://") {
            return path.parse();
        }
        let loopback = text.strip_prefix("http://").filter(|rest| is_loopback(rest));
        if let Some(rest) = text.strip_prefix("https://").or(loopback) {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let path = path.trim_end_matches('/');
            if host.contains('@') {
                return refuse("it holds credentials");
            }
            if host.is_empty()
                || path.is_empty()
                || rest.contains(['?', '#', '\\'])
                || path.split('/').any(|part| part == "..")
            {
                return refuse("it names no repository");
            }
            let scheme = if loopback.is_some() { "http" } else { "https" };
            let usual_port = if loopback.is_some() { ":80" } else { ":443" };
            let host = host.strip_suffix(usual_port).unwrap_or(host).to_ascii_lowercase();
            return Ok(Self::Url(format!("{scheme}://{host}/{path}")));
        }
        if text.contains("://") || text.contains("::") {
            return refuse("its scheme is not https");
        }
        if text.starts_with('/') { Ok(Self::Local(PathBuf::from(text))) } else { refuse("it is no absolute path") }
    }
}

impl Location {
    /// The scheme and the host of a URL, with its port.
    pub(super) fn host(&self) -> Option<&str> {
        let Self::Url(url) = self else { return None };
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split('/').next()?;
        url.get(..scheme.len() + "://".len() + host.len())
    }

    /// One name for all that is the same repository: without what servers take or leave.
    #[must_use]
    pub fn identity(&self) -> String {
        let name = self.to_string();
        match self {
            Self::Local(_) => name,
            Self::Url(_) => name.strip_suffix(".git").map_or_else(|| name.clone(), ToOwned::to_owned),
        }
    }

    /// Whether it is at this host.
    pub(crate) fn is_at(&self, host: &HostName) -> bool {
        self.host().and_then(HostName::of_url).is_some_and(|there| host.is(&there))
    }

    /// What git calls it.
    pub(super) fn address(&self) -> OsString {
        match self {
            Self::Local(path) => super::git_dir(path).into_os_string(),
            Self::Url(url) => url.into(),
        }
    }

    /// The one protocol that git may use.
    pub(super) fn protocol(&self) -> &str {
        match self {
            Self::Local(_) => "file",
            Self::Url(url) => url.split_once("://").map_or("https", |(scheme, _)| scheme),
        }
    }
}

/// Whether what stands behind `http://` is on this machine, so that nobody can listen.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
    });
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_one_name() {
        let identity = |text: &str| text.parse::<Location>().unwrap().identity();
        for same in [
            "https://example.org/a/b",
            "HTTPS://EXAMPLE.org/a/b/",
            "https://example.org:443/a/b.git",
            "https://example.org/a/b.git/",
        ] {
            assert_eq!(identity(same), "https://example.org/a/b", "{same}");
        }
        for other in ["https://example.org/a/B", "https://example.org:8443/a/b", "http://localhost/a/b"] {
            assert_ne!(identity(other), "https://example.org/a/b", "{other}");
        }
        assert_eq!(identity("/srv/a.git"), "/srv/a.git");
    }

    #[test]
    fn only_https_and_paths_are_fetched_from() {
        for good in [
            "https://example.org/a/b.git",
            "http://127.0.0.1:8080/a.git",
            "http://[::1]/a.git",
            "/srv/a b.git",
            "file:///srv/a.git",
        ] {
            assert!(good.parse::<Location>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "git@example.org:a/b.git",
            "ssh://example.org/a",
            "http://example.org/a",
            "http://127.0.0.1.example.org/a",
            "http://127.0.0.1@example.org/a",
            "http://me@127.0.0.1/a",
            "ext::sh -c id",
            "https://user:word@example.org/a",
            "https://example.org",
            "https://example.org//",
            "relative/path",
            "-oProxyCommand=x",
            "https://example.org/a\nb",
        ] {
            assert!(bad.parse::<Location>().is_err(), "{bad:?}");
        }
    }
}
