//! A forge in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{AdapterError, AdapterErrorKind};
use crate::journal::Announcement;
use crate::port::{PrSink, PrStatus, PullRequest};
use crate::run::{RunContext, RunId};
use crate::validated::Validated;

/// Keeps branches and pull requests as a real forge does, and fails as a real one can.
#[derive(Debug, Default)]
pub struct FakeForge {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pull_requests: BTreeMap<String, FakePullRequest>,
    foreign: Vec<String>,
    moved_bases: Vec<String>,
    faults: VecDeque<ForgeFault>,
}

/// A pull request in a [`FakeForge`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what tests look at")]
pub struct FakePullRequest {
    /// The run that it is of.
    pub run: RunId,
    /// Its branch.
    pub branch: String,
    /// The branch it is to be merged into.
    pub base_branch: String,
    /// The commit that it starts from.
    pub base_commit: String,
    /// The tree that it publishes.
    pub tree: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// What became of it.
    pub status: PrStatus,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "before it is done, or after")]
pub enum ForgeFault {
    /// Nothing is done, and an error of this kind comes back.
    Refuse(AdapterErrorKind),
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// Nothing is done, and no answer comes, ever.
    NoAnswer,
}

impl FakeForge {
    /// Every pull request, by branch.
    #[must_use]
    pub fn pull_requests(&self) -> Vec<FakePullRequest> {
        self.state().pull_requests.values().cloned().collect()
    }

    /// The next call goes wrong so; then the ones after.
    pub fn then(&self, fault: ForgeFault) {
        self.state().faults.push_back(fault);
    }

    /// Closes a pull request, as a person does.
    pub fn close(&self, branch: &str) {
        self.decide(branch, PrStatus::Closed);
    }

    /// Merges a pull request, as a person does.
    pub fn merge(&self, branch: &str) {
        self.decide(branch, PrStatus::Merged);
    }

    fn decide(&self, branch: &str, status: PrStatus) {
        if let Some(pull_request) = self.state().pull_requests.get_mut(branch) {
            pull_request.status = status;
        }
    }

    /// Makes a branch that is somebody else's.
    pub fn occupy(&self, branch: &str) {
        self.state().foreign.push(branch.to_owned());
    }

    /// Moves a base branch on.
    pub fn move_base(&self, branch: &str) {
        self.state().moved_bases.push(branch.to_owned());
    }

    /// Whether a base branch moved on.
    #[must_use]
    pub fn has_moved(&self, branch: &str) -> bool {
        self.state().moved_bases.iter().any(|moved| moved == branch)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PrSink for FakeForge {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        self.answer(|state| state.open(run, change)).await
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        self.answer(|state| state.find(run, announced)).await
    }
}

impl FakeForge {
    /// What `work` gives, unless this call is one that goes wrong.
    async fn answer<T>(&self, work: impl FnOnce(&mut State) -> Result<T, AdapterError>) -> Result<T, AdapterError> {
        let fault = self.state().faults.pop_front();
        match fault {
            Some(ForgeFault::NoAnswer) => std::future::pending().await,
            Some(ForgeFault::Refuse(kind)) => Err(error(kind, "as the test says")),
            Some(ForgeFault::LoseAnswer) => {
                work(&mut self.state())?;
                Err(error(AdapterErrorKind::Unavailable, "the answer was lost"))
            }
            None => work(&mut self.state()),
        }
    }
}

impl State {
    fn open(&mut self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        if let Some(existing) = self.find(run, &change.announcement())? {
            return Ok(existing);
        }
        let draft = change.draft();
        if self.foreign.contains(&draft.branch) {
            return Err(error(AdapterErrorKind::Refused, "the branch is somebody else's"));
        }
        if self.moved_bases.contains(&draft.base_branch) {
            return Err(error(AdapterErrorKind::StaleBase, "the base moved on"));
        }
        let pull_request = FakePullRequest {
            run: run.run,
            branch: draft.branch.clone(),
            base_branch: draft.base_branch.clone(),
            base_commit: draft.base_commit.clone(),
            tree: change.tree().to_owned(),
            title: draft.title.clone(),
            body: draft.body.clone(),
            labels: draft.labels.clone(),
            status: PrStatus::Open,
        };
        let answer = pull_request.answer();
        self.pull_requests.insert(draft.branch.clone(), pull_request);
        Ok(answer)
    }

    fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        match self.pull_requests.get(&announced.branch) {
            None => Ok(None),
            Some(existing) if existing.run == run.run && existing.tree == announced.tree => Ok(Some(existing.answer())),
            Some(_) => Err(error(AdapterErrorKind::Refused, "the branch holds something else")),
        }
    }
}

impl FakePullRequest {
    fn answer(&self) -> PullRequest {
        PullRequest::new(self.status, &self.branch, self.labels.clone())
    }
}

fn error(kind: AdapterErrorKind, message: &str) -> AdapterError {
    AdapterError::new(kind, "open a pull request", message)
}
