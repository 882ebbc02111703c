-- What people query. JSONB keeps what JSON means and not how it was written: the journal is text.
CREATE TABLE fix_pipeline_runs (
    id                TEXT PRIMARY KEY,
    event_id          TEXT NOT NULL,
    repository        TEXT NOT NULL,
    status            TEXT NOT NULL,
    plan_json         JSONB,
    plan_policy_json  JSONB,
    patch_diff        TEXT,
    patch_stats_json  JSONB,
    patch_policy_json JSONB,
    validation_json   JSONB,
    pr_json           JSONB,
    error             TEXT,
    created_at        TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at        TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX fix_pipeline_runs_by_age ON fix_pipeline_runs (created_at DESC, id);

CREATE TABLE fix_pipeline_entries (
    run_id      TEXT NOT NULL REFERENCES fix_pipeline_runs (id),
    sequence    BIGINT NOT NULL,
    entry_json  TEXT NOT NULL,
    digest      TEXT NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, sequence)
);

-- Runs whose journal can't be used, for whoever lists runs. Their rows and entries stay as they are.
CREATE TABLE fix_pipeline_set_aside (
    run_id       TEXT PRIMARY KEY,
    reason       TEXT NOT NULL,
    set_aside_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
