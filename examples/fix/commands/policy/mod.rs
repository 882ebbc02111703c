//! `fix policy`

mod diff;
mod explain;

use fix_adapters::{say, terminal};
use fix_policy::{DEFAULT_POLICY_TOML, Decision, PolicyEngine};

use crate::args::{JudgeArgs, PolicyArgs, PolicyCommand};
use crate::config::{Flags, Source};
use crate::io::{Answer, CliError, policy, print_json, read, read_plan};

pub(crate) async fn run(args: &PolicyArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    match &args.command {
        None => {
            let (_, what, decision) = judged(&args.judge, source)?;
            if json {
                print_json(&decision);
            } else {
                terminal::decision(what, &decision);
            }
            Ok(decision.allowed.into())
        }
        Some(PolicyCommand::Explain(args)) => explain::run(args, source, json),
        Some(PolicyCommand::Diff(args)) => diff::run(args, source, json).await,
        Some(PolicyCommand::Default) => {
            say!("{}", DEFAULT_POLICY_TOML.trim_end());
            Ok(Answer::Yes)
        }
        Some(PolicyCommand::Schema) => {
            say!("{:#}", fix_policy::schema());
            Ok(Answer::Yes)
        }
    }
}

/// The engine, what was judged, and the decision.
fn judged(args: &JudgeArgs, source: &Source) -> Result<(PolicyEngine, &'static str, Decision), CliError> {
    let engine = match &args.policy {
        Some(file) => policy(file),
        None => source.load(Flags::default())?.policy_engine(),
    };
    let (what, decision) = match (&args.subject.plan, &args.subject.diff) {
        (Some(plan), _) => ("plan", engine.evaluate_plan_text(&read_plan(plan)?)),
        (None, Some(diff)) => ("patch", engine.evaluate_patch(&read(diff)?)),
        (None, None) => return Err(CliError::unusable("--plan or --diff is needed")),
    };
    Ok((engine, what, decision))
}
