//! What can be wrong below the port, and what kind of error that is for a pipeline.

use std::sync::Arc;

use fix_pipeline::{AdapterError, AdapterErrorKind, Entry, JournalError, RunId};

/// What can be wrong below the port.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("the database failed")]
    Database(#[source] Arc<sqlx::Error>),
    #[error("entry {sequence} is damaged")]
    Damaged { sequence: i64, source: JournalError },
    #[error("entry {sequence} was changed")]
    Changed { sequence: i64 },
    #[error("entry {sequence} is gone, and entry {found} stands in its place")]
    Place { sequence: i64, found: u64 },
    #[error("the row of the run does not say what its journal says: column {column} was changed, or entries are gone")]
    Row { column: &'static str },
    #[error("the row of the run is gone")]
    NoRow,
    #[error("the journal of the run is gone")]
    NoEntries,
    #[error("a column can't be written")]
    Json(#[from] serde_json::Error),
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl Problem {
    /// Whether what is stored can't be used: the run is set aside, and shown so.
    pub(super) fn sets_aside(&self) -> bool {
        !matches!(self, Self::Database(_) | Self::Json(_))
    }

    /// As an adapter reports it; `kind_of` knows the database.
    pub(super) fn into_adapter(self, operation: &'static str, kind_of: KindOf) -> AdapterError {
        let message = self.to_string();
        match self {
            Self::Database(error) => database(operation, error, kind_of),
            Self::Json(error) => AdapterError::new(AdapterErrorKind::Refused, operation, message).with_source(error),
            Self::Damaged { source, .. } => {
                let kind = match source {
                    JournalError::Version { .. } => AdapterErrorKind::Unsupported,
                    _ => AdapterErrorKind::Damaged,
                };
                AdapterError::new(kind, operation, message).with_source(source)
            }
            Self::Changed { .. } | Self::Place { .. } | Self::Row { .. } | Self::NoRow | Self::NoEntries => {
                AdapterError::new(AdapterErrorKind::Damaged, operation, message)
            }
        }
    }
}

/// Whether an error passes by itself, means damage, or stays: by the codes of one database.
pub(super) type KindOf = fn(&sqlx::Error) -> AdapterErrorKind;

/// An error of the database, as an adapter reports it.
pub(super) fn database(operation: &'static str, error: impl Into<Arc<sqlx::Error>>, kind_of: KindOf) -> AdapterError {
    let error = error.into();
    let (kind, message) = match kind_of(&error) {
        AdapterErrorKind::Unavailable => {
            (AdapterErrorKind::Unavailable, "the database is busy, away, or its disk is full or fails")
        }
        AdapterErrorKind::Damaged => (AdapterErrorKind::Damaged, "the database is damaged; restore it from a backup"),
        kind => (kind, "the database refuses; its schema or its permissions are not what they should be"),
    };
    AdapterError::new(kind, operation, message).with_source(error)
}

/// The answer to a worker whose entry comes second; `stored` entries are there.
pub(super) fn out_of_turn(run: RunId, entry: &Entry, stored: u64) -> AdapterError {
    let message = format!("run {run} has {stored} entries, so entry {} can't be next", entry.sequence());
    AdapterError::new(AdapterErrorKind::Conflict, "append to the journal", message)
}

/// The row of a run, which is there when its entries are, and only then; none for a run that nobody began.
pub(super) fn row_of<R>(row: Option<R>, entries: &[Entry]) -> Result<Option<R>, Problem> {
    match (row, entries) {
        (None, []) => Ok(None),
        (None, _) => Err(Problem::NoRow),
        (Some(_), []) => Err(Problem::NoEntries),
        (row, _) => Ok(row),
    }
}

/// The entries of rows of number, text and digest, each proven.
pub(super) fn entries(rows: Vec<(i64, Vec<u8>, Vec<u8>)>) -> Result<Vec<Entry>, Problem> {
    let entries = rows.into_iter().map(|(sequence, json, digest)| {
        // Bytes, because a changed one need not be text any more.
        let json = String::from_utf8(json).map_err(|_| Problem::Changed { sequence })?;
        let entry = Entry::from_json(&json).map_err(|source| Problem::Damaged { sequence, source })?;
        if u64::try_from(sequence) != Ok(entry.sequence()) {
            return Err(Problem::Place { sequence, found: entry.sequence() });
        }
        // The chain protects every entry but the last; the digest beside it protects that one, too.
        if entry.digest().as_bytes() == digest && entry.to_json() == json {
            Ok(entry)
        } else {
            Err(Problem::Changed { sequence })
        }
    });
    entries.collect()
}
