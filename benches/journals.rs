//! Runs of one failure after the other, and the rows that they leave.

use std::path::Path;
use std::sync::LazyLock;

use fix_adapters::run_store::columns;
use fix_pipeline::testing::{Case, FakeForge, FakeValidator};
use fix_pipeline::{
    AdapterError, Entry, MemoryRunStore, Pipeline, PlanRequest, PlanSource, RawPlan, RunRecord, RunStore,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

pub static CASE: LazyLock<Case> = LazyLock::new(Case::missing_dependency);

/// Always the same plan.
pub struct SamePlan;

impl PlanSource for SamePlan {
    async fn propose(&self, _: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        Ok(RawPlan::new("bench", CASE.plan.clone()))
    }
}

/// The same failure as another event: a run of its own.
pub fn event(number: u64) -> Case {
    let mut case = CASE.clone();
    case.failure.event_id = format!("event-{number}").parse().expect("an event");
    case
}

pub fn pipeline<R: RunStore>(store: R) -> Pipeline<SamePlan, FakeValidator, FakeForge, R> {
    Pipeline::new(SamePlan, FakeValidator::red_then_green(), FakeForge::default(), store)
}

/// The entries of a whole run.
pub async fn entries() -> Vec<Entry> {
    let pipeline = pipeline(MemoryRunStore::default());
    let run = pipeline.run(&CASE.failure, &CASE.tree).await.expect("a run").run;
    pipeline.run_store.load(run).await.expect("entries")
}

/// As the store opens it.
pub async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).journal_mode(SqliteJournalMode::Wal);
    options.synchronous(SqliteSynchronous::Full).foreign_keys(true).connect().await.expect("the same file")
}

/// What one `append` writes.
pub struct Row {
    sequence: i64,
    json: String,
    digest: String,
    columns: [Option<String>; 11],
}

impl Row {
    pub fn of(entry: &Entry) -> Self {
        Self {
            sequence: i64::try_from(entry.sequence()).expect("small"),
            json: entry.to_json(),
            digest: entry.digest(),
            columns: columns(&RunRecord::fold([entry])).expect("columns"),
        }
    }

    pub async fn insert(&self, database: &mut SqliteConnection, run: &str) {
        let mut transaction = database.begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
        self.append(&mut transaction, run).await;
        transaction.commit().await.expect("stored");
    }
    /// The same in a transaction of the caller's.
    pub async fn append(&self, database: &mut SqliteConnection, run: &str) {
        let append = include_str!("../examples/adapters/run_store/sqlite/append_entry.sql");
        let mut query = sqlx::query(append).bind(run).bind(self.sequence);
        for column in &self.columns {
            query = query.bind(column);
        }
        let stored = query.bind(&self.json).bind(&self.digest).execute(database).await.expect("rows");
        assert_eq!(stored.rows_affected(), 2);
    }
}
