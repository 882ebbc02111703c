//! A patch: what changes, in which files, by how much.

use std::fmt;

use fix_plan::RepoPath;
use sha2::{Digest as _, Sha256};

use crate::diff::{self, Hunk};
use crate::edit::EditSet;
use crate::source::SourceFile;

/// Changes of one or more files, proven to do what the plan asks and nothing else.
///
/// Only a [`PatchGenerator`](crate::PatchGenerator) makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Patch {
    files: Vec<FilePatch>,
    findings: Vec<Finding>,
    diff: String,
    stats: PatchStats,
}

impl Patch {
    /// `files` are sorted by path and not empty.
    pub(crate) fn new(files: Vec<FilePatch>, findings: Vec<Finding>) -> Self {
        let mut diff = String::new();
        for file in &files {
            diff::write_file(&mut diff, file.path(), &file.hunks);
        }
        let count = |of: fn(&Hunk) -> u64| files.iter().flat_map(|file| &file.hunks).map(of).sum();
        let stats = PatchStats {
            files: length(files.len()),
            lines_added: count(Hunk::lines_added),
            lines_removed: count(Hunk::lines_removed),
            bytes: length(diff.len()),
        };
        Self { files, findings, diff, stats }
    }

    /// The changed files, sorted by path.
    #[must_use]
    pub fn files(&self) -> &[FilePatch] {
        &self.files
    }

    /// What a reviewer should know besides, such as a stale lock file.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The unified diff, with 3 lines of context, as `git apply` reads it.
    #[must_use]
    pub fn diff(&self) -> &str {
        &self.diff
    }

    /// How much changes.
    #[must_use]
    pub fn stats(&self) -> PatchStats {
        self.stats
    }

    /// The SHA-256 of the diff.
    #[must_use]
    pub fn digest(&self) -> PatchDigest {
        PatchDigest(Sha256::digest(&self.diff).into())
    }
}

/// The SHA-256 of a patch's diff; shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PatchDigest([u8; 32]);

impl fmt::Display for PatchDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PatchDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatchDigest({self})")
    }
}

/// The change of one file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilePatch {
    source: SourceFile,
    executable: bool,
    edits: EditSet,
    after: String,
    hunks: Vec<Hunk>,
}

impl FilePatch {
    pub(crate) fn new(source: SourceFile, executable: bool, edits: EditSet) -> Self {
        let after = edits.apply(source.text());
        let hunks = diff::hunks(source.text(), &edits);
        Self { source, executable, edits, after, hunks }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &RepoPath {
        self.source.path()
    }

    /// Its text before.
    #[must_use]
    pub fn before(&self) -> &str {
        self.source.text()
    }

    /// Its text after.
    #[must_use]
    pub fn after(&self) -> &str {
        &self.after
    }

    /// Whether it may be executed; a patch never changes that.
    #[must_use]
    pub fn executable(&self) -> bool {
        self.executable
    }

    /// The byte ranges of the text before that change.
    #[must_use]
    pub fn edits(&self) -> &EditSet {
        &self.edits
    }

    /// The changed lines with their context.
    #[must_use]
    pub fn hunks(&self) -> &[Hunk] {
        &self.hunks
    }
}

/// How much a patch changes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "four numbers are the contract")]
pub struct PatchStats {
    /// Files changed.
    pub files: u64,
    /// Lines added.
    pub lines_added: u64,
    /// Lines removed.
    pub lines_removed: u64,
    /// Length of the diff in bytes.
    pub bytes: u64,
}

/// Something a reviewer should know about a patch.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What kind, stable.
    pub code: FindingCode,
    /// The file it is about.
    pub file: RepoPath,
    /// What it is, and what to do.
    pub message: String,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum FindingCode {
    /// A lock file that no longer fits its manifest.
    LockfileStale,
}

impl FindingCode {
    /// The stable name, `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LockfileStale => "lockfile_stale",
        }
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
