//! Where a model is, and the key to it.

use std::net::IpAddr;

use reqwest::Url;
use secrecy::SecretString;

/// The base URL of a model API, and the key that it asks for.
///
/// The key is never shown, neither by `Debug` nor in an error.
#[derive(Clone, Debug)]
pub struct Endpoint {
    url: Url,
    key: Option<SecretString>,
}

/// Why a URL can't be the base of a model API.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No absolute URL.
    #[error("the model's URL is no absolute http or https URL; it looks like https://models.example/v1")]
    NoUrl,
    /// A user name or a password in it.
    #[error("the model's URL holds a user name or a password; give the key apart from it")]
    Credentials,
    /// A query or a fragment.
    #[error("the model's URL has a query or a fragment; give the part before it")]
    Query,
    /// A key that would be sent in the clear.
    #[error("the model's URL is http, and a key would cross the network in the clear; use https")]
    KeyInTheClear,
}

impl Endpoint {
    /// An endpoint at `url`: `http` or `https`, without credentials, query and fragment; with a
    /// key, `http` only to this machine.
    ///
    /// # Errors
    /// [`EndpointError`] when it is anything else.
    pub fn new(url: &str, key: Option<SecretString>) -> Result<Self, EndpointError> {
        let url = Url::parse(url.trim()).map_err(|_| EndpointError::NoUrl)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(EndpointError::NoUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Query);
        }
        let endpoint = Self { url, key };
        if endpoint.url.scheme() == "http" && endpoint.key.is_some() && !endpoint.is_loopback() {
            return Err(EndpointError::KeyInTheClear);
        }
        Ok(endpoint)
    }

    /// Whether it is this machine, as far as the URL says.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub(super) fn key(&self) -> Option<&SecretString> {
        self.key.as_ref()
    }

    /// The URL of a method below the base.
    pub(super) fn join(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str, key: Option<&str>) -> Result<Endpoint, EndpointError> {
        Endpoint::new(url, key.map(SecretString::from))
    }

    #[test]
    fn a_key_goes_only_where_nobody_can_read_it() {
        assert!(open("https://models.example/v1", Some("k")).is_ok());
        assert!(open("http://127.0.0.1:8080", Some("k")).is_ok());
        assert!(open("http://[::1]:8080", Some("k")).is_ok());
        assert!(open("http://localhost:8080", Some("k")).is_ok());
        assert!(open("http://models.example", None).is_ok());
        for remote in ["http://models.example", "http://127.0.0.1.example", "http://10.0.0.1"] {
            assert_eq!(open(remote, Some("k")).unwrap_err(), EndpointError::KeyInTheClear, "{remote}");
        }
    }

    #[test]
    fn only_a_plain_base_is_one() {
        for (url, error) in [
            ("", EndpointError::NoUrl),
            ("models.example", EndpointError::NoUrl),
            ("file:///etc/passwd", EndpointError::NoUrl),
            ("https://me:secret@models.example", EndpointError::Credentials),
            ("https://models.example/v1?key=secret", EndpointError::Query),
            ("https://models.example/v1#x", EndpointError::Query),
        ] {
            assert_eq!(open(url, None).unwrap_err(), error, "{url}");
        }
    }

    #[test]
    fn paths_are_joined_below_the_base() {
        let joined = |base: &str| open(base, None).unwrap().join("/chat").to_string();
        assert_eq!(joined("https://a.example/v1/"), "https://a.example/v1/chat");
        assert_eq!(joined("https://a.example"), "https://a.example/chat");
    }

    #[test]
    fn the_key_is_not_shown() {
        let endpoint = open("https://a.example", Some("sk-very-secret")).unwrap();
        assert!(!format!("{endpoint:?}").contains("very"));
    }
}
