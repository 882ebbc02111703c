//! Who fetches.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::location::Location;

/// A user name and a password, or a token, for a repository behind HTTPS.
///
/// git asks a helper for them, which has them from the environment of that one process: they are in no
/// URL, no argument, no file and no log, and go to no other host.
#[derive(Clone)]
pub struct GitCredentials {
    username: String,
    password: SecretString,
}

/// A user name or a password that git's protocol for helpers can't carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the user name or the password for git is empty, or holds a control character")]
pub struct InvalidGitCredentials;

const USERNAME: &str = "FIX_GIT_USERNAME";
const PASSWORD: &str = "FIX_GIT_PASSWORD";

impl GitCredentials {
    /// Of this user. For GitHub, a token is the password of `x-access-token`.
    ///
    /// # Errors
    /// [`InvalidGitCredentials`]
    pub fn new(username: impl Into<String>, password: SecretString) -> Result<Self, InvalidGitCredentials> {
        let username = username.into();
        let is_usable = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        if is_usable(&username) && is_usable(password.expose_secret()) {
            Ok(Self { username, password })
        } else {
            Err(InvalidGitCredentials)
        }
    }

    /// A token of GitHub, which a header can hold.
    #[cfg(feature = "github")]
    pub(crate) fn of_token(token: SecretString) -> Self {
        Self { username: "x-access-token".to_owned(), password: token }
    }

    /// The setting that makes git ask the helper, for the host of `location` alone.
    pub(super) fn helper(&self, location: &Location) -> Option<(String, String)> {
        let host = location.host()?;
        let script = format!(
            "!f() {{ test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"${USERNAME}\" \"${PASSWORD}\"; }}; f"
        );
        Some((format!("credential.{host}.helper"), script))
    }

    /// What the helper reads.
    pub(super) fn environment(&self) -> [(&'static str, &str); 2] {
        [(USERNAME, self.username.as_str()), (PASSWORD, self.password.expose_secret())]
    }
}

impl fmt::Debug for GitCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitCredentials").field("username", &self.username).finish_non_exhaustive()
    }
}
