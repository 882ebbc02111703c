//! Unified diffs: writing and reading, side by side.
//!
//! What is written has 3 lines of context and no index lines, and `git apply`
//! accepts it; what is read is what git writes, strictly.

mod binary;
mod header;
mod read;
mod write;

pub use read::{Diff, DiffError, FileDiff, FileMode, parse};
pub(crate) use write::{hunks, write_file};

/// A run of changed lines with the lines around them.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Hunk {
    /// The first line before the change, 1-based; the line before when there is none.
    pub old_start: u64,
    /// How many lines it spans before.
    pub old_lines: u64,
    /// The first line after the change, 1-based; the line before when there is none.
    pub new_start: u64,
    /// How many lines it spans after.
    pub new_lines: u64,
    /// The lines.
    pub lines: Vec<Line>,
}

impl Hunk {
    /// How many lines it adds.
    #[must_use]
    pub fn lines_added(&self) -> u64 {
        self.count(LineKind::Added)
    }

    /// How many lines it removes.
    #[must_use]
    pub fn lines_removed(&self) -> u64 {
        self.count(LineKind::Removed)
    }

    fn count(&self, kind: LineKind) -> u64 {
        let count = self.lines.iter().filter(|line| line.kind == kind).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

/// One line of a hunk.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a diff knows no more of a line")]
pub struct Line {
    /// Whether it stays, goes or comes.
    pub kind: LineKind,
    /// Its text, with the line ending; without one where the file ends so.
    pub text: String,
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a diff knows no other")]
pub enum LineKind {
    /// It stays.
    Context,
    /// It goes.
    Removed,
    /// It comes.
    Added,
}
