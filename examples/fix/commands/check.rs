//! `fix check`

use std::path::Path;

use fix_adapters::say;
use fix_plan::{FixPlan, Violation};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{batch, plan_text};
use crate::args::CheckArgs;
use crate::io::{Answer, CliError, print_json, read_plan};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    id: serde_json::Value,
    plan: Box<RawValue>,
}

#[derive(Serialize)]
struct Checked {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    valid: bool,
    violations: Vec<ViolationOut>,
    plan: Option<Box<RawValue>>,
    digest: Option<String>,
}

#[derive(Serialize)]
pub(super) struct ViolationOut {
    pointer: String,
    code: &'static str,
    message: String,
}

impl From<&Violation> for ViolationOut {
    fn from(violation: &Violation) -> Self {
        Self { pointer: violation.pointer.clone(), code: violation.code.as_str(), message: violation.message.clone() }
    }
}

pub(crate) fn run(args: &CheckArgs, json: bool) -> Result<Answer, CliError> {
    if args.batch {
        return batch(|request: Request| Checked {
            id: Some(request.id),
            ..check(plan_text(&request.plan).as_bytes())
        });
    }
    let text = read_plan(args.plan.as_deref().unwrap_or(Path::new("-")))?;
    let checked = check(&text);
    if json {
        print_json(&checked);
    } else if let Some(digest) = &checked.digest {
        say!("valid, {digest}");
    } else {
        for violation in &checked.violations {
            let place = if violation.pointer.is_empty() { "the plan" } else { &violation.pointer };
            say!("{place}: {} [{}]", violation.message, violation.code);
        }
    }
    Ok(checked.valid.into())
}

fn check(text: &[u8]) -> Checked {
    match FixPlan::parse(text) {
        Ok(plan) => Checked {
            id: None,
            valid: true,
            violations: Vec::new(),
            plan: RawValue::from_string(plan.to_json()).ok(),
            digest: Some(plan.digest().to_string()),
        },
        Err(error) => Checked {
            id: None,
            valid: false,
            violations: error.violations().iter().map(ViolationOut::from).collect(),
            plan: None,
            digest: None,
        },
    }
}
