//! The rules, one file each kind.

mod danger;
mod dependencies;
mod paths;
mod secrets;
mod support;

use fix_patch::diff::Diff;
use fix_patch::{FindingCode, Patch};
use fix_plan::FixPlan;

pub(crate) use danger::operations;
pub(crate) use secrets::SecretPatterns;

use crate::decision::{Findings, Severity};
use crate::engine::Compiled;

/// Judges a plan.
pub(crate) fn plan(rules: &Compiled, plan: &FixPlan, findings: &mut Findings) {
    support::plan(rules, plan, findings);
    for file in plan.files() {
        paths::path(rules, file, findings);
    }
    let files = u64::try_from(plan.files().len()).unwrap_or(u64::MAX);
    paths::files_max(rules, files, findings);
    dependencies::plan(rules, plan, findings);
    danger::files(rules, plan.files().iter(), findings);
    operations(rules, plan, findings);
}

/// Judges a diff.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, bytes: usize, findings: &mut Findings) {
    paths::diff(rules, diff, bytes, findings);
    secrets::diff(rules, diff, findings);
    dependencies::diff(rules, diff, findings);
    danger::diff(rules, diff, bytes, findings);
}

/// Judges whether a diff keeps to its plan.
pub(crate) fn scope(plan: &FixPlan, diff: &Diff, findings: &mut Findings) {
    for file in &diff.files {
        for path in [&file.old_path, &file.new_path].into_iter().flatten() {
            if !plan.files().contains(path) {
                let message = format!("{path} changes, but the plan does not list it");
                findings.block("out_of_scope", Some(path.as_str()), message);
            }
        }
    }
}

/// Passes on what the generator found.
pub(crate) fn patch_findings(rules: &Compiled, patch: &Patch, findings: &mut Findings) {
    for finding in patch.findings() {
        findings.violation(Severity::Info, finding.code.as_str(), Some(finding.file.as_str()), finding.message.clone());
        if finding.code == FindingCode::LockfileStale {
            let points = rules.policy.danger.lockfile_stale;
            findings.danger("lockfile_stale", points, format!("{} becomes stale", finding.file));
        }
    }
}
