//! Repositories: where they are, a cache of bare mirrors, and snapshots of commits.

mod cache;
mod credentials;
mod dir_tree;
mod location;
mod publish;
mod snapshot;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fix_patch::Patch;
use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::CommitId;
use sha2::{Digest as _, Sha256};

pub(crate) use cache::Lease;
use cache::Place;
pub use credentials::{GitCredentials, InvalidGitCredentials};
pub use dir_tree::DirTree;
pub use location::{Location, UnsupportedLocation};
pub(crate) use publish::Author;
pub(crate) use snapshot::Content;
pub use snapshot::Snapshot;

use crate::git::{Bounds, Git, GitError};

/// A bare mirror of one repository, in a cache directory.
///
/// Commits are fetched into it, snapshots are read from it, and the trees of
/// patches are written to it. It has no work tree, no hooks and no remote. Behind HTTPS, a commit is
/// fetched alone, without its history.
///
/// Several processes may use one cache: one of them fetches at a time, and what is in use is not removed.
#[derive(Clone, Debug)]
pub struct Repository {
    git: Git,
    place: Place,
    location: Location,
    options: RepositoryOptions,
}

/// How a repository is fetched and kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RepositoryOptions {
    /// For a repository behind HTTPS.
    pub credentials: Option<GitCredentials>,
    /// What all mirrors of the cache may hold, in bytes. After a fetch, those that were not used for longest
    /// are removed; those in use never are.
    pub cache_bytes: u64,
    /// The largest file that a fetch may make, in bytes: a repository that is larger is not fetched.
    pub fetch_bytes: u64,
    /// The longest that a fetch, or a push, may take.
    pub fetch_time: Duration,
}

impl Default for RepositoryOptions {
    fn default() -> Self {
        Self { credentials: None, cache_bytes: 10 << 30, fetch_bytes: 4 << 30, fetch_time: Duration::from_secs(300) }
    }
}

impl Repository {
    /// The mirror of `location` in `cache`; made when it is not there yet.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when the cache can't be written or git can't be run.
    pub fn open(cache: &Path, location: Location) -> Result<Self, AdapterError> {
        Self::open_with(cache, location, RepositoryOptions::default())
    }

    /// The same, fetched and kept so.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn open_with(cache: &Path, location: Location, options: RepositoryOptions) -> Result<Self, AdapterError> {
        let name: String =
            Sha256::digest(location.identity()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let place = Place::new(cache, &name);
        Ok(Self { git: place.open(options.cache_bytes)?, place, location, options })
    }

