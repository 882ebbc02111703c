//! Which files, how much of them, and what else happens to them.

use fix_patch::diff::{Diff, FileDiff, FileMode};
use fix_plan::RepoPath;

use crate::decision::{Findings, PolicyViolation};
use crate::engine::Compiled;

/// Allowed and forbidden paths.
pub(crate) fn path(rules: &Compiled, path: &RepoPath, findings: &mut Findings) {
    if let Some(pattern) = rules.forbidden.matching(path) {
        let message = format!("{path} is forbidden by the pattern {pattern:?}");
        findings.violation(
            PolicyViolation::block("path_forbidden", message)
                .in_file(path.as_str())
                .by("paths.forbidden")
                .remedy("a change that leaves the file alone, or a policy without the pattern"),
        );
    }
    if !rules.allowed.matches(path.as_str()) {
        findings.violation(
            PolicyViolation::block("path_not_allowed", format!("{path} matches no allowed pattern"))
                .in_file(path.as_str())
                .by("paths.allowed")
                .remedy("a change that leaves the file alone, or a pattern that matches it"),
        );
    }
}

pub(crate) fn files_max(rules: &Compiled, files: u64, findings: &mut Findings) {
    limit("limits.files_max", "file(s) change", files, rules.policy.limits.files_max, findings);
}

/// The paths, the kinds of change and the size of a diff.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, bytes: usize, findings: &mut Findings) {
    for file in &diff.files {
        let old = file.old_path.as_ref().filter(|old| file.new_path.as_ref() != Some(old));
        for path in [old, file.new_path.as_ref()].into_iter().flatten() {
            self::path(rules, path, findings);
        }
        kind_of_change(rules, file, findings);
    }
    let limits = &rules.policy.limits;
    let hunks = || diff.files.iter().flat_map(|file| &file.hunks);
    let (added, removed) =
        hunks().fold((0, 0), |(added, removed), hunk| (added + hunk.lines_added(), removed + hunk.lines_removed()));
    files_max(rules, number(diff.files.len()), findings);
    limit("limits.lines_added_max", "line(s) are added", added, limits.lines_added_max, findings);
    limit("limits.lines_removed_max", "line(s) are removed", removed, limits.lines_removed_max, findings);
    limit("limits.diff_bytes_max", "bytes of diff", number(bytes), limits.diff_bytes_max, findings);
    if diff.files.is_empty() {
        findings.violation(PolicyViolation::block("diff_empty", "the diff changes nothing").remedy("a change"));
    }
}

fn limit(key: &'static str, what: &str, value: u64, max: u64, findings: &mut Findings) {
    if value > max {
        findings.violation(
            PolicyViolation::block("limit_exceeded", format!("{value} {what}; at most {max} may"))
                .by(key)
                .remedy("a smaller change, or a higher limit"),
        );
    }
}

fn kind_of_change(rules: &Compiled, file: &FileDiff, findings: &mut Findings) {
    let path = file.path().map_or("a file", RepoPath::as_str);
    let mut forbid = |code: &'static str, what: &str, key: Option<&'static str>| {
        let violation = PolicyViolation::block(code, format!("{path} {what}")).in_file(path);
        findings.violation(match key {
            Some(key) => violation.by(key).remedy("a patch without it, or `true` there"),
            None => violation.remedy("a patch of regular files only"),
        });
    };
    let changes = &rules.policy.changes;
    match (&file.old_path, &file.new_path) {
        (None, _) if !changes.create => forbid("file_created", "is created", Some("changes.create")),
        (_, None) if !changes.delete => forbid("file_deleted", "is deleted", Some("changes.delete")),
        (Some(old), Some(new)) if old != new && !changes.rename => {
            forbid("file_renamed", "is renamed or copied", Some("changes.rename"));
        }
        _ => {}
    }
    if file.binary && !changes.binary {
        forbid("file_binary", "is binary", Some("changes.binary"));
    }
    let mode_changes = match (file.old_mode, file.new_mode) {
        (Some(old), Some(new)) => old != new,
        (None, Some(new)) => new == FileMode::Executable,
        _ => false,
    };
    if mode_changes && !changes.mode {
        forbid("mode_changed", "gets another mode", Some("changes.mode"));
    }
    for (special, code, what) in [
        (FileMode::Symlink, "symlink", "is a symbolic link, which may name anything"),
        (FileMode::Submodule, "submodule", "is a submodule, which may be anything"),
    ] {
        if [file.old_mode, file.new_mode].contains(&Some(special)) {
            forbid(code, what, None);
        }
    }
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
