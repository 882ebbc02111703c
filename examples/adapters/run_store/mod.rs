//! Where journals are kept.

mod sqlite;

pub use sqlite::{RunSummary, Sqlite, columns};
