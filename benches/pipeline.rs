//! What the pipeline adds to its stages, and what its journal costs in SQLite.
//!
//! Sides to compare: `run_in_memory` less `stages_alone` is the overhead of a run; `run_in_sqlite`
//! beside `bare_inserts`, the same statements with the same values, is the cost of everything but the database.

use std::path::Path;
use std::sync::LazyLock;

use divan::{Bencher, black_box};
use fix_adapters::run_store::{Sqlite, columns};
use fix_patch::{Generated, PatchGenerator, PatchOptions};
use fix_pipeline::testing::{Case, FakeForge, FakeValidator};
use fix_pipeline::{
    AdapterError, Entry, MemoryRunStore, Pipeline, PlanRequest, PlanSource, RawPlan, RunId, RunRecord, RunStore,
};
use fix_plan::FixPlan;
use fix_policy::PolicyEngine;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

static CASE: LazyLock<Case> = LazyLock::new(Case::missing_dependency);

/// Always the same plan.
struct SamePlan;

impl PlanSource for SamePlan {
    async fn propose(&self, _: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        Ok(RawPlan::new("bench", CASE.plan.clone()))
    }
}

/// The same failure as another event: a run of its own.
fn event(number: u64) -> Case {
    let mut case = CASE.clone();
    case.failure.event_id = format!("event-{number}").parse().expect("an event");
    case
}

fn pipeline<R: RunStore>(store: R) -> Pipeline<SamePlan, FakeValidator, FakeForge, R> {
    Pipeline::new(SamePlan, FakeValidator::red_then_green(), FakeForge::default(), store)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Runs of new events, one after the other.
fn runs<R: RunStore>(
    bencher: Bencher<'_, '_>,
    runtime: &Runtime,
    pipeline: &Pipeline<SamePlan, FakeValidator, FakeForge, R>,
) {
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        let case = event(number);
        runtime.block_on(pipeline.run(&case.failure, &case.tree)).expect("a run").run
    });
}

#[divan::bench]
fn run_in_memory(bencher: Bencher<'_, '_>) {
    runs(bencher, &runtime(), &pipeline(MemoryRunStore::default()));
}

/// Parse, review, generate, review: what a run can't do without.
#[divan::bench]
fn stages_alone(bencher: Bencher<'_, '_>) {
    let (policy, generator) = (PolicyEngine::default(), PatchGenerator::default());
    bencher.bench(|| {
        let plan = FixPlan::parse(black_box(CASE.plan.as_bytes())).expect("a plan");
        let plan = policy.review_plan(plan).expect("an allowed plan");
        let Ok(Generated::Patch(patch)) = generator.generate(plan.get(), &CASE.tree, &PatchOptions::default()) else {
            panic!("no patch")
        };
        policy.review_patch(&plan, patch).is_ok()
    });
}

#[divan::bench]
fn run_in_sqlite(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = runtime();
    let store = runtime.block_on(Sqlite::open(&folder.path().join("runs.sqlite3"))).expect("a store");
    runs(bencher, &runtime, &pipeline(store));
}

/// The same rows by the same statements under the same settings, by nobody's code.
#[divan::bench]
fn bare_inserts(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runs.sqlite3");
    let runtime = runtime();
    let (rows, mut database) = runtime.block_on(async {
        drop(Sqlite::open(&file).await.expect("tables"));
        let rows: Vec<Row> = entries().await.iter().map(Row::of).collect();
        (rows, connect(&file).await)
    });
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        let run = RunId::of(&event(number).failure.event_id).to_string();
        runtime.block_on(async {
            for row in &rows {
                row.insert(&mut database, &run).await;
            }
        });
    });
}

/// The entries of a whole run.
async fn entries() -> Vec<Entry> {
    let pipeline = pipeline(MemoryRunStore::default());
    let run = pipeline.run(&CASE.failure, &CASE.tree).await.expect("a run").run;
    pipeline.run_store.load(run).await.expect("entries")
}

/// As the store opens it.
async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).journal_mode(SqliteJournalMode::Wal);
    options.synchronous(SqliteSynchronous::Full).foreign_keys(true).connect().await.expect("the same file")
}

/// What one `append` writes.
struct Row {
    sequence: i64,
    json: String,
    digest: String,
    columns: [Option<String>; 11],
}

impl Row {
    fn of(entry: &Entry) -> Self {
        Self {
            sequence: i64::try_from(entry.sequence()).expect("small"),
            json: entry.to_json(),
            digest: entry.digest(),
            columns: columns(&RunRecord::fold([entry])).expect("columns"),
        }
    }

    async fn insert(&self, database: &mut SqliteConnection, run: &str) {
        let mut transaction = database.begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
        let count = include_str!("../examples/adapters/run_store/sqlite/count_entries.sql");
        let stored: i64 = sqlx::query_scalar(count).bind(run).fetch_one(&mut *transaction).await.expect("a count");
        assert_eq!(stored, self.sequence);
        upsert(&mut transaction, run, &self.columns).await;
        let insert = sqlx::query(include_str!("../examples/adapters/run_store/sqlite/insert_entry.sql"));
        let insert = insert.bind(run).bind(self.sequence).bind(&self.json).bind(&self.digest);
        insert.execute(&mut *transaction).await.expect("a row");
        transaction.commit().await.expect("stored");
    }
}

async fn upsert(database: &mut SqliteConnection, run: &str, columns: &[Option<String>]) {
    let mut query = sqlx::query(include_str!("../examples/adapters/run_store/sqlite/upsert_run.sql")).bind(run);
    for column in columns {
        query = query.bind(column);
    }
    query.execute(database).await.expect("a row");
}

/// Rows as whole runs leave them: plan, diff, decisions and all. Less than 50 ms is the aim.
#[divan::bench]
fn list_10_000_runs(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runs.sqlite3");
    let runtime = runtime();
    let store = runtime.block_on(async {
        let store = Sqlite::open(&file).await.expect("a store");
        let columns = columns(&RunRecord::fold(&entries().await)).expect("columns");
        let mut database = connect(&file).await;
        let mut transaction = database.begin().await.expect("a transaction");
        for number in 0..10_000 {
            upsert(&mut transaction, &format!("{number:032x}"), &columns).await;
        }
        transaction.commit().await.expect("stored");
        store
    });
    bencher.bench_local(|| runtime.block_on(store.runs(10_000)).expect("a list").len());
}
