//! Prepared environments, kept for the next check.

use std::fs::{self, DirBuilder, File, FileTimes};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use fix_pipeline::{AdapterError, AdapterErrorKind};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::check::{Ended, Prepared};
use super::left;
use super::limits::SandboxLimits;
use crate::repository::Repository;

/// Where prepared environments are kept, and how many.
///
/// Each is an archive in a file, named by what preparing read and ran. A check unpacks it into its own work
/// directory: so no check sees what another does to its environment, and this process reads no name in it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Environments {
    /// A folder of its own; made when it is not there.
    pub folder: PathBuf,
    /// How many there may be; those not used for longest go.
    pub count: usize,
    /// What they may hold together, in bytes. None is larger than what a check may write.
    pub bytes: u64,
    /// How long one is used: without it, what is not pinned would never be new.
    pub age: Duration,
}

impl Environments {
    /// At most 16 in `folder`, of 4 GiB together, for a day each.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), count: 16, bytes: 4 << 30, age: Duration::from_secs(86_400) }
    }

    /// In the folder `environments` beside the mirror of `repository`.
    pub(super) fn beside(repository: &Repository) -> Option<Self> {
        repository.git().dir().parent().map(|cache| Self::new(cache.join("environments")))
    }

    /// What is kept under `key`.
    pub(super) fn at(&self, key: String) -> Kept<'_> {
        Kept { options: self, key }
    }

    /// Removes what is too old, too much, or was never finished.
    fn tidy(&self) {
        for prefix in [NEW, TURN] {
            left::sweep(&self.folder, prefix, |path| fs::remove_file(path));
        }
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut kept: Vec<(SystemTime, SystemTime, u64, PathBuf)> = entries
            .filter(|entry| entry.file_name().len() == KEY_CHARS)
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((data.accessed().ok()?, data.modified().ok()?, data.len(), entry.path()))
            })
            .collect();
        kept.sort_by(|one, other| other.cmp(one));
        let (mut count, mut bytes) = (0, 0_u64);
        for (_, made, length, path) in kept {
            count += 1;
            bytes = bytes.saturating_add(length);
            if count > self.count || bytes > self.bytes || self.is_old(made) {
                // Who reads it has it open.
                let _ = fs::remove_file(path);
            }
        }
    }

    fn is_old(&self, made: SystemTime) -> bool {
        // A clock that went back makes nothing young.
        SystemTime::now().duration_since(made).map_or(true, |age| age > self.age)
    }
}

/// A place for one environment.
#[derive(Clone, Debug)]
pub(super) struct Kept<'e> {
    options: &'e Environments,
    key: String,
}

/// What there is in a place.
#[derive(Debug)]
pub(super) enum Found {
    /// An archive, to be read from where it stands.
    Ready(File),
    /// Nothing, and nobody else fills it meanwhile.
    Missing(Making),
}

/// An environment on its way.
#[derive(Debug)]
pub(super) struct Making {
    file: NamedTempFile,
    /// Held, so that nobody sweeps it.
    _claim: File,
    /// Held until it is in place, so that the same is not made twice at once.
    _turn: Turn,
}

/// The right to make what one key stands for: a locked file that is gone afterwards.
#[derive(Debug)]
struct Turn {
    path: PathBuf,
    _claim: File,
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Still locked: who gets the lock of a file that is gone begins anew.
        let _ = fs::remove_file(&self.path);
    }
}

const KEY_CHARS: usize = 64;
/// What the names of unfinished ones begin with.
const NEW: &str = "new-";
/// What the names of locks begin with.
const TURN: &str = "turn-";
/// Before the archive: this, the SHA-256 of the archive, and a line feed.
const MARK: &[u8] = b"fix environment 1 ";
const HEADER_BYTES: u64 = 18 + 64 + 1;

/// The longest that a check waits for another one to prepare the same: who prepares may take all its time.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// The key for all of `parts`.
pub(super) fn key<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    hex(&digest.finalize())
}

