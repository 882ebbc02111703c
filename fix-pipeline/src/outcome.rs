//! How a run can end.

use std::collections::BTreeSet;
use std::fmt;

use fix_plan::Log;
use fix_policy::Denied;
use serde::{Deserialize, Serialize};

use crate::port::{CheckStatus, Phase, PrStatus, PullRequest, Report, Verdict, symptoms};

/// The end of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a run ends with a pull request or without")]
pub enum Outcome {
    /// A pull request is open.
    Opened(PullRequest),
    /// There is none, for a reason.
    Stopped {
        /// Why, stable.
        code: OutcomeCode,
        /// Why, for a person.
        message: String,
    },
}

impl Outcome {
    /// The code.
    #[must_use]
    pub fn code(&self) -> OutcomeCode {
        match self {
            Self::Opened(_) => OutcomeCode::Opened,
            Self::Stopped { code, .. } => *code,
        }
    }
}

macro_rules! outcome_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)+) => {
        /// Every way a run can end. [`as_str`](OutcomeCode::as_str) is stable; new ones may be added.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum OutcomeCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl OutcomeCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, `snake_case`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }
    };
}

outcome_codes! {
    /// A pull request is open.
    Opened => "opened",
    /// The baseline passes: there is nothing to mend.
    AlreadyGreen => "already_green",
    /// The baseline could not be checked: its dependencies can't be installed.
    BaselinePrepareFailed => "baseline_prepare_failed",
    /// The baseline ended in another way than a failing check: killed, or cut.
    BaselineUnusable => "baseline_unusable",
    /// The commands ran no test, in the baseline or in the patched tree.
    NothingRan => "nothing_ran",
    /// The check took too long.
    TimedOut => "timed_out",
    /// The baseline fails, for other reasons than the log of the failure tells.
    DifferentFailure => "different_failure",
    /// Repeated, the same check of the same tree ended differently.
    Flaky => "flaky",
    /// The plan source has nothing to propose.
    NoPlan => "no_plan",
    /// No valid plan, within the allowed repairs.
    PlanInvalid => "plan_invalid",
    /// No generator exists for what the plan wants.
    PlanUnsupported => "plan_unsupported",
    /// The policy denied the plan.
    PlanDenied => "plan_denied",
    /// Everything is already as the plan wants it.
    NoChange => "no_change",
    /// The plan can't be turned into a patch safely.
    PatchRefused => "patch_refused",
    /// A generated patch failed its own proof: a bug, caught.
    ProofFailed => "proof_failed",
    /// The policy denied the patch.
    PatchDenied => "patch_denied",
    /// The patched tree does not pass.
    ValidationFailed => "validation_failed",
    /// Fewer tests ran with the patch than without.
    FewerTests => "fewer_tests",
    /// The base branch moved on.
    StaleBase => "stale_base",
    /// A person closed the pull request of this run.
    ClosedByPerson => "closed_by_person",
    /// A person merged the pull request of this run.
    Merged => "merged",
    /// The project or its repository is of no kind that an adapter supports.
    Unsupported => "unsupported",
    /// A resumed run derived something else than before: policy, engine or adapters changed.
    Changed => "changed",
    /// Given up by whoever schedules runs: its workers crashed too often.
    Abandoned => "abandoned",
    /// An adapter failed for good.
    AdapterFailed => "adapter_failed",
}

impl OutcomeCode {
    /// Whether the run ended with a pull request in sight, open or not: none of these is a bare stop.
    pub(crate) fn is_about_a_pull_request(self) -> bool {
        matches!(self, Self::Opened | Self::ClosedByPerson | Self::Merged)
    }

    /// Whether it follows from what a journal holds, so that it can be derived again. The others say what
    /// an adapter or a person said.
    pub(crate) fn is_derived(self) -> bool {
        !matches!(
            self,
            Self::NoPlan | Self::StaleBase | Self::Unsupported | Self::Changed | Self::Abandoned | Self::AdapterFailed
        )
    }
}

impl fmt::Display for OutcomeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a person decided about a pull request, for a person.
pub(crate) fn of_decided(pull_request: &PullRequest) -> (OutcomeCode, String) {
    let (code, what) = match pull_request.status {
        PrStatus::Merged => (OutcomeCode::Merged, "merged"),
        _ => (OutcomeCode::ClosedByPerson, "closed"),
    };
    let at = pull_request.url.as_deref().unwrap_or(&pull_request.branch);
    (code, format!("a person {what} the pull request of this run, {at}; it is left alone"))
}

/// A plan that nobody can carry out is told from one that must not be.
pub(crate) fn of_denied_plan(denied: &Denied) -> OutcomeCode {
    let unsupported = ["category_unsupported", "operation_unsupported"];
    match denied.decision.violations.iter().any(|violation| unsupported.contains(&violation.code.as_str())) {
        true => OutcomeCode::PlanUnsupported,
        false => OutcomeCode::PlanDenied,
    }
}

/// The tail of an output that is shorter is all of it: validators keep at least so much.
const WHOLE_OUTPUT_BYTES: usize = 4 * 1024;

