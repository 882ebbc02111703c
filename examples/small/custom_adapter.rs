//! A plan source and a sink of one's own: `cargo run --package fix-adapters --example custom_adapter`.
//!
//! The plan comes from a table that a team keeps; the "pull request" is printed. The other two
//! adapters are fakes, so that this runs anywhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use fix_pipeline::testing::{Case, FakeValidator};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, Announcement, MemoryRunStore, Pipeline, PlanRequest, PlanSource, PrSink, PrStatus,
    PullRequest, RawPlan, RunContext, Validated,
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

/// Shows what would be proposed, once: asked again, it answers what it answered before.
#[derive(Default)]
struct Printer(Mutex<Vec<PullRequest>>);

impl PrSink for Printer {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        if let Some(printed) = self.find(run, &change.announcement()).await? {
            return Ok(printed);
        }
        let draft = change.draft();
        println!("{}  [{}]\n\n{}", draft.title, draft.labels.join(", "), change.patch().get().diff());
        let printed = PullRequest::new(PrStatus::Open, &draft.branch, draft.labels.clone());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(printed.clone());
        Ok(printed)
    }

    async fn find(&self, _: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        let printed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(printed.iter().find(|printed| printed.branch == announced.branch).cloned())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = TeamTable(BTreeMap::from([("requests", ("requests", ">=2.31,<3"))]));
    let pipeline = Pipeline::new(table, FakeValidator::red_then_green(), Printer::default(), MemoryRunStore::default());
    let case = Case::missing_dependency();
    let finished = pipeline.run(&case.failure, &case.tree).await?;
    println!("{}", finished.outcome.code());
    Ok(())
}
