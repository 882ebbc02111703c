//! One check's place, with the files of a commit.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::time::Instant;

use fix_pipeline::{AdapterError, AdapterErrorKind, Phase};

use super::sandbox::{Cell, Job, Network, PYTHON, Sandbox};
use crate::repository::Snapshot;
use crate::validator::archive;
use crate::validator::check::{Ended, Prepared, Room};
use crate::validator::environments::{Found, Kept, Making, PATIENCE};

/// A sandbox with a tree in it, and what to do with what preparing makes.
#[derive(Debug)]
pub(super) struct BubblewrapRoom<'r> {
    sandbox: &'r Sandbox,
    cell: Cell,
    /// The files, packed, in a file without a name.
    tree: File,
    kept: Option<Kept<'r>>,
    making: Option<Making>,
}

// No program that preparing may have put into the environment is taken for one of the system's.

/// Whatever was done to the tree, and whatever lies in the folders for temporary files, goes; then the files come.
const LAY_OUT: &str = "\
PATH=/usr/bin:/bin
chmod u+rwx /work /tmp /dev/shm && chmod -R u+rwX /work/tree /tmp /dev/shm 2>/dev/null
rm -rf /work/tree && find /tmp /dev/shm -mindepth 1 -delete && mkdir /work/tree && exec tar -x -f - -C /work/tree";

/// Everything in the work directory but the tree.
const PACK: &str = "PATH=/usr/bin:/bin; exec tar -c -f - --exclude=./tree -C /work .";
const UNPACK: &str = "PATH=/usr/bin:/bin; exec tar -x -p -f - -C /work";

impl<'r> BubblewrapRoom<'r> {
    /// `kept` is where what preparing makes is kept, if anywhere.
    pub(super) async fn open(
        sandbox: &'r Sandbox,
        snapshot: &Snapshot,
        kept: Option<Kept<'r>>,
    ) -> Result<Self, AdapterError> {
        let file = tempfile::tempfile().map_err(archive::disk)?;
        let tree = archive::write(snapshot, file, sandbox.limits()).await?;
        let cell = sandbox.open().await?;
        let mut room = Self { sandbox, cell, tree, kept, making: None };
        match room.lay_out().await? {
            Ended::Exit(0) => Ok(room),
            Ended::TimedOut => {
                let message = format!("it took longer than {:?}", sandbox.limits().wall_time);
                Err(AdapterError::new(AdapterErrorKind::Unavailable, "lay out the files of a commit", message))
            }
            _ => Err(archive::too_large(snapshot, sandbox.limits())),
        }
    }

    /// Runs a command of ours.
    async fn serve(&self, job: Job<'_>) -> Result<Ended, AdapterError> {
        let deadline = Instant::now() + self.sandbox.limits().wall_time;
        Ok(self.sandbox.run(&self.cell, job, deadline).await?.0)
    }

    async fn lay_out(&mut self) -> Result<Ended, AdapterError> {
        self.tree.seek(SeekFrom::Start(0)).map_err(archive::disk)?;
        let input = Some(self.tree.try_clone().map_err(archive::disk)?);
        self.serve(Job { input, folder: "/", ..Job::new(LAY_OUT) }).await
    }
}

impl Room for BubblewrapRoom<'_> {
    fn make_environment(&self, pip: bool) -> String {
        make_environment(pip)
    }

    async fn run(&mut self, phase: Phase, command: &str, deadline: Instant) -> Result<(Ended, Vec<u8>), AdapterError> {
        let network = if phase == Phase::Prepare { Network::Outlet } else { Network::None };
        self.sandbox.run(&self.cell, Job { network, ..Job::new(command) }, deadline).await
    }

    async fn fetch_prepared(&mut self) -> Result<Prepared, AdapterError> {
        let Some(kept) = &self.kept else { return Ok(Prepared::Missing) };
        // Without the right to keep it, this check makes it for itself.
        let Some(found) = kept.fetch(PATIENCE).await else { return Ok(Prepared::Missing) };
        let archive = match found {
            Found::Ready(archive) => archive,
            Found::Missing(making) => {
                self.making = Some(making);
                return Ok(Prepared::Missing);
            }
        };
        let ended = self.serve(Job { input: Some(archive), folder: "/work", ..Job::new(UNPACK) }).await?;
        kept.unpacked(ended).await
    }

    async fn keep_prepared(&mut self) {
        let (Some(kept), Some(making)) = (&self.kept, self.making.take()) else { return };
        let Ok(output) = making.output() else { return };
        let file_bytes = Some(kept.bytes_max(self.sandbox.limits()));
        let packed = Job { output: Some(output), folder: "/work", file_bytes, ..Job::new(PACK) };
        if self.serve(packed).await.is_ok_and(|ended| ended == Ended::Exit(0)) {
            kept.put(making).await;
        }
    }

    async fn restore(&mut self) -> Result<bool, AdapterError> {
        Ok(self.lay_out().await? == Ended::Exit(0))
    }
}

/// Makes the virtual environment that `python` means in every later command. Isolated, so that no module of
/// the tree is taken for one of Python's own.
pub(super) fn make_environment(pip: bool) -> String {
    format!("{PYTHON} -I -m venv {}../venv", if pip { "" } else { "--without-pip " })
}
