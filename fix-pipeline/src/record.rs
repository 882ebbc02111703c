//! A run as people ask for it: the journal, folded.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::journal::{Entry, Event, StatsRecord};
use crate::outcome::{self, Outcome, OutcomeCode};
use crate::port::{CommandRecord, PullRequest, Report};
use crate::run::RunId;
use fix_policy::Decision;

/// The columns of a run: what a store keeps beside the journal, so that runs can be queried.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RunRecord {
    /// The event that the run is about.
    pub event_id: Option<String>,
    /// The repository of the failure.
    pub repository: Option<String>,
    /// The commit that failed.
    pub commit: Option<String>,
    /// Where the run is.
    pub status: RunStatus,
    /// The canonical JSON of the plan.
    pub plan_json: Option<String>,
    /// The decision about the plan.
    pub plan_policy: Option<Decision>,
    /// The diff.
    pub patch_diff: Option<String>,
    /// The size of the patch.
    pub patch_stats: Option<StatsRecord>,
    /// The decision about the patch.
    pub patch_policy: Option<Decision>,
    /// The check of the untouched commit.
    pub baseline: Option<Report>,
    /// The check of the patched tree.
    pub validation: Option<Report>,
    /// The pull request.
    pub pull_request: Option<PullRequest>,
    /// Why there is no open pull request, for a person.
    pub error: Option<String>,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a run goes on or is over")]
pub enum RunStatus {
    /// It goes on, or waits to be resumed.
    #[default]
    Running,
    /// It is over.
    Ended(OutcomeCode),
}

impl RunStatus {
    /// The stable name: `running`, or that of the outcome.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended(code) => code.as_str(),
        }
    }
}

impl RunRecord {
    /// Folds a journal.
    #[must_use]
    pub fn fold<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Self {
        let mut record = Self::default();
        for entry in entries {
            record.apply(entry.event());
        }
        record
    }

    /// Takes in what happened next.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { failure, .. } => {
                self.event_id = Some(failure.event_id.clone());
                self.repository = Some(failure.repository.clone());
                self.commit = Some(failure.commit.clone());
            }
            Event::BaselineChecked { report, .. } => self.baseline = Some(report.clone()),
            Event::Resumed { .. } | Event::PlanProposed { .. } | Event::PrOpening { .. } => {}
            Event::PlanReviewed { plan, decision, .. } => {
                self.plan_json = Some(plan.clone());
                self.plan_policy = Some(decision.clone());
            }
            Event::PatchGenerated { diff, stats, .. } => {
                self.patch_diff = Some(diff.clone());
                self.patch_stats = Some(*stats);
            }
            Event::PatchReviewed { decision } => self.patch_policy = Some(decision.clone()),
            Event::Validated { report, .. } => self.validation = Some(report.clone()),
            Event::PrOpened { pull_request } => {
                self.pull_request = Some(pull_request.clone());
                self.status = RunStatus::Ended(OutcomeCode::Opened);
            }
            Event::PrDecided { pull_request } => {
                let (code, message) = outcome::of_decided(pull_request);
                self.pull_request = Some(pull_request.clone());
                self.error = Some(message);
                self.status = RunStatus::Ended(code);
            }
            Event::Stopped { code, message } => {
                self.error = Some(message.clone());
                self.status = RunStatus::Ended(*code);
            }
        }
    }

    /// How the run ended; `None` while it goes on.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match (self.status, &self.pull_request) {
            (RunStatus::Running, _) => None,
            (RunStatus::Ended(OutcomeCode::Opened), Some(pull_request)) => Some(Outcome::Opened(pull_request.clone())),
            (RunStatus::Ended(code), _) => {
                Some(Outcome::Stopped { code, message: self.error.clone().unwrap_or_default() })
            }
        }
    }

    /// The report that a run prints.
    #[must_use]
    pub fn report(&self, run: RunId) -> RunReport {
        let policy = |decision: &Decision| PolicySummary {
            allowed: decision.allowed,
            danger_score: decision.danger_score,
            pr_label: decision.pr_label.as_str(),
        };
        RunReport {
            event_id: self.event_id.clone().unwrap_or_default(),
            run_id: run.to_string(),
            status: self.status.as_str(),
            error: self.error.clone(),
            plan: self.plan_json.clone().and_then(|json| RawValue::from_string(json).ok()),
            plan_policy: self.plan_policy.as_ref().map(policy),
            patch_stats: self.patch_stats,
            patch_policy: self.patch_policy.as_ref().map(policy),
            validation: self
                .validation
                .as_ref()
                .map(|report| ValidationSummary { status: report.status.as_str(), tests_failed: report.tests_failed }),
            proof: self.baseline.as_ref().map(|baseline| ProofSummary {
                baseline: CheckSummary::of(baseline),
                validation: self.validation.as_ref().map(CheckSummary::of),
            }),
            pr: self
                .pull_request
                .as_ref()
                .map(|pull_request| PrSummary { status: pull_request.status, labels: pull_request.labels.clone() }),
        }
    }
}

/// A run in a few lines of JSON. What has not happened is `null`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RunReport {
    /// The event.
    pub event_id: String,
    /// The run.
    pub run_id: String,
    /// `running`, or the code of the outcome.
    pub status: &'static str,
    /// Why there is no pull request.
    pub error: Option<String>,
    /// The plan.
    pub plan: Option<Box<RawValue>>,
    /// The decision about the plan.
    pub plan_policy: Option<PolicySummary>,
    /// The size of the patch.
    pub patch_stats: Option<StatsRecord>,
    /// The decision about the patch.
    pub patch_policy: Option<PolicySummary>,
    /// The check of the patched tree.
    pub validation: Option<ValidationSummary>,
    /// Both checks, with what they ran.
    pub proof: Option<ProofSummary>,
    /// The pull request.
    pub pr: Option<PrSummary>,
}

/// A decision in three words.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PolicySummary {
    /// Whether it may go on.
    pub allowed: bool,
    /// From 0 to 100.
    pub danger_score: u8,
    /// `safe` or `needs-review`.
    pub pr_label: &'static str,
}

/// A check in two words.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ValidationSummary {
    /// The name of a [`CheckStatus`](crate::CheckStatus).
    pub status: &'static str,
    /// Checks that failed.
    pub tests_failed: u64,
}

/// Red, then green.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProofSummary {
    /// The check of the untouched commit.
    pub baseline: CheckSummary,
    /// The check of the patched tree.
    pub validation: Option<CheckSummary>,
}

/// A check, without what it printed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CheckSummary {
    /// The name of a [`CheckStatus`](crate::CheckStatus).
    pub status: &'static str,
    /// Checks that ran.
    pub tests_run: u64,
    /// Those of them that failed.
    pub tests_failed: u64,
    /// [`Report::tests_failing`].
    pub tests_failing: Vec<String>,
    /// [`Report::fingerprint`].
    pub fingerprint: String,
    /// The commands, in the order they ran.
    pub commands: Vec<CommandRecord>,
    /// What held them.
    pub sandbox: String,
}

impl CheckSummary {
    fn of(report: &Report) -> Self {
        Self {
            status: report.status.as_str(),
            tests_run: report.tests_run,
            tests_failed: report.tests_failed,
            tests_failing: report.tests_failing.clone(),
            fingerprint: report.fingerprint(),
            commands: report.commands.clone(),
            sandbox: report.sandbox.clone(),
        }
    }
}

/// A pull request in two words.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PrSummary {
    /// Its state.
    pub status: crate::port::PrStatus,
    /// Its labels.
    pub labels: Vec<String>,
}
