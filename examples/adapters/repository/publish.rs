//! Commits made in the mirror, and branches pushed from it.

use std::ffi::OsStr;

use fix_pipeline::{AdapterError, AdapterErrorKind, RunContext, Validated};

use super::{GitCredentials, Location, Repository};
use crate::git::GitError;

/// Who makes a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author<'a> {
    pub(crate) name: &'a str,
    pub(crate) email: &'a str,
}

impl Repository {
    /// The commit of a change: a function of base, tree, run, author and time, so that a retry makes the same.
    pub(crate) async fn commit(
        &self,
        run: &RunContext,
        change: &Validated,
        author: Author<'_>,
    ) -> Result<String, AdapterError> {
        const OPERATION: &str = "make the commit";
        let refused = |message: String| AdapterError::new(AdapterErrorKind::Refused, OPERATION, message);
        if author.name.trim().is_empty() || author.email.trim().is_empty() {
            return Err(refused("the author of commits has no name or no email address; set both".to_owned()));
        }
        let draft = change.draft();
        let tree = self.patched(&run.failure.commit, change.patch().get()).await?;
        if tree.tree_id() != change.tree() {
            let message = format!("the tree to publish is {}, and {} was validated", tree.tree_id(), change.tree());
            return Err(refused(message));
        }
        // Without the sign, git takes small numbers for something else.
        let date = format!("@{} +0000", draft.committed_at_s);
        let identity = [
            ("GIT_AUTHOR_NAME", author.name),
            ("GIT_AUTHOR_EMAIL", author.email),
            ("GIT_COMMITTER_NAME", author.name),
            ("GIT_COMMITTER_EMAIL", author.email),
            ("GIT_AUTHOR_DATE", date.as_str()),
            ("GIT_COMMITTER_DATE", date.as_str()),
        ];
        let identity = identity.map(|(key, value)| (key, OsStr::new(value)));
        let args = ["commit-tree", tree.tree_id(), "-p", &draft.base_commit, "-F", "-"];
        let commit = self.git().call_with(&args, &identity, draft.commit_message.as_bytes()).await;
        let commit = commit.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, OPERATION))?;
        Ok(String::from_utf8_lossy(&commit).trim().to_owned())
    }

    /// Makes `branch` at `commit`, where `to` is. It is only ever made, never moved: there must be none.
    pub(crate) async fn push(
        &self,
        to: &Location,
        credentials: Option<&GitCredentials>,
        branch: &str,
        commit: &str,
    ) -> Result<(), GitError> {
        let refspec = format!("{commit}:refs/heads/{branch}");
        let lease = format!("--force-with-lease=refs/heads/{branch}:");
        let address = to.address();
        let args = ["push", "--quiet", "--no-recurse-submodules", &lease, "--end-of-options"].map(OsStr::new);
        let args: Vec<&OsStr> = args.into_iter().chain([address.as_os_str(), OsStr::new(&refspec)]).collect();
        self.call_remote(&args, to, credentials).await.map(drop)
    }
}
