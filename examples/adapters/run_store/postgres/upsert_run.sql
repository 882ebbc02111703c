INSERT INTO fix_pipeline_runs AS run
    (id, event_id, repository, status, plan_json, plan_policy_json, patch_diff, patch_stats_json, patch_policy_json,
     validation_json, pr_json, error)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb, $7, $8::text::jsonb, $9::text::jsonb,
        $10::text::jsonb, $11::text::jsonb, $12)
ON CONFLICT (id) DO UPDATE SET
    status            = excluded.status,
    plan_json         = COALESCE(excluded.plan_json, run.plan_json),
    plan_policy_json  = COALESCE(excluded.plan_policy_json, run.plan_policy_json),
    patch_diff        = COALESCE(excluded.patch_diff, run.patch_diff),
    patch_stats_json  = COALESCE(excluded.patch_stats_json, run.patch_stats_json),
    patch_policy_json = COALESCE(excluded.patch_policy_json, run.patch_policy_json),
    validation_json   = COALESCE(excluded.validation_json, run.validation_json),
    pr_json           = COALESCE(excluded.pr_json, run.pr_json),
    error             = COALESCE(excluded.error, run.error),
    updated_at        = now()
