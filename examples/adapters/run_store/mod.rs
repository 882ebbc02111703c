//! Where journals are kept.

#[cfg(feature = "postgres")]
mod postgres;
mod problem;
mod row;
mod sqlite;

use serde::Serialize;

#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use row::columns;
pub use sqlite::Sqlite;

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
    /// `running`, the code of the outcome, or `set_aside`: its journal can't be used.
    pub status: String,
    /// Why there is no pull request, or what is wrong with the journal.
    pub error: Option<String>,
    /// When it began, UTC.
    pub created_at: String,
    /// When something last happened, UTC.
    pub updated_at: String,
}
