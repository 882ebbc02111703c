//! The contract of a pull request sink.

use std::pin::{Pin, pin};

use super::{Conformance, polled};
use crate::error::{AdapterError, AdapterErrorKind};
use crate::port::{PrSink, PrStatus, PullRequest};
use crate::run::RunContext;
use crate::testing::join::{first_of, join_all};
use crate::validated::Validated;

/// What a forge holds, and what can happen to it behind a sink's back.
///
/// The suite asks for a fresh world at each point.
pub trait ForgeHarness {
    /// The sink under test.
    type Sink: PrSink;

    /// A new forge with nothing but the base branch, and the sink that works with it.
    fn fresh(&mut self) -> impl Future<Output = ()>;

    /// The sink that works with the forge of now.
    fn sink(&self) -> &Self::Sink;

    /// Every pull request, open or not.
    fn pull_requests(&self) -> impl Future<Output = Vec<SeenPullRequest>>;

    /// What the base branch points to.
    fn base(&self) -> impl Future<Output = String>;

    /// Makes something happen that has to do with `branch`. What a harness can't bring about it says no
    /// to (`_ => false`), and the report [lists](Conformance::left_out) the points that were left out.
    fn bring_about(&mut self, situation: Situation, branch: &str) -> impl Future<Output = bool>;

    /// Completes when a call has taken longer than its sink should let it.
    fn patience(&self) -> impl Future<Output = ()>;
}

/// What happens on a forge, whatever a sink wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Situation {
    /// A person closes the pull request of the branch.
    Closed,
    /// A person merges it.
    Merged,
    /// The branch of a closed or merged pull request is deleted.
    BranchDeleted,
    /// Somebody else makes the branch, with a commit of theirs.
    Occupied,
    /// Somebody pushes to the base branch.
    BaseMoved,
    /// The next pull request is made, and the answer is lost.
    AnswerLost,
    /// Another worker's request for the same pull request arrives just before the sink's: "already exists".
    RaceLost,
    /// The next request gets no answer, ever.
    NoAnswer,
    /// The answer to the next request never ends.
    EndlessAnswer,
}

/// A pull request, as the forge shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what the contract speaks of")]
pub struct SeenPullRequest {
    /// Its branch.
    pub branch: String,
    /// The branch it is to be merged into.
    pub base_branch: String,
    /// The tree at the head of its branch.
    pub tree: String,
    /// The commit before the head.
    pub base_commit: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Its labels, in any order.
    pub labels: Vec<String>,
    /// Its state.
    pub status: PrStatus,
}

/// Checks [`PrSink`]'s contract with one validated change.
pub async fn pr_sink(harness: &mut impl ForgeHarness, run: &RunContext, change: &Validated) -> Conformance {
    let mut suite = Suite { harness, run, change, found: Conformance::default() };
    suite.opens_one().await;
    suite.concurrent().await;
    suite.dropped().await;
    suite.lost_answer().await;
    suite.lost_race().await;
    suite.endures(Situation::NoAnswer, "no_answer_leaves_one_pull_request").await;
    suite.endures(Situation::EndlessAnswer, "an_endless_answer_leaves_one_pull_request").await;
    suite.decided(Situation::Closed, PrStatus::Closed, CLOSED).await;
    suite.decided(Situation::Merged, PrStatus::Merged, MERGED).await;
    suite.occupied().await;
    suite.stale().await;
    suite.stale_beside_ours().await;
    suite.found
}

/// The names of the points about a decision: reported, left alone, and both without the branch.
type Decided = [&'static str; 4];
const CLOSED: Decided = [
    "a_closed_one_is_reported",
    "a_closed_one_is_left_alone",
    "a_closed_one_without_its_branch_is_reported",
    "a_closed_one_without_its_branch_is_left_alone",
];
const MERGED: Decided = [
    "a_merged_one_is_reported",
    "a_merged_one_is_left_alone",
    "a_merged_one_without_its_branch_is_reported",
    "a_merged_one_without_its_branch_is_left_alone",
];

struct Suite<'s, H> {
    harness: &'s mut H,
    run: &'s RunContext,
    change: &'s Validated,
    found: Conformance,
}

