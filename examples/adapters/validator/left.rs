//! What killed processes left, told by a lock from what is in use.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::check::NOBODY;

/// Locks the file or folder at `path`, until what is returned is dropped or this process ends, however it ends.
/// `None` when somebody else has it, or has just removed it.
pub(super) fn claim(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let of = |data: fs::Metadata| (data.dev(), data.ino());
    let is_there =
        fs::symlink_metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|held| of(there) == of(held)));
    Ok(is_there.then_some(file))
}

/// Hands `remove` everything of ours in `folder` that begins with `prefix` and that nobody has claimed.
pub(super) fn sweep(folder: &Path, prefix: &str, remove: impl Fn(&Path) -> io::Result<()>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let user = rustix::process::geteuid();
        let is_ours =
            entry.metadata().is_ok_and(|data| data.uid() == user.as_raw() || user.is_root() && data.uid() == NOBODY);
        if !is_ours || !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        if let Ok(Some(_claim)) = claim(&entry.path()) {
            // Another process may be at it; what stays is there the next time.
            let _ = remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_has_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["fix-left", "fix-used", "other"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("outside"), "").unwrap();
        std::os::unix::fs::symlink(folder.path().join("outside"), folder.path().join("fix-link")).unwrap();
        let used = claim(&folder.path().join("fix-used")).unwrap();
        assert!(used.is_some());
        assert!(claim(&folder.path().join("fix-used")).unwrap().is_none(), "claimed twice");
        sweep(folder.path(), "fix-", |path| fs::remove_dir_all(path));
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["fix-link", "fix-used", "other", "outside"]);
        drop(used);
        sweep(folder.path(), "fix-", |path| fs::remove_dir_all(path));
        assert!(!folder.path().join("fix-used").exists());
    }
}
