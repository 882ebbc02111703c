//! What can be wrong below the port, and what kind of error that is for a pipeline.

use fix_pipeline::{AdapterError, AdapterErrorKind, JournalError};

/// What can be wrong below the port.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("entry {sequence} is damaged")]
    Damaged { sequence: i64, source: JournalError },
    #[error("entry {sequence} was changed")]
    Changed { sequence: i64 },
    #[error("the row of the run does not say what its journal says: column {column} was changed, or entries are gone")]
    Row { column: &'static str },
    #[error("the row of the run is gone")]
    NoRow,
    #[error("the journal of the run is gone")]
    NoEntries,
    #[error("a column can't be written")]
    Json(#[from] serde_json::Error),
}

impl Problem {
    /// Whether what is stored can't be used: the run is set aside, and shown so.
    pub(super) fn sets_aside(&self) -> bool {
        !matches!(self, Self::Database(_) | Self::Json(_))
    }

    pub(super) fn into_adapter(self, operation: &'static str) -> AdapterError {
        let message = self.to_string();
        match self {
            Self::Database(error) => database(operation, error),
            Self::Json(error) => AdapterError::new(AdapterErrorKind::Refused, operation, message).with_source(error),
            Self::Damaged { source, .. } => {
                let kind = match source {
                    JournalError::Version { .. } => AdapterErrorKind::Unsupported,
                    _ => AdapterErrorKind::Damaged,
                };
                AdapterError::new(kind, operation, message).with_source(source)
            }
            Self::Changed { .. } | Self::Row { .. } | Self::NoRow | Self::NoEntries => {
                AdapterError::new(AdapterErrorKind::Damaged, operation, message)
            }
        }
    }
}

/// An error of the database, as an adapter reports it.
pub(super) fn database(operation: &'static str, error: sqlx::Error) -> AdapterError {
    let (kind, message) = match kind_of(&error) {
        AdapterErrorKind::Unavailable => {
            (AdapterErrorKind::Unavailable, "the database is busy, or its disk is full or fails")
        }
        AdapterErrorKind::Damaged => (AdapterErrorKind::Damaged, "the file is damaged; restore it from a backup"),
        kind => (kind, "the database refuses; its schema or its permissions are not what they should be"),
    };
    AdapterError::new(kind, operation, message).with_source(error)
}

/// Whether an error passes by itself, means damage, or stays.
fn kind_of(error: &sqlx::Error) -> AdapterErrorKind {
    match error {
        sqlx::Error::Database(error) => match error.code().and_then(|code| code.parse::<u32>().ok()) {
            // The low byte is the primary code, the rest says more: https://www.sqlite.org/rescode.html
            Some(code) => match code & 0xff {
                SQLITE_CORRUPT | SQLITE_NOTADB => AdapterErrorKind::Damaged,
                code if TRANSIENT.contains(&code) => AdapterErrorKind::Unavailable,
                _ => AdapterErrorKind::Refused,
            },
            None => AdapterErrorKind::Refused,
        },
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            AdapterErrorKind::Unavailable
        }
        _ => AdapterErrorKind::Refused,
    }
}

const SQLITE_CORRUPT: u32 = 11;
const SQLITE_NOTADB: u32 = 26;
/// `ABORT`, `BUSY`, `LOCKED`, `NOMEM`, `INTERRUPT`, `IOERR`, `FULL`, `CANTOPEN`, `PROTOCOL`.
const TRANSIENT: [u32; 9] = [4, 5, 6, 7, 9, 10, 13, 14, 15];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions as _, SqliteConnection};

    use super::*;

    async fn connect(file: &std::path::Path) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).busy_timeout(Duration::ZERO);
        options.connect().await.unwrap()
    }

    async fn kind(connection: &mut SqliteConnection, query: &'static str) -> AdapterErrorKind {
        kind_of(&sqlx::query(query).execute(connection).await.unwrap_err())
    }

    #[tokio::test]
    async fn what_passes_is_told_from_what_stays_and_from_damage() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.sqlite3");
        let (mut one, mut other) = (connect(&file).await, connect(&file).await);
        sqlx::query("CREATE TABLE t (x INTEGER UNIQUE)").execute(&mut one).await.unwrap();
        sqlx::query("INSERT INTO t VALUES (1)").execute(&mut one).await.unwrap();
        assert_eq!(kind(&mut one, "INSERT INTO t VALUES (1)").await, AdapterErrorKind::Refused, "a constraint");
        assert_eq!(kind(&mut one, "SELECT y FROM t").await, AdapterErrorKind::Refused, "a schema");
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut one).await.unwrap();
        assert_eq!(kind(&mut other, "INSERT INTO t VALUES (2)").await, AdapterErrorKind::Unavailable, "a lock");
        std::fs::write(folder.path().join("b"), [b'x'; 4_096]).unwrap();
        let mut no_database = connect(&folder.path().join("b")).await;
        assert_eq!(kind(&mut no_database, "SELECT 1 FROM sqlite_schema").await, AdapterErrorKind::Damaged);
    }
}