/// Why a baseline does not show the failure that `log` tells of; `None` when it does.
pub(crate) fn of_baseline(report: &Report, verdicts: &[Verdict], log: &Log) -> Option<(OutcomeCode, String)> {
    let of = |code, message: &str| Some((code, message.to_owned()));
    if let Some(message) = disagreement(verdicts, CheckStatus::Failed) {
        return Some((OutcomeCode::Flaky, format!("without a patch, {message}")));
    }
    match report.status {
        // Green by its commands, whatever it is called.
        CheckStatus::Failed if report.tests_failed == 0 && all_succeeded(report) => {
            of(OutcomeCode::BaselineUnusable, "the validator calls it failed, and reports no command that did")
        }
        CheckStatus::Failed => {
            let (expected, seen) = (symptoms(log), symptoms(&Log::from(report.output_tail.as_str())));
            // A check that says nothing, or more than is kept, may have shown it.
            let is_whole = !report.output_tail.trim().is_empty() && report.output_tail.len() < WHOLE_OUTPUT_BYTES;
            let is_other = expected.is_disjoint(&seen) && (!seen.is_empty() || is_whole);
            (!expected.is_empty() && is_other).then(|| {
                let list = |symptoms: BTreeSet<String>| symptoms.into_iter().collect::<Vec<_>>().join(", ");
                let shown = if seen.is_empty() { "something else".to_owned() } else { list(seen) };
                let message = format!("the log tells of {}; the check fails with {shown}", list(expected));
                (OutcomeCode::DifferentFailure, message)
            })
        }
        CheckStatus::Passed => {
            of(OutcomeCode::AlreadyGreen, "the checks pass without a patch: the failure does not reproduce")
        }
        CheckStatus::NothingRan => {
            of(OutcomeCode::NothingRan, "the checks ran no test, so they can't show the failure")
        }
        CheckStatus::PrepareFailed => {
            of(OutcomeCode::BaselinePrepareFailed, "the dependencies of the failing commit can't be installed")
        }
        CheckStatus::TimedOut => of(OutcomeCode::TimedOut, "the checks of the failing commit took too long"),
        CheckStatus::Killed | CheckStatus::OutOfMemory | CheckStatus::OutputCut => {
            of(OutcomeCode::BaselineUnusable, "the checks of the failing commit were ended by a limit")
        }
    }
}

/// Why a patched tree does not pass; `None` when it does.
pub(crate) fn of_patched(report: &Report, verdicts: &[Verdict], baseline: &Report) -> Option<(OutcomeCode, String)> {
    let of = |code, message: &str| Some((code, message.to_owned()));
    if let Some(message) = disagreement(verdicts, CheckStatus::Passed) {
        return Some((OutcomeCode::Flaky, format!("with the patch, {message}")));
    }
    // Red by one command and green by another proves nothing.
    if report.status == CheckStatus::Passed && checks(baseline) != checks(report) {
        return of(OutcomeCode::Changed, "the commands of the check are not what they were without the patch");
    }
    match report.status {
        CheckStatus::Passed if report.tests_failed > 0 => {
            of(OutcomeCode::ValidationFailed, "the validator calls it passed, and reports failed checks")
        }
        CheckStatus::Passed if report.commands.iter().any(|command| command.exit_code != Some(0)) => {
            of(OutcomeCode::ValidationFailed, "the validator calls it passed, and reports a command that failed")
        }
        CheckStatus::Passed if report.tree.is_empty() || report.tree == baseline.tree => {
            of(OutcomeCode::ValidationFailed, "the validator did not check a patched tree")
        }
        CheckStatus::Passed if report.tests_run == 0 => {
            of(OutcomeCode::NothingRan, "the checks ran no test with the patch")
        }
        CheckStatus::Passed if report.tests_run < baseline.tests_run => {
            let message = format!("{} checks ran with the patch, {} without", report.tests_run, baseline.tests_run);
            Some((OutcomeCode::FewerTests, message))
        }
        CheckStatus::Passed => None,
        CheckStatus::Failed if report.fingerprint() == baseline.fingerprint() => {
            of(OutcomeCode::ValidationFailed, "the checks still fail with the patch, as before")
        }
        CheckStatus::Failed => {
            of(OutcomeCode::ValidationFailed, "the checks fail with the patch, and differently than without")
        }
        CheckStatus::NothingRan => of(OutcomeCode::NothingRan, "the checks ran no test with the patch"),
        CheckStatus::PrepareFailed => {
            of(OutcomeCode::ValidationFailed, "the dependencies can't be installed with the patch")
        }
        CheckStatus::TimedOut => of(OutcomeCode::TimedOut, "the checks took too long with the patch"),
        CheckStatus::Killed | CheckStatus::OutOfMemory | CheckStatus::OutputCut => {
            of(OutcomeCode::ValidationFailed, "the checks were ended by a limit with the patch")
        }
    }
}

/// Whether there are commands that judge, and none of them failed.
fn all_succeeded(report: &Report) -> bool {
    let mut checks = report.commands.iter().filter(|command| command.phase == Phase::Check).peekable();
    checks.peek().is_some() && checks.all(|command| command.exit_code == Some(0))
}

/// The commands that judge.
fn checks(report: &Report) -> Vec<&str> {
    let checks = report.commands.iter().filter(|command| command.phase == Phase::Check);
    checks.map(|command| command.command.as_str()).collect()
}

/// Says how often a repeated check ended in `status`, or that it failed in several ways, when it was not the
/// same every time.
fn disagreement(verdicts: &[Verdict], status: CheckStatus) -> Option<String> {
    let first = verdicts.first()?;
    if verdicts.iter().all(|verdict| first.agrees(verdict)) {
        return None;
    }
    let count = verdicts.iter().filter(|verdict| verdict.status == status).count();
    if count == verdicts.len() {
        let ways: BTreeSet<_> = verdicts.iter().map(|verdict| (&verdict.tree, &verdict.fingerprint)).collect();
        return Some(format!("{count} checks {} in {} different ways", status.as_str(), ways.len()));
    }
    Some(format!("{count} of {} checks ended as {}", verdicts.len(), status.as_str()))
}
