//! What is there of a run.

use fix_pipeline::{AdapterError, AdapterErrorKind, Announcement, PrStatus, PullRequest, RunId};

use super::FIND;
use super::api::{Api, Commit, Pull, PullState, Reference, escaped};
use super::failure::Class;
use super::repository::RepositoryName;

/// Looks, and changes nothing.
pub(super) struct Search<'a> {
    pub(super) api: &'a Api,
    pub(super) repository: &'a RepositoryName,
    pub(super) run: RunId,
    pub(super) announced: &'a Announcement,
    /// Whether our commits are signed by GitHub.
    pub(super) signed: bool,
}

impl Search<'_> {
    /// The pull request of the run, whatever became of it.
    pub(super) async fn find(&self) -> Result<Option<PullRequest>, AdapterError> {
        match self.pull().await? {
            Some(pull) => Ok(Some(self.answer(&pull))),
            None => Ok(None),
        }
    }

    /// The pull request of our branch: an open one before a closed one, a new one before an old one. An
    /// open one must hold our commit; a person decided about the others, and whatever they hold is over.
    pub(super) async fn pull(&self) -> Result<Option<Pull>, AdapterError> {
        let branch = &self.announced.branch;
        let head = escaped(&format!("{}:{branch}", self.repository.owner()));
        let route = format!("{}?state=all&per_page=50&head={head}", self.api.route(&["pulls"]));
        let mut found: Vec<Pull> = self.api.get(FIND, &route).await.map_err(|failure| failure.error)?;
        // A filter that GitHub does not understand gives all.
        found.retain(|pull| self.is_of_repository(pull) && pull.head.branch == *branch);
        found.sort_by_key(|pull| (pull.state == PullState::Open, pull.number));
        let Some(pull) = found.pop() else { return Ok(None) };
        if pull.state == PullState::Open && !self.is_our_commit(&pull.head.sha).await? {
            return Err(self.refused(format!(
                "pull request {} is of our branch {branch}, and holds another commit than ours; a person decides",
                pull.number
            )));
        }
        Ok(Some(pull))
    }

    /// What our branch points to, when it is there and is ours.
    pub(super) async fn branch(&self) -> Result<Option<String>, AdapterError> {
        let branch = &self.announced.branch;
        let Some(there) = self.reference("look for the branch", branch).await? else { return Ok(None) };
        if self.is_our_commit(&there.object.sha).await? {
            return Ok(Some(there.object.sha));
        }
        Err(self.refused(format!("{branch} is there with other commits, and is left alone")))
    }

    pub(super) async fn reference(
        &self,
        operation: &'static str,
        branch: &str,
    ) -> Result<Option<Reference>, AdapterError> {
        let mut parts = vec!["git", "ref", "heads"];
        parts.extend(branch.split('/'));
        match self.api.get(operation, &self.api.route(&parts)).await {
            Ok(reference) => Ok(Some(reference)),
            Err(failure) if failure.class == Class::NotFound => Ok(None),
            Err(failure) => Err(failure.error),
        }
    }

    async fn is_our_commit(&self, sha: &str) -> Result<bool, AdapterError> {
        let route = self.api.route(&["git", "commits", sha]);
        let commit: Commit = self.api.get("read a commit", &route).await.map_err(|failure| failure.error)?;
        Ok(commit.sha == sha && self.is_ours(&commit))
    }

    /// The validated tree, on the commit it was validated against, in the name of this run; and signed,
    /// where that is wanted.
    pub(super) fn is_ours(&self, commit: &Commit) -> bool {
        let trailer = format!("Fix-Run: {}", self.run);
        commit.tree.sha == self.announced.tree
            && matches!(commit.parents.as_slice(), [parent] if parent.sha == self.announced.base_commit)
            && commit.message.lines().any(|line| line == trailer)
            && (commit.is_signed() || !self.signed)
    }

    pub(super) fn is_of_repository(&self, pull: &Pull) -> bool {
        let name = self.repository.to_string();
        pull.head.repo.as_ref().is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&name))
    }

    /// A pull request, as the pipeline knows it.
    pub(super) fn answer(&self, pull: &Pull) -> PullRequest {
        let status = match pull.state {
            PullState::Open if pull.draft => PrStatus::Draft,
            PullState::Open => PrStatus::Open,
            PullState::Closed if pull.merged_at.is_some() => PrStatus::Merged,
            PullState::Closed => PrStatus::Closed,
        };
        let labels = pull.labels.iter().map(|label| label.name.clone()).collect();
        let answer = PullRequest::new(status, &self.announced.branch, labels).with_commit(&pull.head.sha);
        let plain = pull.html_url.len() <= 500 && pull.html_url.bytes().all(|byte| byte.is_ascii_graphic());
        if plain { answer.with_url(&pull.html_url) } else { answer }
    }

    pub(super) fn refused(&self, message: String) -> AdapterError {
        AdapterError::new(AdapterErrorKind::Refused, FIND, format!("{}: {message}", self.repository))
    }
}
