//! The keys of each section, and their defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{HostName, InvalidHostName};

/// A path that means the same wherever it is read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "PathBuf")]
pub struct AbsolutePath(PathBuf);

impl AbsolutePath {
    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<PathBuf> for AbsolutePath {
    type Error = String;

    fn try_from(path: PathBuf) -> Result<Self, String> {
        if path.is_absolute() { Ok(Self(path)) } else { Err(format!("{} is no absolute path", path.display())) }
    }
}

/// An enum that is written as one of a few words.
macro_rules! choice {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident => $word:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
        #[serde(try_from = "String")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $variant_doc])+ $variant,)+
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(word: String) -> Result<Self, String> {
                match word.as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("{word:?} is none of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}

/// `[model]`: the rules propose plans, unless a model is named.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelKeys {
    /// `API:NAME`.
    pub name: Option<String>,
    /// The base of its API, when it is not the API's own.
    pub url: Option<String>,
    /// The file of its key.
    pub key_file: Option<AbsolutePath>,
    /// The time for one round, in seconds.
    pub total_s: u64,
    /// The time it may be silent, in seconds.
    pub idle_s: u64,
    /// Attempts, the first included.
    pub attempts: u32,
}

impl Default for ModelKeys {
    fn default() -> Self {
        Self { name: None, url: None, key_file: None, total_s: 120, idle_s: 20, attempts: 3 }
    }
}

/// `[policy]`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyKeys {
    /// The policy; without, the default policy.
    pub file: Option<AbsolutePath>,
}

/// `[checks]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ChecksKeys {
    /// Commands, as a shell reads them; without any, they are found out.
    pub commands: Vec<String>,
    /// Checks of each tree.
    pub repeats: std::num::NonZeroU32,
}

impl Default for ChecksKeys {
    fn default() -> Self {
        Self { commands: Vec::new(), repeats: std::num::NonZeroU32::MIN }
    }
}

/// `[sandbox]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SandboxKeys {
    /// Which.
    pub kind: SandboxKind,
    /// For preparing, and for checking, in seconds.
    pub wall_time_s: u64,
    /// Processor time of one process, in seconds.
    pub cpu_s: u64,
    /// Processors at once, in thousandths.
    pub cpu_millis: u32,
    /// Memory, in MiB.
    pub memory_mb: u64,
    /// Processes and threads.
    pub processes: u64,
    /// What is written, in MiB.
    pub disk_mb: u64,
    /// Files and folders.
    pub disk_files: u64,
    /// The largest file, in MiB.
    pub file_mb: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// What a command prints, in MiB.
    pub output_mb: u32,
    /// Keep what preparing made for the next check.
    pub keep_prepared: bool,
    /// What preparing may reach beside the package index; `*` is all outside of local networks. With bubblewrap.
    pub prepare_hosts: Vec<HostKey>,
}

impl Default for SandboxKeys {
    fn default() -> Self {
        Self {
            kind: SandboxKind::Bubblewrap,
            wall_time_s: 600,
            cpu_s: 600,
            cpu_millis: 2_000,
            memory_mb: 4_096,
            processes: 256,
            disk_mb: 1_024,
            disk_files: 1 << 18,
            file_mb: 1_024,
            open_files: 1_024,
            output_mb: 10,
            keep_prepared: true,
            prepare_hosts: vec![HostKey::Public],
        }
    }
}

/// Hosts that may be reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum HostKey {
    /// `*`: all outside of local networks.
    Public,
    /// This one.
    Named(HostName),
}

impl TryFrom<String> for HostKey {
    type Error = InvalidHostName;

    fn try_from(text: String) -> Result<Self, InvalidHostName> {
        if text == "*" { Ok(Self::Public) } else { text.parse().map(Self::Named) }
    }
}

choice! {
    /// What holds the commands.
    SandboxKind {
        /// [`Bubblewrap`](crate::validator::Bubblewrap)
        Bubblewrap => "bubblewrap",
        /// `Container`
        Container => "container",
    }
}

