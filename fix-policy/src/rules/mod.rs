//! The rules, one file each kind.

mod danger;
mod dependencies;
mod paths;
mod secrets;
mod support;

use fix_patch::diff::Diff;
use fix_plan::{FixPlan, RepoPath};

pub(crate) use danger::operations;

use crate::decision::{Findings, PolicyViolation};
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
    danger::files(rules, plan.files().iter().map(|path| [Some(path), None]), findings);
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
                findings.violation(
                    PolicyViolation::block("out_of_scope", message)
                        .in_file(path.as_str())
                        .remedy("a plan that lists the file"),
                );
            }
        }
    }
}

/// Says which lock files a patch leaves behind: never silently.
pub(crate) fn lock_files(stale: &[RepoPath], findings: &mut Findings) {
    for lock in stale {
        let message = format!("{lock} no longer fits its manifest");
        findings.violation(
            PolicyViolation::warn("lockfile_stale", message)
                .in_file(lock.as_str())
                .remedy("run the package manager's lock command"),
        );
    }
}
