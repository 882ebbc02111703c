//! Plans from a model, where one is named.

use std::sync::Arc;

use fix_adapters::plan_source::Rules;
use fix_pipeline::dynamic::DynPlanSource;
use fix_plan::{Failure, FixPlan, PlanError};

use crate::args::ModelArgs;
use crate::io::CliError;

/// The rules, or the model that is named.
pub(super) fn plan_source(args: &ModelArgs) -> Result<Arc<dyn DynPlanSource>, CliError> {
    if args.model.is_none() {
        return Ok(Arc::new(Rules));
    }
    Ok(Arc::new(named::source(args)?))
}

/// A plan of the model that is named, within one question and two repairs.
pub(super) async fn plan(args: &ModelArgs, failure: Failure) -> Result<Result<FixPlan, PlanError>, CliError> {
    named::plan(args, failure).await
}

#[cfg(feature = "model")]
mod named {
    use std::time::Duration;

    use fix_adapters::plan_source::ModelPlanSource;
    use fix_adapters::plan_source::model::{HttpModel, ModelSpec};
    use fix_adapters::terminal::with_causes;
    use fix_plan::{Dialogue, Failure, FixPlan, Next, PlanError};

    use crate::args::ModelArgs;
    use crate::io::CliError;

    pub(super) fn source(args: &ModelArgs) -> Result<ModelPlanSource<HttpModel>, CliError> {
        let unusable = |error: &dyn std::error::Error| CliError::unusable(with_causes(error));
        let spec: ModelSpec = args.model.as_deref().unwrap_or_default().parse().map_err(|error| unusable(&error))?;
        let model = spec.connect(args.model_url.as_deref(), |name| std::env::var(name).ok());
        let mut source = ModelPlanSource::new(model.map_err(|error| unusable(&error))?);
        source.limits.total = args.model_total.map_or(source.limits.total, Duration::from_secs);
        source.limits.idle = args.model_idle.map_or(source.limits.idle, Duration::from_secs);
        Ok(source)
    }

    pub(super) async fn plan(args: &ModelArgs, mut failure: Failure) -> Result<Result<FixPlan, PlanError>, CliError> {
        let source = source(args)?;
        failure.log = failure.log.redacted(&source.redactor);
        let mut dialogue = Dialogue::default();
        loop {
            let previous = dialogue.previous().map(|(text, error)| (text, error.violations()));
            let prompt =
                source.prompt(&failure, previous).map_err(|error| CliError::failed("nothing can be asked", &error))?;
            let answered =
                source.ask(&prompt).await.map_err(|error| CliError::failed("the model gives no answer", &error))?;
            match dialogue.answer(&answered.text, answered.finish, &failure.log) {
                Next::Plan(plan) => return Ok(Ok(*plan)),
                Next::Repair(_) => {}
                Next::GiveUp(error) => return Ok(Err(error)),
            }
        }
    }
}

#[cfg(not(feature = "model"))]
mod named {
    use fix_adapters::plan_source::Rules;
    use fix_plan::{Failure, FixPlan, PlanError};

    use crate::args::ModelArgs;
    use crate::io::CliError;

    pub(super) fn source(_: &ModelArgs) -> Result<Rules, CliError> {
        Err(absent())
    }

    pub(super) async fn plan(_: &ModelArgs, _: Failure) -> Result<Result<FixPlan, PlanError>, CliError> {
        Err(absent())
    }

    fn absent() -> CliError {
        CliError::unusable("this program was built without models; build it with --features model")
    }
}
