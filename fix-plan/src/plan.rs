//! The plan itself: what to change, with every rule between its parts held.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::log::{Log, Quotes};
use crate::operation::{Action, ActionKind, Operation};
use crate::package::ValueError;
use crate::parse::not_found;
use crate::path::RepoPath;
use crate::text::DisplayText;
use crate::violation::{PlanError, Violations};
use crate::wire;

/// A valid plan in canonical form: what to change, in which files, and why.
///
/// A value of this type has passed every rule of the contract. Files are sorted
/// and unique, operations and evidence are in canonical order, white space and
/// quotes in versions and markers are canonical: plans that differ in nothing else
/// are equal, have the same [JSON](FixPlan::to_json) and the same
/// [digest](FixPlan::digest). What a file will show is kept as it was asked for: the
/// spelling of a name, the order of the clauses of a version.
///
/// Model text gets here through [`FixPlan::parse`], a rule's own values through
/// [`FixPlan::new`].
#[derive(Clone, Debug)]
pub struct FixPlan {
    root_cause: DisplayText,
    category: Category,
    confidence: Confidence,
    files: Vec<RepoPath>,
    operations: Vec<Operation>,
}

impl FixPlan {
    /// Builds a plan from parts. There is one door: they are written as JSON, and
    /// [parsed](FixPlan::parse).
    ///
    /// # Errors
    /// Every broken rule, with pointers into the lists as they were given.
    pub fn new(
        root_cause: DisplayText,
        category: Category,
        confidence: Confidence,
        files: Vec<RepoPath>,
        operations: Vec<Operation>,
    ) -> Result<Self, PlanError> {
        Self { root_cause, category, confidence, files, operations }.to_json().parse()
    }

    /// The plan of parts that have passed every rule.
    pub(crate) fn canonical(
        root_cause: DisplayText,
        category: Category,
        confidence: Confidence,
        mut files: Vec<RepoPath>,
        mut operations: Vec<Operation>,
    ) -> Self {
        files.sort();
        operations.sort_by(canonical_order);
        Self { root_cause, category, confidence, files, operations }
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

    /// Checks that each line of evidence [quotes](Log::quotes) the log that the plan was made from.
    /// [`FixPlan::parse_for`] does it for text, whose order the pointers then follow.
    ///
    /// # Errors
    /// A violation `evidence_not_found` for each line that the log does not hold, with pointers into
    /// the plan in its canonical order.
    pub fn check_evidence(&self, log: &Log) -> Result<(), PlanError> {
        let mut violations = Violations::default();
        let quotes = Quotes::new(log);
        for (index, operation) in self.operations.iter().enumerate() {
            for (line, evidence) in operation.evidence.iter().enumerate() {
                if !quotes.holds(evidence.as_str()) {
                    violations.push(not_found(format!("/operations/{index}/evidence/{line}"), evidence));
                }
            }
        }
        violations.or(())
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

/// Equal where the canonical JSON is.
impl PartialEq for FixPlan {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl Eq for FixPlan {}

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
    pub(crate) fn allows(&self, kind: ActionKind) -> bool {
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
