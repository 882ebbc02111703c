use fix_patch::Patch;
use fix_pipeline::Validated;
use fix_plan::FixPlan;
use fix_policy::Approved;

fn main() {
    let _: Validated = serde_json::from_str("{}").unwrap();
    let _: Approved<FixPlan> = serde_json::from_str("{}").unwrap();
    let _: Approved<Patch> = serde_json::from_str("{}").unwrap();
}
