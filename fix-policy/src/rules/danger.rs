//! How dangerous a change is: a sum of reasons.

use fix_patch::diff::Diff;
use fix_plan::{ActionKind, FixPlan, RepoPath};

use crate::decision::Findings;
use crate::engine::Compiled;

/// What the files weigh: each, and more on a risky path.
pub(crate) fn files<'p>(rules: &Compiled, paths: impl Iterator<Item = &'p RepoPath>, findings: &mut Findings) {
    let mut count = 0;
    for path in paths {
        count += 1;
        let risk =
            rules.risky.iter().filter(|(globs, _)| globs.matching(path).is_some()).map(|(_, weight)| *weight).max();
        if let Some(points) = risk {
            findings.danger("risky_path", points, format!("{path} is a risky path"));
        }
    }
    let points = rules.policy.danger.per_file.saturating_mul(count);
    findings.danger("files", points, format!("{count} file(s)"));
}

/// What the operations of a plan weigh, and its confidence.
pub(crate) fn operations(rules: &Compiled, plan: &FixPlan, findings: &mut Findings) {
    let danger = &rules.policy.danger;
    for operation in plan.operations() {
        let kind = operation.action.kind();
        let points = match kind {
            ActionKind::AddDependency => danger.add_dependency,
            ActionKind::PinDependency => danger.pin_dependency,
            ActionKind::RemoveUnused => danger.remove_unused,
            ActionKind::UpdateConfig => danger.update_config,
            ActionKind::ModifyCode => danger.modify_code,
        };
        findings.danger("operation", points, format!("{kind} in {}", operation.file));
    }
    let confidence = plan.confidence().get();
    if confidence < danger.confidence_low {
        findings.danger("low_confidence", danger.low_confidence, format!("confidence is only {confidence}"));
    }
}

/// What the size of a diff weighs.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, bytes: usize, findings: &mut Findings) {
    files(rules, diff.files.iter().filter_map(|file| file.path()), findings);
    let lines: u64 =
        diff.files.iter().flat_map(|file| &file.hunks).map(|hunk| hunk.lines_added() + hunk.lines_removed()).sum();
    let started = |amount: u64, step: u64| u32::try_from(amount.div_ceil(step)).unwrap_or(u32::MAX);
    let danger = &rules.policy.danger;
    findings.danger(
        "lines",
        started(lines, 50).saturating_mul(danger.per_50_lines),
        format!("{lines} changed line(s)"),
    );
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    findings.danger(
        "bytes",
        started(bytes, 10 * 1024).saturating_mul(danger.per_10_kib),
        format!("{bytes} bytes of diff"),
    );
}
