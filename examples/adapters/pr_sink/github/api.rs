//! Questions and answers, with GitHub's words for them.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::Redactor;
use octocrab::{AuthState, FromResponse, Octocrab, OctocrabBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::Patience;
use super::credentials::{Credentials, Kind};
use super::failure::{Class, Failure};
use super::gate::Gate;
use crate::repository::GitCredentials;
use crate::words::tellable;

/// A client that is signed in, for the time of one pull request.
pub(super) struct Api {
    client: Octocrab,
    /// `OWNER/NAME`, as errors and routes have it.
    repository: String,
    patience: Patience,
    /// When there is no time left to wait for anything.
    deadline: Instant,
    redactor: Redactor,
    /// The same for git.
    git_credentials: GitCredentials,
}

/// What asking twice would do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Twice {
    /// The same as asking once: it reads, or what it makes is named by its content.
    IsOnce,
    /// Perhaps more. After an answer that is lost, one must look.
    IsTwice,
}

impl Api {
    /// Signs in: with an App, by a token for this repository and what is done here.
    pub(super) async fn sign_in(
        gate: Gate,
        credentials: &Credentials,
        patience: Patience,
    ) -> Result<Self, AdapterError> {
        const SIGN_IN: &str = "sign in to GitHub";
        let deadline = Instant::now() + patience.total;
        let names = (gate.repository.to_string(), gate.repository.name().to_owned());
        let (repository, name) = names;
        let client = |token: &SecretString| {
            let state = AuthState::AccessToken { token: token.clone() };
            let Ok(client) = OctocrabBuilder::new_empty().with_service(gate.clone()).with_auth(state).build();
            client
        };
        let signed_in = |token: &SecretString| Self {
            client: client(token),
            repository: repository.clone(),
            patience,
            deadline,
            redactor: Redactor::new([token.expose_secret()]),
            git_credentials: GitCredentials::of_token(token.clone()),
        };
        let app = match &credentials.0 {
            Kind::Token(token) => return Ok(signed_in(token)),
            Kind::App(app) => app,
        };
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let jwt = app.jwt(now_s).ok_or_else(|| {
            AdapterError::new(AdapterErrorKind::Refused, SIGN_IN, "the private key of the App can't sign")
        })?;
        let wanted = InstallationTokenRequest {
            repositories: [&name],
            permissions: Permissions { contents: "write", issues: "write", pull_requests: "write" },
        };
        let answer = signed_in(&jwt).post(SIGN_IN, &app.route(), &wanted, Twice::IsOnce).await;
        let InstallationToken { token } = answer.map_err(|failure| failure.error)?;
        let token = SecretString::from(token);
        // GitHub's own; should it be none that a header can hold, octocrab would say so with the token.
        let usable = Credentials::token(token.clone()).is_ok();
        if usable {
            return Ok(signed_in(&token));
        }
        Err(AdapterError::new(AdapterErrorKind::Refused, SIGN_IN, "GitHub made a token that can't be sent"))
    }

    /// The user and the password that git signs in with.
    pub(super) fn git_credentials(&self) -> GitCredentials {
        self.git_credentials.clone()
    }

    /// Words of somebody else, without what must not be told.
    pub(super) fn tellable(&self, words: &str) -> String {
        tellable(words, &self.redactor)
    }

    /// The route of something in the repository; each part is escaped, `/` as well.
    pub(super) fn route(&self, parts: &[&str]) -> String {
        let mut route = format!("/repos/{}", self.repository);
        for part in parts {
            route.push('/');
            route.push_str(&escaped(part));
        }
        route
    }

