//! Journals in an SQLite file.

use std::path::Path;
use std::time::Duration;

use fix_pipeline::{AdapterError, AdapterErrorKind, Entry, RunId, RunRecord, RunStore};
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, Sqlite as Driver, Transaction};

/// An SQLite file: a table of entries, and a table of runs that is folded from it.
///
/// Both change in one transaction. The file is in WAL mode, and an entry is on the
/// disk when `append` answers. Several processes may use one file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    pool: SqlitePool,
}

/// One row of the list of runs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// The run.
    pub run_id: String,
    /// Its event.
    pub event_id: String,
    /// The repository.
    pub repository: String,
    /// `running`, or the code of the outcome.
    pub status: String,
    /// Why there is no pull request.
    pub error: Option<String>,
    /// When it began, UTC.
    pub created_at: String,
    /// When something last happened, UTC.
    pub updated_at: String,
}

impl Sqlite {
    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Refused`] when it can't be opened or is no such store.
    pub async fn open(file: &Path) -> Result<Self, AdapterError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            AdapterError::new(AdapterErrorKind::Refused, "open the run store", file.display().to_string())
                .with_source(error)
        };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(error.into()))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await;
        let pool = pool.map_err(|error| failed(error.into()))?;
        sqlx::migrate!("adapters/run_store/migrations").run(&pool).await.map_err(|error| failed(error.into()))?;
        Ok(Self { pool })
    }

    /// Opens a file that is there, to look at: nothing is written, not even tables.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Refused`] when it is no such store.
    pub async fn open_to_read(file: &Path) -> Result<Self, AdapterError> {
        let refused = |error: sqlx::Error| {
            let message = format!("{} is no run store", file.display());
            AdapterError::new(AdapterErrorKind::Refused, "open the run store", message).with_source(error)
        };
        let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.map_err(refused)?;
        sqlx::query("SELECT id FROM fix_pipeline_runs LIMIT 1").fetch_optional(&pool).await.map_err(refused)?;
        Ok(Self { pool })
    }

    /// The runs, the newest first; at most `limit`.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when the file can't be read.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, AdapterError> {
        let query = "SELECT id, event_id, repository, status, error, created_at, updated_at \
                     FROM fix_pipeline_runs ORDER BY created_at DESC, id LIMIT ?1";
        let rows = sqlx::query(query).bind(limit).fetch_all(&self.pool).await;
        let rows = rows.map_err(|error| unavailable("list runs", error))?;
        let summary = |row: &sqlx::sqlite::SqliteRow| -> Result<RunSummary, sqlx::Error> {
            Ok(RunSummary {
                run_id: row.try_get("id")?,
                event_id: row.try_get("event_id")?,
                repository: row.try_get("repository")?,
                status: row.try_get("status")?,
                error: row.try_get("error")?,
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
            })
        };
        rows.iter().map(summary).collect::<Result<_, _>>().map_err(|error| unavailable("list runs", error))
    }

    async fn try_append(&self, run: RunId, entry: &Entry) -> Result<Option<u64>, Problem> {
        // Taken for writing at once, so that two writers queue up instead of failing half way.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let stored: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM fix_pipeline_entries WHERE run_id = ?1")
            .bind(run.to_string())
            .fetch_one(&mut *transaction)
            .await?;
        let stored = u64::try_from(stored).unwrap_or(u64::MAX);
        if entry.sequence() != stored {
            return Ok(Some(stored));
        }
        upsert_run(&mut transaction, run, &RunRecord::fold([entry])).await?;
        sqlx::query("INSERT INTO fix_pipeline_entries (run_id, sequence, entry_json, digest) VALUES (?1, ?2, ?3, ?4)")
            .bind(run.to_string())
            .bind(i64::try_from(entry.sequence()).unwrap_or(i64::MAX))
            .bind(entry.to_json())
            .bind(entry.digest())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(None)
    }
}

