//! How a run can end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::port::{CheckStatus, PullRequest};

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
    /// The project or its repository is of no kind that an adapter supports.
    Unsupported => "unsupported",
    /// A resumed run derived something else than before: policy, engine or adapters changed.
    Changed => "changed",
    /// An adapter failed for good.
    AdapterFailed => "adapter_failed",
}

impl fmt::Display for OutcomeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The outcome of a baseline that does not show the failure; `None` when it does.
pub(crate) fn of_baseline(status: CheckStatus) -> Option<(OutcomeCode, &'static str)> {
    match status {
        CheckStatus::Failed => None,
        CheckStatus::Passed => {
            Some((OutcomeCode::AlreadyGreen, "the checks pass without a patch: the failure does not reproduce"))
        }
        CheckStatus::NothingRan => {
            Some((OutcomeCode::NothingRan, "the checks ran no test, so they can't show the failure"))
        }
        CheckStatus::PrepareFailed => {
            Some((OutcomeCode::BaselinePrepareFailed, "the dependencies of the failing commit can't be installed"))
        }
        CheckStatus::TimedOut => Some((OutcomeCode::TimedOut, "the checks of the failing commit took too long")),
        CheckStatus::Killed | CheckStatus::OutputCut => {
            Some((OutcomeCode::BaselineUnusable, "the checks of the failing commit were ended by a limit"))
        }
    }
}

/// The outcome of a patched tree that does not pass; `None` when it does.
pub(crate) fn of_patched(status: CheckStatus) -> Option<(OutcomeCode, &'static str)> {
    match status {
        CheckStatus::Passed => None,
        CheckStatus::Failed => Some((OutcomeCode::ValidationFailed, "the checks still fail with the patch")),
        CheckStatus::NothingRan => Some((OutcomeCode::NothingRan, "the checks ran no test with the patch")),
        CheckStatus::PrepareFailed => {
            Some((OutcomeCode::ValidationFailed, "the dependencies can't be installed with the patch"))
        }
        CheckStatus::TimedOut => Some((OutcomeCode::TimedOut, "the checks took too long with the patch")),
        CheckStatus::Killed | CheckStatus::OutputCut => {
            Some((OutcomeCode::ValidationFailed, "the checks were ended by a limit with the patch"))
        }
    }
}
