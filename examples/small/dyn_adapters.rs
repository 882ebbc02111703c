//! Adapters chosen at run time: `cargo run --package fix-adapters --example dyn_adapters -- canned`.
//!
//! `Arc<dyn DynPlanSource>` is a `PlanSource`, so one pipeline type serves every choice.

use std::sync::Arc;

use fix_adapters::plan_source::Rules;
use fix_pipeline::dynamic::{DynPlanSource, DynRunStore};
use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator};
use fix_pipeline::{MemoryRunStore, Pipeline};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let case = Case::missing_dependency();
    let plan_source: Arc<dyn DynPlanSource> = match std::env::args().nth(1).as_deref() {
        None | Some("rules") => Arc::new(Rules),
        Some("canned") => Arc::new(FakePlanSource::answering([case.plan.clone()])),
        Some(other) => return Err(format!("no plan source {other:?}; choose rules or canned").into()),
    };
    let run_store: Arc<dyn DynRunStore> = Arc::new(MemoryRunStore::default());
    let pipeline = Pipeline::new(plan_source, FakeValidator::red_then_green(), FakeForge::default(), run_store);
    let finished = pipeline.run(&case.failure, &case.tree).await?;
    println!("{}: {:?}", finished.outcome.code(), finished.record.pull_request);
    Ok(())
}
