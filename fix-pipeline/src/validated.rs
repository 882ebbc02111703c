//! The last stage: what may be published.

use fix_patch::Patch;
use fix_plan::FixPlan;
use fix_policy::Approved;

use crate::attestation::Attestation;
use crate::draft::Draft;
use crate::journal::Announcement;
use crate::port::Report;

/// A change that went the whole way: a plan and a patch that policy allows, a
/// failing baseline, and a passing check of the patched tree.
///
/// Only the pipeline makes one. There is no constructor, and none can be read from a store:
///
/// ```compile_fail
/// let make = fix_pipeline::Validated::new;
/// ```
/// ```compile_fail
/// let forged: fix_pipeline::Validated = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a validated change is there to be proposed"]
pub struct Validated {
    plan: Approved<FixPlan>,
    patch: Approved<Patch>,
    baseline: Report,
    report: Report,
    draft: Draft,
    attestation: Attestation,
}

impl Validated {
    /// The caller has seen `baseline` fail and `report` pass.
    pub(crate) fn new(
        plan: Approved<FixPlan>,
        patch: Approved<Patch>,
        baseline: Report,
        report: Report,
        draft: Draft,
        attestation: Attestation,
    ) -> Self {
        Self { plan, patch, baseline, report, draft, attestation }
    }

    /// The plan, and the decision that allows it.
    pub fn plan(&self) -> &Approved<FixPlan> {
        &self.plan
    }

    /// The patch, and the decision that allows it.
    pub fn patch(&self) -> &Approved<Patch> {
        &self.patch
    }

    /// The failing check of the untouched commit.
    #[must_use]
    pub fn baseline(&self) -> &Report {
        &self.baseline
    }

    /// The passing check of the patched tree.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The tree that passed, and the only one that may be published.
    #[must_use]
    pub fn tree(&self) -> &str {
        &self.report.tree
    }

    /// What to publish: names, texts, labels.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What the journal announces before it is proposed.
    #[must_use]
    pub fn announcement(&self) -> Announcement {
        let draft = self.draft();
        Announcement {
            branch: draft.branch.clone(),
            base_branch: draft.base_branch.clone(),
            base_commit: draft.base_commit.clone(),
            tree: self.tree().to_owned(),
            draft: draft.digest(),
        }
    }

    /// What the run proves, for other tools.
    #[must_use]
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }
}
