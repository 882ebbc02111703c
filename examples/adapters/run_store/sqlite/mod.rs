//! Journals in an SQLite file.

mod problem;
mod row;
mod writer;

use std::path::Path;
use std::time::Duration;

use fix_pipeline::{AdapterError, AdapterErrorKind, Entry, RunId, RunStore};
use problem::kind_of;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, Sqlite as Driver, Transaction};
use writer::{Appended, Writer};

use super::RunSummary;
use super::problem::{Problem, database, out_of_turn};

/// An SQLite file: a table of entries, and a table of runs that is folded from it.
///
/// Both change in one transaction, which entries that come at the same moment share. The file is in WAL mode,
/// and an entry is on the disk when `append` answers. Several processes may use one file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    pool: SqlitePool,
    writer: Writer,
}

impl Sqlite {
    /// Opens the file, or makes it, and brings its tables up to date.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when it can't be opened now, [`AdapterErrorKind::Damaged`] when it is no
    /// database, [`AdapterErrorKind::Refused`] when it is another one.
    pub async fn open(file: &Path) -> Result<Self, AdapterError> {
        let failed = |error: std::io::Error| {
            AdapterError::new(AdapterErrorKind::Refused, "open the run store", file.display().to_string())
                .with_source(error)
        };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = pool_options().connect_with(options).await;
        let pool = pool.map_err(|error| database("open the run store", error, kind_of))?;
        let migrated = sqlx::migrate!("adapters/run_store/migrations/sqlite").run(&pool).await;
        migrated.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                database("open the run store", error, kind_of)
            }
            error => {
                let message =
                    format!("{} is no run store, or one of another version; name another file", file.display());
                AdapterError::new(AdapterErrorKind::Refused, "open the run store", message).with_source(error)
            }
        })?;
        Ok(Self { writer: Writer::new(pool.clone()), pool })
    }

    /// Opens a file that is there, to look at: nothing is written, not even tables.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Refused`] when it is no such store.
    pub async fn open_to_read(file: &Path) -> Result<Self, AdapterError> {
        let refused = |error: sqlx::Error| {
            let message = format!("{} is no run store of this version", file.display());
            AdapterError::new(AdapterErrorKind::Refused, "open the run store", message).with_source(error)
        };
        let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(Duration::from_secs(10));
        let pool = pool_options().connect_with(options).await.map_err(refused)?;
        sqlx::query("SELECT id FROM fix_pipeline_runs, fix_pipeline_set_aside LIMIT 1")
            .fetch_optional(&pool)
            .await
            .map_err(refused)?;
        Ok(Self { writer: Writer::new(pool.clone()), pool })
    }

    /// The runs, the newest first; at most `limit`.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when the file can't be read now, other kinds when it never can.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, AdapterError> {
        let query = "SELECT id, event_id, repository, created_at, updated_at, \
                     CASE WHEN reason IS NULL THEN status ELSE 'set_aside' END AS status, COALESCE(reason, error) AS error \
                     FROM fix_pipeline_runs LEFT JOIN fix_pipeline_set_aside ON run_id = id \
                     ORDER BY created_at DESC, id LIMIT ?1";
        let rows = sqlx::query(query).bind(limit).fetch_all(&self.pool).await;
        let rows = rows.map_err(|error| database("list runs", error, kind_of))?;
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
        rows.iter().map(summary).collect::<Result<_, _>>().map_err(|error| database("list runs", error, kind_of))
    }

    /// Notes for whoever lists runs. What matters is the answer of the caller, which this can't spoil: a file
    /// that is open to read only has no notes.
    async fn note(&self, query: &'static str, run: RunId, reason: Option<String>) {
        let mut query = sqlx::query(query).bind(run.to_string());
        if let Some(reason) = reason {
            query = query.bind(reason);
        }
        let _ = query.execute(&self.pool).await;
    }
}

impl RunStore for Sqlite {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        match self.writer.append(run, entry).await {
            Ok(Appended::Stored) => Ok(()),
            Ok(Appended::OutOfTurn(stored)) => Err(out_of_turn(run, entry, stored)),
            Err(problem) => Err(problem.into_adapter("append to the journal", kind_of)),
        }
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        let loaded = async {
            // Most runs are new, and one look is enough.
            let is_known = "SELECT EXISTS (SELECT 1 FROM fix_pipeline_runs WHERE id = ?1) \
                            OR EXISTS (SELECT 1 FROM fix_pipeline_entries WHERE run_id = ?1)";
            if !sqlx::query_scalar::<_, bool>(is_known).bind(run.to_string()).fetch_one(&self.pool).await? {
                return Ok((Vec::new(), false));
            }
            let mut transaction = self.pool.begin().await?;
            let entries = load(&mut transaction, run).await?;
            row::check(&mut transaction, run, &entries).await?;
            let is_set_aside = sqlx::query("SELECT 1 FROM fix_pipeline_set_aside WHERE run_id = ?1");
            let is_set_aside = is_set_aside.bind(run.to_string()).fetch_optional(&mut *transaction).await?.is_some();
            Ok::<_, Problem>((entries, is_set_aside))
        };
        match loaded.await {
            Ok((entries, false)) => Ok(entries),
            Ok((entries, true)) => {
                // Somebody mended it.
                self.note("DELETE FROM fix_pipeline_set_aside WHERE run_id = ?1", run, None).await;
                Ok(entries)
            }
            Err(problem) => {
                if problem.sets_aside() {
                    let note = "INSERT INTO fix_pipeline_set_aside (run_id, reason) VALUES (?1, ?2) \
                                ON CONFLICT (run_id) DO UPDATE SET reason = excluded.reason";
                    self.note(note, run, Some(problem.to_string())).await;
                }
                Err(problem.into_adapter("load the journal", kind_of))
            }
        }
    }
}

/// A connection to a file does not go away, so none is tried out before it is used.
fn pool_options() -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(4).test_before_acquire(false)
}

async fn load(transaction: &mut Transaction<'_, Driver>, run: RunId) -> Result<Vec<Entry>, Problem> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT sequence, CAST(entry_json AS BLOB), CAST(digest AS BLOB) FROM fix_pipeline_entries WHERE run_id = ?1 ORDER BY sequence",
    )
    .bind(run.to_string())
    .fetch_all(&mut **transaction)
    .await?;
    super::problem::entries(rows)
}
