//! Which distributions, and from where.

use fix_patch::diff::{Diff, FileDiff, LineKind};
use fix_plan::{Action, FixPlan};

use crate::decision::{Findings, Severity};
use crate::document::Unpinned;
use crate::engine::Compiled;

/// The names that a plan adds or pins.
pub(crate) fn plan(rules: &Compiled, plan: &FixPlan, findings: &mut Findings) {
    let policy = &rules.policy.dependencies;
    for operation in plan.operations() {
        let (Action::AddDependency(dependency) | Action::PinDependency(dependency)) = &operation.action else {
            continue;
        };
        let (name, file) = (dependency.name.normalized(), Some(operation.file.as_str()));
        if rules.names_denied.matches(name) {
            findings.block("dependency_denied", file, format!("{name} matches a pattern in dependencies.denied"));
        }
        if !policy.allowed.is_empty() && !rules.names_allowed.matches(name) {
            findings.block(
                "dependency_not_allowed",
                file,
                format!("{name} matches no pattern in dependencies.allowed"),
            );
        }
        if dependency.spec.is_any() && policy.unpinned == Unpinned::Warn {
            findings.violation(Severity::Warn, "dependency_unpinned", file, format!("{name} has no version"));
        }
    }
}

/// Added lines of dependency files that fetch from somewhere else than the index.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, findings: &mut Findings) {
    for (index, file) in diff.files.iter().enumerate() {
        if rules.declares_dependencies(diff, index) {
            for (code, what) in added_lines(file).filter_map(elsewhere) {
                let path = file.path().map(fix_plan::RepoPath::as_str);
                findings.block(code, path, format!("an added line holds {what}, which is never allowed"));
            }
        }
    }
}

fn added_lines(file: &FileDiff) -> impl Iterator<Item = &str> {
    let lines = file.hunks.iter().flat_map(|hunk| &hunk.lines);
    lines.filter(|line| line.kind == LineKind::Added).map(|line| line.text.as_str())
}

/// The code and the name of what fetches from elsewhere in a line.
fn elsewhere(line: &str) -> Option<(&'static str, &'static str)> {
    let code = line.split(" #").next().unwrap_or(line).trim();
    if code.starts_with('#') {
        return None;
    }
    if code.starts_with('-') || code.contains(" --") {
        return Some(("index_option", "an option of pip"));
    }
    let key = |names: &[&str]| {
        names.iter().any(|name| {
            code.match_indices(name).any(|(at, _)| {
                let (before, after) = code.split_at(at);
                let after = after.strip_prefix(name).unwrap_or_default().trim_start();
                !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-')
                    && after.starts_with('=')
                    && !after.starts_with("==")
            })
        })
    };
    if code.contains("://")
        || code.contains(" @ ")
        || code.contains("git+")
        || key(&["git", "url", "path", "index", "index-url", "source"])
    {
        return Some(("direct_reference", "a URL, a path or a version control reference"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_fetch_from_elsewhere_are_told() {
        for line in [
            "--index-url x",
            "-e .",
            "a --hash=sha256:1",
            "a @ https://x/y.whl",
            "a = { git = \"x\" }",
            "url = \"x\"",
            "git+ssh://x",
        ] {
            assert!(elsewhere(line).is_some(), "{line}");
        }
        for line in [
            "requests>=2",
            "# see https://x",
            "a  # from https://x",
            "  \"gitpython==3.1\",",
            "path==1.0",
            "\"a; os_name == 'nt'\"",
        ] {
            assert!(elsewhere(line).is_none(), "{line}");
        }
    }
}
