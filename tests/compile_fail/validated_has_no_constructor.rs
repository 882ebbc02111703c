use fix_pipeline::{Draft, Report, Validated};

fn forge(draft: Draft, baseline: Report, report: Report) -> Validated {
    Validated { plan: todo!(), patch: todo!(), baseline, report, draft }
}

fn main() {}
