//! Pull requests on GitHub.
//!
//! [`GitHub`] reads what is there, and makes what is missing: blobs, tree, commit, branch, pull request,
//! labels. It changes and deletes nothing, and can't merge: every request goes through a gate with a list.

mod api;
mod credentials;
mod failure;
mod gate;
mod publication;
mod rate;
mod repository;
mod search;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fix_pipeline::{AdapterError, AdapterErrorKind, Announcement, PrSink, PullRequest, RunContext, Validated};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::repository::{GitCredentials, Repository};
use api::Api;
pub use credentials::{Credentials, InvalidCredentials};
use gate::Gate;
use publication::Publication;
use rate::Pace;
pub use repository::{ApiUrl, InvalidApiUrl, InvalidRepositoryName, RepositoryName};
use search::Search;

/// What this adapter does, as its errors say it.
const OPEN: &str = "open a pull request";
const FIND: &str = "look for the pull request";
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Opens pull requests in one repository on GitHub.
///
/// One is opened at a time, on tokio's runtime. Redirects are not followed, so that credentials go nowhere else; proxies are
/// taken from the environment (`HTTPS_PROXY`), but never to this machine.
#[non_exhaustive]
pub struct GitHub {
    /// How pull requests are made.
    pub options: GitHubOptions,
    repository: RepositoryName,
    credentials: Credentials,
    url: ApiUrl,
    client: reqwest::Client,
    pace: Arc<Pace>,
    turn: Mutex<()>,
}

/// How pull requests are made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GitHubOptions {
    /// Who is the author of commits, and how they come to GitHub.
    pub commits: Commits,
    /// Open pull requests as drafts. Not every plan of GitHub has them for private repositories.
    pub draft: bool,
    /// Most pull requests of runs, opened in the repository in 24 hours.
    pub daily_max: u32,
    /// How long, and how often.
    pub patience: Patience,
    /// Longest answer, in bytes.
    pub answer_bytes: usize,
}

/// Who is the author of commits, and how they come to GitHub.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Commits {
    /// This author, at the time of the failure: a retry makes the same commit. GitHub does not sign it.
    By {
        /// The name.
        name: String,
        /// The email address.
        email: String,
    },
    /// The App, signed by GitHub. A retry makes another commit with the same tree; one of them is
    /// published. Only an App has its commits signed; with a token this is refused.
    SignedByGitHub,
    /// The very commit that [`Commits::By`] makes, made by git and pushed over HTTPS. It takes fewer requests, and
    /// nothing of it counts for the limits of the API.
    Pushed {
        /// The name.
        name: String,
        /// The email address.
        email: String,
        /// Where the commit is made: a mirror that has, or can fetch, the commit of the failure.
        mirror: Box<Repository>,
    },
}

/// How long, and how often.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Patience {
    /// The time for a pull request, all waits included.
    pub total: Duration,
    /// The time for one request and its answer.
    pub request: Duration,
    /// Attempts, the first included, for what is harmless to ask twice.
    pub attempts: u32,
    /// The pause before the second attempt, unless GitHub names one; it doubles with each.
    pub backoff: Duration,
}