    /// Where the repository is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The commit that a revision of a local repository names, or the branch of a remote one.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Refused`] when there is no such revision, [`AdapterErrorKind::Unavailable`] when the
    /// repository can't be asked.
    pub async fn resolve(&self, revision: &str) -> Result<CommitId, AdapterError> {
        const OPERATION: &str = "resolve a revision";
        let refused = |message: String| AdapterError::new(AdapterErrorKind::Refused, OPERATION, message);
        if revision.starts_with('-') {
            return Err(refused(format!("{revision:?} is no revision")));
        }
        let none = || refused(format!("{} has no revision {revision:?}", self.location));
        let found = match &self.location {
            Location::Local(_) => {
                let commit = format!("{revision}^{{commit}}");
                let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit];
                self.origin()?.call_line(&args).await.map_err(|error| none().with_source(error))?
            }
            Location::Url(_) => {
                let branch = format!("refs/heads/{}", revision.strip_prefix("refs/heads/").unwrap_or(revision));
                let listed = self.list(OPERATION, &[], &branch).await?;
                // Others may end alike.
                let mut lines = listed.lines().filter_map(|line| line.split_once('\t'));
                lines.find(|(_, name)| *name == branch).ok_or_else(none)?.0.to_owned()
            }
        };
        found.parse().map_err(|error| refused(format!("{revision:?} names no commit")).with_source(error))
    }

    /// When `commit` was made, in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// As [`Repository::snapshot`].
    pub async fn commit_time_s(&self, commit: &CommitId) -> Result<i64, AdapterError> {
        self.make_present(commit).await?;
        // The object itself: whatever shows a commit looks at its files, too.
        let object = self.git.call(&["cat-file", "commit", commit.as_str()]).await;
        let object = object.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, "read a commit"))?;
        let object = String::from_utf8_lossy(&object);
        let committer = object.lines().take_while(|line| !line.is_empty()).find(|line| line.starts_with("committer "));
        Ok(committer.and_then(|line| line.rsplit(' ').nth(1)?.parse().ok()).unwrap_or(0))
    }

    /// The branch that a local repository has checked out, or the default branch of a remote one.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Refused`] when it has none, [`AdapterErrorKind::Unavailable`] when the repository can't be
    /// asked.
    pub async fn head_branch(&self) -> Result<String, AdapterError> {
        const OPERATION: &str = "find the branch of a repository";
        let none =
            || AdapterError::new(AdapterErrorKind::Refused, OPERATION, format!("{} is at no branch", self.location));
        match &self.location {
            Location::Local(_) => {
                let named = self.origin()?.call_line(&["symbolic-ref", "--short", "--quiet", "HEAD"]).await;
                named.map_err(|error| none().with_source(error))
            }
            Location::Url(_) => {
                let listed = self.list(OPERATION, &["--symref"], "HEAD").await?;
                default_branch(&listed).ok_or_else(none)
            }
        }
    }

    /// What a remote repository says of one of its references.
    async fn list(&self, operation: &'static str, options: &[&str], name: &str) -> Result<String, AdapterError> {
        let address = self.location.address();
        let args = ["ls-remote", "--quiet"].iter().chain(options).chain(&["--end-of-options"]).map(OsStr::new);
        let args: Vec<&OsStr> = args.chain([address.as_os_str(), OsStr::new(name)]).collect();
        let listed = self.call_origin(&args).await;
        let listed = listed.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, operation))?;
        Ok(String::from_utf8_lossy(&listed).into_owned())
    }

    /// Fetches `commit`, unless it is there, and opens its snapshot.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when it can't be fetched,
    /// [`AdapterErrorKind::Refused`] when the repository has no such commit.
    pub async fn snapshot(&self, commit: &CommitId) -> Result<Snapshot, AdapterError> {
        self.make_present(commit).await?;
        let read = Snapshot::read(self.git.clone(), commit.as_str()).await;
        read.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, "read a commit"))
    }

    /// Writes the tree that `patch` makes of `base`, and opens its snapshot.
    ///
    /// # Errors
    /// As [`Repository::snapshot`].
    pub async fn patched(&self, base: &CommitId, patch: &Patch) -> Result<Snapshot, AdapterError> {
        // The cache may be newer than the run: emptied, or on another machine.
        self.make_present(base).await?;
        let write = async {
            let tree = self.write_tree(base, patch).await?;
            Snapshot::read(self.git.clone(), &tree).await
        };
        write.await.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, "write the patched tree"))
    }

    /// The git directory of a local repository: `.git` of a checkout, also of a linked one,
    /// or the bare repository itself.
    #[must_use]
    pub fn local_git_dir(path: &Path) -> PathBuf {
        git_dir(path)
    }

    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// The repository itself, where it is local.
    pub(crate) fn origin(&self) -> Result<Git, AdapterError> {
        match &self.location {
            Location::Local(path) => Ok(Git::new(git_dir(path))),
            Location::Url(_) => {
                let message = format!("{} is not on this machine", self.location);
                Err(AdapterError::new(AdapterErrorKind::Unsupported, "open a local repository", message))
            }
        }
    }

    /// Fetches `commit`, unless it is there.
    async fn make_present(&self, commit: &CommitId) -> Result<(), AdapterError> {
        if self.has(commit).await {
            return Ok(());
        }
        let _turn = self.place.fetching().await?;
        // Another process may have had the turn before, for the same.
        if self.has(commit).await {
            return Ok(());
        }
        let every_branch: &[&str] = &["+refs/heads/*:refs/cache/*"];
        let ways: &[&[&str]] = match &self.location {
            // By its id, also when it is on no branch (any more).
            Location::Local(_) => &[every_branch, &[commit.as_str()]],
            // Alone, which is all that is needed; not every server gives out what no branch points to.
            Location::Url(_) => &[&["--depth=1", commit.as_str()], every_branch],
        };
        let mut failed = Vec::new();
        for way in ways {
            failed.extend(self.fetch(way).await.err());
            if self.has(commit).await {
                self.place.sweep(self.options.cache_bytes);
                return Ok(());
            }
        }
        let kind = if failed.len() == ways.len() { AdapterErrorKind::Unavailable } else { AdapterErrorKind::Refused };
        let error = AdapterError::new(kind, "fetch a commit", format!("{commit} can't be had from {}", self.location));
        Err(match failed.into_iter().next() {
            Some(cause) => error.with_source(cause),
            None => error,
        })
    }

    async fn has(&self, commit: &CommitId) -> bool {
        self.git.call(&["cat-file", "-e", &format!("{commit}^{{commit}}")]).await.is_ok()
    }

    /// Fetches; the last of `what` says which.
    async fn fetch(&self, what: &[&str]) -> Result<Vec<u8>, GitError> {
        let from = self.location.address();
        let (options, which) = what.split_at(what.len().saturating_sub(1));
        let usual =
            ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--update-shallow"];
        let options = usual.iter().chain(options).chain(&["--end-of-options"]);
        let args: Vec<&OsStr> =
            options.map(OsStr::new).chain([from.as_os_str()]).chain(which.iter().map(OsStr::new)).collect();
        self.call_origin(&args).await
    }

    /// Runs git with what the place of the repository needs, and nothing more.
    async fn call_origin(&self, args: &[&OsStr]) -> Result<Vec<u8>, GitError> {
        self.call_remote(args, &self.location, self.options.credentials.as_ref()).await
    }

    async fn call_remote(
        &self,
        args: &[&OsStr],
        place: &Location,
        credentials: Option<&GitCredentials>,
    ) -> Result<Vec<u8>, GitError> {
        let helper = credentials.and_then(|credentials| credentials.helper(place));
        let mut environment = vec![("GIT_ALLOW_PROTOCOL", OsStr::new(place.protocol()))];
        if let (Some((key, script)), Some(credentials)) = (&helper, credentials) {
            environment
                .extend([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", key), ("GIT_CONFIG_VALUE_0", script)].map(os));
            environment.extend(credentials.environment().map(os));
        }
        let forwarded: Vec<_> = FORWARDED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect();
        environment.extend(forwarded.iter().map(|(name, value)| (*name, value.as_os_str())));
        let bounds =
            Bounds { time: self.options.fetch_time, file_bytes: Some(self.options.fetch_bytes), ..Bounds::default() };
        self.git.call_bounded(args, &environment, bounds).await
    }

    async fn write_tree(&self, base: &CommitId, patch: &Patch) -> Result<String, GitError> {
        // An index of our own, that no other run and no crash before knows.
        let folder =
            tempfile::tempdir().map_err(|error| GitError::new("read-tree", self.git.dir(), error.to_string()))?;
        let index = folder.path().join("index");
        let environment = [("GIT_INDEX_FILE", index.as_os_str())];
        let run = async |args: &[&str], input: &[u8]| self.git.call_with(args, &environment, input).await;
        run(&["read-tree", base.as_str()], b"").await?;
        for file in patch.files() {
            let blob = run(&["hash-object", "-w", "--no-filters", "--stdin"], file.after().as_bytes()).await?;
            let blob = String::from_utf8_lossy(&blob);
            let mode = if file.executable() { "100755" } else { "100644" };
            run(&["update-index", "--cacheinfo", &format!("{mode},{},{}", blob.trim(), file.path())], b"").await?;
        }
        let tree = run(&["write-tree"], b"").await?;
        Ok(String::from_utf8_lossy(&tree).trim().to_owned())
    }
}

/// How this machine reaches others: proxies, and whom to trust.
const FORWARDED: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "GIT_SSL_CAINFO", "SSL_CERT_FILE"];

fn os<'e>((name, value): (&'static str, &'e str)) -> (&'static str, &'e OsStr) {
    (name, OsStr::new(value))
}

/// What `ls-remote --symref` says that `HEAD` is: `ref: refs/heads/main\tHEAD`.
fn default_branch(listed: &str) -> Option<String> {
    let head = listed.lines().find_map(|line| line.strip_prefix("ref: refs/heads/")?.strip_suffix("\tHEAD"))?;
    Some(head.to_owned())
}

/// The git directory of a bare repository or of a checkout.
fn git_dir(path: &Path) -> PathBuf {
    let inner = path.join(".git");
    // In a linked work tree, `.git` is a file that names the directory.
    if let Ok(text) = fs::read_to_string(&inner)
        && let Some(target) = text.trim().strip_prefix("gitdir: ")
    {
        return path.join(target);
    }
    if inner.is_dir() { inner } else { path.to_owned() }
}
