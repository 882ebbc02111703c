-- Both or neither: when the entry is the next of its run. What it says nothing of stays in the row.
INSERT INTO fix_pipeline_runs
    (id, event_id, repository, status, plan_json, plan_policy_json, patch_diff, patch_stats_json, patch_policy_json,
     validation_json, pr_json, error)
SELECT ?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
WHERE (SELECT COUNT(*) FROM fix_pipeline_entries WHERE run_id = ?1) = ?2
ON CONFLICT (id) DO UPDATE SET
    status            = excluded.status,
    plan_json         = COALESCE(excluded.plan_json, plan_json),
    plan_policy_json  = COALESCE(excluded.plan_policy_json, plan_policy_json),
    patch_diff        = COALESCE(excluded.patch_diff, patch_diff),
    patch_stats_json  = COALESCE(excluded.patch_stats_json, patch_stats_json),
    patch_policy_json = COALESCE(excluded.patch_policy_json, patch_policy_json),
    validation_json   = COALESCE(excluded.validation_json, validation_json),
    pr_json           = COALESCE(excluded.pr_json, pr_json),
    error             = COALESCE(excluded.error, error),
    updated_at        = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
INSERT INTO fix_pipeline_entries (run_id, sequence, entry_json, digest)
SELECT ?1, ?2, ?14, ?15
WHERE (SELECT COUNT(*) FROM fix_pipeline_entries WHERE run_id = ?1) = ?2
