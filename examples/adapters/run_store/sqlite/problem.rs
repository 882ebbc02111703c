//! What an error of SQLite means for a pipeline.

use fix_pipeline::AdapterErrorKind;

/// Whether an error passes by itself, means damage, or stays.
pub(super) fn kind_of(error: &sqlx::Error) -> AdapterErrorKind {
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
