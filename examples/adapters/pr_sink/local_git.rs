//! Pull requests beside a local repository.

use std::fs;
use std::path::{Path, PathBuf};

use fix_pipeline::{
    AdapterError, AdapterErrorKind, Announcement, Draft, PrSink, PrStatus, PullRequest, RunContext, Validated,
};
use serde::{Deserialize, Serialize};

use crate::git::{Git, GitError};
use crate::repository::{Author, Repository};

/// Pushes the branch to a local repository, and keeps the pull request as a JSON
/// file in a folder: one file a branch.
///
/// A person closes a pull request by setting `"state": "closed"` in its file, and calls it merged with `"merged"`.
#[derive(Clone, Debug)]
pub struct LocalGit {
    repository: Repository,
    folder: PathBuf,
}

/// The file of a pull request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LocalPullRequest {
    /// `open`, `closed` or `merged`.
    pub state: LocalState,
    /// The run that it is of.
    pub run: String,
    /// The branch it proposes.
    pub branch: String,
    /// The branch it is to be merged into.
    pub base: String,
    /// The commit it proposes.
    pub commit: String,
    /// Its title.
    pub title: String,
    /// Its text, in Markdown.
    pub body: String,
    /// Its labels.
    pub labels: Vec<String>,
}

/// The state of a [`LocalPullRequest`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a file knows no other")]
pub enum LocalState {
    /// Waiting for a person.
    Open,
    /// A person decided against it.
    Closed,
    /// A person merged it.
    Merged,
}

impl LocalGit {
    /// Pushes to the local repository that `repository` mirrors, and keeps pull requests in `folder`.
    #[must_use]
    pub fn new(repository: Repository, folder: impl Into<PathBuf>) -> Self {
        Self { repository, folder: folder.into() }
    }

    async fn publish(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        if let Some(existing) = self.existing(run, &change.announcement()).await? {
            return Ok(existing);
        }
        let draft = change.draft();
        let file = self.file(&draft.branch);
        self.base_is_current(draft).await?;
        let author = Author { name: "Fix", email: "fix@localhost" };
        let commit = self.repository.commit(run, change, author).await?;
        self.push(draft, &commit).await?;
        let pull_request = LocalPullRequest {
            state: LocalState::Open,
            run: run.run.to_string(),
            branch: draft.branch.clone(),
            base: draft.base_branch.clone(),
            commit,
            title: draft.title.clone(),
            body: draft.body.clone(),
            labels: draft.labels.clone(),
        };
        if write(&file, &pull_request)? {
            return Ok(answer(&pull_request, &file));
        }
        // Another worker was faster; and a person may have decided since.
        self.existing(run, &change.announcement()).await?.ok_or_else(|| {
            let message = format!("{} was there, and is gone", file.display());
            AdapterError::new(AdapterErrorKind::Unavailable, "open a pull request", message)
        })
    }

    fn file(&self, branch: &str) -> PathBuf {
        self.folder.join(format!("{}.json", branch.replace('/', "-")))
    }

    /// What is there of the run: an open one only with its branch and its tree, a decided one as it is.
    async fn existing(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        let file = self.file(&announced.branch);
        let Some(existing) = read(&file)? else { return Ok(None) };
        let is_ours = existing.run == run.run.to_string()
            && (existing.state != LocalState::Open || self.publishes(&existing.commit, announced).await?);
        if is_ours {
            return Ok(Some(answer(&existing, &file)));
        }
        let message =
            format!("there is a pull request of {}, and its run or its commits are not ours", announced.branch);
        Err(AdapterError::new(AdapterErrorKind::Refused, "look for a pull request", message))
    }

    /// Whether the branch is at `commit`, and `commit` holds the tree that was announced.
    async fn publishes(&self, commit: &str, announced: &Announcement) -> Result<bool, AdapterError> {
        let origin = self.repository.origin()?;
        let head = revision(&origin, &format!("refs/heads/{}", announced.branch)).await?;
        let tree = revision(&origin, &format!("{commit}^{{tree}}")).await?;
        Ok(head.as_deref() == Some(commit) && tree.as_deref() == Some(announced.tree.as_str()))
    }