    /// Reads, however often that takes.
    pub(super) async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        operation: &'static str,
        route: &str,
    ) -> Result<T, Failure> {
        self.settle(operation, Twice::IsOnce, || self.client.get(route, None::<&()>)).await
    }

    /// Makes something.
    pub(super) async fn post<T: for<'de> Deserialize<'de>>(
        &self,
        operation: &'static str,
        route: &str,
        body: &impl Serialize,
        twice: Twice,
    ) -> Result<T, Failure> {
        self.settle(operation, twice, || self.client.post(route, Some(body))).await
    }

    /// Asks, and again after what may pass: at once nothing, and never more often than it may.
    async fn settle<T: FromResponse, F: Future<Output = octocrab::Result<T>>>(
        &self,
        operation: &'static str,
        twice: Twice,
        ask: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let mut attempt = 1;
        loop {
            let failure = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => Failure::new(operation, &self.repository, &error, &self.redactor),
            };
            let wait = match failure.class {
                Class::Limited(pause) => pause,
                Class::Unknown if twice == Twice::IsOnce => {
                    self.patience.backoff.saturating_mul(2_u32.saturating_pow(attempt - 1))
                }
                _ => return Err(failure),
            };
            // GitHub wants to be left alone for longer than there is time: the run is resumable.
            let left = self.deadline.saturating_duration_since(Instant::now());
            if attempt >= self.patience.attempts || wait >= left {
                return Err(failure);
            }
            sleep(wait).await;
            attempt += 1;
        }
    }
}

/// One component of a path, whatever is in it.
pub(super) fn escaped(part: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::new();
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => {
                // Writing to a string can't fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

#[derive(Serialize)]
struct InstallationTokenRequest<'a> {
    repositories: [&'a str; 1],
    permissions: Permissions,
}

#[derive(Serialize)]
struct Permissions {
    contents: &'static str,
    issues: &'static str,
    pull_requests: &'static str,
}

#[derive(Deserialize)]
struct InstallationToken {
    token: String,
}

/// A thing that is named by its content.
#[derive(Deserialize)]
pub(super) struct Object {
    pub(super) sha: String,
}

#[derive(Serialize)]
pub(super) struct NewBlob<'a> {
    pub(super) content: &'a str,
    pub(super) encoding: &'static str,
}

#[derive(Serialize)]
pub(super) struct NewTree<'a> {
    pub(super) base_tree: &'a str,
    pub(super) tree: Vec<NewTreeEntry<'a>>,
}

#[derive(Serialize)]
pub(super) struct NewTreeEntry<'a> {
    pub(super) path: &'a str,
    pub(super) mode: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sha: String,
}

#[derive(Serialize)]
pub(super) struct NewCommit<'a> {
    pub(super) message: &'a str,
    pub(super) tree: &'a str,
    pub(super) parents: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<Signature<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) committer: Option<Signature<'a>>,
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Signature<'a> {
    pub(super) name: &'a str,
    pub(super) email: &'a str,
    pub(super) date: DateTime<Utc>,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) message: String,
    pub(super) tree: Object,
    pub(super) parents: Vec<Object>,
    verification: Option<Verification>,
}

impl Commit {
    /// Whether GitHub knows the signature, and finds it good.
    pub(super) fn is_signed(&self) -> bool {
        self.verification.as_ref().is_some_and(|verification| verification.verified)
    }
}

#[derive(Deserialize)]
struct Verification {
    verified: bool,
}

#[derive(Serialize)]
pub(super) struct NewReference<'a> {
    #[serde(rename = "ref")]
    pub(super) name: &'a str,
    pub(super) sha: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) object: Object,
}

#[derive(Serialize)]
pub(super) struct NewPull<'a> {
    pub(super) title: &'a str,
    pub(super) head: &'a str,
    pub(super) base: &'a str,
    pub(super) body: &'a str,
    pub(super) draft: bool,
}

#[derive(Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) state: PullState,
    #[serde(default)]
    pub(super) draft: bool,
    pub(super) html_url: String,
    pub(super) head: Head,
    pub(super) labels: Vec<Label>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) merged_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum PullState {
    Open,
    Closed,
}

#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: String,
    /// Absent when the fork is gone.
    pub(super) repo: Option<HeadRepository>,
}

#[derive(Deserialize)]
pub(super) struct HeadRepository {
    pub(super) full_name: String,
}

#[derive(Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

#[derive(Serialize)]
pub(super) struct NewLabel<'a> {
    pub(super) name: &'a str,
    pub(super) color: &'static str,
    pub(super) description: &'static str,
}

#[derive(Serialize)]
pub(super) struct Labels<'a> {
    pub(super) labels: &'a [String],
}
