//! A validator that sees what it is told.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{AdapterError, AdapterErrorKind};
use crate::port::{CheckStatus, CommandRecord, Phase, Report, Subject, Validator};
use crate::run::RunContext;

/// Ends the baseline and the patched check as a test says, and counts them.
#[derive(Debug)]
pub struct FakeValidator {
    baseline: CheckStatus,
    patched: CheckStatus,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: VecDeque<Result<CheckStatus, AdapterErrorKind>>,
    baselines: usize,
    patched: usize,
}

impl FakeValidator {
    /// Ends every baseline and every patched check so.
    #[must_use]
    pub fn new(baseline: CheckStatus, patched: CheckStatus) -> Self {
        Self { baseline, patched, state: Mutex::default() }
    }

    /// A failure that the patch mends.
    #[must_use]
    pub fn red_then_green() -> Self {
        Self::new(CheckStatus::Failed, CheckStatus::Passed)
    }

    /// Ends the next check so, whatever its subject; then the ones after.
    pub fn then(&self, status: Result<CheckStatus, AdapterErrorKind>) {
        self.state().next.push_back(status);
    }

    /// How many baselines, and how many patched trees, were checked.
    #[must_use]
    pub fn checks(&self) -> (usize, usize) {
        let state = self.state();
        (state.baselines, state.patched)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Validator for FakeValidator {
    async fn validate(&self, _: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let mut state = self.state();
        let (usual, tree) = match subject {
            Subject::Baseline => {
                state.baselines += 1;
                (self.baseline, "base".to_owned())
            }
            Subject::Patched(patch) => {
                state.patched += 1;
                (self.patched, format!("base with {}", patch.get().digest()))
            }
        };
        let status = state.next.pop_front().unwrap_or(Ok(usual));
        let status = status.map_err(|kind| AdapterError::new(kind, "check", "as the test says"))?;
        let tests_run = if status == CheckStatus::NothingRan { 0 } else { 2 };
        let mut report = Report::new(status, tree).with_tests(tests_run, u64::from(status == CheckStatus::Failed));
        let exit_code = match status {
            CheckStatus::Passed | CheckStatus::NothingRan => Some(0),
            CheckStatus::Failed => Some(1),
            _ => None,
        };
        let command = "python -m pytest".to_owned();
        report.commands.push(CommandRecord { phase: Phase::Check, command, exit_code, duration_ms: 0 });
        Ok(report)
    }
}
