-- For each column whether it is what the journal says; JSON by its meaning.
SELECT event_id          IS NOT DISTINCT FROM $2,
       repository        IS NOT DISTINCT FROM $3,
       status            IS NOT DISTINCT FROM $4,
       plan_json         IS NOT DISTINCT FROM $5::text::jsonb,
       plan_policy_json  IS NOT DISTINCT FROM $6::text::jsonb,
       patch_diff        IS NOT DISTINCT FROM $7,
       patch_stats_json  IS NOT DISTINCT FROM $8::text::jsonb,
       patch_policy_json IS NOT DISTINCT FROM $9::text::jsonb,
       validation_json   IS NOT DISTINCT FROM $10::text::jsonb,
       pr_json           IS NOT DISTINCT FROM $11::text::jsonb,
       error             IS NOT DISTINCT FROM $12
FROM fix_pipeline_runs
WHERE id = $1
