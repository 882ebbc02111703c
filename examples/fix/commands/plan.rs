//! `fix plan`

use fix_adapters::plan_source::Rules;
use fix_adapters::repository::DirTree;
use fix_pipeline::AdapterErrorKind;
use fix_plan::Log;

use crate::args::PlanArgs;
use crate::io::{Answer, CliError, directory, print_json, read};

pub(crate) fn run(args: &PlanArgs, json: bool) -> Result<Answer, CliError> {
    let log = Log::from_bytes(&read(&args.log)?);
    let repo = directory(&args.repo)?;
    let tree = DirTree::open(&repo).map_err(|error| CliError::failed("the project can't be opened", &error))?;
    match Rules.plan_for(&log, &tree) {
        Ok(plan) if json => {
            fix_adapters::say!("{}", plan.to_json());
            Ok(Answer::Yes)
        }
        Ok(plan) => {
            let value: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap_or_default();
            fix_adapters::say!("{value:#}");
            Ok(Answer::Yes)
        }
        Err(error) if error.kind() == AdapterErrorKind::NothingToPropose => {
            fix_adapters::tell!("{error}");
            if json {
                print_json(&serde_json::json!({"code": "no_plan", "message": error.to_string()}));
            }
            Ok(Answer::No)
        }
        Err(error) => Err(CliError::failed("no plan can be made", &error)),
    }
}