    /// The branch must still stand where the failure was; else what was validated is not what would be merged.
    async fn base_is_current(&self, draft: &Draft) -> Result<(), AdapterError> {
        let origin = self.repository.origin()?;
        match revision(&origin, &format!("refs/heads/{}", draft.base_branch)).await? {
            Some(head) if head == draft.base_commit => Ok(()),
            Some(head) => {
                let message =
                    format!("{} is at {head} now, and the failure was at {}", draft.base_branch, draft.base_commit);
                Err(AdapterError::new(AdapterErrorKind::StaleBase, "open a pull request", message))
            }
            None => {
                let message = format!("the repository has no branch {:?}", draft.base_branch);
                Err(AdapterError::new(AdapterErrorKind::Refused, "open a pull request", message))
            }
        }
    }

    async fn push(&self, draft: &Draft, commit: &str) -> Result<(), AdapterError> {
        let pushed = self.repository.push(self.repository.location(), None, &draft.branch, commit).await;
        let Err(error) = pushed else { return Ok(()) };
        match revision(&self.repository.origin()?, &format!("refs/heads/{}", draft.branch)).await? {
            // Pushed before, and the answer was lost.
            Some(existing) if existing == commit => Ok(()),
            Some(_) => Err(refused(error, format!("{} is there with other commits, and is left alone", draft.branch))),
            None => Err(AdapterError::new(AdapterErrorKind::Unavailable, "push the branch", draft.branch.clone())
                .with_source(error)),
        }
    }
}

impl PrSink for LocalGit {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        self.publish(run, change).await
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        self.existing(run, announced).await
    }
}

/// What a revision names, if anything; a git that fails says nothing of either.
async fn revision(git: &Git, name: &str) -> Result<Option<String>, AdapterError> {
    let answer = git.call_with(&["cat-file", "--batch-check=%(objectname)"], &[], format!("{name}\n").as_bytes()).await;
    let answer = answer.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, "look at a branch"))?;
    let answer = String::from_utf8_lossy(&answer).trim().to_owned();
    Ok((!answer.ends_with(" missing")).then_some(answer))
}

fn refused(error: GitError, message: String) -> AdapterError {
    AdapterError::new(AdapterErrorKind::Refused, "push the branch", message).with_source(error)
}

fn answer(pull_request: &LocalPullRequest, file: &Path) -> PullRequest {
    let status = match pull_request.state {
        LocalState::Open => PrStatus::Open,
        LocalState::Closed => PrStatus::Closed,
        LocalState::Merged => PrStatus::Merged,
    };
    PullRequest::new(status, &pull_request.branch, pull_request.labels.clone())
        .with_commit(&pull_request.commit)
        .with_url(format!("file://{}", file.display()))
}

fn read(file: &Path) -> Result<Option<LocalPullRequest>, AdapterError> {
    let failed = |message: String| AdapterError::new(AdapterErrorKind::Refused, "read a pull request", message);
    match fs::read_to_string(file) {
        Ok(text) => {
            let parsed = serde_json::from_str(&text);
            parsed.map(Some).map_err(|error| failed(format!("{} is damaged", file.display())).with_source(error))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(format!("{} can't be read", file.display())).with_source(error)),
    }
}

/// Whole or not at all: written beside, then moved into place. Says whether it was; what is there already stays.
fn write(file: &Path, pull_request: &LocalPullRequest) -> Result<bool, AdapterError> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let attempt = || -> std::io::Result<bool> {
        fs::create_dir_all(folder)?;
        let temporary = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&temporary, pull_request)?;
        temporary.as_file().sync_all()?;
        match temporary.persist_noclobber(file) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    };
    attempt().map_err(|error| {
        let message = format!("{} can't be written", file.display());
        AdapterError::new(AdapterErrorKind::Unavailable, "write a pull request", message).with_source(error)
    })
}
