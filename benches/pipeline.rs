//! What the pipeline adds to its stages, and what its journal costs in SQLite.
//!
//! Sides to compare: `run_in_memory` less `stages_alone` is the overhead of a run; `run_in_sqlite`
//! beside `bare_inserts`, the same statements with the same values, is the cost of everything but the database.

mod journals;

use divan::{Bencher, black_box};
use fix_adapters::run_store::Sqlite;
use fix_patch::{Generated, PatchGenerator, PatchOptions};
use fix_pipeline::testing::{FakeForge, FakeValidator};
use fix_pipeline::{MemoryRunStore, Pipeline, RunId, RunStore};
use fix_plan::FixPlan;
use fix_policy::PolicyEngine;
use journals::{CASE, Row, SamePlan, connect, entries, event, pipeline};
use sqlx::Connection as _;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
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

/// Rows and entries as whole runs leave them: plan, diff, decisions and all. Less than 50 ms is the aim.
#[divan::bench]
fn list_10_000_runs(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runs.sqlite3");
    let runtime = runtime();
    let store = runtime.block_on(async {
        let store = Sqlite::open(&file).await.expect("a store");
        let rows: Vec<Row> = entries().await.iter().map(Row::of).collect();
        let mut database = connect(&file).await;
        let mut transaction = database.begin().await.expect("a transaction");
        for number in 0..10_000 {
            for row in &rows {
                row.append(&mut transaction, &format!("{number:032x}")).await;
            }
        }
        transaction.commit().await.expect("stored");
        store
    });
    bencher.bench_local(|| runtime.block_on(store.runs(10_000)).expect("a list").len());
}
