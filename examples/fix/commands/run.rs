//! `fix run`

use std::path::Path;
use std::sync::Arc;

use fix_adapters::plan_source::Rules;
use fix_adapters::pr_sink::LocalGit;
use fix_adapters::repository::{Location, Repository};
use fix_adapters::run_store::Sqlite;
use fix_adapters::terminal::{self, Progress};
use fix_adapters::validator::{Bubblewrap, Recipes, SandboxLimits};
use fix_pipeline::{Finished, Outcome, OutcomeCode, Pipeline};
use fix_plan::{Failure, Log};
use sha2::{Digest as _, Sha256};

use crate::args::RunArgs;
use crate::io::{Answer, CliError, cache, directory, policy, print_json, read, store};

pub(crate) async fn run(args: &RunArgs, json: bool) -> Result<Answer, CliError> {
    let log = Log::from_bytes(&read(&args.log)?);
    let repo = directory(&args.repo)?;
    let failed = |message: &'static str| move |error: fix_pipeline::AdapterError| CliError::failed(message, &error);
    let repository =
        Repository::open(&cache()?, Location::Local(repo.clone())).map_err(failed("the repository can't be opened"))?;
    let failure = failure(&repository, &repo, log)?;
    let snapshot = repository.snapshot(&failure.commit).map_err(failed("the commit can't be read"))?;
    let recipes = if args.check.is_empty() { Recipes::Detect } else { Recipes::Check(args.check.clone()) };
    let validator = Bubblewrap::new(repository.clone(), recipes, SandboxLimits::default());
    let validator = validator.await.map_err(failed("there is no sandbox"))?;
    let run_store =
        Sqlite::open(&store(args.store.as_deref())?).await.map_err(failed("the run store can't be opened"))?;
    let pr_sink = LocalGit::new(repository, pull_requests(&repo));
    let mut pipeline = Pipeline::new(Rules, validator, pr_sink, run_store);
    pipeline.policy = policy(args.policy.as_deref());
    pipeline.observer = Arc::new(Progress);
    let finished = pipeline.run(&failure, &snapshot).await;
    let finished =
        finished.map_err(|error| CliError::failed("the run did not end; the same command resumes it", &error))?;
    if json {
        print_json(&finished.record.report(finished.run));
    } else {
        show(&finished);
    }
    Ok(match finished.outcome.code() {
        OutcomeCode::Opened | OutcomeCode::NoChange => Answer::Yes,
        OutcomeCode::AdapterFailed | OutcomeCode::ProofFailed => Answer::Failed,
        _ => Answer::No,
    })
}

/// The failure of the checked out commit. Its identifier is a function of repository, commit and
/// log, so that the same command again is the same run.
fn failure(repository: &Repository, repo: &Path, log: Log) -> Result<Failure, CliError> {
    let unusable = |error: &dyn std::error::Error| CliError::unusable(terminal::with_causes(error));
    let commit = repository.resolve("HEAD").map_err(|error| unusable(&error))?;
    let branch = repository.current_branch().map_err(|error| unusable(&error))?;
    let hash = Sha256::new()
        .chain_update(repo.as_os_str().as_encoded_bytes())
        .chain_update(commit.as_str())
        .chain_update(log.as_str());
    let hash: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let event = format!("local-{hash}").parse().map_err(|error| unusable(&error))?;
    let failed_at_s = repository.commit_time_s(&commit).map_err(|error| unusable(&error))?;
    let branch = branch.parse().map_err(|error| unusable(&error))?;
    Ok(Failure::new(event, repo.to_string_lossy(), commit, branch, failed_at_s, log))
}

/// Pull requests live inside the git directory, so that the work tree stays clean.
fn pull_requests(repo: &Path) -> std::path::PathBuf {
    Repository::local_git_dir(repo).join("fix/pull-requests")
}

fn show(finished: &Finished) {
    let record = &finished.record;
    if let Some(diff) = &record.patch_diff {
        terminal::heading("Patch");
        terminal::diff(diff);
    }
    match &finished.outcome {
        Outcome::Opened(pull_request) => {
            terminal::heading("Pull request");
            anstream::println!("branch {}, labels {}", pull_request.branch, pull_request.labels.join(", "));
            if let Some(url) = &pull_request.url {
                anstream::println!("{url}");
            }
        }
        Outcome::Stopped { code, message } => {
            for report in [&record.baseline, &record.validation].into_iter().flatten() {
                terminal::report("check", report);
            }
            terminal::heading(&format!("No pull request: {code}"));
            anstream::println!("{message}");
        }
    }
    anstream::println!("run {}", finished.run);
}
