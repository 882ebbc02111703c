//! Adapters that do what a test says.

use fix_adapters::repository::Repository;
use fix_pipeline::{AdapterError, CheckStatus, Phase, Report, RunContext, Subject, Validator};

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
                Report::new(self.baseline, self.repository.snapshot(commit).await?.tree_id()).with_tests(2, 1)
            }
            Subject::Patched(patch) => {
                let snapshot = self.repository.patched(commit, patch.get()).await?;
                Report::new(self.patched, snapshot.tree_id()).with_tests(2, 0)
            }
        })
    }
}

/// The one command of a baseline ends it with `expected`, and with an exit code where it ended by itself.
///
/// # Panics
/// When it ends in another way.
pub async fn assert_ends(validator: &impl Validator, run: &RunContext, expected: CheckStatus) {
    let report = validator.validate(run, Subject::Baseline).await.expect("a verdict");
    assert_eq!(report.status, expected, "{report:?}");
    let last = report.commands.last().expect("a command");
    let exits = matches!(expected, CheckStatus::Failed | CheckStatus::NothingRan);
    assert_eq!((last.phase, last.exit_code.is_some()), (Phase::Check, exits), "{report:?}");
}
