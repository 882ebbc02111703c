//! The adapters that a configuration chooses.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fix_pipeline::dynamic::{DynPlanSource, DynPrSink, DynValidator};
use fix_pipeline::{AdapterError, Entry, RunId, RunStore};
use fix_policy::{PolicyEngine, PolicyError, SafetyPolicy};

use super::secrets::{read_file, secret};
use super::{Config, ConfigError, HostKey, PullRequestsKind, SandboxKind, StoreKind};
use crate::plan_source::Rules;
use crate::pr_sink::LocalGit;
use crate::repository::{GitCredentials, Location, Repository, RepositoryOptions};
use crate::run_store::{RunSummary, Sqlite};
use crate::validator::{Bubblewrap, PrepareHosts, Recipes, SandboxLimits};

impl Config {
    /// The rules, or the model that is named.
    ///
    /// # Errors
    /// [`ConfigError`] when the model can't be used as it is set.
    pub fn plan_source(&self) -> Result<Arc<dyn DynPlanSource>, ConfigError> {
        match (&self.model.name, &self.model.url) {
            (Some(_), _) => self.model(),
            (None, None) => Ok(Arc::new(Rules)),
            (None, Some(_)) => Err(incomplete("a URL is set, and no model", "set model.name")),
        }
    }

    #[cfg(feature = "model")]
    fn model(&self) -> Result<Arc<dyn DynPlanSource>, ConfigError> {
        Ok(Arc::new(self.model_source()?))
    }

    #[cfg(not(feature = "model"))]
    fn model(&self) -> Result<Arc<dyn DynPlanSource>, ConfigError> {
        Err(not_built("models", "model"))
    }

    /// The model that is named.
    ///
    /// # Errors
    /// [`ConfigError`] when there is none, or it can't be used as it is set.
    #[cfg(feature = "model")]
    pub fn model_source(
        &self,
    ) -> Result<crate::plan_source::ModelPlanSource<crate::plan_source::model::HttpModel>, ConfigError> {
        use crate::plan_source::ModelPlanSource;
        use crate::plan_source::model::ModelSpec;
        let wrong = |error: crate::plan_source::model::SpecError| ConfigError::Adapter("the model", Box::new(error));
        let spec: ModelSpec = self.model.name.as_deref().unwrap_or_default().parse().map_err(wrong)?;
        let key = self.model.key_file.as_ref().map(super::secrets::secret_file).transpose()?;
        // A file goes before whatever variable the API has.
        let variable = |name: &str| key.clone().or_else(|| std::env::var(name).ok());
        let mut source = ModelPlanSource::new(spec.connect(self.model.url.as_deref(), variable).map_err(wrong)?);
        source.limits.total = Duration::from_secs(self.model.total_s);
        source.limits.idle = Duration::from_secs(self.model.idle_s);
        source.limits.attempts = self.model.attempts;
        Ok(source)
    }

    /// The policy that is named, as it is read; `None` for the default policy.
    #[must_use]
    pub fn policy_document(&self) -> Option<Result<SafetyPolicy, PolicyError>> {
        let file = self.policy.file.as_ref()?.as_path();
        let content = read_file(file)
            .map_err(|error| PolicyError::Unreadable { problem: format!("{} can't be read: {error}", file.display()) });
        Some(content.and_then(|content| SafetyPolicy::from_file(&file.display().to_string(), &content)))
    }

    /// The engine of the policy in force; one that denies everything when it can't be read.
    #[must_use]
    pub fn policy_engine(&self) -> PolicyEngine {
        self.policy_document().map_or_else(PolicyEngine::default, PolicyEngine::from_policy_or_deny)
    }

    /// The sandbox that is chosen, for the commits of `repository`. Tries it out.
    ///
    /// # Errors
    /// [`ConfigError`] when there is no such sandbox here.
    pub async fn validator(&self, repository: Repository) -> Result<Arc<dyn DynValidator>, ConfigError> {
        match self.sandbox.kind {
            SandboxKind::Bubblewrap => {
                let made = Bubblewrap::new(repository, self.recipes(), self.limits()).await;
                let made = made.map_err(|error| ConfigError::Adapter("the sandbox", Box::new(error)))?;
                let made = made.with_prepare_hosts(self.prepare_hosts());
                Ok(Arc::new(if self.sandbox.keep_prepared { made } else { made.with_environments(None) }))
            }
            SandboxKind::Container => self.container(repository).await,
        }
    }

    fn prepare_hosts(&self) -> PrepareHosts {
        let mut hosts = PrepareHosts::only([]);
        for key in &self.sandbox.prepare_hosts {
            match key {
                HostKey::Public => hosts.public = true,
                HostKey::Named(host) => hosts.named.push(host.clone()),
            }
        }
        hosts
    }

