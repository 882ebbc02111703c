//! Checks in containers.

mod engine;
mod janitor;
mod options;
mod owner;
mod packing;
mod room;
mod spec;

use fix_pipeline::{AdapterError, CheckStatus, Report, RunContext, Subject, Validator};

use self::engine::{Engine, no_sandbox};
use self::janitor::Janitor;
use self::room::ContainerRoom;
use super::environments::Environments;
use super::recipe::{Recipe, Recipes, inputs};
use super::{archive, check};
use crate::repository::{Repository, Snapshot};

pub use options::{ContainerOptions, Pull};

/// Runs checks in containers of an engine with Docker's API, such as Docker or Podman.
///
/// Each command has a container of its own: read-only, without capabilities, not root, with limits of the
/// kernel, on a work directory in memory that nobody else sees. *Prepare* has a network, *check* has none.
/// The image is settled once, so that red and green run in the same one. Without an engine that can hold all
/// this there is an error, and nothing runs.
///
/// Whatever was made is removed when a check ends, and when its future is dropped. A command ends with the process
/// that waits for it; what that leaves is removed by the next check. Dropping the validator waits until nothing
/// of it is left.
#[derive(Debug)]
pub struct Container {
    repository: Repository,
    recipes: Recipes,
    options: ContainerOptions,
    environments: Option<Environments>,
    engine: Engine,
    janitor: Janitor,
}

impl Container {
    /// A validator for the commits of `repository`. Tries a container out first. Prepared environments are kept in
    /// the folder `environments` beside the mirror of the repository.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unsupported`](fix_pipeline::AdapterErrorKind::Unsupported) when there is no such
    /// engine or image, or the engine can't keep the limits; the message says what to do.
    pub async fn new(
        repository: Repository,
        recipes: Recipes,
        options: ContainerOptions,
    ) -> Result<Self, AdapterError> {
        options.limits.check()?;
        let engine = Engine::connect(&options).await?;
        let janitor = Janitor::start(engine.docker().clone())?;
        let environments = Environments::beside(&repository);
        let container = Self { repository, recipes, options, environments, engine, janitor };
        container.try_out().await?;
        Ok(container)
    }

    /// The same, with prepared environments kept so; with `None`, each check prepares anew.
    #[must_use]
    pub fn with_environments(mut self, environments: impl Into<Option<Environments>>) -> Self {
        self.environments = environments.into();
        self
    }

    async fn try_out(&self) -> Result<(), AdapterError> {
        let no_use = |said: &str| {
            let image = &self.options.image;
            no_sandbox(format!(
                "no command can be held; the image {image} needs /bin/sh, and python3 with venv and ctypes, and the engine \
                 the right to set limits: {said}"
            ))
        };
        // A container without what it needs ends at once, wherever we are by then.
        let failed = |error: AdapterError| no_use("containers do not work here").with_source(error);
        let tree = archive::empty().map_err(|error| no_sandbox("no archive can be made").with_source(error))?;
        let room = ContainerRoom::open(&self.engine, &self.janitor, &self.options, tree, None);
        let mut room = room.await.map_err(failed)?;
        let said = room.try_out().await.map_err(failed)?;
        room.close().await.map_err(failed)?;
        said.map_or(Ok(()), |said| Err(no_use(&said)))
    }

    async fn check(&self, base: &Snapshot, snapshot: &Snapshot, recipe: &Recipe) -> Result<Report, AdapterError> {
        self.engine.sweep().await;
        let file = tempfile::tempfile().map_err(archive::disk)?;
        let tree = archive::write(snapshot, file, &self.options.limits).await?;
        let mut report = Report::new(CheckStatus::Passed, snapshot.tree_id());
        report.sandbox = self.engine.describe(&self.options);
        let kept = self.environments.as_ref().map(|environments| {
            let inputs = inputs::of(&recipe.prepare, base, snapshot);
            environments.at(packing::key(&self.options, self.engine.image(), recipe, &inputs))
        });
        let mut room = ContainerRoom::open(&self.engine, &self.janitor, &self.options, tree, kept).await?;
        let checked = check::check(&mut room, recipe, self.options.limits.wall_time, report).await;
        room.close().await?;
        checked
    }
}

impl Validator for Container {
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
