//! What can happen in a run.

use fix_patch::{Finding, Patch, PatchStats};
use fix_plan::{Failure, Finish, Log, Next, ValueError, Violation};
use fix_policy::Decision;
use serde::{Deserialize, Serialize};

use crate::attestation::Attestation;
use crate::outcome::OutcomeCode;
use crate::port::{PullRequest, RawPlan, Report, Usage, Verdict};

use super::terms::Terms;

/// One thing that happened, with everything needed to understand it later and to
/// derive the next step again.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Event {
    /// The run began.
    Started {
        /// The failure it is about.
        failure: FailureRecord,
        /// What decides it.
        terms: Terms,
    },
    /// The run goes on under other terms than before: a new version or policy, another configuration. What
    /// was decided before is derived again and compared.
    Resumed {
        /// What decides it from here on.
        terms: Terms,
    },
    /// The failure was looked for in the sandbox.
    BaselineChecked {
        /// What the check showed; the last one, when it was repeated.
        report: Report,
        /// How each repetition ended, the one reported included.
        verdicts: Vec<Verdict>,
    },
    /// A plan source answered.
    PlanProposed {
        /// The question and the answer.
        round: AskedRound,
    },
    /// The policy judged the plan.
    PlanReviewed {
        /// The canonical JSON of the plan.
        plan: String,
        /// Its SHA-256.
        digest: String,
        /// The decision.
        decision: Decision,
    },
    /// A patch was generated and proven.
    PatchGenerated {
        /// The unified diff.
        diff: String,
        /// Its SHA-256.
        digest: String,
        /// How much it changes.
        stats: StatsRecord,
        /// What a reviewer should know.
        findings: Vec<FindingRecord>,
    },
    /// The policy judged the patch.
    PatchReviewed {
        /// The decision.
        decision: Decision,
    },
    /// The patched tree was checked.
    Validated {
        /// What the check showed; the last one, when it was repeated.
        report: Report,
        /// How each repetition ended, the one reported included.
        verdicts: Vec<Verdict>,
    },
    /// The forge is about to be asked.
    PrOpening {
        /// What it is asked for.
        announcement: Announcement,
        /// What the run proves. A signature may come out otherwise each time: this one is published.
        attestation: Attestation,
    },
    /// The pull request is open.
    PrOpened {
        /// As the forge knows it.
        pull_request: PullRequest,
    },
    /// The forge has the pull request, and a person decided about it: it is closed or merged.
    PrDecided {
        /// As the forge knows it.
        pull_request: PullRequest,
    },
    /// The run ended without a pull request.
    Stopped {
        /// Why.
        code: OutcomeCode,
        /// Why, for a person.
        message: String,
    },
}

impl Event {
    /// The stable name, `snake_case`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Resumed { .. } => "resumed",
            Self::BaselineChecked { .. } => "baseline_checked",
            Self::PlanProposed { .. } => "plan_proposed",
            Self::PlanReviewed { .. } => "plan_reviewed",
            Self::PatchGenerated { .. } => "patch_generated",
            Self::PatchReviewed { .. } => "patch_reviewed",
            Self::Validated { .. } => "validated",
            Self::PrOpening { .. } => "pr_opening",
            Self::PrOpened { .. } => "pr_opened",
            Self::PrDecided { .. } => "pr_decided",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// The terms that hold from here on, where it says so.
    pub(crate) fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Started { terms, .. } | Self::Resumed { terms } => Some(terms),
            _ => None,
        }
    }

    pub(crate) fn patch_generated(patch: &Patch) -> Self {
        Self::PatchGenerated {
            diff: patch.diff().to_owned(),
            digest: patch.digest().to_string(),
            stats: patch.stats().into(),
            findings: patch.findings().iter().map(FindingRecord::from).collect(),
        }
    }
}

/// What a forge is about to be asked for: stored before, so that whoever comes after a crash knows what
/// may be there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Announcement {
    /// The branch: a function of the run.
    pub branch: String,
    /// The branch to merge into.
    pub base_branch: String,
    /// The commit that the branch starts from.
    pub base_commit: String,
    /// The tree that it publishes.
    pub tree: String,
    /// The SHA-256 of everything else that is published: title, body, labels, commit message and time.
    pub draft: String,
}