    fn recipes(&self) -> Recipes {
        match self.checks.commands.as_slice() {
            [] => Recipes::Detect,
            commands => Recipes::Check(commands.to_vec()),
        }
    }

    fn limits(&self) -> SandboxLimits {
        let keys = &self.sandbox;
        let bytes = |mb: u64| mb.saturating_mul(1 << 20);
        SandboxLimits {
            wall_time: Duration::from_secs(keys.wall_time_s),
            cpu_s: keys.cpu_s,
            cpu_millis: keys.cpu_millis,
            memory_bytes: bytes(keys.memory_mb),
            processes: keys.processes,
            disk_bytes: bytes(keys.disk_mb),
            disk_files: keys.disk_files,
            file_bytes: bytes(keys.file_mb),
            open_files: keys.open_files,
            output_bytes: usize::try_from(bytes(keys.output_mb.into())).unwrap_or(usize::MAX),
        }
    }

    #[cfg(feature = "container")]
    async fn container(&self, repository: Repository) -> Result<Arc<dyn DynValidator>, ConfigError> {
        use crate::validator::Container;
        use crate::validator::container::{ContainerOptions, Pull};
        let keys = &self.container;
        let image = keys.image.clone().ok_or_else(|| incomplete("no image is named", "set container.image"))?;
        let mut options = ContainerOptions::new(image);
        options.pull = if keys.pull { Pull::WhenMissing } else { Pull::Never };
        options.socket = keys.socket.as_path().to_owned();
        options.prepare_network = (!keys.prepare_network.is_empty()).then(|| keys.prepare_network.clone());
        options.prepare_environment = keys.prepare_environment.clone().into_iter().collect();
        options.image_packages = keys.image_packages;
        options.limits = self.limits();
        let made = Container::new(repository, self.recipes(), options).await;
        let made = made.map_err(|error| ConfigError::Adapter("the sandbox", Box::new(error)))?;
        Ok(Arc::new(if self.sandbox.keep_prepared { made } else { made.with_environments(None) }))
    }

    #[cfg(not(feature = "container"))]
    async fn container(&self, _: Repository) -> Result<Arc<dyn DynValidator>, ConfigError> {
        Err(not_built("containers", "container"))
    }

    /// Where pull requests for `repository` are opened: on GitHub, or beside it.
    ///
    /// # Errors
    /// [`ConfigError`] when it can't be used as it is set, or not for this repository.
    pub fn pr_sink(&self, repository: Repository) -> Result<Arc<dyn DynPrSink>, ConfigError> {
        match (self.pull_requests.kind, repository.location()) {
            (PullRequestsKind::GitHub, _) => self.github_sink(&repository),
            (PullRequestsKind::Local, Location::Local(path)) => {
                // Inside of the git directory, so that the work tree stays clean.
                let folder = Repository::local_git_dir(path).join("fix/pull-requests");
                Ok(Arc::new(LocalGit::new(repository, folder)))
            }
            (PullRequestsKind::Local, place) => {
                let problem = format!("pull requests are opened beside the repository, and {place} is elsewhere");
                Err(incomplete(&problem, "set pull_requests.kind to \"github\""))
            }
        }
    }

    #[cfg(feature = "github")]
    fn github_sink(&self, repository: &Repository) -> Result<Arc<dyn DynPrSink>, ConfigError> {
        let (sink, place) = (self.github(repository)?, repository.location().to_string());
        if sink.serves(&place) {
            return Ok(Arc::new(sink));
        }
        let name = self.github.repository.as_deref().unwrap_or_default();
        Err(incomplete(&format!("{place} is not {name} on GitHub"), "set github.repository to its name"))
    }

    #[cfg(not(feature = "github"))]
    fn github_sink(&self, _: &Repository) -> Result<Arc<dyn DynPrSink>, ConfigError> {
        Err(not_built("GitHub", "github"))
    }

    /// The repository on GitHub; commits that are pushed are made in `mirror`.
    ///
    /// # Errors
    /// [`ConfigError`] when it can't be used as it is set.
    #[cfg(feature = "github")]
    pub fn github(&self, mirror: &Repository) -> Result<crate::pr_sink::GitHub, ConfigError> {
        use crate::pr_sink::github::Commits;

        use super::CommitsKind;
        let keys = &self.github;
        let (name, email) = (keys.author_name.clone(), keys.author_email.clone());
        let mut sink = self.github_account()?;
        sink.options.draft = keys.draft;
        sink.options.daily_max = keys.daily_max;
        sink.options.commits = match keys.commits {
            CommitsKind::Author => Commits::By { name, email },
            CommitsKind::GitHub => Commits::SignedByGitHub,
            CommitsKind::Pushed => Commits::Pushed { name, email, mirror: Box::new(mirror.clone()) },
        };
        Ok(sink)
    }