impl RunStore for Sqlite {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        match self.try_append(run, entry).await {
            Ok(None) => Ok(()),
            Ok(Some(stored)) => {
                let message = format!("run {run} has {stored} entries, so entry {} can't be next", entry.sequence());
                Err(AdapterError::new(AdapterErrorKind::Conflict, "append to the journal", message))
            }
            Err(problem) => Err(problem.into_adapter("append to the journal")),
        }
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        let read = async {
            let mut transaction = self.pool.begin().await?;
            load(&mut transaction, run).await
        };
        read.await.map_err(|problem: Problem| problem.into_adapter("load the journal"))
    }
}

/// What can be wrong below the port.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("entry {sequence} is damaged")]
    Damaged { sequence: i64, source: fix_pipeline::JournalError },
    #[error("entry {sequence} was changed")]
    Changed { sequence: i64 },
}

impl Problem {
    fn into_adapter(self, operation: &'static str) -> AdapterError {
        match self {
            Self::Database(error) => unavailable(operation, error),
            Self::Changed { sequence } => {
                let message = format!("entry {sequence} of the stored journal was changed");
                AdapterError::new(AdapterErrorKind::Refused, operation, message)
            }
            Self::Damaged { sequence, source } => {
                let message = format!("entry {sequence} of the stored journal is damaged");
                AdapterError::new(AdapterErrorKind::Refused, operation, message).with_source(source)
            }
        }
    }
}

fn unavailable(operation: &'static str, error: sqlx::Error) -> AdapterError {
    AdapterError::new(AdapterErrorKind::Unavailable, operation, "the database failed").with_source(error)
}

async fn load(transaction: &mut Transaction<'_, Driver>, run: RunId) -> Result<Vec<Entry>, Problem> {
    let rows: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT sequence, entry_json, digest FROM fix_pipeline_entries WHERE run_id = ?1 ORDER BY sequence",
    )
    .bind(run.to_string())
    .fetch_all(&mut **transaction)
    .await?;
    let entries = rows.iter().map(|(sequence, json, digest)| {
        let entry = Entry::from_json(json).map_err(|source| Problem::Damaged { sequence: *sequence, source })?;
        // The chain protects every entry but the last; the digest beside it protects that one, too.
        if entry.digest() == *digest && entry.to_json() == *json {
            Ok(entry)
        } else {
            Err(Problem::Changed { sequence: *sequence })
        }
    });
    entries.collect()
}

/// Folds what one entry adds into the row of the run; what it says nothing of stays.
async fn upsert_run(transaction: &mut Transaction<'_, Driver>, run: RunId, record: &RunRecord) -> Result<(), Problem> {
    fn json<T: Serialize>(value: Option<&T>) -> Option<String> {
        value.and_then(|value| serde_json::to_string(value).ok())
    }
    let query = "INSERT INTO fix_pipeline_runs \
        (id, event_id, repository, status, plan_json, plan_policy_json, patch_diff, patch_stats_json, patch_policy_json, validation_json, pr_json, error) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
        ON CONFLICT (id) DO UPDATE SET status = excluded.status, \
        plan_json = COALESCE(excluded.plan_json, plan_json), plan_policy_json = COALESCE(excluded.plan_policy_json, plan_policy_json), \
        patch_diff = COALESCE(excluded.patch_diff, patch_diff), patch_stats_json = COALESCE(excluded.patch_stats_json, patch_stats_json), \
        patch_policy_json = COALESCE(excluded.patch_policy_json, patch_policy_json), validation_json = COALESCE(excluded.validation_json, validation_json), \
        pr_json = COALESCE(excluded.pr_json, pr_json), error = COALESCE(excluded.error, error), \
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
    sqlx::query(query)
        .bind(run.to_string())
        .bind(record.event_id.clone().unwrap_or_default())
        .bind(record.repository.clone().unwrap_or_default())
        .bind(record.status.as_str())
        .bind(record.plan_json.clone())
        .bind(json(record.plan_policy.as_ref()))
        .bind(record.patch_diff.clone())
        .bind(json(record.patch_stats.as_ref()))
        .bind(json(record.patch_policy.as_ref()))
        .bind(json(record.validation.as_ref()))
        .bind(json(record.pull_request.as_ref()))
        .bind(record.error.clone())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
