//! The row of a run in PostgreSQL.

use fix_pipeline::{Entry, RunId, RunRecord};
use sqlx::{Postgres as Driver, Row as _, Transaction};

use crate::run_store::problem::Problem;
use crate::run_store::row::{COLUMNS, columns};

/// Folds what one entry adds into the row of the run; what it says nothing of stays. The row is locked from here on.
const UPSERT: &str = "INSERT INTO fix_pipeline_runs AS run \
    (id, event_id, repository, status, plan_json, plan_policy_json, patch_diff, patch_stats_json, patch_policy_json, validation_json, pr_json, error) \
    VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb, $7, $8::text::jsonb, $9::text::jsonb, $10::text::jsonb, $11::text::jsonb, $12) \
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, \
    plan_json = COALESCE(excluded.plan_json, run.plan_json), plan_policy_json = COALESCE(excluded.plan_policy_json, run.plan_policy_json), \
    patch_diff = COALESCE(excluded.patch_diff, run.patch_diff), patch_stats_json = COALESCE(excluded.patch_stats_json, run.patch_stats_json), \
    patch_policy_json = COALESCE(excluded.patch_policy_json, run.patch_policy_json), validation_json = COALESCE(excluded.validation_json, run.validation_json), \
    pr_json = COALESCE(excluded.pr_json, run.pr_json), error = COALESCE(excluded.error, run.error), updated_at = now()";

/// For each column whether it is what the journal says; JSON by its meaning.
const COMPARE: &str = "SELECT event_id IS NOT DISTINCT FROM $2, repository IS NOT DISTINCT FROM $3, status IS NOT DISTINCT FROM $4, \
    plan_json IS NOT DISTINCT FROM $5::text::jsonb, plan_policy_json IS NOT DISTINCT FROM $6::text::jsonb, \
    patch_diff IS NOT DISTINCT FROM $7, patch_stats_json IS NOT DISTINCT FROM $8::text::jsonb, \
    patch_policy_json IS NOT DISTINCT FROM $9::text::jsonb, validation_json IS NOT DISTINCT FROM $10::text::jsonb, \
    pr_json IS NOT DISTINCT FROM $11::text::jsonb, error IS NOT DISTINCT FROM $12 \
    FROM fix_pipeline_runs WHERE id = $1";

/// The columns, as this database can hold them: it has no NUL, neither in text nor in JSONB. The journal has it.
fn storable(record: &RunRecord) -> Result<impl Iterator<Item = Option<String>>, Problem> {
    let without_nul = |text: String| text.replace('\0', "\u{fffd}").replace("\\u0000", "\\ufffd");
    Ok(columns(record)?.into_iter().map(move |column| column.map(without_nul)))
}

pub(super) async fn upsert(
    transaction: &mut Transaction<'_, Driver>,
    run: RunId,
    entry: &Entry,
) -> Result<(), Problem> {
    let mut query = sqlx::query(UPSERT).bind(run.to_string());
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
    let mut query = sqlx::query(COMPARE).bind(run.to_string());
    for column in storable(&RunRecord::fold(entries))? {
        query = query.bind(column);
    }
    let row = query.fetch_optional(&mut **transaction).await?;
    let row = match (row, entries) {
        (None, []) => return Ok(()),
        (None, _) => return Err(Problem::NoRow),
        (Some(_), []) => return Err(Problem::NoEntries),
        (Some(row), _) => row,
    };
    for (index, column) in COLUMNS.into_iter().enumerate() {
        if !row.try_get::<bool, _>(index)? {
            return Err(Problem::Row { column });
        }
    }
    Ok(())
}
