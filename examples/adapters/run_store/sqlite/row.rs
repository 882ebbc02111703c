//! The row of a run: what its journal says, folded, for whoever queries runs.

use fix_pipeline::{Entry, RunId, RunRecord};
use serde::Serialize;
use sqlx::{Row as _, Sqlite as Driver, Transaction};

use super::problem::Problem;

/// The columns that an entry can change, as stored.
const COLUMNS: [&str; 11] = [
    "event_id",
    "repository",
    "status",
    "plan_json",
    "plan_policy_json",
    "patch_diff",
    "patch_stats_json",
    "patch_policy_json",
    "validation_json",
    "pr_json",
    "error",
];

/// The columns of a record, as its row keeps them: event, repository, status, plan and its decision, diff, its size
/// and decision, validation, pull request, error.
///
/// # Errors
/// When one can't be written as JSON.
pub fn columns(record: &RunRecord) -> serde_json::Result<[Option<String>; 11]> {
    fn json<T: Serialize>(value: Option<&T>) -> serde_json::Result<Option<String>> {
        value.map(serde_json::to_string).transpose()
    }
    Ok([
        Some(record.event_id.clone().unwrap_or_default()),
        Some(record.repository.clone().unwrap_or_default()),
        Some(record.status.as_str().to_owned()),
        record.plan_json.clone(),
        json(record.plan_policy.as_ref())?,
        record.patch_diff.clone(),
        json(record.patch_stats.as_ref())?,
        json(record.patch_policy.as_ref())?,
        json(record.validation.as_ref())?,
        json(record.pull_request.as_ref())?,
        record.error.clone(),
    ])
}

/// Folds what one entry adds into the row of the run; what it says nothing of stays.
pub(super) async fn upsert(
    transaction: &mut Transaction<'_, Driver>,
    run: RunId,
    entry: &Entry,
) -> Result<(), Problem> {
    let mut query = sqlx::query(include_str!("upsert_run.sql")).bind(run.to_string());
    for column in columns(&RunRecord::fold([entry]))? {
        query = query.bind(column);
    }
    query.execute(&mut **transaction).await?;
    Ok(())
}

/// Whether the row is what its journal says: no digest covers it, and entries that are gone leave no other trace.
pub(super) async fn check(
    transaction: &mut Transaction<'_, Driver>,
    run: RunId,
    entries: &[Entry],
) -> Result<(), Problem> {
    let query = "SELECT event_id, repository, status, plan_json, plan_policy_json, patch_diff, patch_stats_json, \
                 patch_policy_json, validation_json, pr_json, error FROM fix_pipeline_runs WHERE id = ?1";
    let row = sqlx::query(query).bind(run.to_string()).fetch_optional(&mut **transaction).await?;
    let row = match (row, entries) {
        (None, []) => return Ok(()),
        (None, _) => return Err(Problem::NoRow),
        (Some(_), []) => return Err(Problem::NoEntries),
        (Some(row), _) => row,
    };
    for (column, folded) in COLUMNS.into_iter().zip(columns(&RunRecord::fold(entries))?) {
        // Compared as bytes: a changed one need not be UTF-8 any more.
        let stored: Option<Vec<u8>> = row.try_get_unchecked(column)?;
        if stored != folded.map(String::into_bytes) {
            return Err(Problem::Row { column });
        }
    }
    Ok(())
}
