//! The row of a run in SQLite.

use fix_pipeline::{Entry, RunId, RunRecord};
use sqlx::{Row as _, Sqlite as Driver, Transaction};

use crate::run_store::problem::{Problem, row_of};
use crate::run_store::row::{COLUMNS, columns};

/// Whether the row is what its journal says: no digest covers it, and entries that are gone leave no other trace.
pub(super) async fn check(
    transaction: &mut Transaction<'_, Driver>,
    run: RunId,
    entries: &[Entry],
) -> Result<(), Problem> {
    let query = "SELECT event_id, repository, status, plan_json, plan_policy_json, patch_diff, patch_stats_json, \
                 patch_policy_json, validation_json, pr_json, error FROM fix_pipeline_runs WHERE id = ?1";
    let row = sqlx::query(query).bind(run.to_string()).fetch_optional(&mut **transaction).await?;
    let Some(row) = row_of(row, entries)? else { return Ok(()) };
    for (column, folded) in COLUMNS.into_iter().zip(columns(&RunRecord::fold(entries))?) {
        // Compared as bytes: a changed one need not be UTF-8 any more.
        let stored: Option<Vec<u8>> = row.try_get_unchecked(column)?;
        if stored != folded.map(String::into_bytes) {
            return Err(Problem::Row { column });
        }
    }
    Ok(())
}
