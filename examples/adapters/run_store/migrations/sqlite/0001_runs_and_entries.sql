CREATE TABLE fix_pipeline_runs (
    id                TEXT PRIMARY KEY NOT NULL,
    event_id          TEXT NOT NULL,
    repository        TEXT NOT NULL,
    status            TEXT NOT NULL,
    plan_json         TEXT,
    plan_policy_json  TEXT,
    patch_diff        TEXT,
    patch_stats_json  TEXT,
    patch_policy_json TEXT,
    validation_json   TEXT,
    pr_json           TEXT,
    error             TEXT,
    created_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE INDEX fix_pipeline_runs_by_age ON fix_pipeline_runs (created_at DESC, id);

CREATE TABLE fix_pipeline_entries (
    run_id      TEXT NOT NULL REFERENCES fix_pipeline_runs (id),
    sequence    INTEGER NOT NULL,
    entry_json  TEXT NOT NULL,
    digest      TEXT NOT NULL,
    recorded_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (run_id, sequence)
) STRICT;
