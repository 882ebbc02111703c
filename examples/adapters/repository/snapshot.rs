//! The files of a commit, read from git's objects and never from a checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::Path;

use fix_patch::{FILE_BYTES_MAX, SourceBlob, SourceTree, TreeError};
use fix_pipeline::AdapterErrorKind;
use fix_plan::RepoPath;

use crate::git::{Git, GitError};

/// A tree of git, listed; its blobs are read when asked for.
#[derive(Clone, Debug)]
pub struct Snapshot {
    git: Git,
    tree: String,
    entries: BTreeMap<Vec<u8>, TreeEntry>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct TreeEntry {
    kind: EntryKind,
    object: String,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum EntryKind {
    File { executable: bool },
    Symlink,
    Submodule,
}

/// What a place in a tree holds.
#[derive(Debug)]
pub(crate) enum Content<'c> {
    Directory,
    File { bytes: Vec<u8>, executable: bool },
    Symlink { target: &'c OsStr },
}

impl Snapshot {
    /// The snapshot of a revision of the repository at `path`, read in place.
    ///
    /// # Errors
    /// When it is no repository, or has no such revision.
    pub fn of_local(path: &Path, revision: &str) -> Result<Self, GitError> {
        let git = Git::new(super::git_dir(path));
        let tree = git.line(&tree_of(revision))?;
        let listing = git.run(&listing_of(&tree))?;
        Self::listed(git, tree, &listing)
    }

    /// Lists the tree of a commit, or a tree.
    pub(crate) async fn read(git: Git, treeish: &str) -> Result<Self, GitError> {
        let tree = git.call_line(&tree_of(treeish)).await?;
        let listing = git.call(&listing_of(&tree)).await?;
        Self::listed(git, tree, &listing)
    }

    fn listed(git: Git, tree: String, listing: &[u8]) -> Result<Self, GitError> {
        let mut entries = BTreeMap::new();
        for (path, entry) in listing.split(|&byte| byte == 0).filter_map(entry) {
            let name = String::from_utf8_lossy(&path).into_owned();
            if entries.insert(path, entry).is_some() {
                return Err(GitError::new(
                    "ls-tree",
                    git.dir(),
                    format!("the tree holds {name:?} twice; it was not made by git"),
                ));
            }
        }
        let snapshot = Self { git, tree, entries };
        snapshot.check_shape()?;
        Ok(snapshot)
    }

    /// A file, a link and a submodule have nothing below them, and no path leaves the tree.
    /// git makes no other trees; who writes objects by hand does, so that a link is followed
    /// when the tree is laid out.
    fn check_shape(&self) -> Result<(), GitError> {
        for path in self.entries.keys() {
            let parts = || path.split(|&byte| byte == b'/');
            let leaves = parts().any(|part| matches!(part, b"" | b"." | b"..") || part.eq_ignore_ascii_case(b".git"));
            let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
            let below = slashes.filter_map(|at| path.get(..at)).any(|parent| self.entries.contains_key(parent));
            if leaves || below {
                let name = String::from_utf8_lossy(path);
                return Err(GitError::new(
                    "ls-tree",
                    self.git.dir(),
                    format!("the tree holds the impossible path {name:?}"),
                ));
            }
        }
        Ok(())
    }

    /// The id of the tree object.
    #[must_use]
    pub fn tree_id(&self) -> &str {
        &self.tree
    }

    /// The paths of regular files that are UTF-8, sorted.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let files = self.entries.iter().filter(|(_, entry)| matches!(entry.kind, EntryKind::File { .. }));
        files.filter_map(|(path, _)| std::str::from_utf8(path).ok())
    }

    /// The text of a file; empty when it can't be read.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        let blob = path.parse().ok().and_then(|path: RepoPath| self.read(&path).ok());
        blob.map(|blob| String::from_utf8_lossy(&blob.bytes).into_owned()).unwrap_or_default()
    }

