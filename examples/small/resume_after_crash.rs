//! A run that breaks off and goes on: `cargo run --package fix-adapters --example resume_after_crash`.
//!
//! The first worker loses its forge after the branch was announced. The second one finds the journal,
//! asks neither the plan source nor the validator again, and opens the one pull request.

use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator, ForgeFault};
use fix_pipeline::{Journal, MemoryRunStore, Pipeline, RunId, RunStore as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering([case.plan.clone()]);
    let (validator, forge, store) = (FakeValidator::red_then_green(), FakeForge::default(), MemoryRunStore::default());
    forge.then(ForgeFault::LoseAnswer);

    // Adapters may be borrowed, so that two workers share them.
    let first = Pipeline::new(&source, &validator, &forge, &store);
    match first.run(&case.failure, &case.tree).await {
        Err(error) if error.is_transient() => println!("first worker: {error}; try again later"),
        other => println!("first worker: {other:?}"),
    }

    let second = Pipeline::new(&source, &validator, &forge, &store);
    let finished = second.run(&case.failure, &case.tree).await?;
    println!("second worker: {}", finished.outcome.code());
    println!("asked for a plan {} time(s), checked {:?} time(s)", source.asked(), validator.checks());
    println!("{} pull request(s)", forge.pull_requests().len());

    let journal = Journal::replay(store.load(RunId::of(&case.failure.event_id)).await?)?;
    for event in journal.events() {
        println!("  {}", event.name());
    }
    Ok(())
}
