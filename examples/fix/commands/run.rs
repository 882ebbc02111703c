//! `fix run`

use std::sync::Arc;

use fix_adapters::config::{Config, ConfiguredStore, PullRequestsKind};
use fix_adapters::repository::{Location, Repository};
use fix_adapters::terminal::{self, Progress};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, Finished, Outcome, OutcomeCode, Pipeline, RunId, RunRecord, RunStore as _,
};
use fix_plan::{Failure, Log};
use sha2::{Digest as _, Sha256};

use crate::args::RunArgs;
use crate::config::{Flags, Source, unusable};
use crate::io::{Answer, CliError, location, print_json, read};

pub(crate) async fn run(args: &RunArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    tokio::select! {
        answer = run_to_the_end(args, source, json) => answer,
        // Dropped, the run takes its sandbox with it, and git.
        signal = stopped() => {
            Err(CliError::interrupted(&format!("{signal}: the run did not end; the same command resumes it")))
        }
    }
}

async fn run_to_the_end(args: &RunArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    let config = source.load(Flags::of_adapters(&args.adapters)?)?;
    let redactor = config.redactor();
    let log = Log::from_bytes_redacted(&read(&args.log)?, &redactor);
    let plan_source = config.plan_source().map_err(unusable)?;
    let location = location(&args.repo)?;
    let failed = |message: &'static str| move |error: AdapterError| CliError::failed(message, &error);
    let repository = config.repository(location).await.map_err(unusable)?;
    // Before anything is fetched: whether there is somewhere to go with it.
    let pr_sink = config.pr_sink(repository.clone()).map_err(unusable)?;
    let failure = failure(&repository, args, log).await?;
    let snapshot = repository.snapshot(&failure.commit).await.map_err(failed("the commit can't be read"))?;
    let validator = config.validator(repository).await.map_err(unusable)?;
    let run_store = config.store().await.map_err(unusable)?;
    let policy = config.policy_engine();
    let failure = with_event(failure, args.again, &decides(&config, policy.digest()), &run_store).await?;
    let mut pipeline = Pipeline::new(plan_source, validator, pr_sink, run_store);
    pipeline.policy = policy;
    pipeline.redactor = redactor;
    pipeline.repeats = config.checks.repeats;
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

/// Waits for a person, or the system, to stop this process; gives the name of the signal.
async fn stopped() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Then a signal ends the process as it always did.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => "interrupted",
        _ = terminate.recv() => "terminated",
    }
}

/// The failure of the commit that is named, or of the newest of its branch.
async fn failure(repository: &Repository, args: &RunArgs, log: Log) -> Result<Failure, CliError> {
    let unusable = |error: &dyn std::error::Error| CliError::unusable(terminal::with_causes(error));
    let unreadable = |error: AdapterError| match error.kind() {
        AdapterErrorKind::Refused => unusable(&error),
        _ => CliError::failed("the repository can't be read", &error),
    };
    let place = repository.location();
    let branch = match &args.branch {
        Some(branch) => branch.clone(),
        None => head_branch(repository).await?,
    };
    let commit = match (&args.commit, place) {
        (Some(commit), Location::Url(_)) => commit.to_lowercase().parse().map_err(|_: fix_plan::ValueError| {
            CliError::unusable(format!(
                "behind a URL, a commit is named by its 40 hexadecimal digits, not by {commit:?}"
            ))
        })?,
        (Some(commit), _) => repository.resolve(commit).await.map_err(unreadable)?,
        (None, _) => repository.resolve(&format!("refs/heads/{branch}")).await.map_err(unreadable)?,
    };
    let failed_at_s = repository.commit_time_s(&commit).await.map_err(unreadable)?;
    let branch = branch.parse().map_err(|error| unusable(&error))?;
    let event = "local".parse().map_err(|error| unusable(&error))?;
    Ok(Failure::new(event, place.identity(), commit, branch, failed_at_s, log))
}

/// The branch that is meant when none is named.
async fn head_branch(repository: &Repository) -> Result<String, CliError> {
    let Location::Local(path) = repository.location() else {
        return repository.head_branch().await.map_err(|error| match error.kind() {
            AdapterErrorKind::Refused => {
                CliError::unusable("there is no default branch; name one with --branch".to_owned())
            }
            _ => CliError::failed("the repository can't be read", &error),
        });
    };
    repository.resolve("HEAD").await.map_err(|error| {
        let told = terminal::with_causes(&error);
        CliError::unusable(format!("{} is no git repository with a commit: {told}", path.display()))
    })?;
    repository.head_branch().await.map_err(|_| {
        let told = "has no branch checked out (a detached HEAD); check one out, or name one with --branch";
        CliError::unusable(format!("{} {told}", path.display()))
    })
}

/// What decides a run, besides its failure: the policy, the checks and what holds them, the model, and where the
/// pull request goes.
fn decides(config: &Config, policy: &str) -> Vec<String> {
    let mut parts = vec![policy.to_owned()];
    parts.extend(config.checks.commands.iter().cloned());
    parts.push(format!("{:?} {:?}", config.sandbox, config.container));
    if let Some(model) = &config.model.name {
        parts.push(format!("model:{}:{model}{}", model.len(), config.model.url.as_deref().unwrap_or_default()));
    }
    if config.pull_requests.kind != PullRequestsKind::Local {
        parts.push(format!(
            "github:{}:{}",
            config.github.api_url,
            config.github.repository.as_deref().unwrap_or_default()
        ));
    }
    parts
}

/// The failure with its identifier: a function of repository, branch, commit, log and what else `decides`, so that the
/// same command again is the same run, and another command is another. `again`, the first that has not ended.
async fn with_event(
    mut failure: Failure,
    again: bool,
    decides: &[String],
    store: &ConfiguredStore,
) -> Result<Failure, CliError> {
    let mut hash = Sha256::new();
    let parts = [failure.repository.as_str(), failure.branch.as_str(), failure.commit.as_str(), failure.log.as_str()];
    for part in parts.into_iter().chain(decides.iter().map(String::as_str)) {
        // Lengths first, so that no two lists share a text.
        hash.update(format!("{}:{part}", part.len()));
    }
    let hash: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    for attempt in 1_u32.. {
        let suffix = if attempt == 1 { String::new() } else { format!("-{attempt}") };
        let event = format!("local-{hash}{suffix}").parse();
        failure.event_id = event.map_err(|error: fix_plan::ValueError| CliError::unusable(error.to_string()))?;
        let entries = store.load(RunId::of(&failure.event_id)).await;
        let entries = entries.map_err(|error| CliError::failed("the run store can't be read", &error))?;
        if !again || RunRecord::fold(&entries).outcome().is_none() {
            break;
        }
    }
    Ok(failure)
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
            fix_adapters::say!("branch {}, labels {}", pull_request.branch, pull_request.labels.join(", "));
            if let Some(url) = &pull_request.url {
                fix_adapters::say!("{url}");
            }
        }
        Outcome::Stopped { code, message } => {
            for report in [&record.baseline, &record.validation].into_iter().flatten() {
                terminal::report("check", report);
            }
            terminal::heading(&format!("No pull request: {code}"));
            fix_adapters::say!("{message}");
        }
    }
    fix_adapters::say!("run {}", finished.run);
    if !matches!(finished.outcome, Outcome::Opened(_)) {
        fix_adapters::tell!("The same command gives the same answer; add --again to begin anew.");
    }
}