impl<H: ForgeHarness> Suite<'_, H> {
    async fn open(&self) -> Result<PullRequest, AdapterError> {
        self.harness.sink().open(self.run, self.change).await
    }

    async fn find(&self) -> Result<Option<PullRequest>, AdapterError> {
        self.harness.sink().find(self.run, &self.change.announcement()).await
    }

    /// Whether it could be brought about; the points that need it are left out else.
    async fn bring_about(&mut self, situation: Situation, points: &[&'static str]) -> bool {
        let can = self.harness.bring_about(situation, &self.change.draft().branch).await;
        if !can {
            self.found.leave_out(points);
        }
        can
    }

    async fn opens_one(&mut self) {
        self.harness.fresh().await;
        let base = self.harness.base().await;
        let draft = self.change.draft();
        let before = self.find().await;
        self.found.point("nothing_is_found_where_nothing_is", matches!(before, Ok(None)), || format!("{before:?}"));
        let seen = self.harness.pull_requests().await;
        self.found.point("finding_opens_nothing", seen.is_empty(), || format!("{seen:?}"));
        let opened = self.open().await;
        self.found.point("a_validated_change_is_opened", opened.is_ok(), || format!("{opened:?}"));
        let seen = self.harness.pull_requests().await;
        let [one] = seen.as_slice() else {
            self.found.point("there_is_one_pull_request", false, || format!("{seen:?}"));
            return;
        };
        let found = &mut self.found;
        found.point("the_branch_is_the_runs", one.branch == draft.branch, || one.branch.clone());
        found.point("the_base_is_the_branch_that_failed", one.base_branch == draft.base_branch, || {
            one.base_branch.clone()
        });
        found.point("the_validated_tree_is_published", one.tree == self.change.tree(), || one.tree.clone());
        found.point("it_starts_at_the_validated_commit", one.base_commit == draft.base_commit, || {
            one.base_commit.clone()
        });
        let as_it_is = one.title == draft.title && one.body == draft.body;
        found.point("texts_are_published_as_they_are", as_it_is, || format!("{one:?}"));
        let labels_are_set = sorted(&one.labels) == sorted(&draft.labels);
        found.point("labels_are_set", labels_are_set, || format!("{:?}", one.labels));
        found.point("it_is_open", one.status.is_open(), || format!("{one:?}"));
        let told = opened.as_ref().is_ok_and(|opened| opened.status == one.status && opened.branch == one.branch);
        found.point("the_answer_is_what_is_there", told, || format!("{opened:?}"));
        let now = self.harness.base().await;
        self.found.point("nothing_is_merged", now == base, || "the base branch moved".to_owned());
        let again = self.open().await;
        let same = same_answer(again.as_ref().ok(), opened.as_ref().ok());
        self.found.point("asked_again_it_answers_the_same", same, || format!("{opened:?}, then {again:?}"));
        let looked = self.find().await;
        let same = same_answer(looked.as_ref().ok().and_then(Option::as_ref), opened.as_ref().ok());
        self.found.point("what_is_open_is_found", same, || format!("{looked:?}"));
        let seen_again = self.harness.pull_requests().await;
        self.found.point("asked_again_it_changes_nothing", seen_again == seen, || format!("{seen_again:?}"));
    }

    async fn concurrent(&mut self) {
        self.harness.fresh().await;
        let mut calls = Vec::new();
        for _ in 0..2 {
            let call: Pin<Box<dyn Future<Output = Result<PullRequest, AdapterError>> + Send + '_>> =
                Box::pin(self.harness.sink().open(self.run, self.change));
            calls.push(call);
        }
        let answers = join_all(calls).await;
        let honest = answers.iter().all(|answer| answer.as_ref().err().is_none_or(AdapterError::is_transient));
        // Both may have been told to come back; the next call settles it.
        let settled = self.open().await.is_ok();
        let seen = self.harness.pull_requests().await;
        self.found
            .point("two_at_once_open_one", seen.len() == 1 && honest && settled, || format!("{answers:?}, {seen:?}"));
    }

    /// As by a budget, a shutdown or a client that went away: at the first wait, and at later ones.
    async fn dropped(&mut self) {
        let mut problem = None;
        for polls in [1, 2, 3, 5, 8, 13, 21, 34] {
            self.harness.fresh().await;
            let ended = polled(pin!(self.open()), polls).await.is_some();
            let again = self.open().await;
            let seen = self.harness.pull_requests().await;
            let is_open = again.as_ref().is_ok_and(|again| again.status.is_open());
            if !is_open || seen.len() != 1 {
                problem = Some(format!("dropped after {polls} polls: {again:?}, {seen:?}"));
            }
            if ended || problem.is_some() {
                break;
            }
        }
        let kept = problem.is_none();
        self.found.point("after_a_dropped_call_it_is_opened_or_adopted", kept, || problem.unwrap_or_default());
    }

    async fn lost_answer(&mut self) {
        const POINTS: [&str; 3] =
            ["a_lost_answer_is_transient", "after_a_lost_answer_it_is_found", "after_a_lost_answer_it_is_adopted"];
        self.harness.fresh().await;
        if !self.bring_about(Situation::AnswerLost, &POINTS).await {
            return;
        }
        let [transient, found, adopted] = POINTS;
        let lost = self.open().await;
        // A sink that looks by itself may have found it already.
        let honest = lost.as_ref().err().is_none_or(AdapterError::is_transient);
        self.found.point(transient, honest, || format!("{lost:?}"));
        let looked = self.find().await;
        let is_found = matches!(&looked, Ok(Some(there)) if there.status.is_open());
        self.found.point(found, is_found, || format!("{looked:?}"));
        let again = self.open().await;
        let seen = self.harness.pull_requests().await;
        let is_adopted = again.is_ok() && seen.len() == 1;
        self.found.point(adopted, is_adopted, || format!("{again:?}, {seen:?}"));
    }

    async fn lost_race(&mut self) {
        const POINTS: [&str; 2] = ["a_lost_race_is_no_failure", "after_a_lost_race_it_is_adopted"];
        self.harness.fresh().await;
        if !self.bring_about(Situation::RaceLost, &POINTS).await {
            return;
        }
        let [honest, adopted] = POINTS;
        let raced = self.open().await;
        let is_honest = raced.as_ref().err().is_none_or(AdapterError::is_transient);
        self.found.point(honest, is_honest, || format!("{raced:?}"));
        let again = self.open().await;
        let seen = self.harness.pull_requests().await;
        self.found.point(adopted, again.is_ok() && seen.len() == 1, || format!("{again:?}, {seen:?}"));
    }

    /// A forge that does not answer, or never stops: the sink gives up, or its caller does.
    async fn endures(&mut self, situation: Situation, point: &'static str) {
        self.harness.fresh().await;
        if !self.bring_about(situation, &[point]).await {
            return;
        }
        let given_up = first_of(pin!(self.open()), pin!(self.harness.patience())).await;
        let honest = match &given_up {
            Some(Err(error)) => error.is_transient(),
            Some(Ok(_)) | None => true,
        };
        let again = self.open().await;
        let seen = self.harness.pull_requests().await;
        let one = again.is_ok() && seen.len() == 1;
        self.found.point(point, honest && one, || format!("{given_up:?}, then {again:?}, {seen:?}"));
    }

    async fn decided(&mut self, situation: Situation, status: PrStatus, points: Decided) {
        self.harness.fresh().await;
        if let Err(error) = self.open().await {
            self.found.point("a_fresh_forge_takes_it", false, || format!("{error:?}"));
            return;
        }
        if !self.bring_about(situation, &points).await {
            return;
        }
        let [reported, left_alone, reported_without, left_alone_without] = points;
        self.is_told(status, reported, left_alone).await;
        if self.bring_about(Situation::BranchDeleted, &[reported_without, left_alone_without]).await {
            self.is_told(status, reported_without, left_alone_without).await;
        }
    }

    async fn is_told(&mut self, status: PrStatus, reported: &'static str, left_alone: &'static str) {
        let before = self.harness.pull_requests().await;
        let (again, looked) = (self.open().await, self.find().await);
        let has_status = |answer: &PullRequest| answer.status == status;
        let told = again.as_ref().is_ok_and(has_status)
            && looked.as_ref().is_ok_and(|looked| looked.as_ref().is_some_and(has_status));
        self.found.point(reported, told, || format!("opened: {again:?}, found: {looked:?}"));
        let after = self.harness.pull_requests().await;
        self.found.point(left_alone, after == before, || format!("{after:?}"));
    }

    async fn occupied(&mut self) {
        const POINTS: [&str; 3] =
            ["a_foreign_branch_is_an_error", "a_foreign_branch_is_not_found", "a_foreign_branch_is_not_touched"];
        self.harness.fresh().await;
        if !self.bring_about(Situation::Occupied, &POINTS).await {
            return;
        }
        let [error, not_found, not_touched] = POINTS;
        let answer = self.open().await;
        let is_permanent = answer.as_ref().is_err_and(|error| !error.is_transient());
        self.found.point(error, is_permanent, || format!("{answer:?}"));
        let looked = self.find().await;
        self.found.point(not_found, !matches!(looked, Ok(Some(_))), || format!("{looked:?}"));
        let seen = self.harness.pull_requests().await;
        self.found.point(not_touched, seen.is_empty(), || format!("{seen:?}"));
    }

    async fn stale(&mut self) {
        const POINT: &str = "a_stale_base_is_reported_or_kept";
        self.harness.fresh().await;
        if !self.bring_about(Situation::BaseMoved, &[POINT]).await {
            return;
        }
        let answer = self.open().await;
        let told = match &answer {
            Ok(_) => {
                let seen = self.harness.pull_requests().await;
                seen.iter().all(|seen| seen.base_commit == self.change.draft().base_commit)
            }
            Err(error) => error.kind() == AdapterErrorKind::StaleBase,
        };
        self.found.point(POINT, told, || format!("{answer:?}"));
    }

    /// What is open stays the run's, wherever its base goes.
    async fn stale_beside_ours(&mut self) {
        const POINTS: [&str; 2] = ["on_a_stale_base_what_is_open_is_found", "on_a_stale_base_what_is_open_is_adopted"];
        self.harness.fresh().await;
        let opened = self.open().await;
        if !self.bring_about(Situation::BaseMoved, &POINTS).await {
            return;
        }
        let [found, adopted] = POINTS;
        let looked = self.find().await;
        let is_found = same_answer(looked.as_ref().ok().and_then(Option::as_ref), opened.as_ref().ok());
        self.found.point(found, is_found, || format!("{opened:?}, then {looked:?}"));
        let again = self.open().await;
        let is_adopted = same_answer(again.as_ref().ok(), opened.as_ref().ok());
        self.found.point(adopted, is_adopted, || format!("{opened:?}, then {again:?}"));
    }
}

/// The same pull request; a forge gives labels in an order of its own.
fn same_answer(one: Option<&PullRequest>, other: Option<&PullRequest>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    let parts = |answer: &PullRequest| {
        (answer.status, answer.branch.clone(), answer.url.clone(), answer.commit.clone(), sorted(&answer.labels))
    };
    parts(one) == parts(other)
}

fn sorted(labels: &[String]) -> Vec<String> {
    let mut labels = labels.to_vec();
    labels.sort();
    labels
}
