//! The rules, one file each kind.

mod danger;
mod dependencies;
mod paths;
mod secrets;
mod support;

use fix_patch::diff::Diff;
use fix_plan::{FixPlan, RepoPath};

use self::danger::operations;
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

/// Where a diff comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// From anyone.
    Outside,
    /// From a generator that read the files, and carries out a plan.
    Plan,
}

impl Origin {
    pub(crate) fn of(plan: Option<&FixPlan>) -> Self {
        if plan.is_some() { Self::Plan } else { Self::Outside }
    }
}

/// Judges a diff, and whether it keeps to its plan, when it has one.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, bytes: usize, plan: Option<&FixPlan>, findings: &mut Findings) {
    let origin = Origin::of(plan);
    paths::diff(rules, diff, bytes, origin, findings);
    secrets::diff(rules, diff, findings);
    dependencies::diff(rules, diff, plan, findings);
    danger::diff(rules, diff, bytes, findings);
    if let Some(plan) = plan {
        scope(plan, diff, findings);
        operations(rules, plan, findings);
    }
}

fn scope(plan: &FixPlan, diff: &Diff, findings: &mut Findings) {
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
