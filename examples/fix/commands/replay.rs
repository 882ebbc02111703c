//! `fix replay`

use std::path::Path;

use fix_adapters::config::Config;
use fix_adapters::repository::{Location, Snapshot};
use fix_adapters::say;
use fix_patch::{PatchGenerator, PatchOptions, SourceTree};
use fix_pipeline::{Event, FailureRecord, Journal, Replayed};

use super::runs::journal;
use crate::args::ReplayArgs;
use crate::config::{Flags, Source, unusable};
use crate::io::{Answer, CliError, location, print_json};

pub(crate) async fn run(args: &ReplayArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    let (run, journal) = journal(&args.run, args.store.as_deref(), source).await?;
    let mut flags = Flags::default();
    flags.policy(args.policy.as_deref())?;
    flags.github(args.github.as_deref());
    let config = source.load(flags)?;
    let snapshot = snapshot(&journal, args.repo.as_deref(), &config).await?;
    let tree = snapshot.as_ref().map(|snapshot| -> &dyn SourceTree { snapshot });
    let policy = config.policy_engine();
    let stages = fix_pipeline::replay(&journal, &policy, &PatchGenerator::default(), &PatchOptions::default(), tree)
        .map_err(|error| CliError::failed("the run can't be replayed", &error))?;
    let same = stages.iter().all(|(_, replayed)| !matches!(replayed, Replayed::Differs { .. }));
    if json {
        let stages: Vec<_> = stages.iter().map(|(stage, replayed)| as_json(stage, replayed)).collect();
        print_json(&serde_json::json!({"run_id": run.to_string(), "same": same, "stages": stages}));
    } else {
        for (stage, replayed) in &stages {
            match replayed {
                Replayed::Same => say!("{stage:<15} the same"),
                Replayed::Differs { stored, derived } => {
                    say!("{stage:<15} differs\n  stored:  {stored}\n  derived: {derived}");
                }
                Replayed::LeftOut { why } => say!("{stage:<15} left out: {why}{}", advice(tree.is_none())),
                _ => say!("{stage:<15} unknown"),
            }
        }
    }
    Ok(if same { Answer::Yes } else { Answer::No })
}

fn advice(without_files: bool) -> &'static str {
    if without_files { " (give the repository with --repo)" } else { "" }
}

fn as_json(stage: &str, replayed: &Replayed) -> serde_json::Value {
    match replayed {
        Replayed::Same => serde_json::json!({"stage": stage, "result": "same"}),
        Replayed::Differs { stored, derived } => {
            serde_json::json!({"stage": stage, "result": "differs", "stored": stored, "derived": derived})
        }
        Replayed::LeftOut { why } => serde_json::json!({"stage": stage, "result": "left_out", "why": why}),
        _ => serde_json::json!({"stage": stage, "result": "unknown"}),
    }
}

/// The files of the failing commit: from `repo`, or from where the run had them, when that is here still.
async fn snapshot(journal: &Journal, repo: Option<&Path>, config: &Config) -> Result<Option<Snapshot>, CliError> {
    let Some(failure) = journal.events().find_map(started) else { return Ok(None) };
    let location = match repo {
        Some(repo) => location(repo)?,
        None if Path::new(&failure.repository).is_dir() => Location::Local((&failure.repository).into()),
        None => return Ok(None),
    };
    let failed = |error: fix_pipeline::AdapterError| CliError::failed("the commit can't be read", &error);
    let repository = config.repository(location).await.map_err(unusable)?;
    let commit = failure.commit.parse().map_err(|error: fix_plan::ValueError| CliError::unusable(error.to_string()))?;
    repository.snapshot(&commit).await.map(Some).map_err(failed)
}

fn started(event: &Event) -> Option<&FailureRecord> {
    match event {
        Event::Started { failure, .. } => Some(failure),
        _ => None,
    }
}
