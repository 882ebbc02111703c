//! Checks in a bubblewrap sandbox.

mod arguments;
mod group;
mod index;
mod outlet;
mod room;
mod sandbox;
mod workspace;

use fix_pipeline::{AdapterError, CheckStatus, Report, RunContext, Subject, Validator};

pub use self::outlet::PrepareHosts;
use self::room::BubblewrapRoom;
use self::sandbox::Sandbox;
use super::check;
use super::environments::Environments;
use super::limits::SandboxLimits;
use super::recipe::{Recipe, Recipes, inputs};
use crate::repository::{Repository, Snapshot};

/// Runs checks with [bubblewrap](https://github.com/containers/bubblewrap): private
/// name spaces, no capabilities, an environment of a few known variables, host files
/// read-only or absent, a work directory in memory that nobody else sees. Where it may,
/// it bounds the whole by control groups.
///
/// *Prepare* has a proxy that leads to the package index, and to no service of this machine or its networks; *check* has
/// no network at all. When a
/// command, the whole, or this process ends, everything inside ends with it. Without
/// a working sandbox there is an error, and nothing runs.
#[derive(Debug)]
pub struct Bubblewrap {
    repository: Repository,
    recipes: Recipes,
    environments: Option<Environments>,
    sandbox: Sandbox,
}

impl Bubblewrap {
    /// A validator for the commits of `repository`. Tries the sandbox out first, and removes what
    /// killed processes left. Prepared environments are kept in the folder `environments` beside
    /// the mirror of the repository.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unsupported`](fix_pipeline::AdapterErrorKind::Unsupported) when there is no
    /// working sandbox on this machine; the message says what to install or allow.
    pub async fn new(repository: Repository, recipes: Recipes, limits: SandboxLimits) -> Result<Self, AdapterError> {
        let sandbox = Sandbox::find(limits).await?;
        let environments = Environments::beside(&repository);
        Ok(Self { repository, recipes, environments, sandbox })
    }

    /// The same, with prepared environments kept so; with `None`, each check prepares anew.
    #[must_use]
    pub fn with_environments(mut self, environments: impl Into<Option<Environments>>) -> Self {
        self.environments = environments.into();
        self
    }

    /// The same, with preparing that may reach `hosts`.
    #[must_use]
    pub fn with_prepare_hosts(mut self, hosts: PrepareHosts) -> Self {
        self.sandbox.allow(hosts);
        self
    }

    async fn check(&self, base: &Snapshot, snapshot: &Snapshot, recipe: &Recipe) -> Result<Report, AdapterError> {
        let mut report = Report::new(CheckStatus::Passed, snapshot.tree_id());
        report.sandbox = self.sandbox.describe();
        let kept = self.environments.as_ref().map(|environments| {
            let inputs = inputs::of(&recipe.prepare, base, snapshot);
            environments.at(self.sandbox.environment_key(recipe, &inputs))
        });
        let mut room = BubblewrapRoom::open(&self.sandbox, snapshot, kept).await?;
        check::check(&mut room, recipe, self.sandbox.limits().wall_time, report).await
    }
}

impl Validator for Bubblewrap {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let commit = &run.failure.commit;
        let base = self.repository.snapshot(commit).await?;
        // The recipe is the base commit's, for the patched tree too.
        let recipe = self.recipes.recipe(&base, &run.failure.log)?;
        match subject {
            Subject::Baseline => self.check(&base, &base, &recipe).await,
            Subject::Patched(patch) => {
                let patched = self.repository.patched(commit, patch.get()).await?;
                self.check(&base, &patched, &recipe).await
            }
        }
    }
}
