INSERT INTO fix_pipeline_entries (run_id, sequence, entry_json, digest) VALUES (?1, ?2, ?3, ?4)