    /// The repository on GitHub, to look at.
    #[cfg(feature = "github")]
    pub(super) fn github_account(&self) -> Result<crate::pr_sink::GitHub, ConfigError> {
        use crate::pr_sink::GitHub;
        use crate::pr_sink::github::Credentials;
        fn wrong<E: std::error::Error + Send + Sync + 'static>(error: E) -> ConfigError {
            ConfigError::Adapter("GitHub", Box::new(error))
        }
        let keys = &self.github;
        let repository =
            keys.repository.as_deref().ok_or_else(|| incomplete("no repository is named", "set github.repository"))?;
        let credentials = match (keys.app_id, keys.installation_id, &keys.private_key_file) {
            (Some(app), Some(installation), Some(key)) => {
                Credentials::app(app, installation, &super::secrets::secret_file(key)?.into()).map_err(wrong)?
            }
            (None, None, None) => {
                let token = secret("FIX_GITHUB_TOKEN", keys.token_file.as_ref())?;
                let token = token.ok_or_else(|| {
                    incomplete(
                        "there is no token for GitHub",
                        "set FIX_GITHUB_TOKEN, github.token_file, or an App's keys",
                    )
                })?;
                Credentials::token(token.into()).map_err(wrong)?
            }
            _ => {
                let remedy = "set github.app_id, github.installation_id and github.private_key_file";
                return Err(incomplete("a GitHub App needs three keys, and not all are set", remedy));
            }
        };
        let url = keys.api_url.parse().map_err(wrong)?;
        GitHub::at(url, repository.parse().map_err(wrong)?, credentials).map_err(wrong)
    }

    /// The store, made where it is a file that is not there yet.
    ///
    /// # Errors
    /// [`ConfigError`] when it can't be opened.
    pub async fn store(&self) -> Result<ConfiguredStore, ConfigError> {
        match self.store.kind {
            StoreKind::Sqlite => {
                Ok(ConfiguredStore::Sqlite(Sqlite::open(&self.store_file()?).await.map_err(no_store)?))
            }
            StoreKind::Postgres => self.postgres().await,
        }
    }

    /// The store, to look at: a file is not made, and nothing in it is written.
    ///
    /// # Errors
    /// [`ConfigError`] when it can't be opened, or is not there.
    pub async fn store_to_read(&self) -> Result<ConfiguredStore, ConfigError> {
        if self.store.kind != StoreKind::Sqlite {
            return self.store().await;
        }
        let file = self.store_file()?;
        if !file.is_file() {
            let remedy = "name another with --store, or begin a run, which makes it";
            return Err(incomplete(&format!("there is no run store at {}", file.display()), remedy));
        }
        Ok(ConfiguredStore::Sqlite(Sqlite::open_to_read(&file).await.map_err(no_store)?))
    }

    #[cfg(feature = "postgres")]
    async fn postgres(&self) -> Result<ConfiguredStore, ConfigError> {
        let url = secret("FIX_STORE_URL", self.store.url_file.as_ref())?;
        let url = url.ok_or_else(|| incomplete("PostgreSQL has no URL", "set FIX_STORE_URL or store.url_file"))?;
        Ok(ConfiguredStore::Postgres(crate::run_store::Postgres::open(&url.into()).await.map_err(no_store)?))
    }

    #[cfg(not(feature = "postgres"))]
    async fn postgres(&self) -> Result<ConfiguredStore, ConfigError> {
        Err(not_built("PostgreSQL", "postgres"))
    }

    /// The file of SQLite, whether it is there or not.
    ///
    /// # Errors
    /// [`ConfigError::Incomplete`] when no file is named and there is no home.
    pub fn store_file(&self) -> Result<PathBuf, ConfigError> {
        match &self.store.file {
            Some(file) => Ok(file.as_path().to_owned()),
            None => match home_folder("XDG_STATE_HOME", ".local/state") {
                Some(folder) => Ok(folder.join("fix/runs.sqlite3")),
                None => Err(no_home("XDG_STATE_HOME", "store.file")),
            },
        }
    }

    /// The mirror of `location`; behind HTTPS, fetched with the credentials for its host, or with GitHub's where it
    /// is the repository there.
    ///
    /// # Errors
    /// [`ConfigError`] when the folder of mirrors or the credentials can't be used.
    pub async fn repository(&self, location: Location) -> Result<Repository, ConfigError> {
        let bytes = |mb: u64| mb.saturating_mul(1 << 20);
        let keys = &self.repositories;
        let options = RepositoryOptions {
            credentials: self.git_credentials(&location).await?,
            cache_bytes: bytes(keys.cache_mb),
            fetch_bytes: bytes(keys.fetch_mb),
            fetch_time: Duration::from_secs(keys.fetch_s),
        };
        let opened = Repository::open_with(&self.cache()?, location, options);
        opened.map_err(|error| ConfigError::Adapter("the folder of mirrors", Box::new(error)))
    }

    async fn git_credentials(&self, location: &Location) -> Result<Option<GitCredentials>, ConfigError> {
        match location {
            Location::Local(_) => Ok(None),
            _ if self.repositories.host.as_ref().is_some_and(|host| location.is_at(host)) => self.host_credentials(),
            Location::Url(url) => match self.github_credentials(url).await? {
                // A password for no host is a mistake.
                None if self.repositories.host.is_none() => self.host_credentials(),
                found => Ok(found),
            },
        }
    }

    /// What the host that is named is told.
    pub(super) fn host_credentials(&self) -> Result<Option<GitCredentials>, ConfigError> {
        let keys = &self.repositories;
        let password = secret("FIX_GIT_PASSWORD", keys.password_file.as_ref())?;
        let Some(host) = &keys.host else {
            let problem = "there is a password for git, and no host that it is for";
            return password.map_or(Ok(None), |_| Err(incomplete(problem, "set repositories.host")));
        };
        let remedy = "set FIX_GIT_PASSWORD or repositories.password_file";
        let password = password.ok_or_else(|| incomplete(&format!("git has no password for {host}"), remedy))?;
        let credentials = GitCredentials::new(&keys.username, password.into());
        credentials.map(Some).map_err(|error| ConfigError::Adapter("the password for git", Box::new(error)))
    }

    #[cfg(feature = "github")]
    async fn github_credentials(&self, url: &str) -> Result<Option<GitCredentials>, ConfigError> {
        if self.pull_requests.kind != PullRequestsKind::GitHub {
            return Ok(None);
        }
        let sink = self.github_account()?;
        if !sink.serves(url) {
            return Ok(None);
        }
        let credentials = sink.git_credentials().await;
        credentials.map(Some).map_err(|error| ConfigError::Adapter("GitHub", Box::new(error)))
    }

    #[cfg(not(feature = "github"))]
    async fn github_credentials(&self, _: &str) -> Result<Option<GitCredentials>, ConfigError> {
        Ok(None)
    }

    /// The folder of mirrors.
    ///
    /// # Errors
    /// [`ConfigError::Incomplete`] when none is named and there is no home.
    pub fn cache(&self) -> Result<PathBuf, ConfigError> {
        match &self.repositories.cache {
            Some(folder) => Ok(folder.as_path().to_owned()),
            None => match home_folder("XDG_CACHE_HOME", ".cache") {
                Some(folder) => Ok(folder.join("fix/repositories")),
                None => Err(no_home("XDG_CACHE_HOME", "repositories.cache")),
            },
        }
    }
}

