//! How one kind of operation changes one kind of file.

#[cfg(any(feature = "dependencies", feature = "python"))]
mod cookie;
#[cfg(feature = "python")]
pub mod imports;
#[cfg(feature = "dependencies")]
mod in_turn;
#[cfg(feature = "dependencies")]
pub mod pyproject;
#[cfg(feature = "dependencies")]
mod requirement;
#[cfg(feature = "dependencies")]
pub mod requirements;

use std::collections::BTreeSet;
use std::fmt;

use fix_plan::{ActionKind, Operation, RepoPath};

use crate::edit::EditSet;
use crate::refusal::Refusal;
use crate::source::SourceFile;

/// Turns operations on one file into edits, and proves them.
///
/// # Contract
/// - Pure: the same source and operations give the same edits, on every machine.
/// - Bytes that no operation is about do not change.
/// - Operations come in canonical order and are applied together: the result is
///   that of doing all of them, and does not depend on the order they came in.
/// - What would need a guess is a [`Refusal`]; what is already so is an empty edit,
///   told by [`Proposal::already`].
/// - The proof re-parses the result and accepts exactly the difference that was
///   asked for. The generator runs it before a patch leaves.
///
/// Embedders register their own with
/// [`PatchGenerator::with_strategy`](crate::PatchGenerator::with_strategy).
pub trait Strategy: fmt::Debug + Send + Sync {
    /// A short name for messages and journals.
    fn name(&self) -> &'static str;

    /// Whether this strategy does `kind` on `file`. Decided by the path alone.
    fn handles(&self, file: &RepoPath, kind: ActionKind) -> bool;

    /// The edits of `operations`, all of which this strategy handles.
    ///
    /// # Errors
    /// The first refusal, in canonical order of the operations.
    fn propose<'s>(
        &self,
        source: &'s SourceFile,
        operations: &[&'s Operation],
        options: &PatchOptions,
    ) -> Result<Proposal<'s>, Refusal>;
}

/// A check that a text differs from the source exactly as the operations ask;
/// the error says what differs.
pub type Proof<'s> = Box<dyn FnOnce(&str) -> Result<(), String> + 's>;

/// Edits with their proof.
pub struct Proposal<'s> {
    pub(crate) edits: EditSet,
    pub(crate) already: Vec<String>,
    pub(crate) tidied: bool,
    pub(crate) proof: Proof<'s>,
}

impl<'s> Proposal<'s> {
    /// Edits, and the proof that their result is what was asked for.
    #[must_use]
    pub fn new(edits: EditSet, proof: Proof<'s>) -> Self {
        Self { edits, already: Vec::new(), tidied: false, proof }
    }

    /// The same; `reasons` say which operations ask for what is already so.
    #[must_use]
    pub fn already(mut self, reasons: Vec<String>) -> Self {
        self.already = reasons;
        self
    }

    /// The same; the edits tidy white space too, so that nobody has to do it after them.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.tidied = true;
        self
    }
}

impl fmt::Debug for Proposal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposal").field("edits", &self.edits).field("already", &self.already).finish_non_exhaustive()
    }
}

/// What an embedder allows.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PatchOptions {
    /// Whether `lint_format` plans also tidy white space in the files they change. On by default;
    /// a strategy sees it off where the plan is of another category.
    pub tidy: bool,
    /// Refusals of policy, not of safety, that do not count.
    pub allow: BTreeSet<Allowance>,
}

impl Default for PatchOptions {
    fn default() -> Self {
        Self { tidy: true, allow: BTreeSet::new() }
    }
}

/// A refusal that an embedder can waive.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Allowance {
    /// Imports that others may import from here.
    Reexport,
    /// Imports that the author told linters to leave alone.
    Suppressed,
    /// Imports that a `try` tests.
    AvailabilityCheck,
    /// One of several bindings in alternative branches.
    Conditional,
}

impl Allowance {
    /// Every allowance.
    pub const ALL: [Self; 4] = [Self::Reexport, Self::Suppressed, Self::AvailabilityCheck, Self::Conditional];

    /// The code of the refusal that it waives.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reexport => "reexport",
            Self::Suppressed => "suppressed",
            Self::AvailabilityCheck => "availability_check",
            Self::Conditional => "conditional",
        }
    }
}

/// The strategies that the enabled features bring.
pub(crate) fn built_in() -> Vec<Box<dyn Strategy>> {
    vec![
        #[cfg(feature = "dependencies")]
        Box::new(pyproject::Pyproject),
        #[cfg(feature = "dependencies")]
        Box::new(requirements::Requirements),
        #[cfg(feature = "python")]
        Box::new(imports::Imports),
    ]
}
