//! What another policy would have decided about the runs of a store.

use fix_pipeline::{AdapterError, AdapterErrorKind, Entry, Event, RunId, RunStore};
use fix_plan::{FixPlan, RepoPath};
use fix_policy::{Decision, Difference, PatchText, PolicyEngine, PolicyViolation, compare};
use serde::Serialize;

use crate::run_store::RunSummary;

/// What changes when one policy replaces another.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Simulation {
    /// How many runs there are.
    pub runs: usize,
    /// The decisions that would be others, run by run.
    pub differences: Vec<RunDifference>,
}

impl Simulation {
    /// How many runs would be decided otherwise.
    #[must_use]
    pub fn otherwise(&self) -> usize {
        let mut runs: Vec<&str> = self.differences.iter().map(|difference| difference.run_id.as_str()).collect();
        runs.dedup();
        runs.len()
    }
}

/// A decision that would be another.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RunDifference {
    /// The run.
    pub run_id: String,
    /// Its repository.
    pub repository: String,
    /// What is decided about: `plan` or `patch`.
    pub what: &'static str,
    /// The decision of the old policy.
    pub old: Decision,
    /// The decision of the new policy.
    pub new: Decision,
    /// The violations that only the old policy finds.
    pub gone: Vec<PolicyViolation>,
    /// The violations that only the new policy finds.
    pub came: Vec<PolicyViolation>,
}

/// Decides about the recorded plan and patch of each of `runs` again, under both policies. The store is only read.
///
/// # Errors
/// Those of the store; and [`AdapterErrorKind::Refused`] for a run whose name is none.
pub async fn simulate(
    store: &impl RunStore,
    runs: &[RunSummary],
    old: &PolicyEngine,
    new: &PolicyEngine,
) -> Result<Simulation, AdapterError> {
    let mut differences = Vec::new();
    for run in runs {
        let id: RunId = run.run_id.parse().map_err(|_| {
            AdapterError::new(AdapterErrorKind::Refused, "simulate a policy", format!("{:?} is no run", run.run_id))
        })?;
        let entries = store.load(id).await?;
        for (what, difference) in Recorded::of(&entries).decided_otherwise(old, new) {
            let Difference { old, new, gone, came, .. } = difference;
            let (run_id, repository) = (run.run_id.clone(), run.repository.clone());
            differences.push(RunDifference { run_id, repository, what, old, new, gone, came });
        }
    }
    Ok(Simulation { runs: runs.len(), differences })
}

/// What a run put before the policy.
#[derive(Default)]
struct Recorded<'e> {
    plan: Option<&'e str>,
    diff: Option<&'e str>,
    stale_lock_files: Vec<RepoPath>,
}

impl<'e> Recorded<'e> {
    fn of(entries: &'e [Entry]) -> Self {
        let mut recorded = Self::default();
        for entry in entries {
            match entry.event() {
                Event::PlanReviewed { plan, .. } => recorded.plan = Some(plan),
                Event::PatchGenerated { diff, findings, .. } => {
                    recorded.diff = Some(diff);
                    let stale = findings.iter().filter(|finding| finding.code == "lockfile_stale");
                    recorded.stale_lock_files = stale.filter_map(|finding| finding.file.parse().ok()).collect();
                }
                _ => {}
            }
        }
        recorded
    }

    fn decided_otherwise(&self, old: &PolicyEngine, new: &PolicyEngine) -> Vec<(&'static str, Difference)> {
        let of_plan = |engine: &PolicyEngine, plan: &str| engine.evaluate_plan_text(plan.as_bytes());
        let plan = self.plan.and_then(|plan| compare(of_plan(old, plan), of_plan(new, plan)));
        let parsed = self.plan.and_then(|plan| FixPlan::parse(plan.as_bytes()).ok());
        let of_patch = |engine: &PolicyEngine, diff: &str| {
            let (diff, stale_lock_files) = (diff.as_bytes(), self.stale_lock_files.as_slice());
            engine.evaluate_patch_text(PatchText { diff, plan: parsed.as_ref(), stale_lock_files })
        };
        let patch = self.diff.and_then(|diff| compare(of_patch(old, diff), of_patch(new, diff)));
        [("plan", plan), ("patch", patch)].into_iter().filter_map(|(what, found)| Some((what, found?))).collect()
    }
}
