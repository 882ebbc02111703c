//! The contract of a pull request sink.

use std::pin::Pin;

use super::Conformance;
use crate::error::{AdapterError, AdapterErrorKind};
use crate::port::{PrSink, PullRequest};
use crate::run::RunContext;
use crate::testing::join::join_all;
use crate::validated::Validated;

/// What a forge holds, and what can happen to it behind a sink's back.
///
/// The suite asks for a fresh world at each point. What a harness can't bring about it says no to,
/// and the point is left out.
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

    /// A person closes the pull request of `branch`.
    fn close(&mut self, branch: &str) -> impl Future<Output = bool>;

    /// Somebody else makes `branch`, with a commit of theirs.
    fn occupy(&mut self, branch: &str) -> impl Future<Output = bool>;

    /// Somebody pushes to the base branch.
    fn move_base(&mut self) -> impl Future<Output = bool>;

    /// The next pull request is made, and the answer is lost.
    fn lose_next_answer(&mut self) -> impl Future<Output = bool>;
}

/// A pull request, as the forge shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what the contract speaks of")]
pub struct SeenPullRequest {
    /// Its branch.
    pub branch: String,
    /// The tree at the head of its branch.
    pub tree: String,
    /// The commit before the head.
    pub base_commit: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether it is open.
    pub is_open: bool,
}

/// Checks [`PrSink`]'s contract with one validated change.
pub async fn pr_sink(harness: &mut impl ForgeHarness, run: &RunContext, change: &Validated) -> Conformance {
    let mut found = Conformance::default();
    opens_one(harness, run, change, &mut found).await;
    concurrent(harness, run, change, &mut found).await;
    lost_answer(harness, run, change, &mut found).await;
    closed(harness, run, change, &mut found).await;
    occupied(harness, run, change, &mut found).await;
    stale(harness, run, change, &mut found).await;
    found
}

async fn opens_one(harness: &mut impl ForgeHarness, run: &RunContext, change: &Validated, found: &mut Conformance) {
    harness.fresh().await;
    let base = harness.base().await;
    let draft = change.draft();
    let opened = harness.sink().open(run, change).await;
    found.point("a_validated_change_is_opened", opened.is_ok(), || format!("{opened:?}"));
    let seen = harness.pull_requests().await;
    let [one] = seen.as_slice() else {
        found.point("there_is_one_pull_request", false, || format!("{seen:?}"));
        return;
    };
    found.point("the_branch_is_the_runs", one.branch == draft.branch, || one.branch.clone());
    found.point("the_validated_tree_is_published", one.tree == change.tree(), || one.tree.clone());
    found.point("it_starts_at_the_validated_commit", one.base_commit == draft.base_commit, || one.base_commit.clone());
    let as_it_is = one.title == draft.title && one.body == draft.body;
    found.point("texts_are_published_as_they_are", as_it_is, || format!("{one:?}"));
    found.point("labels_are_set", one.labels == draft.labels, || format!("{:?}", one.labels));
    found.point("it_is_open", one.is_open, || format!("{one:?}"));
    found.point("nothing_is_merged", harness.base().await == base, || "the base branch moved".to_owned());
    let again = harness.sink().open(run, change).await;
    let same = matches!((&again, &opened), (Ok(again), Ok(opened)) if again == opened);
    found.point("asked_again_it_answers_the_same", same, || format!("{opened:?}, then {again:?}"));
    let seen_again = harness.pull_requests().await;
    found.point("asked_again_it_changes_nothing", seen_again == seen, || format!("{seen_again:?}"));
}

async fn concurrent(harness: &mut impl ForgeHarness, run: &RunContext, change: &Validated, found: &mut Conformance) {
    harness.fresh().await;
    let sink = harness.sink();
    let mut calls = Vec::new();
    for _ in 0..2 {
        let call: Pin<Box<dyn Future<Output = Result<PullRequest, AdapterError>> + Send + '_>> =
            Box::pin(sink.open(run, change));
        calls.push(call);
    }
    let answers = join_all(calls).await;
    let seen = harness.pull_requests().await;
    let one_won = answers.iter().any(Result::is_ok) || {
        // Both may have been told to come back; the next call settles it.
        harness.sink().open(run, change).await.is_ok()
    };
    found.point("two_at_once_open_one", seen.len() <= 1 && one_won, || format!("{answers:?}, {seen:?}"));
}

async fn lost_answer(harness: &mut impl ForgeHarness, run: &RunContext, change: &Validated, found: &mut Conformance) {
    harness.fresh().await;
    if !harness.lose_next_answer().await {
        return;
    }
    let lost = harness.sink().open(run, change).await;
    let honest = lost.as_ref().err().is_none_or(AdapterError::is_transient);
    found.point("a_lost_answer_is_transient", honest, || format!("{lost:?}"));
    let again = harness.sink().open(run, change).await;
    let seen = harness.pull_requests().await;
    let adopted = again.is_ok() && seen.len() == 1;
    found.point("after_a_lost_answer_it_is_adopted", adopted, || format!("{again:?}, {seen:?}"));
}

async fn closed(harness: &mut impl ForgeHarness, run: &RunContext, change: &Validated, found: &mut Conformance) {
    harness.fresh().await;
    if let Err(error) = harness.sink().open(run, change).await {
        found.point("a_fresh_forge_takes_it", false, || format!("{error:?}"));
        return;
    }
    if !harness.close(&change.draft().branch).await {
        return;
    }
    let before = harness.pull_requests().await;
    let again = harness.sink().open(run, change).await;
    let told = matches!(&again, Err(error) if error.kind() == AdapterErrorKind::ClosedByPerson);
    found.point("a_closed_one_is_reported", told, || format!("{again:?}"));
    let after = harness.pull_requests().await;
    found.point("a_closed_one_is_left_alone", after == before, || format!("{after:?}"));
}

async fn occupied(harness: &mut impl ForgeHarness, run: &RunContext, change: &Validated, found: &mut Conformance) {
    harness.fresh().await;
    if !harness.occupy(&change.draft().branch).await {
        return;
    }
    let answer = harness.sink().open(run, change).await;
    found.point("a_foreign_branch_is_an_error", answer.is_err(), || format!("{answer:?}"));
    let seen = harness.pull_requests().await;
    found.point("a_foreign_branch_is_not_touched", seen.is_empty(), || format!("{seen:?}"));
}

async fn stale(harness: &mut impl ForgeHarness, run: &RunContext, change: &Validated, found: &mut Conformance) {
    harness.fresh().await;
    if !harness.move_base().await {
        return;
    }
    let answer = harness.sink().open(run, change).await;
    let told = match &answer {
        Ok(_) => harness.pull_requests().await.iter().all(|seen| seen.base_commit == change.draft().base_commit),
        Err(error) => error.kind() == AdapterErrorKind::StaleBase,
    };
    found.point("a_stale_base_is_reported_or_kept", told, || format!("{answer:?}"));
}
