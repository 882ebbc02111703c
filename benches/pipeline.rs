//! What the pipeline adds to its stages, and what its journal costs in SQLite.
//!
//! Sides to compare: `run_in_memory` less `stages_alone` is the overhead of a run; `run_in_sqlite`
//! beside `bare_inserts` is the cost of everything but the database.

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use fix_adapters::run_store::Sqlite;
use fix_patch::{Generated, PatchGenerator, PatchOptions};
use fix_pipeline::testing::{Case, FakeForge, FakeValidator};
use fix_pipeline::{AdapterError, Entry, MemoryRunStore, Pipeline, PlanRequest, PlanSource, RawPlan, RunId, RunStore};
use fix_plan::FixPlan;
use fix_policy::PolicyEngine;
use sqlx::Connection as _;
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

/// The rows of one run, each in a transaction of its own as the contract asks, by nobody's code.
#[divan::bench]
fn bare_inserts(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runs.sqlite3");
    let runtime = runtime();
    let entries = runtime.block_on(async {
        drop(Sqlite::open(&file).await.expect("tables"));
        let pipeline = pipeline(MemoryRunStore::default());
        let run = pipeline.run(&CASE.failure, &CASE.tree).await.expect("a run").run;
        pipeline.run_store.load(run).await.expect("entries")
    });
    let entries: Vec<(i64, String, String)> = entries.iter().map(row).collect();
    let mut database = runtime
        .block_on(sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())))
        .expect("the same file");
    runtime.block_on(sqlx::query("PRAGMA synchronous = FULL").execute(&mut database)).expect("a setting");
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        runtime.block_on(insert(&mut database, &RunId::of(&event(number).failure.event_id).to_string(), &entries))
    });
}

fn row(entry: &Entry) -> (i64, String, String) {
    (i64::try_from(entry.sequence()).expect("small"), entry.to_json(), entry.digest())
}

async fn insert(database: &mut sqlx::SqliteConnection, run: &str, entries: &[(i64, String, String)]) {
    for (sequence, json, digest) in entries {
        let mut transaction = database.begin().await.expect("a transaction");
        let upsert = "INSERT INTO fix_pipeline_runs (id, event_id, repository, status) VALUES (?1, 'e', 'r', 'running') \
                      ON CONFLICT (id) DO UPDATE SET status = excluded.status";
        sqlx::query(upsert).bind(run).execute(&mut *transaction).await.expect("a row");
        sqlx::query("INSERT INTO fix_pipeline_entries (run_id, sequence, entry_json, digest) VALUES (?1, ?2, ?3, ?4)")
            .bind(run)
            .bind(sequence)
            .bind(json)
            .bind(digest)
            .execute(&mut *transaction)
            .await
            .expect("a row");
        transaction.commit().await.expect("stored");
    }
}

#[divan::bench]
fn list_10_000_runs(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runs.sqlite3");
    let runtime = runtime();
    let store = runtime.block_on(async {
        let store = Sqlite::open(&file).await.expect("a store");
        let mut database = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("it");
        let mut transaction = database.begin().await.expect("a transaction");
        for number in 0..10_000 {
            sqlx::query(
                "INSERT INTO fix_pipeline_runs (id, event_id, repository, status) VALUES (?1, ?1, 'r', 'opened')",
            )
            .bind(format!("{number:032x}"))
            .execute(&mut *transaction)
            .await
            .expect("a row");
        }
        transaction.commit().await.expect("stored");
        store
    });
    bencher.bench_local(|| runtime.block_on(store.runs(10_000)).expect("a list").len());
}