/// The store that a configuration chooses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConfiguredStore {
    /// In a file.
    Sqlite(Sqlite),
    /// In a database.
    #[cfg(feature = "postgres")]
    Postgres(crate::run_store::Postgres),
}

impl ConfiguredStore {
    /// The runs, the newest first; at most `limit`.
    ///
    /// # Errors
    /// As the store's own.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, AdapterError> {
        match self {
            Self::Sqlite(store) => store.runs(limit).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.runs(limit).await,
        }
    }
}

impl RunStore for ConfiguredStore {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        match self {
            Self::Sqlite(store) => store.append(run, entry).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.append(run, entry).await,
        }
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        match self {
            Self::Sqlite(store) => store.load(run).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.load(run).await,
        }
    }
}

fn no_store(error: AdapterError) -> ConfigError {
    ConfigError::Adapter("the run store", Box::new(error))
}

fn incomplete(problem: &str, remedy: &str) -> ConfigError {
    ConfigError::Incomplete { problem: problem.to_owned(), remedy: remedy.to_owned() }
}

#[cfg(not(all(feature = "model", feature = "container", feature = "github", feature = "postgres")))]
pub(super) fn not_built(what: &str, feature: &str) -> ConfigError {
    incomplete(&format!("this program was built without {what}"), &format!("build it with --features {feature}"))
}

/// The folder that the variable names, else the usual one below the home.
pub(super) fn home_folder(variable: &str, usual: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set(variable).or_else(|| Some(set("HOME")?.join(usual)))
}

fn no_home(variable: &str, key: &str) -> ConfigError {
    incomplete(&format!("neither {variable} nor HOME is set to an absolute path"), &format!("set one, or {key}"))
}
