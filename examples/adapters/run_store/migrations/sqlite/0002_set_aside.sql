-- Runs whose journal can't be used, for whoever lists runs. Their rows and entries stay as they are.
CREATE TABLE fix_pipeline_set_aside (
    run_id       TEXT PRIMARY KEY NOT NULL,
    reason       TEXT NOT NULL,
    set_aside_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
