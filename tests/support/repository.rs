//! Real git repositories, made for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fix_adapters::repository::{Location, Repository, Snapshot};
use fix_plan::{CommitId, Failure, Log};
use tempfile::TempDir;

/// A bare repository with one commit on `main`, in a folder of its own.
#[derive(Debug)]
pub struct TestRepository {
    home: TempDir,
    commit: CommitId,
}

impl TestRepository {
    /// A repository that holds `files`.
    ///
    /// # Panics
    /// When git or the disk fails.
    #[must_use]
    pub fn new(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let checkout = home.path().join("checkout");
        for (path, text) in files {
            let file = checkout.join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, text).expect("a file");
        }
        let origin = home.path().join("origin.git");
        git(home.path(), &["init", "--quiet", "--bare", "--initial-branch", "main", &origin.to_string_lossy()]);
        git(&checkout, &["init", "--quiet", "--initial-branch", "main"]);
        git(&checkout, &["add", "--all"]);
        git(&checkout, &["commit", "--quiet", "--message", "Begin"]);
        git(&checkout, &["push", "--quiet", &origin.to_string_lossy(), "main"]);
        let commit = git(&checkout, &["rev-parse", "HEAD"]).parse().expect("a commit");
        Self { home, commit }
    }

    /// A folder that is gone with the repository.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The bare repository.
    #[must_use]
    pub fn origin(&self) -> PathBuf {
        self.home.path().join("origin.git")
    }

    /// Its mirror.
    ///
    /// # Panics
    /// When git or the disk fails.
    #[must_use]
    pub fn mirror(&self) -> Repository {
        Repository::open(&self.home.path().join("mirrors"), Location::Local(self.origin())).expect("a mirror")
    }

    /// The files of the commit.
    ///
    /// # Panics
    /// When git or the disk fails.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of_local(&self.origin(), self.commit.as_str()).expect("a snapshot")
    }

    /// The commit.
    #[must_use]
    pub fn commit(&self) -> &CommitId {
        &self.commit
    }

    /// A failure of the commit, with this log.
    ///
    /// # Panics
    /// Never: the parts are valid.
    #[must_use]
    pub fn failure(&self, event: &str, log: &str) -> Failure {
        let branch = "main".parse().expect("a branch");
        Failure::new(
            event.parse().expect("an event"),
            self.origin().to_string_lossy(),
            self.commit.clone(),
            branch,
            1_772_442_000,
            Log::from(log),
        )
    }

    /// Runs git in the bare repository.
    ///
    /// # Panics
    /// When git fails.
    pub fn git(&self, args: &[&str]) -> String {
        git(&self.origin(), args)
    }

    /// The branches but `main`.
    #[must_use]
    pub fn other_branches(&self) -> Vec<String> {
        let branches = self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        branches.lines().filter(|branch| *branch != "main").map(ToOwned::to_owned).collect()
    }
}

/// Runs git as nobody in particular, and gives what it prints.
///
/// # Panics
/// When git fails.
pub fn git(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@localhost"), ("GIT_AUTHOR_DATE", "1772442000 +0000")])
        .envs([
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@localhost"),
            ("GIT_COMMITTER_DATE", "1772442000 +0000"),
        ])
        .output()
        .expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
