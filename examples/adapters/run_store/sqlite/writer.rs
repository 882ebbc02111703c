//! Entries on their way to the disk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use fix_pipeline::{AdapterErrorKind, Entry, RunId, RunRecord};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::problem::kind_of;
use crate::run_store::problem::Problem;
use crate::run_store::row::{COLUMNS, columns};

/// Writes entries. Those that wait at the same moment share a transaction, and so a flush of the disk, which is
/// what an append waits for.
///
/// It has a thread of its own: whoever gives up waiting, or is never polled again, is in nobody's way, and a
/// transaction that began is not broken off. The thread ends with the last copy.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: Sender<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    row: NewEntry,
    answer: oneshot::Sender<Result<Appended, Problem>>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Appended {
    /// It is on the disk.
    Stored,
    /// The run has so many entries, so that it can't be the next.
    OutOfTurn(u64),
}

/// Most entries of one transaction, so that nobody waits long for others.
const BATCH_MAX: usize = 64;

impl Writer {
    pub(super) fn start(pool: SqlitePool) -> io::Result<Self> {
        let (queue, waiting) = channel();
        let runtime = Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name("fix-run-store".to_owned()).spawn(move || write_all(&runtime, &pool, &waiting))?;
        Ok(Self { queue })
    }

    /// Dropped, it may have stored the entry or not.
    pub(super) async fn append(&self, run: RunId, entry: &Entry) -> Result<Appended, Problem> {
        let (answer, told) = oneshot::channel();
        let gone = || Problem::from(sqlx::Error::WorkerCrashed);
        self.queue.send(Waiting { row: NewEntry::of(run, entry)?, answer }).map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }
}

/// Writes what waits, until nobody is left who could send more.
fn write_all(runtime: &Runtime, pool: &SqlitePool, waiting: &Receiver<Waiting>) {
    while let Ok(first) = waiting.recv() {
        let others = waiting.try_iter().take(BATCH_MAX - 1);
        // Who gave up before it began wants nothing stored.
        let batch: Vec<_> = [first].into_iter().chain(others).filter(|waiting| !waiting.answer.is_closed()).collect();
        runtime.block_on(write(pool, batch));
    }
}

/// All at once; one by one where an entry stands in the way, so that nobody bears the errors of others.
async fn write(pool: &SqlitePool, batch: Vec<Waiting>) {
    match transact(pool, &batch).await {
        Ok(answers) => {
            for (waiting, appended) in batch.into_iter().zip(answers) {
                // Whoever gave up meanwhile has no use for it.
                let _ = waiting.answer.send(Ok(appended));
            }
        }
        // The database is busy or fails, whosever turn it is.
        Err(Problem::Database(error)) if batch.len() == 1 || kind_of(&error) == AdapterErrorKind::Unavailable => {
            for waiting in batch {
                let _ = waiting.answer.send(Err(Problem::Database(Arc::clone(&error))));
            }
        }
        Err(_) => {
            for waiting in batch {
                Box::pin(write(pool, vec![waiting])).await;
            }
        }
    }
}

async fn transact(pool: &SqlitePool, batch: &[Waiting]) -> Result<Vec<Appended>, Problem> {
    // Taken for writing at once, so that two processes queue up instead of failing half way.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut answers = Vec::new();
    for Waiting { row, .. } in batch {
        answers.push(row.insert(&mut transaction).await?);
    }
    transaction.commit().await?;
    Ok(answers)
}

/// An entry, and what it changes in the row of its run.
#[derive(Debug)]
struct NewEntry {
    run: String,
    sequence: i64,
    json: String,
    digest: String,
    columns: [Option<String>; COLUMNS.len()],
}

impl NewEntry {
    fn of(run: RunId, entry: &Entry) -> Result<Self, Problem> {
        Ok(Self {
            run: run.to_string(),
            sequence: i64::try_from(entry.sequence()).unwrap_or(i64::MAX),
            json: entry.to_json(),
            digest: entry.digest(),
            columns: columns(&RunRecord::fold([entry]))?,
        })
    }

    async fn insert(&self, database: &mut SqliteConnection) -> Result<Appended, Problem> {
        let mut query = sqlx::query(include_str!("append_entry.sql")).bind(&self.run).bind(self.sequence);
        for column in &self.columns {
            query = query.bind(column);
        }
        if query.bind(&self.json).bind(&self.digest).execute(&mut *database).await?.rows_affected() == 0 {
            let count = sqlx::query_scalar(include_str!("count_entries.sql")).bind(&self.run);
            let stored: i64 = count.fetch_one(&mut *database).await?;
            return Ok(Appended::OutOfTurn(u64::try_from(stored).unwrap_or(u64::MAX)));
        }
        Ok(Appended::Stored)
    }
}
