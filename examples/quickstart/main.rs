//! Two real failing repositories, mended while you watch.
//!
//! Run it with `scripts/quickstart`, which installs what it needs.

mod repositories;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use fix_adapters::plan_source::Rules;
use fix_adapters::pr_sink::LocalGit;
use fix_adapters::repository::{Location, Repository};
use fix_adapters::run_store::Sqlite;
use fix_adapters::terminal::{self, Progress};
use fix_adapters::validator::{Bubblewrap, Recipes, SandboxLimits};
use fix_adapters::{say, tell};
use fix_pipeline::{Finished, Outcome, Pipeline};
use fix_plan::{Failure, Log};

use repositories::Broken;

type Error = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let home = match tempfile::Builder::new().prefix("fix-quickstart-").disable_cleanup(true).tempdir() {
        Ok(home) => home,
        Err(error) => {
            tell!("error: no temporary directory: {error}");
            return ExitCode::from(3);
        }
    };
    let mut opened = 0;
    for broken in repositories::ALL {
        match mend(home.path(), broken).await {
            Ok(true) => opened += 1,
            Ok(false) => {}
            Err(error) => {
                tell!("error: {}", terminal::with_causes(&*error));
                return ExitCode::from(3);
            }
        }
    }
    say!(
        "\n{opened} of {} repositories have a pull request. Everything is in {}.",
        repositories::ALL.len(),
        home.path().display()
    );
    if opened == repositories::ALL.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes one failure the whole way.
async fn mend(home: &Path, broken: &Broken) -> Result<bool, Error> {
    terminal::heading(&format!("━━ {}: {}", broken.name, broken.story));
    let origin = broken.create(home)?;
    let repository = Repository::open(&home.join("mirrors"), Location::Local(origin.clone()))?;
    let commit = repository.resolve(repositories::BRANCH).await?;
    let failure = Failure::new(
        format!("quickstart-{}", broken.name).parse()?,
        origin.display().to_string(),
        commit.clone(),
        repositories::BRANCH.parse()?,
        repository.commit_time_s(&commit).await?,
        Log::from(broken.log),
    );
    say!("repository {}", origin.display());
    say!("the CI log ends with:");
    for line in failure.log.as_str().trim_end().lines().rev().take(3).collect::<Vec<_>>().into_iter().rev() {
        say!("  {line}");
    }

    let validator = Bubblewrap::new(repository.clone(), Recipes::Detect, SandboxLimits::default()).await?;
    let pr_sink = LocalGit::new(repository.clone(), home.join("pull-requests").join(broken.name));
    let run_store = Sqlite::open(&home.join("runs.sqlite3")).await?;
    let mut pipeline = Pipeline::new(Rules, validator, pr_sink, run_store);
    pipeline.observer = Arc::new(Progress);
    let finished = pipeline.run(&failure, &repository.snapshot(&commit).await?).await?;
    show(&finished)?;
    Ok(matches!(finished.outcome, Outcome::Opened(_)))
}

fn show(finished: &Finished) -> Result<(), Error> {
    let record = &finished.record;
    if let Some(plan) = &record.plan_json {
        terminal::heading("The plan");
        say!("{:#}", serde_json::from_str::<serde_json::Value>(plan)?);
    }
    if let Some(diff) = &record.patch_diff {
        terminal::heading("The patch");
        terminal::diff(diff);
    }
    terminal::heading("The policy");
    for (what, decision) in [("plan", &record.plan_policy), ("patch", &record.patch_policy)] {
        if let Some(decision) = decision {
            terminal::decision(what, decision);
        }
    }
    terminal::heading("The proof");
    for (what, report) in [("without the patch", &record.baseline), ("with the patch", &record.validation)] {
        if let Some(report) = report {
            terminal::report(what, report);
        }
    }
    match &finished.outcome {
        Outcome::Opened(pull_request) => {
            terminal::heading("The pull request");
            say!("branch {}, labels {}", pull_request.branch, pull_request.labels.join(", "));
            say!("commit {}", pull_request.commit.as_deref().unwrap_or_default());
            say!("text   {}", pull_request.url.as_deref().unwrap_or_default());
        }
        Outcome::Stopped { code, message } => {
            terminal::heading(&format!("No pull request: {code}"));
            say!("{message}");
        }
    }
    terminal::heading("The report");
    say!("{}", serde_json::to_string_pretty(&record.report(finished.run))?);
    Ok(())
}