    /// Writes every file below `directory`, which must be empty: bytes as in git, no
    /// filters, no hooks. Symbolic links stay what they are; submodules become empty
    /// directories.
    ///
    /// # Errors
    /// When the disk or git fails.
    pub fn write_to(&self, directory: &Path) -> std::io::Result<()> {
        self.lay_out(|path, content| {
            let to = directory.join(path);
            match content {
                Content::Directory => fs::create_dir_all(&to),
                Content::Symlink { target } => symlink(target, &to),
                Content::File { bytes, executable } => {
                    let mode = if executable { 0o755 } else { 0o644 };
                    // Made anew: what is there already, a link above all, is an error.
                    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&to)?;
                    file.write_all(&bytes)
                }
            }
        })
    }

    /// Hands each entry to `make`: a directory before what is in it, and symbolic links last, so that
    /// nothing is ever written through one.
    pub(crate) fn lay_out(
        &self,
        mut make: impl FnMut(&Path, Content<'_>) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut objects = String::new();
        for entry in self.entries.values().filter(|entry| entry.kind != EntryKind::Submodule) {
            objects.push_str(&entry.object);
            objects.push('\n');
        }
        self.git.read_with(&["cat-file", "--batch"], objects.into_bytes(), |blobs| self.lay_out_of(blobs, &mut make))
    }

    /// The same, with the blobs in the order of the entries.
    fn lay_out_of(
        &self,
        blobs: &mut impl BufRead,
        make: &mut impl FnMut(&Path, Content<'_>) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut made = BTreeSet::new();
        let mut links = Vec::new();
        for (path, entry) in &self.entries {
            let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
            for parent in slashes.filter_map(|at| path.get(..at)) {
                if made.insert(parent) {
                    make(Path::new(OsStr::from_bytes(parent)), Content::Directory)?;
                }
            }
            let path = Path::new(OsStr::from_bytes(path));
            match entry.kind {
                EntryKind::Submodule => make(path, Content::Directory)?,
                EntryKind::Symlink => links.push((path, next_blob(blobs)?)),
                EntryKind::File { executable } => {
                    make(path, Content::File { bytes: next_blob(blobs)?, executable })?;
                }
            }
        }
        for (path, target) in links {
            make(path, Content::Symlink { target: OsStr::from_bytes(&target) })?;
        }
        Ok(())
    }

    /// How many files, links and submodules there are.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    /// The paths where this differs from `base`, in content or in mode.
    pub(crate) fn changed_since(&self, base: &Self) -> BTreeSet<String> {
        let differs = |one: &Self, other: &Self| -> Vec<String> {
            let same = |path: &Vec<u8>, entry: &TreeEntry| other.entries.get(path) == Some(entry);
            let changed = one.entries.iter().filter(|(path, entry)| !same(path, entry));
            changed.map(|(path, _)| String::from_utf8_lossy(path).into_owned()).collect()
        };
        differs(self, base).into_iter().chain(differs(base, self)).collect()
    }

    /// What the files hold together, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.entries.values().fold(0, |sum, entry| sum.saturating_add(entry.bytes))
    }

    fn entry(&self, path: &RepoPath) -> Option<&TreeEntry> {
        self.entries.get(path.as_str().as_bytes())
    }

    /// What stands in the way where there is no file.
    fn obstacle(&self, path: &RepoPath) -> TreeError {
        let path = path.clone();
        let parents = path.as_str().match_indices('/').filter_map(|(at, _)| path.as_str().get(..at));
        for parent in parents {
            match self.entries.get(parent.as_bytes()).map(|entry| entry.kind) {
                Some(EntryKind::Symlink) => return TreeError::Symlink { path },
                Some(EntryKind::Submodule) => return TreeError::Submodule { path },
                _ => {}
            }
        }
        let inside = format!("{path}/").into_bytes();
        let is_directory =
            self.entries.range(inside.clone()..).next().is_some_and(|(other, _)| other.starts_with(&inside));
        if is_directory { TreeError::NotAFile { path } } else { TreeError::NotFound { path } }
    }
}

impl SourceTree for Snapshot {
    fn read(&self, path: &RepoPath) -> Result<SourceBlob, TreeError> {
        let Some(entry) = self.entry(path) else { return Err(self.obstacle(path)) };
        let executable = match entry.kind {
            EntryKind::File { executable } => executable,
            EntryKind::Symlink => return Err(TreeError::Symlink { path: path.clone() }),
            EntryKind::Submodule => return Err(TreeError::Submodule { path: path.clone() }),
        };
        if usize::try_from(entry.bytes).map_or(true, |bytes| bytes > FILE_BYTES_MAX) {
            return Err(TreeError::TooLarge { path: path.clone(), bytes: entry.bytes });
        }
        let bytes = self.git.run(&["cat-file", "blob", &entry.object]);
        let bytes = bytes.map_err(|error| {
            let source = error.into_adapter(AdapterErrorKind::Unavailable, "read a file of the commit");
            TreeError::Unreadable { path: path.clone(), source: source.into() }
        })?;
        Ok(SourceBlob { bytes, executable })
    }

    fn exists(&self, path: &RepoPath) -> Result<bool, TreeError> {
        Ok(self.entry(path).is_some() || !matches!(self.obstacle(path), TreeError::NotFound { .. }))
    }
}

fn tree_of(treeish: &str) -> [String; 4] {
    let tree = format!("{treeish}^{{tree}}");
    ["rev-parse".to_owned(), "--verify".to_owned(), "--end-of-options".to_owned(), tree]
}

fn listing_of(tree: &str) -> [&str; 6] {
    ["ls-tree", "-r", "-z", "--long", "--full-tree", tree]
}

/// `100644 blob 1234…    56\tpath`
fn entry(line: &[u8]) -> Option<(Vec<u8>, TreeEntry)> {
    let tab = line.iter().position(|&byte| byte == b'\t')?;
    let (meta, path) = (std::str::from_utf8(line.get(..tab)?).ok()?, line.get(tab + 1..)?);
    let mut words = meta.split_ascii_whitespace();
    let kind = match words.next()? {
        "100644" | "100664" => EntryKind::File { executable: false },
        "100755" => EntryKind::File { executable: true },
        "120000" => EntryKind::Symlink,
        _ => EntryKind::Submodule,
    };
    let object = words.nth(1)?.to_owned();
    let bytes = words.next()?.parse().unwrap_or(0);
    Some((path.to_owned(), TreeEntry { kind, object, bytes }))
}

/// The next object of `git cat-file --batch`: a line with its size, its bytes, a line feed.
fn next_blob(blobs: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut header = String::new();
    blobs.read_line(&mut header)?;
    let size = header.split_ascii_whitespace().nth(2).and_then(|size| size.parse::<usize>().ok());
    let size = size.ok_or_else(|| std::io::Error::other(format!("git has no object {}", header.trim())))?;
    let mut content = vec![0; size];
    blobs.read_exact(&mut content)?;
    blobs.read_exact(&mut [0])?;
    Ok(content)
}
