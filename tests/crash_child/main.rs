//! One run that kills itself at a chosen point: `crash-child HOME before|after|never ENTRY`.

use std::path::Path;
use std::process::ExitCode;

use fix_adapters::plan_source::Rules;
use fix_adapters::pr_sink::LocalGit;
use fix_adapters::repository::{Location, Repository};
use fix_adapters::run_store::Sqlite;
use fix_pipeline::{AdapterError, Entry, Outcome, Pipeline, RunId, RunStore};
use fix_plan::{Failure, Log};
use fix_tests::adapters::Scripted;

/// When to die, around storing one entry.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    Before,
    After,
    Never,
}

/// A store in whose hands the process dies, as by `kill -9`.
struct Deadly {
    inner: Sqlite,
    moment: Moment,
    sequence: u64,
}

impl Deadly {
    fn strike(&self, moment: Moment, entry: &Entry) {
        if self.moment == moment && entry.sequence() == self.sequence {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}

impl RunStore for Deadly {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        self.strike(Moment::Before, entry);
        self.inner.append(run, entry).await?;
        self.strike(Moment::After, entry);
        Ok(())
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        self.inner.load(run).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(3)
        }
    }
}

async fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, home, moment, sequence] = arguments.as_slice() else {
        return Err("usage: crash-child HOME MOMENT ENTRY".into());
    };
    let moment = match moment.as_str() {
        "before" => Moment::Before,
        "after" => Moment::After,
        _ => Moment::Never,
    };
    let home = Path::new(home);
    let origin = home.join("origin.git");
    let repository = Repository::open(&home.join("mirrors"), Location::Local(origin.clone()))?;
    let commit = repository.resolve("main")?;
    let log = Log::from("app.py:1:1: F401 'os' imported but unused\n");
    let failure =
        Failure::new("event-1".parse()?, origin.to_string_lossy(), commit.clone(), "main".parse()?, 1_772_442_000, log);
    let store = Deadly { inner: Sqlite::open(&home.join("runs.sqlite3")).await?, moment, sequence: sequence.parse()? };
    let sink = LocalGit::new(repository.clone(), home.join("pull-requests"));
    let pipeline = Pipeline::new(Rules, Scripted::mended(repository.clone()), sink, store);
    let finished = pipeline.run(&failure, &repository.snapshot(&commit)?).await?;
    Ok(matches!(finished.outcome, Outcome::Opened(_)))
}
