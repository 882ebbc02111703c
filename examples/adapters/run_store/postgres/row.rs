//! The row of a run in PostgreSQL.

use fix_pipeline::{Entry, RunId, RunRecord};
use sqlx::{Postgres as Driver, Row as _, Transaction};

use crate::run_store::problem::{Problem, row_of};
use crate::run_store::row::{COLUMNS, columns};

/// The columns, as this database can hold them: it has no NUL, neither in text nor in JSONB. The journal has it.
fn storable(record: &RunRecord) -> Result<impl Iterator<Item = Option<String>>, Problem> {
    let without_nul = |text: String| text.replace('\0', "\u{fffd}").replace("\\u0000", "\\ufffd");
    Ok(columns(record)?.into_iter().map(move |column| column.map(without_nul)))
}

/// Folds what one entry adds into the row of the run; what it says nothing of stays. The row is locked from here on.
pub(super) async fn upsert(
    transaction: &mut Transaction<'_, Driver>,
    run: RunId,
    entry: &Entry,
) -> Result<(), Problem> {
    let mut query = sqlx::query(include_str!("upsert_run.sql")).bind(run.to_string());
    for column in storable(&RunRecord::fold([entry]))? {
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
    let mut query = sqlx::query(include_str!("compare_run.sql")).bind(run.to_string());
    for column in storable(&RunRecord::fold(entries))? {
        query = query.bind(column);
    }
    let row = query.fetch_optional(&mut **transaction).await?;
    let Some(row) = row_of(row, entries)? else { return Ok(()) };
    for (index, column) in COLUMNS.into_iter().enumerate() {
        if !row.try_get::<bool, _>(index)? {
            return Err(Problem::Row { column });
        }
    }
    Ok(())
}
