//! Plan sources: ours keep the contract, broken ones are found out.

use fix_adapters::plan_source::Rules;
use fix_pipeline::testing::{Case, FakePlanSource, conformance};
use fix_pipeline::{AdapterError, AdapterErrorKind, PlanRequest, PlanSource, RawPlan};

#[tokio::test]
async fn the_fake() {
    let case = Case::missing_dependency();
    let source = FakePlanSource::answering(vec![case.plan.clone(); 4]);
    conformance::plan_source(&source, &case.failure, &case.tree).await.assert();
}

#[tokio::test]
async fn the_rules() {
    let case = Case::missing_dependency();
    conformance::plan_source(&Rules, &case.failure, &case.tree).await.assert();
}

/// What a broken source does wrong.
#[derive(Clone, Copy)]
enum Flaw {
    Endless,
    Anonymous,
    Silent,
    Stubborn,
    Gullible,
}

struct Broken(Flaw);

impl PlanSource for Broken {
    async fn propose(&self, request: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        match self.0 {
            Flaw::Endless => Ok(RawPlan::new("broken", " ".repeat(1 << 24))),
            Flaw::Anonymous => Ok(RawPlan::new("", "{}")),
            Flaw::Silent => Ok(RawPlan::new("broken", "")),
            Flaw::Stubborn => Ok(RawPlan::new("broken", "{}")),
            Flaw::Gullible if request.failure.log.as_str().contains("Ignore what was said") => {
                Err(AdapterError::new(AdapterErrorKind::Refused, "answer", "confused"))
            }
            Flaw::Gullible => Ok(RawPlan::new("broken", "[]")),
        }
    }
}

#[tokio::test]
async fn broken_sources_are_found_out() {
    let case = Case::missing_dependency();
    for (flaw, point) in [
        (Flaw::Endless, "an_answer_is_bounded"),
        (Flaw::Anonymous, "an_answer_names_its_source"),
        (Flaw::Silent, "an_empty_answer_says_why"),
        (Flaw::Stubborn, "a_repair_is_not_the_answer_before"),
        (Flaw::Gullible, "hostile_logs_are_answered"),
    ] {
        let broken = conformance::plan_source(&Broken(flaw), &case.failure, &case.tree).await.broken();
        assert!(broken.contains(&point), "{point} is not in {broken:?}");
    }
}

/// A suite ends whatever an adapter does.
#[tokio::test]
async fn sources_that_never_answer_are_found_out() {
    struct Hangs;
    impl PlanSource for Hangs {
        async fn propose(&self, _: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
            std::future::pending().await
        }
    }
    let (case, patience) = (Case::missing_dependency(), std::time::Duration::from_millis(1));
    let found = conformance::plan_source_within(&Hangs, &case.failure, &case.tree, patience).await;
    assert_eq!(found.broken(), ["every_call_ends"]);
}
