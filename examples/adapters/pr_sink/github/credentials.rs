//! Who opens the pull requests.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderValue;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};

/// What the sink shows GitHub: a token, or the key of an App.
///
/// Neither is ever shown, neither by `Debug` nor in an error.
#[derive(Debug)]
pub struct Credentials(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Token(SecretString),
    App(Box<App>),
}

/// A GitHub App, as one account has it installed.
pub(super) struct App {
    id: u64,
    installation: u64,
    key: RsaKeyPair,
}

/// Credentials that can't be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCredentials {
    /// Not a text that a header can hold.
    #[error("the GitHub token is empty, or holds blanks or control characters")]
    Token,
    /// Not a private key in PEM.
    #[error(
        "the private key of the GitHub App is no PEM; give the file that GitHub made, with its BEGIN and END lines"
    )]
    NoPem,
    /// Not an RSA key that can sign.
    #[error("the private key of the GitHub App is no RSA key of 2048 bits or more")]
    NoRsaKey,
}

impl Credentials {
    /// A personal access token, or one that something else has made.
    ///
    /// # Errors
    /// [`InvalidCredentials::Token`]
    pub fn token(token: SecretString) -> Result<Self, InvalidCredentials> {
        let text = token.expose_secret();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) || HeaderValue::from_str(text).is_err()
        {
            return Err(InvalidCredentials::Token);
        }
        Ok(Self(Kind::Token(token)))
    }

    /// The App with the number `id`, in the installation with the number `installation`, by the private
    /// key that GitHub made for it (PEM).
    ///
    /// For each pull request a token is made, for the one repository and for what the sink does there;
    /// it is forgotten when the pull request is open.
    ///
    /// # Errors
    /// [`InvalidCredentials`] when the key can't be read.
    pub fn app(id: u64, installation: u64, private_key: &SecretString) -> Result<Self, InvalidCredentials> {
        let pem = PrivateKeyDer::from_pem_slice(private_key.expose_secret().as_bytes());
        let key = match pem.map_err(|_| InvalidCredentials::NoPem)? {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(InvalidCredentials::NoRsaKey),
        };
        let key = key.map_err(|_| InvalidCredentials::NoRsaKey)?;
        Ok(Self(Kind::App(Box::new(App { id, installation, key }))))
    }

    /// The installation whose tokens are asked for.
    pub(super) fn installation(&self) -> Option<u64> {
        match &self.0 {
            Kind::Token(_) => None,
            Kind::App(app) => Some(app.installation),
        }
    }
}

impl App {
    /// Where a token of the installation is asked for.
    pub(super) fn route(&self) -> String {
        format!("/app/installations/{}/access_tokens", self.installation)
    }

    /// What says that we are the App: a JSON web token, good for nine minutes. `None` when the key can't sign.
    pub(super) fn jwt(&self, now_s: u64) -> Option<SecretString> {
        // A minute back, for clocks that differ. GitHub takes ten minutes at most.
        let claims =
            serde_json::json!({"iat": now_s.saturating_sub(60), "exp": now_s + 540, "iss": self.id.to_string()});
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let text = format!("{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(&claims.to_string()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("id", &self.id).field("installation", &self.installation).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let credentials = Credentials::token("ghp_very_secret".into()).unwrap();
        assert!(!format!("{credentials:?}").contains("very"));
        for bad in ["", "a b", "a\n", "é"] {
            assert_eq!(Credentials::token(bad.into()).unwrap_err(), InvalidCredentials::Token, "{bad:?}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_told_apart() {
        let app = |pem: &str| Credentials::app(1, 2, &pem.into()).unwrap_err();
        assert_eq!(app("not a key"), InvalidCredentials::NoPem);
        assert_eq!(
            app("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
            InvalidCredentials::NoRsaKey
        );
        assert_eq!(
            app("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"),
            InvalidCredentials::NoRsaKey
        );
    }
}
