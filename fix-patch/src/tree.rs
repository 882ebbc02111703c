//! Reading the snapshot that a patch starts from.

use std::collections::BTreeMap;
use std::error::Error;

use fix_plan::RepoPath;

/// Largest file that is read, in bytes.
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The files of one snapshot of a repository.
///
/// # Contract
/// - A snapshot does not change: reading twice gives the same answer. The best
///   snapshot is the tree of a commit, its blobs read from git; a checkout has
///   filters, symbolic links and races.
/// - Only regular files are read. A symbolic link, a submodule or a directory is
///   refused by its own error, whatever it points to, and so is a path whose
///   parent is one.
/// - No more than [`FILE_BYTES_MAX`] bytes are read.
///
/// ```
/// use fix_patch::{MemoryTree, SourceTree, TreeError};
/// let tree = MemoryTree::from_iter([("a.py".parse()?, "import os\n".into())]);
/// assert_eq!(tree.read(&"a.py".parse()?)?.bytes, b"import os\n");
/// assert!(matches!(tree.read(&"b.py".parse()?), Err(TreeError::NotFound { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait SourceTree: Send + Sync {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Says what stands at `path` instead of a regular file of allowed size.
    fn read(&self, path: &RepoPath) -> Result<SourceBlob, TreeError>;

    /// Whether anything stands at `path`.
    ///
    /// # Errors
    /// [`TreeError::Unreadable`] when the snapshot can't be read at all.
    fn exists(&self, path: &RepoPath) -> Result<bool, TreeError>;
}

impl<T: SourceTree + ?Sized> SourceTree for &T {
    fn read(&self, path: &RepoPath) -> Result<SourceBlob, TreeError> {
        (**self).read(path)
    }

    fn exists(&self, path: &RepoPath) -> Result<bool, TreeError> {
        (**self).exists(path)
    }
}

/// The content of one regular file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "git knows no more of a file")]
pub struct SourceBlob {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it may be executed: git's mode 100755 instead of 100644.
    pub executable: bool,
}

impl From<&str> for SourceBlob {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

impl From<Vec<u8>> for SourceBlob {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, executable: false }
    }
}

/// Why a file of a snapshot can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Nothing stands there.
    #[error("{path} does not exist in this snapshot")]
    NotFound {
        /// The file.
        path: RepoPath,
    },
    /// It, or a directory above it, is a symbolic link.
    #[error("{path} is, or lies behind, a symbolic link; only regular files are changed")]
    Symlink {
        /// The file.
        path: RepoPath,
    },
    /// It, or a directory above it, is a submodule or another repository.
    #[error("{path} is, or lies in, a submodule; change it in its own repository")]
    Submodule {
        /// The file.
        path: RepoPath,
    },
    /// A directory, a device, a socket, …
    #[error("{path} is no regular file")]
    NotAFile {
        /// The file.
        path: RepoPath,
    },
    /// Larger than [`FILE_BYTES_MAX`].
    #[error("{path} is {bytes} bytes long; at most {FILE_BYTES_MAX} are read")]
    TooLarge {
        /// The file.
        path: RepoPath,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The snapshot itself can't be read: git or the disk failed.
    #[error("{path} can't be read")]
    Unreadable {
        /// The file.
        path: RepoPath,
        /// What failed.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// A snapshot in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    files: BTreeMap<RepoPath, SourceBlob>,
}

impl MemoryTree {
    /// Adds or replaces a file.
    pub fn insert(&mut self, path: RepoPath, blob: impl Into<SourceBlob>) {
        self.files.insert(path, blob.into());
    }
}

impl FromIterator<(RepoPath, SourceBlob)> for MemoryTree {
    fn from_iter<I: IntoIterator<Item = (RepoPath, SourceBlob)>>(files: I) -> Self {
        Self { files: files.into_iter().collect() }
    }
}

impl SourceTree for MemoryTree {
    fn read(&self, path: &RepoPath) -> Result<SourceBlob, TreeError> {
        let blob = self.files.get(path).ok_or_else(|| TreeError::NotFound { path: path.clone() })?;
        if blob.bytes.len() > FILE_BYTES_MAX {
            let bytes = u64::try_from(blob.bytes.len()).unwrap_or(u64::MAX);
            return Err(TreeError::TooLarge { path: path.clone(), bytes });
        }
        Ok(blob.clone())
    }

    fn exists(&self, path: &RepoPath) -> Result<bool, TreeError> {
        Ok(self.files.contains_key(path))
    }
}