/// TLS, or the certificates of the system, can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client can't be set up; are there certificates on this system?")]
pub struct ClientError(#[source] reqwest::Error);

impl GitHub {
    /// Opens pull requests in `repository` on `github.com`.
    ///
    /// # Errors
    /// As [`GitHub::at`].
    pub fn new(repository: RepositoryName, credentials: Credentials) -> Result<Self, ClientError> {
        Self::at(ApiUrl::default(), repository, credentials)
    }

    /// Opens pull requests in `repository` on the GitHub whose API is at `url`.
    ///
    /// # Errors
    /// [`ClientError`] when the system has no usable certificates.
    pub fn at(url: ApiUrl, repository: RepositoryName, credentials: Credentials) -> Result<Self, ClientError> {
        // Another provider may be installed already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIME_MAX);
        if url.is_loopback() {
            client = client.no_proxy();
        }
        Ok(Self {
            options: GitHubOptions::default(),
            repository,
            credentials,
            url,
            client: client.build().map_err(|error| ClientError(error.without_url()))?,
            pace: Arc::default(),
            turn: Mutex::default(),
        })
    }

    /// The same, making pull requests so.
    #[must_use]
    pub fn with_options(mut self, options: GitHubOptions) -> Self {
        self.options = options;
        self
    }

    /// Signs in and reads one pull request at most: whether the credentials are good for the repository.
    ///
    /// # Errors
    /// As for opening a pull request.
    pub async fn reach(&self) -> Result<(), AdapterError> {
        let api = self.sign_in().await?;
        let route = format!("{}?state=open&per_page=1", api.route(&["pulls"]));
        let found: Result<Vec<api::Pull>, _> = api.get("reach the repository", &route).await;
        found.map(drop).map_err(|failure| failure.error)
    }

    /// Whether a failure in `place` is one that this sink opens pull requests for: the path of a clone, or the
    /// repository's own URL.
    #[must_use]
    pub fn serves(&self, place: &str) -> bool {
        self.url.is_place_of(place, &self.repository)
    }

    /// What fetches from the repository: the token, or one of the App's, which is good for an hour.
    ///
    /// # Errors
    /// As for opening a pull request.
    pub async fn git_credentials(&self) -> Result<GitCredentials, AdapterError> {
        Ok(self.sign_in().await?.git_credentials())
    }

    async fn sign_in(&self) -> Result<Api, AdapterError> {
        let gate = Gate {
            client: self.client.clone(),
            url: self.url.clone(),
            repository: self.repository.clone(),
            installation: self.credentials.installation(),
            pace: Arc::clone(&self.pace),
            request_time: self.options.patience.request,
            answer_bytes: self.options.answer_bytes,
        };
        Api::sign_in(gate, &self.credentials, self.options.patience).await
    }

    fn search<'a>(&'a self, api: &'a Api, run: &RunContext, announced: &'a Announcement) -> Search<'a> {
        let signed = matches!(self.options.commits, Commits::SignedByGitHub);
        Search { api, repository: &self.repository, run: run.run, announced, signed }
    }

    /// Signs in and does `work`, one at a time, and within the time for it.
    async fn within<T>(
        &self,
        operation: &'static str,
        run: &RunContext,
        work: impl AsyncFnOnce(&Api) -> Result<T, AdapterError>,
    ) -> Result<T, AdapterError> {
        if !self.serves(&run.failure.repository) {
            let message = format!(
                "unsupported clone URL: the failure is not in {}, the one repository that this sink opens pull requests in",
                self.repository
            );
            return Err(AdapterError::new(AdapterErrorKind::Unsupported, operation, message));
        }
        let done = async {
            let _turn = self.turn.lock().await;
            let api = self.sign_in().await?;
            work(&api).await
        };
        let total = self.options.patience.total;
        match timeout(total, done).await {
            Ok(done) => done,
            Err(_) => {
                let message = format!("{}: it was not done within {total:?}", self.repository);
                Err(AdapterError::new(AdapterErrorKind::Unavailable, operation, message))
            }
        }
    }
}

impl PrSink for GitHub {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        let announced = change.announcement();
        self.within(OPEN, run, async |api| {
            let search = self.search(api, run, &announced);
            let to = self.url.clone_location(&self.repository);
            Publication { search, options: &self.options, run, change, to }.open().await
        })
        .await
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        self.within(FIND, run, async |api| self.search(api, run, announced).find().await).await
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub")
            .field("options", &self.options)
            .field("repository", &self.repository)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Default for GitHubOptions {
    fn default() -> Self {
        Self {
            commits: Commits::By { name: "Fix".to_owned(), email: "fix@localhost".to_owned() },
            draft: false,
            daily_max: 5,
            patience: Patience::default(),
            answer_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(300),
            request: Duration::from_secs(30),
            attempts: 4,
            backoff: Duration::from_secs(1),
        }
    }
}
