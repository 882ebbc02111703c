//! Entries on their way to the disk.

use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fix_pipeline::{Entry, RunId, RunRecord};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;
use tokio::sync::oneshot;

use crate::run_store::problem::Problem;
use crate::run_store::row::{COLUMNS, columns};

/// Writes entries. Those that wait at the same moment share a transaction, and so a flush of the disk, which is
/// what an append waits for.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pool: SqlitePool,
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    /// Whoever holds it writes for all who wait.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    row: Arc<NewEntry>,
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
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool, queue: Arc::default() }
    }

    /// Dropped, it may have stored the entry or not.
    pub(super) async fn append(&self, run: RunId, entry: &Entry) -> Result<Appended, Problem> {
        let row = Arc::new(NewEntry::of(run, entry)?);
        loop {
            let (answer, mut told) = oneshot::channel();
            self.queue.waiting().push(Waiting { row: Arc::clone(&row), answer });
            let turn = tokio::select! {
                biased;
                told = &mut told => match told {
                    Ok(answer) => return answer,
                    // Whoever wrote for us was dropped, and its transaction with it.
                    Err(_) => continue,
                },
                turn = self.queue.turn.lock() => turn,
            };
            // More may wait than one transaction takes; ours comes when its turn has come.
            let answered = loop {
                match told.try_recv() {
                    Err(oneshot::error::TryRecvError::Empty) => self.write(self.queue.next()).await,
                    answered => break answered,
                }
            };
            drop(turn);
            if let Ok(answer) = answered {
                return answer;
            }
        }
    }

    /// All at once; one by one where that fails, so that nobody bears the errors of others.
    async fn write(&self, batch: Vec<Waiting>) {
        if batch.len() > 1
            && let Ok(answers) = self.transact(&batch).await
        {
            for (waiting, appended) in batch.into_iter().zip(answers) {
                // Whoever gave up has no use for it.
                let _ = waiting.answer.send(Ok(appended));
            }
            return;
        }
        for waiting in batch {
            let answered = self.transact(slice::from_ref(&waiting)).await;
            let answer = answered.map(|appended| appended.first().copied().unwrap_or(Appended::Stored));
            let _ = waiting.answer.send(answer);
        }
    }

    async fn transact(&self, batch: &[Waiting]) -> Result<Vec<Appended>, Problem> {
        // Taken for writing at once, so that two writers queue up instead of failing half way.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut answers = Vec::new();
        for Waiting { row, .. } in batch {
            answers.push(row.insert(&mut transaction).await?);
        }
        transaction.commit().await?;
        Ok(answers)
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who came first, and did not give up.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        waiting.retain(|waiting| !waiting.answer.is_closed());
        let count = waiting.len().min(BATCH_MAX);
        waiting.drain(..count).collect()
    }
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
        // Folds what the entry adds into the row of the run, if it is the next; what it says nothing of stays.
        let mut query = sqlx::query(include_str!("upsert_run.sql")).bind(&self.run).bind(self.sequence);
        for column in &self.columns {
            query = query.bind(column);
        }
        if query.execute(&mut *database).await?.rows_affected() == 0 {
            let count = sqlx::query_scalar(include_str!("count_entries.sql")).bind(&self.run);
            let stored: i64 = count.fetch_one(&mut *database).await?;
            return Ok(Appended::OutOfTurn(u64::try_from(stored).unwrap_or(u64::MAX)));
        }
        let insert = sqlx::query(include_str!("insert_entry.sql")).bind(&self.run).bind(self.sequence);
        insert.bind(&self.json).bind(&self.digest).execute(&mut *database).await?;
        Ok(Appended::Stored)
    }
}
