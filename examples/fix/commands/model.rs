//! A plan of a model, asked outside of a run.

use fix_adapters::config::Config;
use fix_plan::{Failure, FixPlan, PlanError};

use crate::io::CliError;

/// A plan of the model that is named, within one question and two repairs.
#[cfg(feature = "model")]
pub(super) async fn plan(config: &Config, mut failure: Failure) -> Result<Result<FixPlan, PlanError>, CliError> {
    use fix_plan::{Dialogue, Next};
    let source = config.model_source().map_err(crate::config::unusable)?;
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

/// Says that there are none.
#[cfg(not(feature = "model"))]
pub(super) async fn plan(config: &Config, _: Failure) -> Result<Result<FixPlan, PlanError>, CliError> {
    match config.plan_source() {
        Err(error) => Err(crate::config::unusable(error)),
        Ok(_) => Err(CliError::unusable("no model is named; name one with --model")),
    }
}
