//! Which distributions, and from where.

mod pip;
mod requirement;
mod toml;

use std::collections::BTreeSet;

use fix_patch::diff::{Diff, FileDiff, LineKind};
use fix_plan::{Action, FixPlan, RepoPath, normalize_name};

use self::requirement::{Fact, Problem};
use super::Origin;
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
            unpinned: dependency.spec.is_any(),
            new,
            file: operation.file.as_str(),
        };
        judge(rules, &dependency, findings);
    }
}

/// Added lines of dependency files: what fetches from somewhere else than the index, and new names.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, plan: Option<&FixPlan>, findings: &mut Findings) {
    let origin = Origin::of(plan);
    for file in &diff.files {
        let Some(path) = file.path().filter(|path| is_dependency_file(rules, plan, path)) else { continue };
        let renamed = file.old_path.as_ref().filter(|old| file.new_path.as_ref().is_some_and(|new| new != *old));
        if file.binary
            || renamed
                .is_some_and(|old| Language::of(old) != Language::of(path) || !rules.dependency_files.matches(old))
        {
            let message = format!("what {path} declares is not shown by the diff");
            findings.violation(hidden(path, message));
        }
        let added = facts(rules, file, path, LineKind::Added, origin);
        if added.is_empty() {
            continue;
        }
        let removed: BTreeSet<Fact> = facts(rules, file, path, LineKind::Removed, origin).into_iter().collect();
        let dependencies =
            removed.iter().filter_map(|fact| if let Fact::Dependency(entry) = fact { Some(entry) } else { None });
        let names: BTreeSet<String> =
            dependencies.filter_map(|entry| entry.name.as_deref()).map(normalize_name).collect();
        for fact in &added {
            match fact {
                // What the file said before is not new.
                Fact::Problem(..) if removed.contains(fact) => {}
                Fact::Problem(problem, _) => findings.violation(violation(*problem, path)),
                Fact::Dependency(entry) => match &entry.name {
                    Some(name) => {
                        let name = normalize_name(name);
                        let unpinned = !entry.pinned && !removed.contains(fact);
                        let new = !names.contains(&name);
                        judge(rules, &Named { name: &name, unpinned, new, file: path.as_str() }, findings);
                    }
                    // The plan names it, and was judged.
                    None if origin == Origin::Plan => {}
                    None if rules.names_allowed.matches_all() && rules.names_denied.is_empty() => {}
                    None => {
                        let message = format!("{path} gets a version, and the diff does not show of what");
                        findings.violation(hidden(path, message));
                    }
                },
            }
        }
    }
}

/// What a dependency file is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Language {
    /// `pyproject.toml`
    Toml,
    /// What pip reads.
    Requirements,
}

impl Language {
    fn of(path: &RepoPath) -> Self {
        let name = path.file_name();
        let ending = name.rsplit('.').next().unwrap_or_default();
        let is_toml = ending.eq_ignore_ascii_case("toml") || name.eq_ignore_ascii_case("Pipfile");
        if is_toml { Self::Toml } else { Self::Requirements }
    }
}

/// A file of the policy's list, or one in which the plan adds or pins.
fn is_dependency_file(rules: &Compiled, plan: Option<&FixPlan>, path: &RepoPath) -> bool {
    let operations = plan.map(FixPlan::operations).unwrap_or_default();
    rules.dependency_files.matches(path)
        || operations.iter().any(|operation| {
            let of_dependency = matches!(operation.action, Action::AddDependency(_) | Action::PinDependency(_));
            of_dependency && operation.file == *path
        })
}

fn facts(rules: &Compiled, file: &FileDiff, path: &RepoPath, kind: LineKind, origin: Origin) -> Vec<Fact> {
    let mut facts = Vec::new();
    for hunk in &file.hunks {
        match Language::of(path) {
            Language::Toml => toml::facts(hunk, kind, origin, &mut facts),
            Language::Requirements => {
                let is_read =
                    |name: &str| included(path, name).is_some_and(|file| rules.dependency_files.matches(&file));
                pip::facts(hunk, kind, is_read, &mut facts);
            }
        }
    }
    facts
}

/// The file that `-r NAME` means in a requirements file.
fn included(path: &RepoPath, name: &str) -> Option<RepoPath> {
    let mut parts: Vec<&str> = path.components().collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    parts.join("/").parse().ok()
}

fn violation(problem: Problem, path: &RepoPath) -> PolicyViolation {
    let block = |code: &'static str, what: &str| {
        PolicyViolation::block(code, format!("an added line of {path} holds {what}"))
            .in_file(path.as_str())
            .remedy("a dependency by name and version, from the configured index")
    };
    match problem {
        Problem::Option => block("index_option", "an option of a package manager"),
        Problem::Reference => block("direct_reference", "a URL, a path or a version control reference"),
        Problem::Hidden => hidden(
            path,
            format!(
                "an added line of {path} hides what it declares: it is continued, escaped, or can't be read for sure"
            ),
        ),
    }
}

fn hidden(path: &RepoPath, message: String) -> PolicyViolation {
    PolicyViolation::block("dependency_hidden", message)
        .in_file(path.as_str())
        .remedy("a dependency by name and version, on one line")
}

/// A dependency that is added or changed.
struct Named<'n> {
    /// In its PEP 503 form.
    name: &'n str,
    /// Whether it comes without a version.
    unpinned: bool,
    /// Whether the file did not name it before.
    new: bool,
    file: &'n str,
}

fn judge(rules: &Compiled, dependency: &Named<'_>, findings: &mut Findings) {
    let policy = &rules.policy.dependencies;
    let Named { name, unpinned, new, file } = *dependency;
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
    if unpinned {
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
