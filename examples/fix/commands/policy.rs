//! `fix policy`

use fix_adapters::terminal;

use crate::args::PolicyArgs;
use crate::io::{Answer, CliError, policy, print_json, read, read_plan};

pub(crate) fn run(args: &PolicyArgs, json: bool) -> Result<Answer, CliError> {
    let engine = policy(args.policy.as_deref());
    let (what, decision) = match (&args.subject.plan, &args.subject.diff) {
        (Some(plan), _) => ("plan", engine.evaluate_plan_text(&read_plan(plan)?)),
        (None, Some(diff)) => ("patch", engine.evaluate_patch(&read(diff)?)),
        (None, None) => return Err(CliError::unusable("--plan or --diff is needed")),
    };
    if json {
        print_json(&decision);
    } else {
        terminal::decision(what, &decision);
    }
    Ok(decision.allowed.into())
}
