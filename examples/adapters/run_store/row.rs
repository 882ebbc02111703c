//! The row of a run: what its journal says, folded, for whoever queries runs.

use fix_pipeline::RunRecord;
use serde::Serialize;

/// The columns that an entry can change, as stored.
pub(super) const COLUMNS: [&str; 11] = [
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
pub fn columns(record: &RunRecord) -> serde_json::Result<[Option<String>; COLUMNS.len()]> {
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
