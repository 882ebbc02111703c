//! The plan itself: what to change, with every rule between its parts held.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::limits::{FILES_MAX, OPERATIONS_MAX};
use crate::log::Log;
use crate::operation::{Action, ActionKind, Dependency, Operation};
use crate::package::{SpecKind, ValueError};
use crate::path::RepoPath;
use crate::python::STDLIB_ONLY;
use crate::text::DisplayText;
use crate::violation::{PlanError, Violation, ViolationCode};
use crate::wire;

/// A valid plan in canonical form: what to change, in which files, and why.
///
/// A value of this type has passed every rule of the contract. Files are sorted
/// and unique, operations are in canonical order, so two plans that mean the same
/// are equal, have the same [JSON](FixPlan::to_json) and the same
/// [digest](FixPlan::digest). Model text gets here through [`FixPlan::parse`],
/// a rule's own values through [`FixPlan::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct FixPlan {
    root_cause: DisplayText,
    category: Category,
    confidence: Confidence,
    files: Vec<RepoPath>,
    operations: Vec<Operation>,
}

impl FixPlan {
    /// Builds a plan from parts that are valid each, and checks what lies between them.
    ///
    /// # Errors
    /// Every broken rule, with pointers into the lists as they were given.
    pub fn new(
        root_cause: DisplayText,
        category: Category,
        confidence: Confidence,
        mut files: Vec<RepoPath>,
        mut operations: Vec<Operation>,
    ) -> Result<Self, PlanError> {
        let mut violations = Vec::new();
        check_files(&files, &mut violations);
        check_operations(&category, &files, &operations, &mut violations);
        if !violations.is_empty() {
            return Err(PlanError::new(violations));
        }
        files.sort();
        operations.sort_by(canonical_order);
        Ok(Self { root_cause, category, confidence, files, operations })
    }

    /// Why the build fails.
    #[must_use]
    pub fn root_cause(&self) -> &DisplayText {
        &self.root_cause
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn category(&self) -> &Category {
        &self.category
    }

    /// How sure the source is.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// The files that may change, sorted and unique.
    #[must_use]
    pub fn files(&self) -> &[RepoPath] {
        &self.files
    }

    /// The steps, in canonical order; 1 to 10.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Checks that each line of evidence quotes the log that the plan was made from.
    ///
    /// # Errors
    /// A violation `evidence_not_found` for each line that the log does not hold.
    pub fn check_evidence(&self, log: &Log) -> Result<(), PlanError> {
        let mut violations = Vec::new();
        for (index, operation) in self.operations.iter().enumerate() {
            for (line, evidence) in operation.evidence.iter().enumerate() {
                if !log.quotes(evidence.as_str()) {
                    violations.push(Violation::new(
                        format!("/operations/{index}/evidence/{line}"),
                        ViolationCode::EvidenceNotFound,
                        "quotes no line of the log; copy a line word for word, or leave it out",
                    ));
                }
            }
        }
        if violations.is_empty() { Ok(()) } else { Err(PlanError::new(violations)) }
    }

    /// The canonical JSON: compact, keys in the order of the schema.
    #[must_use]
    pub fn to_json(&self) -> String {
        wire::plan_json(self)
    }

    /// The SHA-256 of the canonical JSON.
    #[must_use]
    pub fn digest(&self) -> PlanDigest {
        PlanDigest(Sha256::digest(self.to_json()).into())
    }
}

/// The SHA-256 of a plan's canonical JSON; shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PlanDigest([u8; 32]);

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlanDigest({self})")
    }
}

/// The kind of failure that a plan mends.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "`Other` holds what has no generator")]
pub enum Category {
    /// `python_missing_dependency`: an import of what no manifest declares.
    PythonMissingDependency,
    /// `lint_format`: findings of a linter.
    LintFormat,
    /// Anything else: it parses, and is stopped before a patch is made.
    Other(OtherCategory),
}

/// A category without a built-in generator: a `snake_case` word.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OtherCategory(String);

impl Category {
    /// The name in JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::PythonMissingDependency => "python_missing_dependency",
            Self::LintFormat => "lint_format",
            Self::Other(OtherCategory(name)) => name,
        }
    }

    /// Whether an operation of `kind` can belong to a plan of this category.
    fn allows(&self, kind: ActionKind) -> bool {
        match (self, kind) {
            (Self::PythonMissingDependency, ActionKind::RemoveUnused)
            | (Self::LintFormat, ActionKind::AddDependency | ActionKind::PinDependency) => false,
            (Self::PythonMissingDependency | Self::LintFormat | Self::Other(_), _) => true,
        }
    }
}

impl FromStr for Category {
    type Err = ValueError;