impl Kept<'_> {
    /// Looks it up; waits while another check makes it, for as long as `wait`. `None` when it can't be had in that
    /// time, and is not to be kept.
    pub(super) async fn fetch(&self, wait: Duration) -> Option<Found> {
        let deadline = Instant::now() + wait;
        DirBuilder::new().recursive(true).mode(0o700).create(&self.options.folder).ok()?;
        while Instant::now() < deadline {
            if let Some(archive) = self.look_up().await {
                return Some(Found::Ready(archive));
            }
            if let Some(turn) = self.turn().ok()? {
                // It may have come in between.
                return match self.look_up().await {
                    Some(archive) => Some(Found::Ready(archive)),
                    None => Some(Found::Missing(Making::begin(&self.options.folder, turn).ok()?)),
                };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    /// Puts in place what was made.
    pub(super) async fn put(&self, making: Making) {
        let (options, path) = (self.options.clone(), self.path());
        // What can't be kept is made again.
        let _ = tokio::task::spawn_blocking(move || {
            let kept = making.finish(&path);
            options.tidy();
            kept
        })
        .await;
    }

    /// What it means when unpacking ended so. What is not what was put there, is removed.
    pub(super) async fn unpacked(&self, ended: Ended) -> Result<Prepared, AdapterError> {
        match ended {
            Ended::Exit(0) => Ok(Prepared::Ready),
            // Others share it: what does not fit beside this tree is still of use to them.
            Ended::Exit(_) | Ended::OutOfMemory | Ended::Signal if self.look_up().await.is_some() => {
                Ok(Prepared::NoRoom)
            }
            _ => {
                let message = format!("the environment that was kept can't be laid out ({ended:?})");
                Err(AdapterError::new(AdapterErrorKind::Unavailable, "lay out a prepared environment", message))
            }
        }
    }

    /// The most that an archive may hold: what fits on the disk, with a header for each file. Holes in files are
    /// written out, and count.
    pub(super) fn bytes_max(&self, limits: &SandboxLimits) -> u64 {
        let packed_max = limits.disk_bytes.saturating_add(limits.disk_files.saturating_mul(1 << 10));
        self.options.bytes.min(packed_max)
    }

    fn path(&self) -> PathBuf {
        self.options.folder.join(&self.key)
    }

    async fn look_up(&self) -> Option<File> {
        let (options, path) = (self.options.clone(), self.path());
        let checked = tokio::task::spawn_blocking(move || {
            let mut file = File::open(&path).ok()?;
            if options.is_old(file.metadata().ok()?.modified().ok()?) {
                return None;
            }
            let mut header = Vec::new();
            (&mut file).take(HEADER_BYTES).read_to_end(&mut header).ok()?;
            if header != header_of(&file).ok()? {
                let _ = fs::remove_file(&path);
                return None;
            }
            // Used now, whatever the file system notes by itself.
            let _ = file.set_times(FileTimes::new().set_accessed(SystemTime::now()));
            Some(file)
        });
        checked.await.ok().flatten()
    }

    /// The right to make it, when nobody has it.
    fn turn(&self) -> io::Result<Option<Turn>> {
        // Of the whole key: nobody holds up what others make.
        let path = self.options.folder.join(format!("{TURN}{}", self.key));
        drop(File::options().create(true).append(true).open(&path)?);
        Ok(left::claim(&path)?.map(|claim| Turn { path, _claim: claim }))
    }
}

impl Making {
    fn begin(folder: &Path, turn: Turn) -> io::Result<Self> {
        loop {
            let file = tempfile::Builder::new().prefix(NEW).tempfile_in(folder)?;
            // Until it is claimed, somebody may sweep it.
            if let Some(claim) = left::claim(file.path())? {
                return Ok(Self { _turn: turn, file, _claim: claim });
            }
        }
    }

    /// Where the archive goes.
    pub(super) fn output(&self) -> io::Result<File> {
        let mut output = self.file.as_file().try_clone()?;
        output.seek(SeekFrom::Start(HEADER_BYTES))?;
        Ok(output)
    }

    /// Names it, once it is whole.
    fn finish(self, path: &Path) -> io::Result<()> {
        let Self { mut file, _claim, _turn } = self;
        let header = header_of(file.as_file())?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// The header that belongs before the archive in `file`.
fn header_of(file: &File) -> io::Result<Vec<u8>> {
    let mut digest = Sha256::new();
    let (mut piece, mut at) = (vec![0; 1 << 18], HEADER_BYTES);
    loop {
        let read = file.read_at(&mut piece, at)?;
        let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else { break };
        digest.update(read);
        at = at.saturating_add(u64::try_from(read.len()).map_err(io::Error::other)?);
    }
    Ok([MARK, hex(&digest.finalize()).as_bytes(), b"\n"].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(20);

    async fn keep(environments: &Environments, key: &str, content: &[u8]) {
        let kept = environments.at(key.repeat(64));
        let Some(Found::Missing(making)) = kept.fetch(WAIT).await else { panic!("{key} is there") };
        making.output().unwrap().write_all(content).unwrap();
        kept.put(making).await;
    }

    async fn found(environments: &Environments, key: &str) -> Option<Vec<u8>> {
        match environments.at(key.repeat(64)).fetch(WAIT).await? {
            Found::Ready(mut file) => {
                let mut content = Vec::new();
                file.read_to_end(&mut content).unwrap();
                Some(content)
            }
            Found::Missing(_) => None,
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_found_until_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let mut environments = Environments::new(folder.path().join("new/folder"));
        assert_eq!(found(&environments, "a").await, None);
        keep(&environments, "a", b"archive").await;
        assert_eq!(found(&environments, "a").await.unwrap(), b"archive");
        assert_eq!(found(&environments, "b").await, None);
        environments.age = Duration::ZERO;
        assert_eq!(found(&environments, "a").await, None);
    }

    #[tokio::test]
    async fn what_is_broken_or_half_made_is_never_used() {
        let folder = tempfile::tempdir().unwrap();
        let environments = Environments::new(folder.path());
        for broken in [&b""[..], b"fix environment 1", b"archive", &[0; 200]] {
            fs::write(folder.path().join("a".repeat(64)), broken).unwrap();
            assert_eq!(found(&environments, "a").await, None, "{broken:?}");
        }
        keep(&environments, "a", b"archive").await;
        let path = folder.path().join("a".repeat(64));
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(found(&environments, "a").await, None);
        // Given up: by an error, or a dropped future.
        let kept = environments.at("a".repeat(64));
        let Some(Found::Missing(making)) = kept.fetch(WAIT).await else { panic!() };
        making.output().unwrap().write_all(b"half").unwrap();
        drop(making);
        assert_eq!(found(&environments, "a").await, None);
        // Killed: nobody holds it.
        fs::write(folder.path().join("new-left"), "half").unwrap();
        keep(&environments, "b", b"").await;
        assert!(!folder.path().join("new-left").exists());
    }

    #[tokio::test]
    async fn those_not_used_for_longest_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut environments = Environments::new(folder.path());
        environments.count = 2;
        keep(&environments, "a", b"a").await;
        keep(&environments, "b", b"b").await;
        assert!(found(&environments, "a").await.is_some());
        keep(&environments, "c", b"c").await;
        assert!(found(&environments, "a").await.is_some());
        assert_eq!(found(&environments, "b").await, None);
        environments.bytes = 100;
        keep(&environments, "d", b"d").await;
        assert_eq!([found(&environments, "a").await, found(&environments, "c").await], [None, None]);
    }

    #[tokio::test]
    async fn one_is_made_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let environments = Environments::new(folder.path());
        let kept = environments.at("a".repeat(64));
        let Some(Found::Missing(making)) = kept.fetch(WAIT).await else { panic!() };
        assert!(kept.fetch(Duration::from_millis(1)).await.is_none(), "two at once");
        let make = async {
            making.output().unwrap().write_all(b"archive").unwrap();
            kept.put(making).await;
        };
        let (other, ()) = tokio::join!(found(&environments, "a"), make);
        assert_eq!(other.unwrap(), b"archive");
    }

    #[tokio::test]
    async fn nobody_waits_for_what_another_key_stands_for() {
        let folder = tempfile::tempdir().unwrap();
        let environments = Environments::new(folder.path());
        let keys = ["b", "c"].map(|end| "a".repeat(63) + end);
        let mut made = Vec::new();
        for key in keys {
            made.push(environments.at(key).fetch(Duration::from_millis(500)).await);
        }
        assert!(made.iter().all(|found| matches!(found, Some(Found::Missing(_)))), "{made:?}");
        drop(made);
        fs::write(folder.path().join("turn-of-one-that-was-killed"), "").unwrap();
        keep(&environments, "d", b"").await;
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["d".repeat(64).as_str()]);
    }
}
