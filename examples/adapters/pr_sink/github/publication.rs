//! One change on its way to a pull request.

use chrono::{DateTime, TimeDelta, Utc};
use fix_pipeline::{AdapterError, AdapterErrorKind, Draft, PrStatus, PullRequest, Validated};

use super::api::{
    Api, Commit, Label, Labels, NewBlob, NewCommit, NewLabel, NewPull, NewReference, NewTree, NewTreeEntry, Object,
    Pull, PullState, Reference, Signature, Twice, escaped,
};
use super::failure::{Class, Failure};
use super::repository::RepositoryName;
use super::{Commits, GitHubOptions, OPEN};

/// Pull requests on one page of a list.
const PAGE: usize = 50;
/// Pages that are read to count those of a day. A repository with more in a day is not counted out.
const PAGES_MAX: usize = 20;

/// What is to be published, and where.
pub(super) struct Publication<'a> {
    pub(super) api: &'a Api,
    pub(super) repository: &'a RepositoryName,
    pub(super) options: &'a GitHubOptions,
    pub(super) change: &'a Validated,
}

impl Publication<'_> {
    /// Finds the pull request, or goes the whole way to it. Each step looks at what is there first,
    /// or makes what is named by its content: breaking off anywhere and beginning anew gives the same.
    pub(super) async fn open(&self) -> Result<PullRequest, AdapterError> {
        if let Some(found) = self.find().await? {
            return self.adopt(found).await;
        }
        self.base_is_current().await?;
        self.day_has_room().await?;
        let commit = match self.branch().await? {
            Some(commit) => commit,
            None => {
                let tree = self.make_tree().await?;
                let commit = self.make_commit(&tree).await?;
                self.make_branch(&commit).await?
            }
        };
        // Before anybody sees the pull request: what can't be labelled is not opened.
        self.make_labels().await?;
        self.propose(&commit).await
    }

    fn draft(&self) -> &Draft {
        self.change.draft()
    }

    /// The pull request of the branch: an open one before a closed one, a new one before an old one.
    async fn find(&self) -> Result<Option<Pull>, AdapterError> {
        let draft = self.draft();
        let head = format!("{}:{}", self.repository.owner(), draft.branch);
        let list = self.api.route(&["pulls"]);
        let route = format!("{list}?state=all&per_page={PAGE}&head={}", escaped(&head));
        let mut found: Vec<Pull> = self.api.get("find the pull request", &route).await.map_err(into_error)?;
        // A filter that GitHub does not understand gives all.
        found.retain(|pull| self.is_of_repository(pull) && pull.head.branch == draft.branch);
        found.sort_by_key(|pull| (pull.state == PullState::Open, pull.number));
        Ok(found.pop())
    }

    /// A pull request that is there. Its commit must be ours; what people did to the rest stays.
    async fn adopt(&self, pull: Pull) -> Result<PullRequest, AdapterError> {
        if pull.state == PullState::Closed {
            let what = if pull.merged_at.is_some() { "merged" } else { "closed" };
            let message = format!("{}: a person {what} pull request {}", self.repository, pull.number);
            return Err(AdapterError::new(AdapterErrorKind::ClosedByPerson, OPEN, message));
        }
        if self.our_commit(&pull.head.sha).await?.is_none() {
            return Err(self.refused(format!(
                "pull request {} is of our branch {}, and holds another commit than ours; a person decides",
                pull.number,
                self.draft().branch
            )));
        }
        self.with_labels(pull).await
    }

    /// The branch must still stand where the failure was; else what was validated is not what would be merged.
    async fn base_is_current(&self) -> Result<(), AdapterError> {
        let draft = self.draft();
        let head = self.reference("read the base branch", &draft.base_branch).await?;
        let head = head.ok_or_else(|| {
            self.refused(format!("there is no branch {:?}, or the credentials may not see it", draft.base_branch))
        })?;
        if head.object.sha == draft.base_commit {
            return Ok(());
        }
        let message = format!(
            "{}: {} is at another commit now, and the failure was at {}",
            self.repository, draft.base_branch, draft.base_commit
        );
        Err(AdapterError::new(AdapterErrorKind::StaleBase, OPEN, message))
    }

    /// Counts the pull requests of runs in the last 24 hours, whoever opened them: GitHub knows, and no
    /// crash or other worker makes it forget.
    async fn day_has_room(&self) -> Result<(), AdapterError> {
        let since = Utc::now() - TimeDelta::hours(24);
        let mut opened = Vec::new();
        for page in 1..=PAGES_MAX {
            let list = self.api.route(&["pulls"]);
            let route = format!("{list}?state=all&sort=created&direction=desc&per_page={PAGE}&page={page}");
            let pulls: Vec<Pull> =
                self.api.get("count the pull requests of a day", &route).await.map_err(into_error)?;
            let last = pulls.len() < PAGE || pulls.iter().any(|pull| pull.created_at <= since);
            let ours = |pull: &&Pull| pull.created_at > since && is_run(&pull.head.branch) && self.is_of_repository(pull);
            opened.extend(pulls.iter().filter(ours).map(|pull| pull.created_at));
            if last {
                break;
            }
        }
        opened.sort_unstable();
        let over = opened.len().checked_sub(usize::try_from(self.options.daily_max).unwrap_or(usize::MAX));
        let Some(over) = over else { return Ok(()) };
        let again = opened.get(over).map_or_else(String::new, |first| {
            format!("; the next after {}", (*first + TimeDelta::hours(24)).format("%FT%TZ"))
        });
        let message = format!(
            "{}: {} pull requests were opened in 24 hours, and {} are allowed{again}",
            self.repository,
            opened.len(),
            self.options.daily_max
        );
        Err(AdapterError::new(AdapterErrorKind::Unavailable, OPEN, message))
    }

    /// What our branch points to, when it is there and is ours.
    async fn branch(&self) -> Result<Option<String>, AdapterError> {
        let branch = &self.draft().branch;
        let Some(there) = self.reference("look for the branch", branch).await? else { return Ok(None) };
        match self.our_commit(&there.object.sha).await? {
            Some(commit) => Ok(Some(commit)),
            None => Err(self.refused(format!("{branch} is there with other commits, and is left alone"))),
        }
    }

    /// The validated tree, on the tree of the base: exactly it, or nothing.
    async fn make_tree(&self) -> Result<String, AdapterError> {
        let base = &self.draft().base_commit;
        let route = self.api.route(&["git", "commits", base]);
        let base: Commit = self.api.get("read the base commit", &route).await.map_err(into_error)?;
        let mut entries = Vec::new();
        for file in self.change.patch().get().files() {
            let blob = NewBlob { content: file.after(), encoding: "utf-8" };
            let Object { sha } = self.make("make a blob", &["git", "blobs"], &blob).await?;
            let mode = if file.executable() { "100755" } else { "100644" };
            entries.push(NewTreeEntry { path: file.path().as_str(), mode, kind: "blob", sha });
        }
        let tree = NewTree { base_tree: &base.tree.sha, tree: entries };
        let Object { sha } = self.make("make the tree", &["git", "trees"], &tree).await?;
        if sha == self.change.tree() {
            return Ok(sha);
        }
        Err(self.refused(format!("the tree on GitHub is {sha}, and {} was validated", self.change.tree())))
    }

    async fn make_commit(&self, tree: &str) -> Result<String, AdapterError> {
        let draft = self.draft();
        let signature = match &self.options.commits {
            Commits::SignedByGitHub => None,
            Commits::By { name, email } => {
                let date = DateTime::from_timestamp(draft.committed_at_s, 0);
                let date = date.ok_or_else(|| self.refused("the time of the failure is none".to_owned()))?;
                Some(Signature { name, email, date })
            }
        };
        let commit = NewCommit {
            message: &draft.commit_message,
            tree,
            parents: [&draft.base_commit],
            author: signature,
            committer: signature,
        };
        let made: Commit = self.make("make the commit", &["git", "commits"], &commit).await?;
        if self.is_ours(&made) {
            return Ok(made.sha);
        }
        let signed = made.verification.is_some_and(|verification| verification.verified);
        Err(self.refused(match &self.options.commits {
            Commits::SignedByGitHub if !signed => {
                "GitHub has not signed the commit: it does so for an App only; sign in as one, or name an author".to_owned()
            }
            _ => format!("GitHub made another commit than was asked for: {}", made.sha),
        }))
    }

    /// Only ever made, never moved.
    async fn make_branch(&self, commit: &str) -> Result<String, AdapterError> {
        let reference = NewReference { name: &format!("refs/heads/{}", self.draft().branch), sha: commit };
        let route = self.api.route(&["git", "refs"]);
        let made: Result<Reference, _> = self.api.post("make the branch", &route, &reference, Twice::IsTwice).await;
        match made {
            Ok(made) if made.object.sha == commit => Ok(made.object.sha),
            Ok(made) => Err(self.refused(format!("GitHub made the branch at {}, and not at {commit}", made.object.sha))),
            // Made before, and the answer was lost; or by another worker; or by somebody else.
            Err(failure) if may_be_there(&failure) => self.branch().await?.ok_or(failure.error),
            Err(failure) => Err(failure.error),
        }
    }

    async fn make_labels(&self) -> Result<(), AdapterError> {
        for name in &self.draft().labels {
            let route = self.api.route(&["labels", name]);
            match self.api.get::<Label>("look for a label", &route).await {
                Ok(_) => continue,
                Err(failure) if failure.class == Class::NotFound => {}
                Err(failure) => return Err(failure.error),
            }
            let (color, description) = match name.as_str() {
                "safe" => ("0e8a16", "Checked, and within the limits that the policy calls safe"),
                _ => ("fbca04", "Checked; a person should look closely"),
            };
            let label = NewLabel { name, color, description };
            let route = self.api.route(&["labels"]);
            match self.api.post::<Label>("make a label", &route, &label, Twice::IsOnce).await {
                Ok(_) => {}
                // Another worker was faster, or the answer was lost.
                Err(failure) if failure.class == Class::InTheWay => {}
                Err(failure) => return Err(failure.error),
            }
        }
        Ok(())
    }

    async fn propose(&self, commit: &str) -> Result<PullRequest, AdapterError> {
        let draft = self.draft();
        let pull = NewPull {
            title: &draft.title,
            head: &draft.branch,
            base: &draft.base_branch,
            body: &draft.body,
            draft: self.options.draft,
        };
        let route = self.api.route(&["pulls"]);
        let made: Result<Pull, _> = self.api.post(OPEN, &route, &pull, Twice::IsTwice).await;
        match made {
            Ok(pull) if pull.head.sha == commit => self.with_labels(pull).await,
            Ok(pull) => self.adopt(pull).await,
            Err(failure) if may_be_there(&failure) => match self.find().await? {
                Some(found) => self.adopt(found).await,
                None => Err(failure.error),
            },
            Err(failure) => Err(failure.error),
        }
    }

    /// The answer. Labels are put on a pull request that has none: they are put on all at once, so one
    /// that has any has had ours, and what people made of them stays.
    async fn with_labels(&self, pull: Pull) -> Result<PullRequest, AdapterError> {
        let mut labels = pull.labels;
        if labels.is_empty() && !self.draft().labels.is_empty() {
            let route = self.api.route(&["issues", &pull.number.to_string(), "labels"]);
            let wanted = Labels { labels: &self.draft().labels };
            match self.api.post("label the pull request", &route, &wanted, Twice::IsOnce).await {
                Ok(set) => labels = set,
                Err(failure) if failure.error.is_transient() => return Err(failure.error),
                // It is open, whatever its labels: that must not be forgotten.
                Err(_) => {}
            }
        }
        let status = if pull.draft { PrStatus::Draft } else { PrStatus::Open };
        let labels = labels.into_iter().map(|label| label.name).collect();
        let answer = PullRequest::new(status, &self.draft().branch, labels).with_commit(pull.head.sha);
        let plain = pull.html_url.len() <= 500 && pull.html_url.bytes().all(|byte| byte.is_ascii_graphic());
        Ok(if plain { answer.with_url(pull.html_url) } else { answer })
    }

    /// The commit, when it is the one that this run makes.
    async fn our_commit(&self, sha: &str) -> Result<Option<String>, AdapterError> {
        let route = self.api.route(&["git", "commits", sha]);
        let commit: Commit = self.api.get("read a commit", &route).await.map_err(into_error)?;
        Ok((commit.sha == sha && self.is_ours(&commit)).then_some(commit.sha))
    }

    /// The validated tree, on the commit it was validated against, in the name of this run; and signed,
    /// where that is wanted.
    fn is_ours(&self, commit: &Commit) -> bool {
        let draft = self.draft();
        let signed = commit.verification.as_ref().is_some_and(|verification| verification.verified);
        commit.tree.sha == self.change.tree()
            && matches!(commit.parents.as_slice(), [parent] if parent.sha == draft.base_commit)
            && commit.message.trim_end() == draft.commit_message.trim_end()
            && (signed || self.options.commits != Commits::SignedByGitHub)
    }

    fn is_of_repository(&self, pull: &Pull) -> bool {
        let name = self.repository.to_string();
        pull.head.repo.as_ref().is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&name))
    }

    async fn reference(&self, operation: &'static str, branch: &str) -> Result<Option<Reference>, AdapterError> {
        let mut parts = vec!["git", "ref", "heads"];
        parts.extend(branch.split('/'));
        match self.api.get(operation, &self.api.route(&parts)).await {
            Ok(reference) => Ok(Some(reference)),
            Err(failure) if failure.class == Class::NotFound => Ok(None),
            Err(failure) => Err(failure.error),
        }
    }

    /// Makes something that is named by its content: twice is once.
    async fn make<T: for<'de> serde::Deserialize<'de>>(
        &self,
        operation: &'static str,
        route: &[&str],
        body: &impl serde::Serialize,
    ) -> Result<T, AdapterError> {
        self.api.post(operation, &self.api.route(route), body, Twice::IsOnce).await.map_err(into_error)
    }

    fn refused(&self, message: String) -> AdapterError {
        AdapterError::new(AdapterErrorKind::Refused, OPEN, format!("{}: {message}", self.repository))
    }
}

fn into_error(failure: Failure) -> AdapterError {
    failure.error
}

/// Whether what was asked for may be there all the same.
fn may_be_there(failure: &Failure) -> bool {
    matches!(failure.class, Class::Unknown | Class::InTheWay)
}

/// Whether a branch is that of a run: `fix/`, and twelve hexadecimal digits.
fn is_run(branch: &str) -> bool {
    let id = branch.strip_prefix("fix/").unwrap_or_default();
    id.len() == 12 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
