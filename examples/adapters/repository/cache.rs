//! The folder of mirrors: who uses which, and how much it may hold.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Write as _};
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

    /// The mirror, made when it is not there yet, and not removed while the lease in it lives. One that is damaged,
    /// or larger than `bytes_max`, is made anew, where nobody else uses it.
    pub(super) fn open(&self, bytes_max: u64) -> Result<Git, AdapterError> {
        let failed = |error: io::Error| unavailable(&self.cache, error);
        fs::create_dir_all(&self.cache).map_err(failed)?;
        let config = self.configuration().map_err(failed)?;
        // First the lease, then the look: nobody removes it in between.
        let lock = open_lock(&self.dir.with_extension("lock")).map_err(failed)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && self.is_of_no_use(bytes_max) {
            remove(&self.dir).map_err(failed)?;
        }
        flock(&lock, FlockOperation::LockShared).map_err(|error| failed(error.into()))?;
        // When it was last used; a file system that keeps no times makes every mirror the oldest.
        let _ = lock.set_times(FileTimes::new().set_modified(SystemTime::now()));
        let git = Git::leased(&self.dir, Lease { _shared: Arc::new(lock) }, config);
        if !self.dir.join("HEAD").exists() {
            self.make()?;
        }
        Ok(git)
    }

    fn is_of_no_use(&self, bytes_max: u64) -> bool {
        self.dir.exists()
            && (Git::new(&self.dir).run(&["rev-parse", "--git-dir"]).is_err() || bytes_of(&self.dir) > bytes_max)
    }

    /// What git reads instead of the user's: what another git does for it, in a repository of another user, takes
    /// this from a file alone.
    fn configuration(&self) -> io::Result<PathBuf> {
        const TEXT: &str = "[safe]\n\tdirectory = *\n";
        let file = self.cache.join("gitconfig");
        if fs::read_to_string(&file).is_ok_and(|text| text == TEXT) {
            return Ok(file);
        }
        let mut temporary = tempfile::Builder::new().prefix("new-").tempfile_in(&self.cache)?;
        temporary.write_all(TEXT.as_bytes())?;
        temporary.persist(&file)?;
        Ok(file)
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
    /// use stay, whatever they hold; what can't be removed is left to the next sweep.
    pub(super) fn sweep(&self, bytes_max: u64) {
        let mut mirrors = Vec::new();
        for dir in fs::read_dir(&self.cache).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()) {
            let name = dir.file_name().unwrap_or_default().to_string_lossy();
            let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
            if name.starts_with(OLD) {
                let _ = fs::remove_dir_all(&dir);
            } else if name.starts_with("new-") {
                if changed(&dir).is_ok_and(|made| made.elapsed().is_ok_and(|age| age > HALF_MADE)) {
                    let _ = fs::remove_dir_all(&dir);
                }
            } else if name.ends_with(".git") {
                let used = changed(&dir.with_extension("lock")).unwrap_or(SystemTime::UNIX_EPOCH);
                mirrors.push((used, bytes_of(&dir), dir));
            }
        }
        mirrors.sort();
        let mut held: u64 = mirrors.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, dir) in mirrors {
            if held <= bytes_max {
                break;
            }
            let Ok(lock) = open_lock(&dir.with_extension("lock")) else { continue };
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && remove(&dir).is_ok() {
                held = held.saturating_sub(bytes);
            }
        }
    }
}

/// What a mirror is called while it is removed.
const OLD: &str = "old-";

/// Removes a mirror at once: whoever is killed meanwhile leaves none that is half there.
fn remove(dir: &Path) -> io::Result<()> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let old = dir.with_file_name(format!("{OLD}{name}"));
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    fs::rename(dir, &old)?;
    fs::remove_dir_all(&old)
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
        drop(place.open(u64::MAX).unwrap());
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
        let lease = in_use.open(u64::MAX).unwrap();
        let is_there = || [&old, &middle, &new].map(|place| place.dir.exists());
        old.sweep(400_000);
        assert_eq!(is_there(), [true; 3], "there is room for all");
        old.sweep(250_000);
        assert_eq!(is_there(), [true, true, false], "{oldest:?}");
        old.sweep(0);
        assert_eq!(is_there(), [false, true, false], "another is in use");
        drop(lease);
        old.sweep(0);
        assert_eq!(is_there(), [false; 3]);
        // Whoever comes back finds it empty, and not broken.
        assert!(middle.open(u64::MAX).unwrap().run(&["rev-parse", "--git-dir"]).is_ok());
    }

    #[test]
    fn what_a_killed_process_left_half_made_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        let (left, young) = (cache.path().join("new-x.git"), cache.path().join("new-y.git"));
        for folder in [&left, &young] {
            fs::create_dir(folder).unwrap();
        }
        File::open(&left).unwrap().set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)).unwrap();
        Place::new(cache.path(), "a").sweep(u64::MAX);
        assert!(!left.exists() && young.exists());
    }

    #[test]
    fn what_is_damaged_or_too_large_is_made_anew_where_nobody_uses_it() {
        let cache = tempfile::tempdir().unwrap();
        let works = |place: &Place| place.open(200_000).unwrap().run(&["rev-parse", "--git-dir"]).is_ok();
        let damage: [fn(&Path); 4] = [
            |dir| fs::remove_dir_all(dir.join("objects")).unwrap(),
            |dir| fs::remove_file(dir.join("HEAD")).unwrap(),
            |dir| fs::write(dir.join("HEAD"), "").unwrap(),
            |dir| fs::write(dir.join("objects/pack/tmp_pack_x"), vec![0; 300_000]).unwrap(),
        ];
        for damage in damage {
            let place = mirror(cache.path(), "a", 1, 1);
            damage(&place.dir);
            assert!(works(&place));
            assert!(!place.dir.join("pack").exists(), "it is another one");
            let lease = place.open(u64::MAX).unwrap();
            fs::write(place.dir.join("pack"), vec![0; 300_000]).unwrap();
            assert!(works(&place) && place.dir.join("pack").exists(), "it is in use");
            drop(lease);
        }
        // What was being removed when its process died.
        fs::create_dir(cache.path().join("old-b.git")).unwrap();
        Place::new(cache.path(), "a").sweep(u64::MAX);
        assert!(!cache.path().join("old-b.git").exists());
    }
}
