use fix_pipeline::{Draft, Report, Validated};

fn forge(draft: Draft, report: Report) -> Validated {
    Validated { baseline: report.clone(), report, draft }
}

fn main() {}
