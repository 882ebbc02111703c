//! Journals in a PostgreSQL database.

mod problem;
mod row;

use std::time::Duration;

use fix_pipeline::{AdapterError, AdapterErrorKind, Entry, RunId, RunStore};
use problem::kind_of;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Connection as _, PgConnection, Postgres as Driver, Row as _, Transaction};

use super::RunSummary;
use super::problem::{Problem, database, out_of_turn};

/// A PostgreSQL database, 13 or newer: a table of entries, and a table of runs that is folded from it.
///
/// Both change in one transaction, and an entry is on the server's disk when
/// `append` answers, unless the server runs without `fsync`. Any number of
/// processes may use one database.
///
/// Connections set `synchronous_commit`, `lock_timeout` and `statement_timeout`
/// when they start; a pooler in between has to let them (`PgBouncer`: session mode,
/// or `ignore_startup_parameters` and a server that sets them).
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
}

/// How long a worker waits for another's transaction, and for a free connection.
const WAIT: Duration = Duration::from_secs(10);

impl Postgres {
    /// Connects to the database at `url` (`postgres://user:password@host/name?sslmode=verify-full`), and brings
    /// its tables up to date. The URL is in no error: it holds a password.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when the server can't be reached now, [`AdapterErrorKind::Refused`] when it
    /// does not let this user in, or its tables are those of another program or a newer version.
    pub async fn open(url: &SecretString) -> Result<Self, AdapterError> {
        const OPERATION: &str = "open the run store";
        let refused = |message: &str| AdapterError::new(AdapterErrorKind::Refused, OPERATION, message);
        let url = url.expose_secret();
        let is_ours = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let options = if is_ours { url.parse::<PgConnectOptions>().ok() } else { None };
        let options =
            options.ok_or_else(|| refused("the URL is none of PostgreSQL; write postgres://user@host/name"))?;
        let options = options.application_name("fix").options([
            ("synchronous_commit", "on"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "30s"),
        ]);
        // Once without a pool, which tries until its time is over and forgets why.
        let connected = tokio::time::timeout(WAIT, PgConnection::connect_with(&options)).await;
        match connected.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(connection) => drop(connection.close().await),
            Err(error) => return Err(database(OPERATION, error, kind_of)),
        }
        let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(WAIT).connect_with(options).await;
        let pool = pool.map_err(|error| database(OPERATION, error, kind_of))?;
        let migrated = sqlx::migrate!("adapters/run_store/migrations/postgres").run(&pool).await;
        migrated.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                database(OPERATION, error, kind_of)
            }
            error => refused("the database holds no run store, or one of another version; name another database")
                .with_source(error),
        })?;
        Ok(Self { pool })
    }

    /// The runs, the newest first; at most `limit`.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unavailable`] when the database can't be read now, other kinds when it never can.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, AdapterError> {
        let query = "SELECT id, event_id, repository, \
                     to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS created_at, \
                     to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS updated_at, \
                     CASE WHEN reason IS NULL THEN status ELSE 'set_aside' END AS status, COALESCE(reason, error) AS error \
                     FROM fix_pipeline_runs AS run LEFT JOIN fix_pipeline_set_aside ON run_id = id \
                     ORDER BY run.created_at DESC, id LIMIT $1";
        let rows = sqlx::query(query).bind(i64::from(limit)).fetch_all(&self.pool).await;
        let rows = rows.map_err(|error| database("list runs", error, kind_of))?;
        let summary = |row: &PgRow| -> Result<RunSummary, sqlx::Error> {
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

    /// Notes for whoever lists runs. What matters is the answer of the caller, which this can't spoil.
    async fn note(&self, query: &'static str, run: RunId, reason: Option<String>) {
        let mut query = sqlx::query(query).bind(run.to_string());
        if let Some(reason) = reason {
            query = query.bind(reason);
        }
        let _ = query.execute(&self.pool).await;
    }

    async fn try_append(&self, run: RunId, entry: &Entry) -> Result<Option<u64>, Problem> {
        let mut transaction = self.pool.begin().await?;
        // Locks the row of the run: of two writers, the second counts what the first has stored.
        row::upsert(&mut transaction, run, entry).await?;
        let stored: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM fix_pipeline_entries WHERE run_id = $1")
            .bind(run.to_string())
            .fetch_one(&mut *transaction)
            .await?;
        let stored = u64::try_from(stored).unwrap_or(u64::MAX);
        if entry.sequence() != stored {
            transaction.rollback().await?;
            return Ok(Some(stored));
        }
        sqlx::query("INSERT INTO fix_pipeline_entries (run_id, sequence, entry_json, digest) VALUES ($1, $2, $3, $4)")
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

impl RunStore for Postgres {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        match self.try_append(run, entry).await {
            Ok(None) => Ok(()),
            Ok(Some(stored)) => Err(out_of_turn(run, entry, stored)),
            Err(problem) => Err(problem.into_adapter("append to the journal", kind_of)),
        }
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        let loaded = async {
            // One snapshot, so that row and entries are of one moment.
            let mut transaction = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let entries = load(&mut transaction, run).await?;
            row::check(&mut transaction, run, &entries).await?;
            let is_set_aside = sqlx::query("SELECT 1 FROM fix_pipeline_set_aside WHERE run_id = $1");
            let is_set_aside = is_set_aside.bind(run.to_string()).fetch_optional(&mut *transaction).await?.is_some();
            transaction.commit().await?;
            Ok::<_, Problem>((entries, is_set_aside))
        };
        match loaded.await {
            Ok((entries, false)) => Ok(entries),
            Ok((entries, true)) => {
                // Somebody mended it.
                self.note("DELETE FROM fix_pipeline_set_aside WHERE run_id = $1", run, None).await;
                Ok(entries)
            }
            Err(problem) => {
                if problem.sets_aside() {
                    let note = "INSERT INTO fix_pipeline_set_aside (run_id, reason) VALUES ($1, $2) \
                                ON CONFLICT (run_id) DO UPDATE SET reason = excluded.reason";
                    self.note(note, run, Some(problem.to_string())).await;
                }
                Err(problem.into_adapter("load the journal", kind_of))
            }
        }
    }
}

async fn load(transaction: &mut Transaction<'_, Driver>, run: RunId) -> Result<Vec<Entry>, Problem> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT sequence, convert_to(entry_json, 'UTF8'), convert_to(digest, 'UTF8') FROM fix_pipeline_entries WHERE run_id = $1 ORDER BY sequence",
    )
    .bind(run.to_string())
    .fetch_all(&mut **transaction)
    .await?;
    super::problem::entries(rows)
}
