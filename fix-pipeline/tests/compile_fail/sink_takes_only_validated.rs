use fix_patch::Patch;
use fix_pipeline::{PrSink, RunContext};
use fix_policy::Approved;

async fn publish_unchecked(sink: impl PrSink, run: &RunContext, patch: &Approved<Patch>) {
    let _ = sink.open(run, patch).await;
}

fn main() {}
