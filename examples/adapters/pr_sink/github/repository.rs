//! Which repository, and where its API is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use crate::repository::Location;

/// A repository on GitHub: `owner/name`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RepositoryName {
    owner: String,
    name: String,
}

/// A text that names no repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a repository on GitHub is named as owner/name, with letters, digits, `-`, `_` and `.`")]
pub struct InvalidRepositoryName;

impl RepositoryName {
    /// The user or organisation.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name below it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// GitHub does not tell upper from lower case.
    fn is(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidRepositoryName;

    fn from_str(text: &str) -> Result<Self, InvalidRepositoryName> {
        let (owner, name) = text.split_once('/').ok_or(InvalidRepositoryName)?;
        let usual = |part: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            (1..=100).contains(&part.len()) && part.chars().all(known) && part.chars().any(|c| c != '.')
        };
        if usual(owner) && usual(name) {
            Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
        } else {
            Err(InvalidRepositoryName)
        }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The base of GitHub's REST API.
///
/// `https://api.github.com`, or `https://HOST/api/v3` for a server of one's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiUrl(Url);

/// Why a URL can't be the base of the API.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidApiUrl {
    /// Something before or behind host and path.
    #[error("the URL of GitHub's API is a scheme, a host and a path; it looks like https://github.example/api/v3")]
    Shape,
    /// Credentials would be sent in the clear.
    #[error("the URL of GitHub's API is not https, and credentials would cross the network in the clear")]
    InTheClear,
}

impl ApiUrl {
    /// The URL of a route below the base: `/repos/…`, already escaped, perhaps with a query.
    pub(super) fn join(&self, route: &str) -> Url {
        let (path, query) = route.split_once('?').map_or((route, None), |(path, query)| (path, Some(query)));
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.base_path()));
        url.set_query(query);
        url
    }

    /// What of `url` is below the base, as it would be sent.
    pub(super) fn route<'u>(&self, url: &'u Url) -> Option<&'u str> {
        let same = url.origin() == self.0.origin() && url.username().is_empty() && url.password().is_none();
        url.path().strip_prefix(self.base_path()).filter(|_| same)
    }

    /// Whether it is this machine, as far as the URL says.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    fn base_path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// The host that people see repositories at.
    fn web_host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        match host.strip_prefix("api.") {
            Some(web) if web == "github.com" || web.ends_with(".ghe.com") => web,
            _ => host,
        }
    }

    /// Where git finds `repository`.
    pub(super) fn clone_location(&self, repository: &RepositoryName) -> Location {
        let port = self.0.port().map_or_else(String::new, |port| format!(":{port}"));
        let path = self.base_path();
        // A server of one's own has its API below its web pages.
        let path = path.strip_suffix("/api/v3").unwrap_or(path);
        Location::Url(format!("{}://{}{port}{path}/{repository}.git", self.0.scheme(), self.web_host()))
    }

    /// Whether a failure in `place` is one in `repository`: a URL must be the URL of it. The path of a
    /// clone on this machine says nothing, and what the base branch points to decides.
    pub(super) fn is_place_of(&self, place: &str, repository: &RepositoryName) -> bool {
        if place.starts_with('/') {
            return true;
        }
        let plain = place.strip_suffix('/').unwrap_or(place);
        let plain = plain.strip_suffix(".git").unwrap_or(plain);
        if plain.contains("://") {
            let url = self.clone_location(repository).to_string();
            return url.strip_suffix(".git").is_some_and(|url| url.eq_ignore_ascii_case(plain));
        }
        plain.parse::<RepositoryName>().is_ok_and(|name| name.is(repository))
    }
}

impl Default for ApiUrl {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant, and a test parses it")]
        Self("https://api.github.com".parse().expect("a URL"))
    }
}

impl FromStr for ApiUrl {
    type Err = InvalidApiUrl;

    fn from_str(text: &str) -> Result<Self, InvalidApiUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidApiUrl::Shape)?;
        let plain = url.username().is_empty() && url.password().is_none();
        let plain = plain && url.query().is_none() && url.fragment().is_none();
        if !plain || !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidApiUrl::Shape);
        }
        let url = Self(url);
        if url.0.scheme() != "https" && !url.is_loopback() {
            return Err(InvalidApiUrl::InTheClear);
        }
        Ok(url)
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        for good in ["octo/app", "a-b/c_d.e", "o/.github"] {
            assert_eq!(good.parse::<RepositoryName>().unwrap().to_string(), good);
        }
        for bad in ["", "octo", "octo/", "/app", "octo/app/x", "octo/..", "octo/a b", "octo/a%2f", "o/é", "o/a?b"] {
            assert_eq!(bad.parse::<RepositoryName>(), Err(InvalidRepositoryName), "{bad:?}");
        }
    }

    #[test]
    fn credentials_never_go_in_the_clear() {
        assert_eq!(ApiUrl::default(), "https://api.github.com".parse().unwrap());
        for good in ["https://github.example/api/v3", "http://127.0.0.1:80/", "http://[::1]:1", "http://localhost"] {
            assert!(good.parse::<ApiUrl>().is_ok(), "{good}");
        }
        for remote in ["http://api.github.com", "http://127.0.0.1.example", "http://10.0.0.1"] {
            assert_eq!(remote.parse::<ApiUrl>(), Err(InvalidApiUrl::InTheClear), "{remote}");
        }
        for odd in
            ["", "api.github.com", "file:///x", "https://t@github.example", "https://a.example/?x", "https://a/#x"]
        {
            assert_eq!(odd.parse::<ApiUrl>(), Err(InvalidApiUrl::Shape), "{odd}");
        }
    }

    #[test]
    fn git_finds_a_repository_beside_the_api() {
        let repository: RepositoryName = "octo/app".parse().unwrap();
        for (api, location) in [
            ("https://api.github.com", "https://github.com/octo/app.git"),
            ("https://api.octo.ghe.com/", "https://octo.ghe.com/octo/app.git"),
            ("https://github.example/api/v3", "https://github.example/octo/app.git"),
            ("https://api.example:8443/api/v3/", "https://api.example:8443/octo/app.git"),
            ("http://[::1]:80/w/1", "http://[::1]/w/1/octo/app.git"),
        ] {
            let found = api.parse::<ApiUrl>().unwrap().clone_location(&repository);
            assert_eq!(found.to_string(), location);
            assert_eq!(location.parse::<Location>().unwrap(), found);
        }
    }

    #[test]
    fn a_failure_elsewhere_is_not_ours() {
        let repository: RepositoryName = "octo/app".parse().unwrap();
        let is_ours = |place: &str| ApiUrl::default().is_place_of(place, &repository);
        for ours in ["octo/app", "https://github.com/octo/app", "https://GitHub.com/Octo/App.git", "/srv/clones/x"] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "octo/other",
            "https://github.com/octo/app2",
            "https://github.com/octo/app/../other",
            "https://gitlab.com/octo/app",
            "https://github.com.example/octo/app",
            "https://me@github.com/octo/app",
            "http://github.com/octo/app",
            "ssh://git@github.com/octo/app",
            "git@github.com:octo/app.git",
            "ext::sh -c id",
            "",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
