//! One change on its way to a pull request.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use fix_pipeline::{AdapterError, AdapterErrorKind, Draft, PullRequest, RunContext, Validated};

use super::api::{
    Api, Commit, Label, Labels, NewBlob, NewCommit, NewLabel, NewPull, NewReference, NewTree, NewTreeEntry, Object,
    Pull, PullState, Reference, Signature, Twice,
};
use super::failure::{Class, Failure};
use super::search::Search;
use super::{Commits, GitHubOptions, OPEN};
use crate::repository::{Author, Location, Repository};

/// Pull requests on one page of a list.
const PAGE: usize = 50;
/// Pages that are read to count those of a day. A repository with more in a day is not counted out.
const PAGES_MAX: usize = 20;

/// What is to be published, and where.
pub(super) struct Publication<'a> {
    pub(super) search: Search<'a>,
    pub(super) options: &'a GitHubOptions,
    pub(super) run: &'a RunContext,
    pub(super) change: &'a Validated,
    /// Where git finds the repository.
    pub(super) to: Location,
}

impl Publication<'_> {
    /// Finds the pull request, or goes the whole way to it. Each step looks at what is there first,
    /// or makes what is named by its content: breaking off anywhere and beginning anew gives the same.
    pub(super) async fn open(&self) -> Result<PullRequest, AdapterError> {
        if let Some(found) = self.search.pull().await? {
            return self.labelled(found).await;
        }
        self.base_is_current().await?;
        self.day_has_room().await?;
        let commit = match self.search.branch().await? {
            Some(commit) => commit,
            None => match &self.options.commits {
                Commits::By { name, email } => self.publish(Some(Author { name, email })).await?,
                Commits::SignedByGitHub => self.publish(None).await?,
                Commits::Pushed { name, email, mirror } => self.push(mirror, Author { name, email }).await?,
            },
        };
        // Before anybody sees the pull request: what can't be labelled is not opened.
        self.make_labels().await?;
        self.propose(&commit).await
    }

    /// The branch must still stand where the failure was; else what was validated is not what would be merged.
    async fn base_is_current(&self) -> Result<(), AdapterError> {
        let draft = self.draft();
        let head = self.search.reference("read the base branch", &draft.base_branch).await?;
        let head = head.ok_or_else(|| {
            self.refused(format!("there is no branch {:?}, or the credentials may not see it", draft.base_branch))
        })?;
        if head.object.sha == draft.base_commit {
            return Ok(());
        }
        let message =
            format!("{} is at another commit now, and the failure was at {}", draft.base_branch, draft.base_commit);
        Err(self.error(AdapterErrorKind::StaleBase, message))
    }

    /// Counts the pull requests of runs in the last 24 hours, whoever opened them: GitHub knows, and no
    /// crash or other worker makes it forget.
    async fn day_has_room(&self) -> Result<(), AdapterError> {
        let since = Utc::now() - TimeDelta::hours(24);
        let mut opened = Vec::new();
        for page in 1..=PAGES_MAX {
            let list = self.api().route(&["pulls"]);
            let route = format!("{list}?state=all&sort=created&direction=desc&per_page={PAGE}&page={page}");
            let pulls: Vec<Pull> =
                self.api().get("count the pull requests of a day", &route).await.map_err(into_error)?;
            let last = pulls.len() < PAGE || pulls.iter().any(|pull| pull.created_at <= since);
            let ours = |pull: &&Pull| {
                pull.created_at > since && is_run(&pull.head.branch) && self.search.is_of_repository(pull)
            };
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
            "{} pull requests were opened in 24 hours, and {} are allowed{again}",
            opened.len(),
            self.options.daily_max
        );
        Err(self.error(AdapterErrorKind::Unavailable, message))
    }

    /// Makes the branch, by requests alone.
    async fn publish(&self, author: Option<Author<'_>>) -> Result<String, AdapterError> {
        let tree = self.make_tree().await?;
        let commit = self.make_commit(&tree, author).await?;
        self.make_branch(&commit).await
    }

    /// Makes the branch by git. Whatever git says about it, GitHub says what is there.
    async fn push(&self, mirror: &Repository, author: Author<'_>) -> Result<String, AdapterError> {
        let commit = mirror.commit(self.run, self.change, author).await?;
        let credentials = self.api().git_credentials();
        let pushed = mirror.push(&self.to, Some(&credentials), &self.draft().branch, &commit).await;
        if let Some(there) = self.search.branch().await? {
            return Ok(there);
        }
        let said = pushed.err().map_or_else(|| "GitHub does not show it yet".to_owned(), |error| error.to_string());
        let kind = if is_final(&said) { AdapterErrorKind::Refused } else { AdapterErrorKind::Unavailable };
        Err(self.error(kind, format!("the branch can't be pushed: {}", self.api().tellable(&said))))
    }

    /// The validated tree, on the tree of the base: exactly it, or nothing.
    async fn make_tree(&self) -> Result<String, AdapterError> {
        let base = &self.draft().base_commit;
        let route = self.api().route(&["git", "commits", base]);
        let base: Commit = self.api().get("read the base commit", &route).await.map_err(into_error)?;
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

    /// By `author`; without one by the App, and signed.
    async fn make_commit(&self, tree: &str, author: Option<Author<'_>>) -> Result<String, AdapterError> {
        let draft = self.draft();
        let signature = match author {
            None => None,
            Some(Author { name, email }) => {
                let date = DateTime::from_timestamp(draft.committed_at_s, 0);
                let date = date.ok_or_else(|| self.refused("the time of the failure is none"))?;
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
        if self.search.is_ours(&made) {
            return Ok(made.sha);
        }
        Err(self.refused(match author {
            None if !made.is_signed() => {
                "GitHub has not signed the commit: it does so for an App only; sign in as one, or name an author"
                    .to_owned()
            }
            _ => format!("GitHub made another commit than was asked for: {}", made.sha),
        }))
    }

    /// Only ever made, never moved.
    async fn make_branch(&self, commit: &str) -> Result<String, AdapterError> {
        let reference = NewReference { name: &format!("refs/heads/{}", self.draft().branch), sha: commit };
        let route = self.api().route(&["git", "refs"]);
        let made: Result<Reference, _> = self.api().post("make the branch", &route, &reference, Twice::IsTwice).await;
        match made {
            Ok(made) if made.object.sha == commit => Ok(made.object.sha),
            Ok(made) => {
                Err(self.refused(format!("GitHub made the branch at {}, and not at {commit}", made.object.sha)))
            }
            // Made before, and the answer was lost; or by another worker; or by somebody else.
            Err(failure) if may_be_there(&failure) => self.search.branch().await?.ok_or(failure.error),
            Err(failure) => Err(failure.error),
        }
    }

    async fn make_labels(&self) -> Result<(), AdapterError> {
        for name in &self.draft().labels {
            let route = self.api().route(&["labels", name]);
            match self.api().get::<Label>("look for a label", &route).await {
                Ok(_) => continue,
                Err(failure) if failure.class == Class::NotFound => {}
                Err(failure) => return Err(failure.error),
            }
            let (color, description) = match name.as_str() {
                "safe" => ("0e8a16", "Checked, and within the limits that the policy calls safe"),
                _ => ("fbca04", "Checked; a person should look closely"),
            };
            let label = NewLabel { name, color, description };
            let route = self.api().route(&["labels"]);
            match self.api().post::<Label>("make a label", &route, &label, Twice::IsOnce).await {
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
        let route = self.api().route(&["pulls"]);
        let made: Result<Pull, _> = self.api().post(OPEN, &route, &pull, Twice::IsTwice).await;
        match made {
            Ok(pull) if pull.head.sha == commit => self.labelled(pull).await,
            // Another commit came between: whose, the search says.
            Ok(_) => self.found_after(|| self.error(AdapterErrorKind::Unavailable, "GitHub shows none yet")).await,
            Err(failure) if may_be_there(&failure) => self.found_after(|| failure.error).await,
            Err(failure) => Err(failure.error),
        }
    }

    /// The pull request that may be there; without one, the error that it is about.
    async fn found_after(&self, none: impl FnOnce() -> AdapterError) -> Result<PullRequest, AdapterError> {
        match self.search.pull().await? {
            Some(found) => self.labelled(found).await,
            None => Err(none()),
        }
    }

    /// The answer. Labels are put on an open pull request that has none: they are put on all at once, so
    /// one that has any has had ours, and what people made of them stays.
    async fn labelled(&self, mut pull: Pull) -> Result<PullRequest, AdapterError> {
        if pull.state == PullState::Open && pull.labels.is_empty() && !self.draft().labels.is_empty() {
            let route = self.api().route(&["issues", &pull.number.to_string(), "labels"]);
            let wanted = Labels { labels: &self.draft().labels };
            match self.api().post("label the pull request", &route, &wanted, Twice::IsOnce).await {
                Ok(set) => pull.labels = set,
                Err(failure) if failure.error.is_transient() => return Err(failure.error),
                // It is open, whatever its labels: that must not be forgotten.
                Err(_) => {}
            }
        }
        Ok(self.search.answer(&pull))
    }

    /// Makes something that is named by its content: twice is once.
    async fn make<T: for<'de> serde::Deserialize<'de>>(
        &self,
        operation: &'static str,
        route: &[&str],
        body: &impl serde::Serialize,
    ) -> Result<T, AdapterError> {
        self.api().post(operation, &self.api().route(route), body, Twice::IsOnce).await.map_err(into_error)
    }

    fn draft(&self) -> &Draft {
        self.change.draft()
    }

    fn api(&self) -> &Api {
        self.search.api
    }

    fn refused(&self, message: impl fmt::Display) -> AdapterError {
        self.error(AdapterErrorKind::Refused, message)
    }

    fn error(&self, kind: AdapterErrorKind, message: impl fmt::Display) -> AdapterError {
        AdapterError::new(kind, OPEN, format!("{}: {message}", self.search.repository))
    }
}

fn into_error(failure: Failure) -> AdapterError {
    failure.error
}

/// Whether what was asked for may be there all the same.
fn may_be_there(failure: &Failure) -> bool {
    matches!(failure.class, Class::Unknown | Class::InTheWay)
}

/// Whether what git says of a push is the server's last word: a status that time does not change, or a judgement of its
/// own, which is not one of its accidents.
fn is_final(said: &str) -> bool {
    let status = said.split("returned error: ").nth(1).and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    let accidents = ["Internal Server Error", "cannot lock ref", "failed to update ref", "timed out"];
    match status {
        Some(408 | 425 | 429) => false,
        Some(300..=499) => true,
        Some(_) => false,
        None if said.contains("remote rejected") => !accidents.iter().any(|accident| said.contains(accident)),
        None => said.contains("Authentication failed") || said.contains("' not found"),
    }
}

/// Whether a branch is that of a run: `fix/`, and twelve hexadecimal digits.
fn is_run(branch: &str) -> bool {
    let id = branch.strip_prefix("fix/").unwrap_or_default();
    id.len() == 12 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As git puts it.
    #[test]
    fn the_last_word_is_told_from_an_accident() {
        for last in [
            "fatal: unable to access 'https://a/': The requested URL returned error: 403",
            "error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413; fatal: the remote end hung up",
            "fatal: unable to access 'https://a/': The requested URL returned error: 301",
            "fatal: repository 'https://a/' not found (exit status: 128)",
            "fatal: Authentication failed for 'https://a/'",
            "! [remote rejected] fix/1 -> fix/1 (push declined due to repository rule violations)",
            "! [remote rejected] fix/1 -> fix/1 (pre-receive hook declined)",
        ] {
            assert!(is_final(last), "{last}");
        }
        for accident in [
            "fatal: unable to access 'https://a/': The requested URL returned error: 429",
            "fatal: unable to access 'https://a/': The requested URL returned error: 502",
            "fatal: unable to access 'https://a/': Could not resolve host: a",
            "! [remote rejected] fix/1 -> fix/1 (Internal Server Error)",
            "! [remote rejected] fix/1 -> fix/1 (cannot lock ref 'refs/heads/fix/1')",
            "took longer than 300 s, and was killed",
        ] {
            assert!(!is_final(accident), "{accident}");
        }
    }
}
