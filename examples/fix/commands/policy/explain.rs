//! `fix policy explain`

use fix_adapters::say;
use fix_adapters::terminal::{self, heading};
use fix_policy::{Decision, PolicyEngine, PolicyViolation, PrLabel, Severity};

use super::judged;
use crate::args::JudgeArgs;
use crate::config::Source;
use crate::io::{Answer, CliError, print_json};

pub(super) fn run(args: &JudgeArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    let (engine, what, decision) = judged(args, source)?;
    if json {
        print_json(&decision);
        return Ok(decision.allowed.into());
    }
    terminal::verdict_line(what, &decision);
    for (severity, title) in [
        (Severity::Block, "Denied, because"),
        (Severity::Warn, "A person must look, because"),
        (Severity::Info, "Good to know"),
    ] {
        let violations: Vec<_> = decision.violations.iter().filter(|found| found.severity == severity).collect();
        if !violations.is_empty() {
            heading(title);
            violations.into_iter().for_each(violation);
        }
    }
    heading(&format!("The score is {} of 100", decision.danger_score));
    for reason in &decision.danger_reasons {
        say!("  {:>3}  {} [{}]", reason.points, reason.message, reason.code);
    }
    heading(&format!("The label is {}", decision.pr_label));
    say!("  {}", label(&engine, &decision));
    Ok(decision.allowed.into())
}

fn violation(violation: &PolicyViolation) {
    say!("  {} [{}]", violation.message, violation.code);
    match &violation.rule {
        Some(rule) => say!("      said by:          {rule}"),
        None => say!("      said by:          the engine, under every policy"),
    }
    if let Some(remedy) = &violation.remedy {
        say!("      would change it:  {remedy}");
    }
}

fn label(engine: &PolicyEngine, decision: &Decision) -> String {
    let safe_max = engine.policy().map_or(0, |policy| policy.danger.safe_max);
    let warned = decision.violations.iter().any(|violation| violation.severity == Severity::Warn);
    match decision.pr_label {
        PrLabel::Safe => format!("it is allowed, nothing warns, and the score is at most {safe_max} (danger.safe_max)"),
        PrLabel::NeedsReview if !decision.allowed => "it is denied".to_owned(),
        PrLabel::NeedsReview if warned => "something warns".to_owned(),
        PrLabel::NeedsReview => format!("the score is above {safe_max} (danger.safe_max)"),
    }
}
