//! The folder of mirrors: who uses which, and how much it may hold.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fix_pipeline::{AdapterError, AdapterErrorKind};
use rustix::fs::{FlockOperation, flock};

use crate::git::Git;

/// A half-made mirror that is older was left by a process that was killed.
const HALF_MADE: Duration = Duration::from_secs(3_600);

/// Says that a mirror is in use, to this and to every other process, until the last copy is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    _shared: Arc<File>,
}

/// A mirror's place in the cache.
#[derive(Clone, Debug)]
pub(super) struct Place {
    dir: PathBuf,
    cache: PathBuf,
}

impl Place {
    pub(super) fn new(cache: &Path, name: &str) -> Self {
        Self { dir: cache.join(format!("{name}.git")), cache: cache.to_owned() }
    }

    /// The mirror, made when it is not there yet, and not removed while the lease in it lives.
    pub(super) fn open(&self) -> Result<Git, AdapterError> {
        let failed = |error: io::Error| unavailable(&self.cache, error);
        fs::create_dir_all(&self.cache).map_err(failed)?;
        // First the lease, then the look: nobody removes it in between.
        let lock = open_lock(&self.dir.with_extension("lock")).map_err(failed)?;
        flock(&lock, FlockOperation::LockShared).map_err(|error| failed(error.into()))?;
        // When it was last used; a file system that keeps no times makes every mirror the oldest.
        let _ = lock.set_times(FileTimes::new().set_modified(SystemTime::now()));
        let git = Git::leased(&self.dir, Lease { _shared: Arc::new(lock) });
        if !self.dir.join("HEAD").exists() {
            self.make()?;
        }
        Ok(git)
    }

    /// Makes an empty mirror, whole or not at all: several processes may try at once.
    fn make(&self) -> Result<(), AdapterError> {
        let failed = |error: io::Error| unavailable(&self.dir, error);
        let temporary =
            tempfile::Builder::new().prefix("new-").suffix(".git").tempdir_in(&self.cache).map_err(failed)?;
        let init = Git::new(temporary.path()).run(&["init", "--quiet", "--bare", "--template="]);
        init.map_err(|error| error.into_adapter(AdapterErrorKind::Unavailable, OPERATION))?;
        match fs::rename(temporary.path(), &self.dir) {
            Ok(()) => Ok(()),
            // Another process was faster.
            Err(_) if self.dir.join("HEAD").exists() => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Waits for whoever else fetches into the mirror: git takes two at once for an error.
    pub(super) async fn fetching(&self) -> Result<File, AdapterError> {
        let path = self.dir.with_extension("fetch");
        let locked = tokio::task::spawn_blocking(move || {
            let lock = open_lock(&path)?;
            flock(&lock, FlockOperation::LockExclusive)?;
            Ok(lock)
        });
        match locked.await {
            Ok(locked) => locked.map_err(|error: io::Error| unavailable(&self.dir, error)),
            Err(error) => Err(unavailable(&self.dir, io::Error::other(error))),
        }
    }

    /// Removes the mirrors that were not used for longest, until the others hold `bytes_max` at most. Those in
    /// use stay, whatever they hold.
    pub(super) fn sweep(&self, bytes_max: u64) -> io::Result<()> {
        let mut mirrors = Vec::new();
        for entry in fs::read_dir(&self.cache)? {
            let (dir, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            if dir.extension().is_none_or(|extension| extension != "git") {
                continue;
            }
            if name.to_string_lossy().starts_with("new-") {
                let made = dir.metadata().and_then(|metadata| metadata.modified());
                if made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > HALF_MADE)) {
                    fs::remove_dir_all(&dir)?;
                }
                continue;
            }
            let used = dir.with_extension("lock").metadata().and_then(|metadata| metadata.modified());
            mirrors.push((used.unwrap_or(SystemTime::UNIX_EPOCH), bytes_of(&dir), dir));
        }
        mirrors.sort();
        let mut held: u64 = mirrors.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, dir) in mirrors {
            if held <= bytes_max {
                break;
            }
            let lock = open_lock(&dir.with_extension("lock"))?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                fs::remove_dir_all(&dir)?;
                held = held.saturating_sub(bytes);
            }
        }
        Ok(())
    }
}

const OPERATION: &str = "open the clone cache";

fn unavailable(place: &Path, error: io::Error) -> AdapterError {
    let message = format!("{} can't be used", place.display());
    AdapterError::new(AdapterErrorKind::Unavailable, OPERATION, message).with_source(error)
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

/// What a folder holds, in bytes. What vanishes meanwhile counts nothing.
fn bytes_of(folder: &Path) -> u64 {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(cache: &Path, name: &str, bytes: usize, used_s: u64) -> Place {
        let place = Place::new(cache, name);
        drop(place.open().unwrap());
        fs::write(place.dir.join("pack"), vec![0; bytes]).unwrap();
        let used = SystemTime::UNIX_EPOCH + Duration::from_secs(used_s);
        let lock = open_lock(&place.dir.with_extension("lock")).unwrap();
        lock.set_times(FileTimes::new().set_modified(used)).unwrap();
        place
    }

    #[test]
    fn the_longest_unused_goes_first_and_what_is_in_use_stays() {
        let cache = tempfile::tempdir().unwrap();
        let (old, middle, new) = (
            mirror(cache.path(), "a", 100_000, 3),
            mirror(cache.path(), "b", 100_000, 2),
            mirror(cache.path(), "c", 100_000, 1),
        );
        let (oldest, in_use) = (&new, &middle);
        let lease = in_use.open().unwrap();
        let is_there = || [&old, &middle, &new].map(|place| place.dir.exists());
        old.sweep(400_000).unwrap();
        assert_eq!(is_there(), [true; 3], "there is room for all");
        old.sweep(250_000).unwrap();
        assert_eq!(is_there(), [true, true, false], "{oldest:?}");
        old.sweep(0).unwrap();
        assert_eq!(is_there(), [false, true, false], "another is in use");
        drop(lease);
        old.sweep(0).unwrap();
        assert_eq!(is_there(), [false; 3]);
        // Whoever comes back finds it empty, and not broken.
        assert!(middle.open().unwrap().run(&["rev-parse", "--git-dir"]).is_ok());
    }

    #[test]
    fn what_a_killed_process_left_half_made_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        let (left, young) = (cache.path().join("new-x.git"), cache.path().join("new-y.git"));
        for folder in [&left, &young] {
            fs::create_dir(folder).unwrap();
        }
        File::open(&left).unwrap().set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)).unwrap();
        Place::new(cache.path(), "a").sweep(u64::MAX).unwrap();
        assert!(!left.exists() && young.exists());
    }
}
