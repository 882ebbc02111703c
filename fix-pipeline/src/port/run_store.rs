//! Where journals are kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::forward;
use crate::error::{AdapterError, AdapterErrorKind};
use crate::journal::Entry;
use crate::run::RunId;

/// Keeps the journal of each run, append-only.
///
/// # Contract
/// - [`append`](RunStore::append) is a compare-and-set: it succeeds only if
///   [`Entry::sequence`] is the number of entries that the run has so far. Of two
///   workers, one wins each step; the other gets a conflict, and nothing is stored for it.
/// - When it has answered `Ok`, the entry survives a crash.
/// - [`load`](RunStore::load) gives every entry in order, and an empty list for an unknown run.
/// - Entries are given back as they were, byte for byte in their JSON.
///
/// # Errors
/// [`AdapterErrorKind::Conflict`] when another entry has the sequence number.
///
/// # Cancel safety
/// A dropped `append` has stored the entry or not, never half of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no run store",
    note = "implement `fix_pipeline::RunStore`, with `async fn append` and `async fn load`"
)]
pub trait RunStore: Send + Sync {
    /// Appends an entry to the journal of `run`.
    fn append(&self, run: RunId, entry: &Entry) -> impl Future<Output = Result<(), AdapterError>> + Send;

    /// The journal of `run`.
    fn load(&self, run: RunId) -> impl Future<Output = Result<Vec<Entry>, AdapterError>> + Send;
}

forward!(RunStore {
    append(run: RunId, entry: &Entry) -> Result<(), AdapterError>;
    load(run: RunId) -> Result<Vec<Entry>, AdapterError>;
});

/// A store in memory: for tests, and for embedders that resume nothing.
///
/// ```
/// use fix_pipeline::{MemoryRunStore, RunId, RunStore};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryRunStore::default();
/// assert!(store.load(RunId::of(&"event-1".parse()?)).await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct MemoryRunStore {
    runs: Mutex<BTreeMap<RunId, Vec<Entry>>>,
}

impl RunStore for MemoryRunStore {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = runs.entry(run).or_default();
        if u64::try_from(entries.len()) != Ok(entry.sequence()) {
            let message =
                format!("run {run} has {} entries, so entry {} can't be next", entries.len(), entry.sequence());
            return Err(AdapterError::new(AdapterErrorKind::Conflict, "append to the journal", message));
        }
        entries.push(entry.clone());
        Ok(())
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(runs.get(&run).cloned().unwrap_or_default())
    }
}