/// `[container]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ContainerKeys {
    /// The image.
    pub image: Option<String>,
    /// Pull it when the engine does not have it.
    pub pull: bool,
    /// The socket of the engine.
    pub socket: AbsolutePath,
    /// The network for preparing; empty for none.
    pub prepare_network: String,
    /// More environment for preparing.
    pub prepare_environment: BTreeMap<String, String>,
    /// Whether `python` sees the packages of the image, too.
    pub image_packages: bool,
}

impl Default for ContainerKeys {
    fn default() -> Self {
        Self {
            image: None,
            pull: false,
            socket: AbsolutePath(PathBuf::from("/var/run/docker.sock")),
            prepare_network: "bridge".to_owned(),
            prepare_environment: BTreeMap::new(),
            image_packages: false,
        }
    }
}

/// `[pull_requests]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PullRequestsKeys {
    /// Where they are opened.
    pub kind: PullRequestsKind,
}

impl Default for PullRequestsKeys {
    fn default() -> Self {
        Self { kind: PullRequestsKind::Local }
    }
}

choice! {
    /// Where pull requests are opened.
    PullRequestsKind {
        /// [`LocalGit`](crate::pr_sink::LocalGit)
        Local => "local",
        /// `GitHub`
        GitHub => "github",
    }
}

/// `[github]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GitHubKeys {
    /// `OWNER/NAME`.
    pub repository: Option<String>,
    /// The base of the API.
    pub api_url: String,
    /// The file of a token.
    pub token_file: Option<AbsolutePath>,
    /// The number of an App.
    pub app_id: Option<u64>,
    /// The number of its installation.
    pub installation_id: Option<u64>,
    /// The file of its private key.
    pub private_key_file: Option<AbsolutePath>,
    /// Who makes commits.
    pub commits: CommitsKind,
    /// The author's name.
    pub author_name: String,
    /// The author's email address.
    pub author_email: String,
    /// Open pull requests as drafts.
    pub draft: bool,
    /// Most pull requests in 24 hours.
    pub daily_max: u32,
}

impl Default for GitHubKeys {
    fn default() -> Self {
        Self {
            repository: None,
            api_url: "https://api.github.com".to_owned(),
            token_file: None,
            app_id: None,
            installation_id: None,
            private_key_file: None,
            commits: CommitsKind::Author,
            author_name: "Fix".to_owned(),
            author_email: "fix@localhost".to_owned(),
            draft: false,
            daily_max: 5,
        }
    }
}

choice! {
    /// Who makes commits on GitHub.
    CommitsKind {
        /// The author that the configuration names.
        Author => "author",
        /// The App, signed by GitHub.
        GitHub => "github",
        /// The author, by git, which pushes.
        Pushed => "pushed",
    }
}

/// `[store]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StoreKeys {
    /// Which.
    pub kind: StoreKind,
    /// The file of SQLite.
    pub file: Option<AbsolutePath>,
    /// The file of PostgreSQL's URL.
    pub url_file: Option<AbsolutePath>,
}

impl Default for StoreKeys {
    fn default() -> Self {
        Self { kind: StoreKind::Sqlite, file: None, url_file: None }
    }
}

choice! {
    /// Where runs are kept.
    StoreKind {
        /// [`Sqlite`](crate::run_store::Sqlite)
        Sqlite => "sqlite",
        /// `Postgres`
        Postgres => "postgres",
    }
}

/// `[repositories]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RepositoriesKeys {
    /// The folder of mirrors.
    pub cache: Option<AbsolutePath>,
    /// What they may hold together, in MiB.
    pub cache_mb: u64,
    /// The largest file of a fetch, in MiB.
    pub fetch_mb: u64,
    /// The longest that a fetch, or a push, may take, in seconds.
    pub fetch_s: u64,
    /// The host that is told the user name and the password.
    pub host: Option<HostName>,
    /// The user name.
    pub username: String,
    /// The file of the password, or of a token.
    pub password_file: Option<AbsolutePath>,
}

impl Default for RepositoriesKeys {
    fn default() -> Self {
        Self {
            cache: None,
            cache_mb: 10_240,
            fetch_mb: 4_096,
            fetch_s: 300,
            host: None,
            username: "x-access-token".to_owned(),
            password_file: None,
        }
    }
}
