//! Which files, how much of them, and what else happens to them.

use fix_patch::diff::{Diff, FileDiff, FileMode, Hunk, Line, LineKind};
use fix_plan::RepoPath;

use crate::decision::{Findings, PolicyViolation};
use crate::engine::Compiled;
use crate::glob::FoldedPath;
use crate::rules::Origin;

/// Allowed and forbidden paths.
pub(crate) fn path(rules: &Compiled, path: &RepoPath, findings: &mut Findings) {
    if let Some(pattern) = rules.forbidden.matching(&FoldedPath::new(path)) {
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
pub(crate) fn diff(rules: &Compiled, diff: &Diff, bytes: usize, origin: Origin, findings: &mut Findings) {
    for file in &diff.files {
        let old = file.old_path.as_ref().filter(|old| file.new_path.as_ref() != Some(old));
        for path in [old, file.new_path.as_ref()].into_iter().flatten() {
            self::path(rules, path, findings);
        }
        kind_of_change(rules, file, origin, findings);
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

fn kind_of_change(rules: &Compiled, file: &FileDiff, origin: Origin, findings: &mut Findings) {
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
    let modes = [file.old_mode, file.new_mode];
    if modes.contains(&Some(FileMode::Symlink)) {
        forbid("symlink", "is a symbolic link, which may name anything", None);
    }
    if modes.contains(&Some(FileMode::Submodule)) || is_like_a_submodule(file) {
        forbid("submodule", "is a submodule, which may be anything", None);
    }
    if origin == Origin::Outside && modes == [None, None] && is_like_a_link(file) {
        let message = format!("{path} may be a symbolic link: the diff does not say its mode");
        findings.violation(
            PolicyViolation::block("mode_unknown", message)
                .in_file(path)
                .remedy("the diff with its `index` lines, as `git diff` writes it"),
        );
    }
}

/// The hunk that begins with the first line of the file, when there is one.
fn head(file: &FileDiff) -> Option<&Hunk> {
    file.hunks.first().filter(|hunk| hunk.old_start <= 1 && hunk.new_start <= 1)
}

/// Whether git could take the text, before or after, for what it keeps of a submodule: its commit.
fn is_like_a_submodule(file: &FileDiff) -> bool {
    let is_commit = |line: &Line| {
        let id = line.text.strip_prefix("Subproject commit ").map(str::as_bytes).and_then(|id| id.get(..40));
        id.is_some_and(|id| id.iter().all(u8::is_ascii_hexdigit))
    };
    head(file).is_some_and(|hunk| {
        let first = |gone: LineKind| hunk.lines.iter().find(|line| line.kind != gone);
        [LineKind::Added, LineKind::Removed].into_iter().filter_map(first).any(is_commit)
    })
}

/// Whether the text, before or after, is all that git keeps of a symbolic link: one line that does not end.
fn is_like_a_link(file: &FileDiff) -> bool {
    head(file).is_some_and(|hunk| {
        let is_target = |gone: LineKind| {
            let mut lines = hunk.lines.iter().filter(|line| line.kind != gone);
            lines.next().is_some_and(|line| !line.text.ends_with('\n')) && lines.next().is_none()
        };
        is_target(LineKind::Added) || is_target(LineKind::Removed)
    })
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
