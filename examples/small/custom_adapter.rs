//! A plan source and a sink of one's own: `cargo run --package fix-adapters --example custom_adapter`.
//!
//! The plan comes from a table that a team keeps; the "pull request" is printed. The other two
//! adapters are fakes, so that this runs anywhere.

use std::collections::BTreeMap;

use fix_pipeline::testing::{Case, FakeValidator};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, MemoryRunStore, Pipeline, PlanRequest, PlanSource, PrSink, PrStatus, PullRequest,
    RawPlan, RunContext, Validated,
};

/// Which distribution to declare for which module, and with which bounds.
struct TeamTable(BTreeMap<&'static str, (&'static str, &'static str)>);

impl PlanSource for TeamTable {
    async fn propose(&self, request: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        let missing = request.failure.log.missing_modules();
        let known = missing.iter().find_map(|module| Some((module, self.0.get(module.name.as_str())?)));
        let Some((module, (name, spec))) = known else {
            let message = "no missing module of this log is in the team's table";
            return Err(AdapterError::new(AdapterErrorKind::NothingToPropose, "look up a module", message));
        };
        // Text, not a value: the pipeline parses it as strictly as a model's.
        let plan = serde_json::json!({
            "root_cause": format!("{} is imported and not declared", module.name),
            "category": "python_missing_dependency",
            "confidence": 1.0,
            "files": ["requirements.txt"],
            "operations": [{
                "type": "add_dependency",
                "file": "requirements.txt",
                "details": {"name": name, "spec": spec},
                "rationale": "the team's table names it",
                "evidence": [module.evidence],
            }],
        });
        Ok(RawPlan::new("team table", plan.to_string()))
    }
}

/// Shows what would be proposed.
struct Printer;

impl PrSink for Printer {
    async fn open(&self, _: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        let draft = change.draft();
        println!("{}  [{}]\n\n{}", draft.title, draft.labels.join(", "), change.patch().get().diff());
        Ok(PullRequest::new(PrStatus::Open, &draft.branch, draft.labels.clone()))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = TeamTable(BTreeMap::from([("requests", ("requests", ">=2.31,<3"))]));
    let pipeline = Pipeline::new(table, FakeValidator::red_then_green(), Printer, MemoryRunStore::default());
    let case = Case::missing_dependency();
    let finished = pipeline.run(&case.failure, &case.tree).await?;
    println!("{}", finished.outcome.code());
    Ok(())
}
