//! `fix plan`

use std::path::Path;

use fix_adapters::plan_source::Rules;
use fix_adapters::repository::DirTree;
use fix_pipeline::AdapterErrorKind;
use fix_plan::{Failure, FixPlan, Log, ValueError};

use super::check::ViolationOut;
use super::model;
use crate::args::PlanArgs;
use crate::config::{Flags, Source, unusable};
use crate::io::{Answer, CliError, directory, print_json, read};

pub(crate) async fn run(args: &PlanArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    let config = source.load(Flags::of_model(&args.model))?;
    let log = Log::from_bytes_redacted(&read(&args.log)?, &config.redactor());
    let repo = directory(&args.repo)?;
    // Whatever is set has to be usable, also where nothing is asked.
    config.plan_source().map_err(unusable)?;
    if config.model.name.is_some() {
        let failure = failure(&repo, log).map_err(|error| CliError::unusable(error.to_string()))?;
        return match model::plan(&config, failure).await? {
            Ok(plan) => Ok(show(&plan, json)),
            Err(error) => {
                fix_adapters::tell!("{error}");
                if json {
                    let violations: Vec<_> = error.violations().iter().map(ViolationOut::from).collect();
                    print_json(&serde_json::json!({"code": "plan_invalid", "violations": violations}));
                }
                Ok(Answer::No)
            }
        };
    }
    let tree = DirTree::open(&repo).map_err(|error| CliError::failed("the project can't be opened", &error))?;
    match Rules.plan_for(&log, &tree) {
        Ok(plan) => Ok(show(&plan, json)),
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

fn show(plan: &FixPlan, json: bool) -> Answer {
    if json {
        fix_adapters::say!("{}", plan.to_json());
    } else {
        let value: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap_or_default();
        fix_adapters::say!("{value:#}");
    }
    Answer::Yes
}

/// The failure as far as it is known: a directory has no commit.
fn failure(repo: &Path, log: Log) -> Result<Failure, ValueError> {
    let (event, commit, branch) = ("local".parse()?, "0".repeat(40).parse()?, "main".parse()?);
    // The name says enough; where it lies is nobody's business.
    let name = repo.file_name().unwrap_or_default().to_string_lossy();
    Ok(Failure::new(event, name, commit, branch, 0, log))
}
