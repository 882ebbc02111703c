//! The rules between the values of a plan.

use std::collections::BTreeMap;

use crate::operation::{Action, ActionKind, Dependency, Operation, Section};
use crate::package::SpecKind;
use crate::path::RepoPath;
use crate::plan::Category;
use crate::python::STDLIB_ONLY;
use crate::text::DisplayText;
use crate::violation::{Violation, ViolationCode, Violations};

/// What is valid of `files`.
pub(super) struct Files {
    pub(super) valid: Vec<RepoPath>,
    /// Where each of them is in the text.
    pub(super) indices: Vec<usize>,
    /// Whether that is all of them.
    pub(super) is_complete: bool,
}

/// What is valid of an operation.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) kind: Option<ActionKind>,
    pub(super) file: Option<RepoPath>,
    pub(super) action: Option<Action>,
    pub(super) rationale: Option<DisplayText>,
    pub(super) evidence: Option<Vec<DisplayText>>,
}

impl Draft {
    pub(super) fn finish(self) -> Option<Operation> {
        Some(Operation::new(self.file?, self.action?, self.rationale?, self.evidence?))
    }
}

/// Checks what lies between two values, wherever both are valid.
pub(super) fn check(
    category: Option<&Category>,
    files: Option<&Files>,
    operations: Option<&[Draft]>,
    violations: &mut Violations,
) {
    if let Some(files) = files {
        check_files(files, violations);
    }
    let operations = operations.unwrap_or_default();
    for (index, operation) in operations.iter().enumerate() {
        check_operation(category, files.filter(|files| files.is_complete), index, operation, violations);
        let clashes = operations.iter().enumerate().take(index);
        if let Some(violation) = clashes.filter_map(|(earlier, other)| clash(earlier, other, index, operation)).next() {
            violations.push(violation);
        }
    }
}

/// The violation of evidence that the log does not hold.
pub(crate) fn not_found(pointer: String, evidence: &DisplayText) -> Violation {
    const SHOWN_CHARS: usize = 80;
    let text = evidence.as_str();
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    let message = format!(
        "quotes no line of the log: {shown:?}{more}; copy a whole line, or 12 characters of one or more, word for word, or leave it out"
    );
    Violation::new(pointer, ViolationCode::EvidenceNotFound, message)
}

fn check_files(files: &Files, violations: &mut Violations) {
    if files.valid.len() < 2 {
        return;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (file, &index) in files.valid.iter().zip(&files.indices) {
        let key = file.collision_key();
        let parent = seen.iter().find(|(other, _)| is_inside(&key, other) || is_inside(other, &key) || **other == key);
        if let Some((_, &first)) = parent {
            violations.push(Violation::new(
                format!("/files/{index}"),
                ViolationCode::FilesCollide,
                format!("{file:?} is the same file as, or lies inside, /files/{first} on some file system; list each file once"),
            ));
        }
        seen.entry(key).or_insert(index);
    }
}

fn is_inside(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

fn check_operation(
    category: Option<&Category>,
    files: Option<&Files>,
    index: usize,
    operation: &Draft,
    violations: &mut Violations,
) {
    let at = |field: &str| format!("/operations/{index}{field}");
    if let (Some(files), Some(file)) = (files, &operation.file) {
        if !files.valid.contains(file) {
            violations.push(Violation::new(
                at("/file"),
                ViolationCode::FileNotListed,
                format!("{:?} is not in `files`; add it there or change another file", file.as_str()),
            ));
        }
    }
    if let (Some(category), Some(kind)) = (category, operation.kind) {
        if !category.allows(kind) {
            violations.push(Violation::new(
                at("/type"),
                ViolationCode::CategoryMismatch,
                format!("{kind} does not belong to a plan of category {category}"),
            ));
        }
    }
    let Some(dependency) = operation.action.as_ref().and_then(dependency) else { return };
    if dependency.spec.is_any() && operation.kind == Some(ActionKind::PinDependency) {
        violations.push(Violation::new(
            at("/details/spec"),
            ViolationCode::InvalidSpec,
            "a pin needs a version specifier, such as \"==2.31.0\"",
        ));
    }
    check_name(dependency.name.normalized(), &at, violations);
    if let Some(file) = &operation.file {
        check_place(dependency, file, &at, violations);
    }
}

fn check_name(name: &str, at: &impl Fn(&str) -> String, violations: &mut Violations) {
    let problem = if STDLIB_ONLY.binary_search(&name).is_ok() {
        "is a module of Python's standard library; nothing is to be installed for it"
    } else if PLACEHOLDERS.contains(&name) {
        "is a placeholder; write the name of the distribution"
    } else {
        return;
    };
    violations.push(Violation::new(at("/details/name"), ViolationCode::ReservedName, format!("{name:?} {problem}")));
}

/// Whether the file has such a list, and who reads its versions.
fn check_place(dependency: &Dependency, file: &RepoPath, at: &impl Fn(&str) -> String, violations: &mut Violations) {
    let is_pyproject = file.file_name() == "pyproject.toml";
    if let Some(section) = &dependency.section {
        if is_pyproject == (*section == Section::Requirements) {
            let kind = if is_pyproject { "the lines of a requirements file" } else { "a list of a pyproject.toml" };
            violations.push(Violation::new(
                at("/details/section"),
                ViolationCode::InvalidSection,
                format!("{section} is {kind}, and the file is {file}; leave it out for the file's main list"),
            ));
        }
    }
    let is_poetry =
        matches!(dependency.section, None | Some(Section::Poetry | Section::PoetryGroup(_) | Section::PoetryDev));
    if dependency.spec.kind() == SpecKind::Poetry && !(is_pyproject && is_poetry) {
        violations.push(Violation::new(
            at("/details/spec"),
            ViolationCode::SpecNotPep440,
            format!(
                "{:?} is a constraint that only Poetry reads; write PEP 440 clauses such as \">=2.31,<3\"",
                dependency.spec.as_str()
            ),
        ));
    }
}

/// Names that stand for "some package" in examples and in failed lookups.
const PLACEHOLDERS: [&str; 8] =
    ["example-package", "module-name", "none", "null", "package-name", "some-package", "undefined", "your-package"];

/// Two operations that are one, or that can't both be done.
fn clash(earlier_index: usize, earlier: &Draft, index: usize, operation: &Draft) -> Option<Violation> {
    let (Some(earlier_action), Some(action)) = (&earlier.action, &operation.action) else { return None };
    let dependencies = dependency(earlier_action).zip(dependency(action));
    // Cheapest first: most plans that hold several operations are about several names.
    if dependencies.is_some_and(|(a, b)| a.name != b.name) || earlier.file.is_none() || earlier.file != operation.file {
        return None;
    }
    let pointer = || format!("/operations/{index}");
    if earlier_action == action {
        return Some(Violation::new(
            pointer(),
            ViolationCode::DuplicateOperation,
            format!("does the same as /operations/{earlier_index}; write it once"),
        ));
    }
    let (a, b) = dependencies?;
    let told_apart =
        a.section != b.section || matches!((&a.marker, &b.marker), (Some(a), Some(b)) if !a.same_meaning(b.as_str()));
    (!told_apart).then(|| {
        Violation::new(
            pointer(),
            ViolationCode::ConflictingOperations,
            format!("asks for {} differently than /operations/{earlier_index}; write one operation for it", b.name),
        )
    })
}

fn dependency(action: &Action) -> Option<&Dependency> {
    match action {
        Action::AddDependency(dependency) | Action::PinDependency(dependency) => Some(dependency),
        Action::RemoveUnused(_) | Action::UpdateConfig(_) | Action::ModifyCode(_) => None,
    }
}