    fn from_str(name: &str) -> Result<Self, ValueError> {
        match name {
            "python_missing_dependency" => return Ok(Self::PythonMissingDependency),
            "lint_format" => return Ok(Self::LintFormat),
            _ => {}
        }
        let word = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if word {
            Ok(Self::Other(OtherCategory(name.to_owned())))
        } else {
            Err(ValueError::new("category", name, "is no category; write python_missing_dependency or lint_format"))
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How sure a plan source is, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Confidence(f64);

impl Confidence {
    /// A confidence, when `value` is between 0 and 1.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        // `-0.0` is 0: one value, one spelling in canonical JSON.
        (0.0..=1.0).contains(&value).then_some(Self(value + 0.0))
    }

    /// The value, from 0 to 1.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// By file, then by what is done, then by whatever else differs in the JSON.
fn canonical_order(a: &Operation, b: &Operation) -> Ordering {
    let details = match (&a.action, &b.action) {
        (Action::AddDependency(a), Action::AddDependency(b)) | (Action::PinDependency(a), Action::PinDependency(b)) => {
            (&a.name, &a.section, &a.marker, &a.spec, &a.extras)
                .cmp(&(&b.name, &b.section, &b.marker, &b.spec, &b.extras))
        }
        (Action::RemoveUnused(a), Action::RemoveUnused(b)) => (&a.target, &a.locator).cmp(&(&b.target, &b.locator)),
        _ => Ordering::Equal,
    };
    let kinds = || a.action.kind().cmp(&b.action.kind());
    let rest = || wire::operation_json(a).cmp(&wire::operation_json(b));
    a.file.cmp(&b.file).then_with(kinds).then(details).then_with(rest)
}

fn check_files(files: &[RepoPath], violations: &mut Vec<Violation>) {
    if files.is_empty() || files.len() > FILES_MAX {
        violations.push(Violation::new(
            "/files",
            ViolationCode::FileCount,
            format!("lists {} files; list between 1 and {FILES_MAX}", files.len()),
        ));
    }
    if files.len() < 2 {
        return;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
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

fn check_operations(
    category: &Category,
    files: &[RepoPath],
    operations: &[Operation],
    violations: &mut Vec<Violation>,
) {
    if operations.is_empty() || operations.len() > OPERATIONS_MAX {
        violations.push(Violation::new(
            "/operations",
            ViolationCode::OperationCount,
            format!("holds {} operations; write between 1 and {OPERATIONS_MAX}", operations.len()),
        ));
    }
    for (index, operation) in operations.iter().enumerate() {
        let at = |field: &str| format!("/operations/{index}{field}");
        if !files.contains(&operation.file) {
            violations.push(Violation::new(
                at("/file"),
                ViolationCode::FileNotListed,
                format!("{:?} is not in `files`; add it there or change another file", operation.file.as_str()),
            ));
        }
        let kind = operation.action.kind();
        if !category.allows(kind) {
            violations.push(Violation::new(
                at("/type"),
                ViolationCode::CategoryMismatch,
                format!("{kind} does not belong to a plan of category {category}"),
            ));
        }
        match &operation.action {
            Action::AddDependency(dependency) => check_dependency(dependency, operation, &at, violations),
            Action::PinDependency(dependency) => {
                if dependency.spec.is_any() {
                    violations.push(Violation::new(
                        at("/details/spec"),
                        ViolationCode::InvalidSpec,
                        "a pin needs a version specifier, such as \"==2.31.0\"",
                    ));
                }
                check_dependency(dependency, operation, &at, violations);
            }
            Action::RemoveUnused(_) | Action::UpdateConfig(_) | Action::ModifyCode(_) => {}
        }
        for (earlier_index, earlier) in operations.iter().enumerate().take(index) {
            if let Some(violation) = clash(earlier_index, earlier, index, operation) {
                violations.push(violation);
                break;
            }
        }
    }
}

fn check_dependency(
    dependency: &Dependency,
    operation: &Operation,
    at: &impl Fn(&str) -> String,
    violations: &mut Vec<Violation>,
) {
    let name = dependency.name.normalized();
    if STDLIB_ONLY.binary_search(&name).is_ok() {
        violations.push(Violation::new(
            at("/details/name"),
            ViolationCode::ReservedName,
            format!("{name:?} is a module of Python's standard library; nothing is to be installed for it"),
        ));
    }
    if PLACEHOLDERS.contains(&name) {
        violations.push(Violation::new(
            at("/details/name"),
            ViolationCode::ReservedName,
            format!("{name:?} is a placeholder; write the name of the distribution"),
        ));
    }
    if dependency.spec.kind() == SpecKind::Poetry && operation.file.file_name() != "pyproject.toml" {
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
fn clash(earlier_index: usize, earlier: &Operation, index: usize, operation: &Operation) -> Option<Violation> {
    if earlier.file != operation.file {
        return None;
    }
    let pointer = || format!("/operations/{index}");
    if earlier.action == operation.action {
        return Some(Violation::new(
            pointer(),
            ViolationCode::DuplicateOperation,
            format!("does the same as /operations/{earlier_index}; write it once"),
        ));
    }
    let (Some(a), Some(b)) = (dependency(&earlier.action), dependency(&operation.action)) else {
        return None;
    };
    let told_apart =
        a.section != b.section || matches!((&a.marker, &b.marker), (Some(a), Some(b)) if !a.same_meaning(b.as_str()));
    (a.name == b.name && !told_apart).then(|| {
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
