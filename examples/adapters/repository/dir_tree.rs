//! A directory as a snapshot.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use fix_patch::{FILE_BYTES_MAX, SourceBlob, SourceTree, TreeError};
use fix_plan::RepoPath;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// The files below a directory. The kernel itself keeps every read inside it, and
/// follows no symbolic link on the way.
///
/// A directory can change while it is read; where that matters, read a commit's
/// [`Snapshot`](super::Snapshot).
#[derive(Debug)]
pub struct DirTree {
    root: OwnedFd,
}

impl DirTree {
    /// The directory at `path`.
    ///
    /// # Errors
    /// When it is no directory that can be opened.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: rustix::fs::open(path, flags, Mode::empty())? })
    }

    fn open_file(&self, path: &RepoPath) -> Result<File, TreeError> {
        let nested = path.as_str().match_indices('/').filter_map(|(at, _)| path.as_str().get(..at));
        for parent in nested {
            // A directory with a `.git` of its own is another repository.
            if self.open_at(&format!("{parent}/.git"), OFlags::PATH).is_ok() {
                return Err(TreeError::Submodule { path: path.clone() });
            }
        }
        // Opened without blocking, so that a named pipe can't hold us.
        match self.open_at(path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
            Ok(file) => Ok(File::from(file)),
            Err(Errno::NOENT | Errno::NOTDIR) => Err(TreeError::NotFound { path: path.clone() }),
            Err(Errno::LOOP | Errno::XDEV) => Err(TreeError::Symlink { path: path.clone() }),
            Err(Errno::NXIO | Errno::ISDIR | Errno::NODEV) => Err(TreeError::NotAFile { path: path.clone() }),
            Err(error) => Err(TreeError::Unreadable { path: path.clone(), source: std::io::Error::from(error).into() }),
        }
    }

    fn open_at(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
    }
}

impl SourceTree for DirTree {
    fn read(&self, path: &RepoPath) -> Result<SourceBlob, TreeError> {
        let file = self.open_file(path)?;
        let unreadable = |error: std::io::Error| TreeError::Unreadable { path: path.clone(), source: error.into() };
        let stat = rustix::fs::fstat(&file).map_err(|error| unreadable(error.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(TreeError::NotAFile { path: path.clone() });
        }
        let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(TreeError::TooLarge {
                path: path.clone(),
                bytes: u64::try_from(stat.st_size).unwrap_or(u64::MAX),
            });
        }
        Ok(SourceBlob { bytes, executable: stat.st_mode & 0o100 != 0 })
    }

    fn exists(&self, path: &RepoPath) -> Result<bool, TreeError> {
        match self.open_at(path.as_str(), OFlags::PATH) {
            Ok(_) | Err(Errno::LOOP) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(error) => Err(TreeError::Unreadable { path: path.clone(), source: std::io::Error::from(error).into() }),
        }
    }
}
