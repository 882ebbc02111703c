//! A tree as a sandbox takes it: an archive.

#[cfg(feature = "container")]
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use fix_pipeline::{AdapterError, AdapterErrorKind};
use tar::{Builder, EntryType, Header};

use super::check::NOBODY;
use super::limits::SandboxLimits;
use crate::repository::{Content, Snapshot};

/// Writes the files of `snapshot` to `to`, when they fit into `limits`.
pub(super) async fn write<W: Write + Send + 'static>(
    snapshot: &Snapshot,
    to: W,
    limits: &SandboxLimits,
) -> Result<W, AdapterError> {
    if snapshot.bytes() > limits.disk_bytes || snapshot.count() > limits.disk_files {
        return Err(too_large(snapshot, limits));
    }
    let snapshot = snapshot.clone();
    let packed = tokio::task::spawn_blocking(move || {
        let mut archive = Builder::new(to);
        snapshot.lay_out(|path, content| add(&mut archive, path, content))?;
        archive.into_inner()
    });
    let packed = packed.await.map_err(io::Error::other).and_then(|packed| packed);
    packed.map_err(|error| {
        AdapterError::new(AdapterErrorKind::Unavailable, "lay out the files of a commit", "git or the disk failed")
            .with_source(error)
    })
}

/// The error for a disk that fails.
pub(super) fn disk(error: io::Error) -> AdapterError {
    AdapterError::new(AdapterErrorKind::Unavailable, "lay out the files of a commit", "the disk failed")
        .with_source(error)
}

/// The error for a commit that does not fit.
pub(super) fn too_large(snapshot: &Snapshot, limits: &SandboxLimits) -> AdapterError {
    let message = format!(
        "{} files of {} bytes, with their folders, do not fit on the disk of the sandbox, which is limited to {} files \
         and {} bytes",
        snapshot.count(),
        snapshot.bytes(),
        limits.disk_files,
        limits.disk_bytes
    );
    AdapterError::new(AdapterErrorKind::Unsupported, "lay out the files of a commit", message)
}

/// No files.
#[cfg(feature = "container")]
pub(super) fn empty() -> io::Result<File> {
    Builder::new(tempfile::tempfile()?).into_inner()
}

/// One folder.
#[cfg(feature = "container")]
pub(super) fn folder(name: &str) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, Path::new(name), Content::Directory)?;
    archive.into_inner()
}

fn add<W: Write>(archive: &mut Builder<W>, path: &Path, content: Content<'_>) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_uid(NOBODY.into());
    header.set_gid(NOBODY.into());
    // The same for every check. ZIP, and so Python's wheels, know no time before 1980.
    header.set_mtime(1_000_000_000);
    header.set_mode(0o755);
    header.set_size(0);
    match content {
        Content::Directory => {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, path, io::empty())
        }
        Content::File { bytes, executable } => {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if executable { 0o755 } else { 0o644 });
            header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            archive.append_data(&mut header, path, bytes.as_slice())
        }
        Content::Symlink { target } => {
            header.set_entry_type(EntryType::Symlink);
            // Such as it is: the other way takes out double slashes and dots. It is for what does not fit.
            match header.set_link_name_literal(target.as_bytes()) {
                Ok(()) => archive.append_data(&mut header, path, io::empty()),
                Err(_) => archive.append_link(&mut header, path, target),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn names_and_targets_stay_what_they_are() {
        let long = "a/".repeat(200) + "b";
        let targets = [b"../x//y/./z".as_slice(), b"/etc/passwd", b"caf\xe9", long.as_bytes()];
        let paths = [b"caf\xe9".as_slice(), b"with\nline", long.as_bytes()];
        let mut archive = Builder::new(Vec::new());
        for path in paths {
            let file = Content::File { bytes: b"bytes".to_vec(), executable: true };
            add(&mut archive, Path::new(OsStr::from_bytes(path)), file).unwrap();
        }
        for target in targets {
            add(&mut archive, Path::new("link"), Content::Symlink { target: OsStr::from_bytes(target) }).unwrap();
        }
        let archive = archive.into_inner().unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        let (mut read_paths, mut read_targets) = (Vec::new(), Vec::new());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!((entry.header().uid().unwrap(), entry.header().gid().unwrap()), (65_534, 65_534));
            if let Some(target) = entry.link_name_bytes() {
                read_targets.push(target.into_owned());
            } else {
                read_paths.push(entry.path_bytes().into_owned());
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes, b"bytes");
            }
        }
        assert_eq!(read_paths, paths);
        assert_eq!(read_targets, targets);
    }
}
