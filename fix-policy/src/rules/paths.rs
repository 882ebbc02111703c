//! Which files, and how much of them.

use fix_patch::diff::{Diff, FileDiff, FileMode};
use fix_plan::RepoPath;

use crate::decision::Findings;
use crate::engine::Compiled;

/// Allowed and forbidden paths.
pub(crate) fn path(rules: &Compiled, path: &RepoPath, findings: &mut Findings) {
    if let Some(pattern) = rules.forbidden.matching(path) {
        let message = format!("{path} is forbidden by the pattern {pattern:?} in paths.forbidden");
        findings.block("path_forbidden", Some(path.as_str()), message);
    }
    if !rules.allowed.matches(path.as_str()) {
        let message = format!("{path} matches no pattern in paths.allowed");
        findings.block("path_not_allowed", Some(path.as_str()), message);
    }
}

pub(crate) fn files_max(rules: &Compiled, files: u64, findings: &mut Findings) {
    limit("files", files, rules.policy.limits.files_max, findings);
}

/// The paths, the kinds of change and the size of a diff.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, bytes: usize, findings: &mut Findings) {
    for file in &diff.files {
        for path in [&file.old_path, &file.new_path].into_iter().flatten() {
            self::path(rules, path, findings);
        }
        kind_of_change(rules, file, findings);
    }
    let limits = &rules.policy.limits;
    let hunks = || diff.files.iter().flat_map(|file| &file.hunks);
    files_max(rules, number(diff.files.len()), findings);
    limit("lines_added", hunks().map(|hunk| hunk.lines_added()).sum(), limits.lines_added_max, findings);
    limit("lines_removed", hunks().map(|hunk| hunk.lines_removed()).sum(), limits.lines_removed_max, findings);
    limit("diff_bytes", number(bytes), limits.diff_bytes_max, findings);
    if diff.files.is_empty() {
        findings.block("diff_empty", None, "the diff changes nothing");
    }
}

fn limit(what: &str, value: u64, max: u64, findings: &mut Findings) {
    if value > max {
        findings.block("limit_exceeded", None, format!("{what} is {value}; limits.{what}_max allows {max}"));
    }
}

fn kind_of_change(rules: &Compiled, file: &FileDiff, findings: &mut Findings) {
    let changes = &rules.policy.changes;
    let path = file.path().map(RepoPath::as_str);
    let mut forbid = |allowed: bool, code: &str, what: &str, key: &str| {
        if !allowed {
            findings.block(
                code,
                path,
                format!("{} is {what}; changes.{key} does not allow that", path.unwrap_or("a file")),
            );
        }
    };
    match (&file.old_path, &file.new_path) {
        (None, _) => forbid(changes.create, "file_created", "created", "create"),
        (_, None) => forbid(changes.delete, "file_deleted", "deleted", "delete"),
        (Some(old), Some(new)) if old != new => forbid(changes.rename, "file_renamed", "renamed or copied", "rename"),
        _ => {}
    }
    if file.binary {
        forbid(changes.binary, "file_binary", "binary", "binary");
    }
    let both = (file.old_mode, file.new_mode);
    let mode_changed = both.0.zip(both.1).is_some_and(|(old, new)| old != new);
    if mode_changed {
        forbid(changes.mode, "mode_changed", "given another mode", "mode");
    }
    for special in [FileMode::Symlink, FileMode::Submodule] {
        if both.0 == Some(special) || both.1 == Some(special) {
            let what = if special == FileMode::Symlink { "symlink" } else { "submodule" };
            findings.block(
                what,
                path,
                format!("{} is a {what}; only regular files may change", path.unwrap_or("a file")),
            );
        }
    }
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
