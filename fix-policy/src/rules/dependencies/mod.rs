//! Which distributions, and from where.

mod lines;

use std::collections::BTreeSet;

use fix_patch::diff::{Diff, FileDiff, LineKind};
use fix_plan::{Action, FixPlan, normalize_name};

use self::lines::{Entry, Language};
use crate::decision::{Findings, PolicyViolation};
use crate::document::Answer;
use crate::engine::Compiled;
use crate::names::{Suspicion, suspicion};

/// The names that a plan adds or pins.
pub(crate) fn plan(rules: &Compiled, plan: &FixPlan, findings: &mut Findings) {
    for operation in plan.operations() {
        let (dependency, new) = match &operation.action {
            Action::AddDependency(dependency) => (dependency, true),
            Action::PinDependency(dependency) => (dependency, false),
            Action::RemoveUnused(_) | Action::UpdateConfig(_) | Action::ModifyCode(_) => continue,
        };
        let dependency = Named {
            name: dependency.name.normalized(),
            pinned: !dependency.spec.is_any(),
            new,
            file: operation.file.as_str(),
        };
        judge(rules, &dependency, findings);
    }
}

/// Added lines of dependency files: what fetches from somewhere else than the index, and new names.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, findings: &mut Findings) {
    for file in &diff.files {
        let Some(path) = file.path().filter(|path| rules.dependency_files.matches(path.as_str())) else { continue };
        let is_toml = path.as_str().ends_with(".toml") || path.file_name() == "Pipfile";
        let language = if is_toml { Language::Toml } else { Language::Requirements };
        for (code, what) in lines_of(file, LineKind::Added).filter_map(|line| lines::elsewhere(line, language)) {
            findings.violation(
                PolicyViolation::block(code, format!("an added line of {path} holds {what}"))
                    .in_file(path.as_str())
                    .remedy("a dependency by name and version, from the configured index"),
            );
        }
        let entries = |kind| lines_of(file, kind).flat_map(move |line| lines::entries(line, language));
        let removed: BTreeSet<Entry> = entries(LineKind::Removed).collect();
        let names: BTreeSet<String> = removed.iter().map(|entry| normalize_name(&entry.name)).collect();
        // A line that only got a comma or a comment names nothing new.
        for entry in entries(LineKind::Added).filter(|entry| !removed.contains(entry)) {
            let name = normalize_name(&entry.name);
            let new = !names.contains(&name);
            judge(rules, &Named { name: &name, pinned: entry.pinned, new, file: path.as_str() }, findings);
        }
    }
}

fn lines_of(file: &FileDiff, kind: LineKind) -> impl Iterator<Item = &str> {
    let lines = file.hunks.iter().flat_map(|hunk| &hunk.lines);
    lines.filter(move |line| line.kind == kind).map(|line| line.text.as_str())
}

/// A dependency that is added or changed.
struct Named<'n> {
    /// In its PEP 503 form.
    name: &'n str,
    pinned: bool,
    /// Whether the file did not name it before.
    new: bool,
    file: &'n str,
}

fn judge(rules: &Compiled, dependency: &Named<'_>, findings: &mut Findings) {
    let policy = &rules.policy.dependencies;
    let Named { name, pinned, new, file } = *dependency;
    if let Some(pattern) = rules.names_denied.matching(name) {
        findings.violation(
            PolicyViolation::block("dependency_denied", format!("{name} is denied by the pattern {pattern:?}"))
                .in_file(file)
                .by("dependencies.denied")
                .remedy("another distribution, or a policy without the pattern"),
        );
    }
    if !rules.names_allowed.matches(name) {
        findings.violation(
            PolicyViolation::block("dependency_not_allowed", format!("{name} matches no allowed pattern"))
                .in_file(file)
                .by("dependencies.allowed")
                .remedy("another distribution, or a pattern that matches it"),
        );
    }
    let mut answer = |answer: Answer, code: &'static str, key: &'static str, message: String, remedy: &'static str| {
        let violation = match answer {
            Answer::Allow => return,
            Answer::Warn => PolicyViolation::warn(code, message),
            Answer::Block => PolicyViolation::block(code, message),
        };
        findings.violation(violation.in_file(file).by(key).remedy(remedy));
    };
    if !pinned {
        let message = format!("{name} has no version");
        answer(policy.unpinned, "dependency_unpinned", "dependencies.unpinned", message, "a version");
    }
    if new && policy.suspicious != Answer::Allow {
        let (code, message) = match suspicion(name) {
            Some(Suspicion::LooksLike(other)) => {
                ("dependency_looks_like", format!("{name} is not well known, and looks like {other}, which is"))
            }
            Some(Suspicion::ImportNameOf(other)) => {
                ("dependency_is_import_name", format!("{name} is what {other} is imported as; that name is another's"))
            }
            None => return,
        };
        answer(policy.suspicious, code, "dependencies.suspicious", message, "the distribution that is meant");
    }
}