/// A question to a plan source, and its answer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AskedRound {
    /// 0 for the first question, then 1 for each repair.
    pub round: u32,
    /// Who answered.
    pub source: String,
    /// The answer, as it came.
    pub text: String,
    /// How it ended.
    pub finish: FinishRecord,
    /// What it cost, as far as the source says.
    pub usage: Usage,
    /// What is wrong with it; empty when it is a valid plan.
    pub violations: Vec<ViolationRecord>,
    /// Whether the source may be asked again: not after a refusal, a suspicious answer or the same one twice.
    pub repairable: bool,
}

impl AskedRound {
    /// The answer, as it came.
    pub(crate) fn answer(&self) -> RawPlan {
        RawPlan::new(self.source.clone(), self.text.clone()).with_finish(self.finish.into()).with_usage(self.usage)
    }

    pub(crate) fn new(round: u32, answer: RawPlan, next: &Next) -> Self {
        let violations = match next {
            Next::Plan(_) => &[],
            Next::Repair(error) | Next::GiveUp(error) => error.violations(),
        };
        Self {
            round,
            source: answer.source,
            text: answer.text,
            finish: answer.finish.into(),
            usage: answer.usage,
            repairable: matches!(next, Next::Repair(_)),
            violations: violations.iter().map(ViolationRecord::from).collect(),
        }
    }
}

/// How an answer ended, as stored.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the same as what is stored")]
pub enum FinishRecord {
    /// By itself.
    Complete,
    /// At the limit of its length.
    Truncated,
    /// With a refusal.
    Refused,
}

impl From<Finish> for FinishRecord {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Complete => Self::Complete,
            Finish::Truncated => Self::Truncated,
            Finish::Refused => Self::Refused,
        }
    }
}

impl From<FinishRecord> for Finish {
    fn from(record: FinishRecord) -> Self {
        match record {
            FinishRecord::Complete => Self::Complete,
            FinishRecord::Truncated => Self::Truncated,
            FinishRecord::Refused => Self::Refused,
        }
    }
}

/// A violation of the plan contract, as stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ViolationRecord {
    /// Where: a JSON pointer.
    pub pointer: String,
    /// Which rule.
    pub code: String,
    /// What is wrong.
    pub message: String,
}

impl From<&Violation> for ViolationRecord {
    fn from(violation: &Violation) -> Self {
        Self {
            pointer: violation.pointer.clone(),
            code: violation.code.as_str().to_owned(),
            message: violation.message.clone(),
        }
    }
}

/// A failure, as stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FailureRecord {
    /// See [`Failure::event_id`].
    pub event_id: String,
    /// See [`Failure::repository`].
    pub repository: String,
    /// See [`Failure::commit`].
    pub commit: String,
    /// See [`Failure::branch`].
    pub branch: String,
    /// See [`Failure::failed_at_s`].
    pub failed_at_s: i64,
    /// See [`Failure::job`].
    pub job: Option<String>,
    /// See [`Failure::log`], without secrets.
    pub log: String,
}

impl From<&Failure> for FailureRecord {
    fn from(failure: &Failure) -> Self {
        Self {
            event_id: failure.event_id.to_string(),
            repository: failure.repository.clone(),
            commit: failure.commit.to_string(),
            branch: failure.branch.to_string(),
            failed_at_s: failure.failed_at_s,
            job: failure.job.clone(),
            log: failure.log.as_str().to_owned(),
        }
    }
}

impl TryFrom<&FailureRecord> for Failure {
    type Error = ValueError;

    fn try_from(record: &FailureRecord) -> Result<Self, ValueError> {
        Ok(Self::new(
            record.event_id.parse()?,
            record.repository.clone(),
            record.commit.parse()?,
            record.branch.parse()?,
            record.failed_at_s,
            Log::from(record.log.as_str()),
        )
        .with_job(record.job.clone()))
    }
}

/// The size of a patch, as stored.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "four numbers are the contract")]
pub struct StatsRecord {
    /// Files changed.
    pub files: u64,
    /// Lines added.
    pub lines_added: u64,
    /// Lines removed.
    pub lines_removed: u64,
    /// Length of the diff in bytes.
    pub bytes: u64,
}

impl From<PatchStats> for StatsRecord {
    fn from(stats: PatchStats) -> Self {
        let PatchStats { files, lines_added, lines_removed, bytes } = stats;
        Self { files, lines_added, lines_removed, bytes }
    }
}

/// A finding about a patch, as stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FindingRecord {
    /// Which kind.
    pub code: String,
    /// The file.
    pub file: String,
    /// What it is.
    pub message: String,
}

impl From<&Finding> for FindingRecord {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.as_str().to_owned(),
            file: finding.file.to_string(),
            message: finding.message.clone(),
        }
    }
}
