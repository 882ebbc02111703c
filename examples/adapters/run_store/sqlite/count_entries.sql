SELECT COUNT(*) FROM fix_pipeline_entries WHERE run_id = ?1
