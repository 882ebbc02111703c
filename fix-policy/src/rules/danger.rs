//! How dangerous a change is: a sum of reasons.

use fix_patch::diff::Diff;
use fix_plan::{ActionKind, FixPlan, RepoPath};

use crate::decision::{DangerReason, Findings};
use crate::engine::Compiled;
use crate::glob::FoldedPath;

/// What the files weigh: each, and more on a risky path. A file has one name or two.
pub(crate) fn files<'p>(
    rules: &Compiled,
    files: impl Iterator<Item = [Option<&'p RepoPath>; 2]>,
    findings: &mut Findings,
) {
    let mut count = 0;
    for names in files {
        count += 1;
        let risk = |path: &RepoPath| {
            let folded = FoldedPath::new(path);
            let weights = rules.risky.iter().filter(|(globs, _)| globs.matching(&folded).is_some());
            weights.map(|(_, weight)| *weight).max()
        };
        let riskiest = names.into_iter().flatten().filter_map(|path| Some((risk(path)?, path))).max();
        if let Some((points, path)) = riskiest {
            findings.danger(DangerReason::new("risky_path", points, format!("{path} is a risky path")));
        }
    }
    let points = rules.policy.danger.per_file.saturating_mul(count);
    findings.danger(DangerReason::new("files", points, format!("{count} file(s)")));
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
        findings.danger(DangerReason::new("operation", points, format!("{kind} in {}", operation.file)));
    }
    let confidence = plan.confidence().get();
    if confidence < danger.confidence_low {
        let message = format!("confidence is only {confidence}");
        findings.danger(DangerReason::new("low_confidence", danger.low_confidence, message));
    }
}

/// What the size of a diff weighs.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, bytes: usize, findings: &mut Findings) {
    let names = diff.files.iter().map(|file| [file.new_path.as_ref(), file.old_path.as_ref()]);
    files(rules, names, findings);
    let hunks = diff.files.iter().flat_map(|file| &file.hunks);
    let lines: u64 = hunks.map(|hunk| hunk.lines_added() + hunk.lines_removed()).sum();
    let started = |amount: u64, step: u64| u32::try_from(amount.div_ceil(step)).unwrap_or(u32::MAX);
    let danger = &rules.policy.danger;
    let points = started(lines, 50).saturating_mul(danger.per_50_lines);
    findings.danger(DangerReason::new("lines", points, format!("{lines} changed line(s)")));
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    let points = started(bytes, 10 * 1024).saturating_mul(danger.per_10_kib);
    findings.danger(DangerReason::new("bytes", points, format!("{bytes} bytes of diff")));
}
