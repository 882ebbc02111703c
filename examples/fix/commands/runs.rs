//! `fix runs` and `fix show`

use std::path::Path;

use fix_adapters::config::ConfiguredStore;
use fix_adapters::say;
use fix_adapters::terminal;
use fix_pipeline::{Journal, RunId, RunRecord, RunStore as _};

use crate::args::{RunsArgs, ShowArgs};
use crate::config::{Flags, Source, unusable};
use crate::io::{Answer, CliError, print_json};

pub(crate) async fn list(args: &RunsArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    let store = open(args.store.as_deref(), source).await?;
    let runs = store.runs(args.limit).await.map_err(|error| CliError::failed("the runs can't be listed", &error))?;
    if json {
        print_json(&serde_json::json!({"runs": runs}));
        return Ok(Answer::Yes);
    }
    for run in &runs {
        say!("{}  {}  {:<18}  {}", run.created_at, run.run_id, run.status, run.repository);
    }
    if runs.is_empty() {
        say!("no runs yet");
    }
    Ok(Answer::Yes)
}

pub(crate) async fn show(args: &ShowArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    let (run, journal) = journal(&args.run, args.store.as_deref(), source).await?;
    let record = RunRecord::fold(journal.entries());
    let entries = journal.entries();
    if json {
        print_json(&serde_json::json!({"report": record.report(run), "journal": entries}));
        return Ok(Answer::Yes);
    }
    say!("run {run}: {}", record.status.as_str());
    for entry in entries {
        say!("{:>3}  {}  {}", entry.sequence(), entry.digest().get(..12).unwrap_or_default(), entry.event().name());
    }
    if let Some(baseline) = &record.baseline {
        terminal::report("without a patch", baseline);
    }
    for (what, decision) in [("plan", &record.plan_policy), ("patch", &record.patch_policy)] {
        if let Some(decision) = decision {
            terminal::decision(what, decision);
        }
    }
    if let Some(diff) = &record.patch_diff {
        terminal::diff(diff);
    }
    if let Some(validation) = &record.validation {
        terminal::report("with the patch", validation);
    }
    if let Some(error) = &record.error {
        say!("{error}");
    }
    Ok(Answer::Yes)
}

/// The checked journal of a run.
pub(super) async fn journal(run: &str, store: Option<&Path>, source: &Source) -> Result<(RunId, Journal), CliError> {
    let run: RunId = run.parse().map_err(|error| CliError::unusable(format!("{run:?}: {error}")))?;
    let entries = open(store, source).await?.load(run).await;
    let entries = entries.map_err(|error| CliError::failed("the run can't be read", &error))?;
    if entries.is_empty() {
        return Err(CliError::unusable(format!("the store has no run {run}")));
    }
    let journal = Journal::replay(entries).map_err(|error| CliError::failed("the journal can't be trusted", &error))?;
    Ok((run, journal))
}

/// Opens a store that is there: a list or a look makes none.
async fn open(store: Option<&Path>, source: &Source) -> Result<ConfiguredStore, CliError> {
    source.load(Flags::of_store(store)?)?.store_to_read().await.map_err(unusable)
}
