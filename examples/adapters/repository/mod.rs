//! Repositories: where they are, a cache of bare mirrors, and snapshots of commits.

mod dir_tree;
mod location;
mod snapshot;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use fix_patch::Patch;
use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::CommitId;
use sha2::{Digest as _, Sha256};

pub use dir_tree::DirTree;
pub use location::{Location, UnsupportedLocation};
pub(crate) use snapshot::Content;
pub use snapshot::Snapshot;

use crate::git::{Git, GitError};

/// A bare mirror of one repository, in a cache directory.
///
/// Commits are fetched into it, snapshots are read from it, and the trees of
/// patches are written to it. It has no work tree, no hooks and no remote.
#[derive(Clone, Debug)]
pub struct Repository {
    git: Git,
    location: Location,
}

impl Repository {
    /// The mirror of `location` in `cache`; made when it is not there yet.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when the cache can't be written or git can't be run.
    pub fn open(cache: &Path, location: Location) -> Result<Self, AdapterError> {
        let name: String =
            Sha256::digest(location.to_string()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let dir = cache.join(format!("{name}.git"));
        let git = Git::new(&dir);
        if !dir.join("HEAD").exists() {
            make_mirror(cache, &dir)?;
        }
        Ok(Self { git, location })
    }

    /// Where the repository is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The commit that a revision of a local repository names, or the branch of a remote one.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Refused`] when there is no such revision.
    pub fn resolve(&self, revision: &str) -> Result<CommitId, AdapterError> {
        let refused = |message: String| AdapterError::new(AdapterErrorKind::Refused, "resolve a revision", message);
        if revision.starts_with('-') {
            return Err(refused(format!("{revision:?} is no revision")));
        }
        let found = match &self.location {
            Location::Local(_) => {
                let commit = format!("{revision}^{{commit}}");
                self.origin()?.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
            }
            Location::Https(url) => {
                let branch = format!("refs/heads/{revision}");
                let listed = self.git.line(&["ls-remote", "--quiet", "--exit-code", "--end-of-options", url, &branch]);
                listed.map(|lines| lines.split_whitespace().next().unwrap_or_default().to_owned())
            }
        };
        let found = found
            .map_err(|error| refused(format!("{} has no revision {revision:?}", self.location)).with_source(error))?;
        found.parse().map_err(|error| refused(format!("{revision:?} names no commit")).with_source(error))
    }

    /// When `commit` was made, in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// As [`Repository::snapshot`].
    pub async fn commit_time_s(&self, commit: &CommitId) -> Result<i64, AdapterError> {
        self.make_present(commit).await?;
        let time =
            self.git.call_line(&["show", "--no-patch", "--format=%ct", "--end-of-options", commit.as_str()]).await;
        let time = time.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, "read a commit"))?;
        Ok(time.parse().unwrap_or(0))
    }

    /// The branch that a local repository has checked out.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Refused`] when it has none.
    pub fn current_branch(&self) -> Result<String, AdapterError> {
        let branch = self.origin()?.line(&["symbolic-ref", "--short", "--quiet", "HEAD"]);
        branch.map_err(|error| error.into_adapter(AdapterErrorKind::Refused, "find the checked out branch"))
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
            Location::Https(_) => {
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
        let fetched = self.fetch("+refs/heads/*:refs/cache/*").await;
        if self.has(commit).await {
            return Ok(());
        }
        // Not on a branch (any more): ask for it by its id.
        let by_id = self.fetch(commit.as_str()).await;
        if self.has(commit).await {
            return Ok(());
        }
        let kind = if fetched.is_err() { AdapterErrorKind::Unavailable } else { AdapterErrorKind::Refused };
        let message = format!("{commit} can't be had from {}", self.location);
        let error = AdapterError::new(kind, "fetch a commit", message);
        Err(match fetched.and(by_id) {
            Ok(_) => error,
            Err(cause) => error.with_source(cause),
        })
    }

    async fn has(&self, commit: &CommitId) -> bool {
        self.git.call(&["cat-file", "-e", &format!("{commit}^{{commit}}")]).await.is_ok()
    }

    async fn fetch(&self, what: &str) -> Result<Vec<u8>, GitError> {
        let from = match &self.location {
            Location::Local(path) => git_dir(path).into_os_string(),
            Location::Https(url) => url.into(),
        };
        let args = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--update-shallow",
            "--end-of-options",
        ];
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).chain([from.as_os_str(), OsStr::new(what)]).collect();
        self.git.call(&args).await
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

/// Makes an empty mirror, whole or not at all: several processes may try at once.
fn make_mirror(cache: &Path, dir: &Path) -> Result<(), AdapterError> {
    let failed = |error: std::io::Error| {
        let message = format!("{} can't be made", dir.display());
        AdapterError::new(AdapterErrorKind::Unavailable, "open the clone cache", message).with_source(error)
    };
    fs::create_dir_all(cache).map_err(failed)?;
    let temporary = tempfile::Builder::new().prefix("new-").suffix(".git").tempdir_in(cache).map_err(failed)?;
    let init = Git::new(temporary.path()).run(&["init", "--quiet", "--bare", "--template="]);
    init.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, "open the clone cache"))?;
    match fs::rename(temporary.path(), dir) {
        Ok(()) => Ok(()),
        // Another process was faster.
        Err(_) if dir.join("HEAD").exists() => Ok(()),
        Err(error) => Err(failed(error)),
    }
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
