//! Why a plan can't be turned into a patch.

use std::fmt;

use fix_plan::RepoPath;

use crate::tree::TreeError;

/// A plan that asks for something that can't be done safely: typed, located, and
/// with what was found instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[error("{file}: {message}{} [{code}]", lines_text(lines))]
pub struct Refusal {
    /// The file.
    pub file: RepoPath,
    /// Which rule, stable.
    pub code: RefusalCode,
    /// What is in the way, and what to do about it.
    pub message: String,
    /// The 1-based lines that the message is about, ascending; at most [`LISTED_MAX`](Self::LISTED_MAX).
    pub lines: Vec<u32>,
    /// What is there and looks like what was asked for; at most [`LISTED_MAX`](Self::LISTED_MAX).
    pub candidates: Vec<String>,
}

impl Refusal {
    /// A refusal without lines or candidates.
    #[must_use]
    pub fn new(file: &RepoPath, code: RefusalCode, message: impl Into<String>) -> Self {
        Self { file: file.clone(), code, message: message.into(), lines: Vec::new(), candidates: Vec::new() }
    }

    /// Most lines and candidates that one refusal keeps: the first ones. It is read by people and by models.
    pub const LISTED_MAX: usize = 10;

    /// The same, about these lines.
    #[must_use]
    pub fn at_lines(mut self, lines: impl IntoIterator<Item = u32>) -> Self {
        self.lines.extend(lines.into_iter().take(Self::LISTED_MAX.saturating_sub(self.lines.len())));
        self.lines.sort_unstable();
        self.lines.dedup();
        self
    }

    /// The same, with these candidates.
    #[must_use]
    pub fn with_candidates(mut self, candidates: impl IntoIterator<Item = String>) -> Self {
        self.candidates.extend(candidates.into_iter().take(Self::LISTED_MAX.saturating_sub(self.candidates.len())));
        self
    }
}

fn lines_text(lines: &[u32]) -> String {
    match lines {
        [] => String::new(),
        [line] => format!(" (line {line})"),
        lines => format!(" (lines {})", lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

macro_rules! refusal_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)+) => {
        /// The reasons for a refusal. [`as_str`](RefusalCode::as_str) is stable; new ones may be added.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum RefusalCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl RefusalCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, `snake_case`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }
    };
}

refusal_codes! {
    /// No strategy handles this operation on this file.
    UnsupportedOperation => "unsupported_operation",
    /// The file is not in the snapshot.
    FileNotFound => "file_not_found",
    /// The file is, or lies behind, a symbolic link.
    Symlink => "symlink",
    /// The file lies in a submodule.
    Submodule => "submodule",
    /// A directory or device stands there.
    NotAFile => "not_a_file",
    /// The file is larger than is read.
    TooLarge => "too_large",
    /// The file is no UTF-8 text.
    Encoding => "encoding",
    /// The file does not parse.
    Syntax => "syntax",
    /// The file is written in a way that can't be edited without guessing.
    UnsupportedShape => "unsupported_shape",
    /// Nothing like it is there.
    NotFound => "not_found",
    /// More than one thing fits.
    Ambiguous => "ambiguous",
    /// A dependency to add is there with another version, extra or marker.
    Conflict => "conflict",
    /// A dependency to pin is not there.
    Absent => "absent",
    /// The entry is a URL, a path or a version control reference.
    DirectReference => "direct_reference",
    /// The file checks hashes, which a new version would not fit.
    HashMode => "hash_mode",
    /// The file is generated from another.
    Generated => "generated",
    /// The list is declared dynamic: a build step computes it.
    Dynamic => "dynamic",
    /// There is no table to add to, and none is made up.
    NoProject => "no_project",
    /// The version belongs in another table (Poetry 2 enrichment).
    PoetryEnrichment => "poetry_enrichment",
    /// The entry has several constraints.
    MultipleConstraints => "multiple_constraints",
    /// A constraint that only Poetry reads, in a list that Poetry does not read.
    SpecNotPep440 => "spec_not_pep440",
    /// A constraints file can't hold extras.
    ConstraintExtras => "constraint_extras",
    /// The section does not belong to this file.
    WrongSection => "wrong_section",
    /// The import is used.
    StillUsed => "still_used",
    /// The import is there for others to import.
    Reexport => "reexport",
    /// A star import.
    Star => "star",
    /// The import is what a `try` tests.
    AvailabilityCheck => "availability_check",
    /// One of several bindings in alternative branches.
    Conditional => "conditional",
    /// The author asked linters to leave it alone.
    Suppressed => "suppressed",
    /// A notebook or another dialect of Python.
    Unsupported => "unsupported",
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why there is no patch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The plan can't be done safely. Another plan may.
    #[error("the plan can't be turned into a patch")]
    Refused(#[from] Refusal),
    /// A strategy made an edit that its own proof rejects: a bug, caught before it left.
    #[error("{file}: the proof of strategy {strategy:?} failed: {mismatch}")]
    ProofFailed {
        /// The file.
        file: RepoPath,
        /// The strategy.
        strategy: &'static str,
        /// What differs from what was asked.
        mismatch: String,
    },
    /// The snapshot can't be read.
    #[error("the snapshot can't be read")]
    Tree(#[source] TreeError),
}

impl PatchError {
    /// A refusal for what the plan should not have named, an error for what failed on the way.
    pub(crate) fn from_tree(error: TreeError) -> Self {
        let (file, code) = match &error {
            TreeError::NotFound { path } => (path, RefusalCode::FileNotFound),
            TreeError::Symlink { path } => (path, RefusalCode::Symlink),
            TreeError::Submodule { path } => (path, RefusalCode::Submodule),
            TreeError::NotAFile { path } => (path, RefusalCode::NotAFile),
            TreeError::TooLarge { path, .. } => (path, RefusalCode::TooLarge),
            TreeError::Unreadable { .. } => return Self::Tree(error),
        };
        Refusal::new(file, code, error.to_string()).into()
    }
}
