//! A run that is killed and goes on: `cargo run --package fix-adapters --example resume_after_crash`.
//!
//! It starts itself twice over one SQLite file. The first worker is killed where it hurts most: the pull
//! request is announced, and nobody knows whether the forge has it. The second finds the journal, looks at the
//! forge, asks neither the plan source nor the validator again, and opens the one pull request.

use std::path::Path;
use std::process::Command;

use fix_adapters::run_store::Sqlite;
use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator};
use fix_pipeline::{
    AdapterError, Announcement, Journal, Pipeline, PrSink, PullRequest, RunContext, RunId, RunStore as _, Validated,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let [_, store, dies] = std::env::args().collect::<Vec<_>>().as_slice() {
        return work(Path::new(store), dies == "dies").await;
    }
    let folder = tempfile::tempdir()?;
    let store = folder.path().join("runs.sqlite3");
    for worker in ["dies", "lives"] {
        let ended = Command::new(std::env::current_exe()?).arg(&store).arg(worker).status()?;
        println!("the worker that {worker} ended with {ended}");
    }
    let run = RunId::of(&Case::missing_dependency().failure.event_id);
    for event in Journal::replay(Sqlite::open(&store).await?.load(run).await?)?.events() {
        println!("  {}", event.name());
    }
    Ok(())
}

async fn work(store: &Path, dies: bool) -> Result<(), Box<dyn std::error::Error>> {
    let case = Case::missing_dependency();
    let (source, validator) = (FakePlanSource::answering([case.plan.clone()]), FakeValidator::red_then_green());
    let sink = Deadly { forge: FakeForge::default(), dies };
    let pipeline = Pipeline::new(&source, &validator, sink, Sqlite::open(store).await?);
    let finished = pipeline.run(&case.failure, &case.tree).await?;
    println!(
        "{}; asked for {} plan(s), checked {:?} tree(s)",
        finished.outcome.code(),
        source.asked(),
        validator.checks()
    );
    Ok(())
}

/// A forge in whose hands a worker dies.
struct Deadly {
    forge: FakeForge,
    dies: bool,
}

impl PrSink for Deadly {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        if self.dies {
            std::process::abort();
        }
        self.forge.open(run, change).await
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        self.forge.find(run, announced).await
    }
}
