//! Adapters that do what a test says.

use std::sync::Mutex;

use fix_adapters::repository::Repository;
use fix_pipeline::{
    AdapterError, CheckStatus, PlanRequest, PlanSource, PrSink, PullRequest, RawPlan, Report, RunContext, Subject,
    Validated, Validator,
};
use mockall::mock;

/// Answers with these texts, one a round.
#[derive(Debug, Default)]
pub struct Canned {
    answers: Mutex<Vec<String>>,
}

impl Canned {
    /// Answers with `answers`, first to last.
    #[must_use]
    pub fn new(answers: &[&str]) -> Self {
        Self { answers: Mutex::new(answers.iter().rev().map(|&answer| answer.to_owned()).collect()) }
    }
}

impl PlanSource for Canned {
    async fn propose(&self, _: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        let answer = self.answers.lock().ok().and_then(|mut answers| answers.pop());
        let nothing =
            || AdapterError::new(fix_pipeline::AdapterErrorKind::NothingToPropose, "answer", "no answers are left");
        answer.map(|text| RawPlan::new("canned", text)).ok_or_else(nothing)
    }
}

/// Ends each check as it is told, and names the tree that a real validator would check.
#[derive(Debug)]
pub struct Scripted {
    repository: Repository,
    baseline: CheckStatus,
    patched: CheckStatus,
}

impl Scripted {
    /// Ends the baseline and the patched check so.
    #[must_use]
    pub fn new(repository: Repository, baseline: CheckStatus, patched: CheckStatus) -> Self {
        Self { repository, baseline, patched }
    }

    /// Red, then green.
    #[must_use]
    pub fn mended(repository: Repository) -> Self {
        Self::new(repository, CheckStatus::Failed, CheckStatus::Passed)
    }
}

impl Validator for Scripted {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let commit = &run.failure.commit;
        Ok(match subject {
            Subject::Baseline => {
                Report::new(self.baseline, self.repository.snapshot(commit)?.tree_id()).with_tests(2, 1)
            }
            Subject::Patched(patch) => {
                let snapshot = self.repository.patched(commit, patch.get())?;
                Report::new(self.patched, snapshot.tree_id()).with_tests(2, 0)
            }
        })
    }
}

mock! {
    /// A sink for which "it was never called" can be said.
    #[derive(Debug)]
    pub Sink {}

    impl PrSink for Sink {
        fn open(&self, run: &RunContext, change: &Validated) -> impl Future<Output = Result<PullRequest, AdapterError>> + Send;
    }
}

mock! {
    /// A plan source for which "it was never asked" can be said.
    #[derive(Debug)]
    pub Source {}

    impl PlanSource for Source {
        fn propose<'r>(&self, request: PlanRequest<'r>) -> impl Future<Output = Result<RawPlan, AdapterError>> + Send;
    }
}
