//! Checks in a bubblewrap sandbox.

mod sandbox;

use std::path::PathBuf;
use std::time::Instant;

use fix_pipeline::{AdapterError, AdapterErrorKind, CheckStatus, Phase, Report, RunContext, Subject, Validator};

use self::sandbox::{Network, Sandbox, Workspace};
use super::check::{self, Ended, Room};
use super::limits::SandboxLimits;
use super::recipe::{Recipe, Recipes};
use crate::repository::{Repository, Snapshot};

/// Runs checks with [bubblewrap](https://github.com/containers/bubblewrap): private
/// name spaces, no capabilities, an environment of a few known variables, host files
/// read-only or absent, a work directory that nobody else sees.
///
/// *Prepare* may reach the package index; *check* has no network at all. When a
/// command, the whole, or this process ends, everything inside ends with it. Without
/// a working sandbox there is an error, and nothing runs.
#[derive(Debug)]
pub struct Bubblewrap {
    repository: Repository,
    recipes: Recipes,
    limits: SandboxLimits,
    sandbox: Sandbox,
}

impl Bubblewrap {
    /// A validator for the commits of `repository`. Tries the sandbox out first.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unsupported`] when there is no working sandbox on this
    /// machine; the message says what to install or allow.
    pub async fn new(repository: Repository, recipes: Recipes, limits: SandboxLimits) -> Result<Self, AdapterError> {
        let sandbox = Sandbox::find(limits).await?;
        Ok(Self { repository, recipes, limits, sandbox })
    }

    async fn check(&self, snapshot: &Snapshot, recipe: &Recipe) -> Result<Report, AdapterError> {
        let workspace = Workspace::new(snapshot).map_err(disk)?;
        let mut room = BubblewrapRoom { sandbox: &self.sandbox, workspace, snapshot };
        let mut report = Report::new(CheckStatus::Passed, snapshot.tree_id());
        report.sandbox = self.sandbox.describe(&self.limits);
        check::check(&mut room, recipe, self.limits.wall_time, report).await
    }
}

struct BubblewrapRoom<'r> {
    sandbox: &'r Sandbox,
    workspace: Workspace,
    snapshot: &'r Snapshot,
}

impl Room for BubblewrapRoom<'_> {
    fn make_environment(&self, pip: bool) -> String {
        sandbox::make_environment(pip)
    }

    async fn run(&mut self, phase: Phase, command: &str, deadline: Instant) -> Result<(Ended, Vec<u8>), AdapterError> {
        let network = if phase == Phase::Prepare { Network::Shared } else { Network::None };
        self.sandbox.run(&self.workspace, network, command, deadline).await
    }

    async fn restore(&mut self) -> Result<(), AdapterError> {
        self.workspace.restore(self.snapshot).map_err(disk)
    }
}

impl Validator for Bubblewrap {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let commit = &run.failure.commit;
        let base = self.repository.snapshot(commit).await?;
        // The recipe is the base commit's, for the patched tree too.
        let recipe = self.recipes.recipe(&base, &run.failure.log)?;
        match subject {
            Subject::Baseline => self.check(&base, &recipe).await,
            Subject::Patched(patch) => self.check(&self.repository.patched(commit, patch.get()).await?, &recipe).await,
        }
    }
}

fn disk(error: std::io::Error) -> AdapterError {
    AdapterError::new(AdapterErrorKind::Unavailable, "lay out the work directory", "the disk failed").with_source(error)
}

/// Where the sandbox's own programs are looked for.
fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];
    folders.iter().map(|folder| PathBuf::from(folder).join(name)).find(|path| path.is_file())
}
