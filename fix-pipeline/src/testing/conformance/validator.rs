//! The contract of a validator.

use std::pin::pin;
use std::time::Duration;

use super::{Conformance, Patient, polled};
use crate::budget::Budgets;
use crate::error::AdapterError;
use crate::port::{CheckStatus, CommandRecord, Phase, Report, Subject, Validator};
use crate::run::RunContext;
use crate::validated::Validated;

/// Checks [`Validator`]'s contract on a change that is known to be right: the baseline of `run`
/// fails, and passes with the patch of `change`.
///
/// What a sandbox must keep inside is beyond this suite: it shows in attacks on a real one.
pub async fn validator(validator: &impl Validator, run: &RunContext, change: &Validated) -> Conformance {
    validator_within(validator, run, change, Budgets::default().validator).await
}

/// The same; a call that takes longer than `patience`, instead of its [budget](Budgets), has no answer.
pub async fn validator_within(
    validator: &impl Validator,
    run: &RunContext,
    change: &Validated,
    patience: Duration,
) -> Conformance {
    let validator = &Patient::new(validator, patience);
    let mut found = Conformance::default();
    let patched = || Subject::Patched(change.patch());
    let baseline = validator.validate(run, Subject::Baseline).await;
    let green = validator.validate(run, patched()).await;
    found.point("the_baseline_fails", has_status(&baseline, CheckStatus::Failed), || format!("{baseline:?}"));
    found.point("the_patched_tree_passes", has_status(&green, CheckStatus::Passed), || format!("{green:?}"));
    let (Ok(baseline), Ok(green)) = (baseline, green) else { return validator.conclude(found) };

    found.point("passing_means_that_tests_ran", green.tests_run > 0, || format!("{green:?}"));
    found.point("passing_means_that_none_failed", green.tests_failed == 0, || format!("{green:?}"));
    found.point("no_more_fail_than_run", baseline.tests_failed <= baseline.tests_run, || format!("{baseline:?}"));
    found.point("the_checked_tree_is_named", !green.tree.is_empty() && !baseline.tree.is_empty(), || {
        format!("{:?} and {:?}", baseline.tree, green.tree)
    });
    found.point("a_patch_makes_another_tree", green.tree != baseline.tree, || green.tree.clone());
    let checks = |report: &Report| {
        let checks = report.commands.iter().filter(|command| command.phase == Phase::Check);
        checks.map(|command| command.command.clone()).collect::<Vec<_>>()
    };
    found.point("red_and_green_run_the_same_commands", checks(&baseline) == checks(&green), || {
        format!("{:?} and {:?}", checks(&baseline), checks(&green))
    });
    let red = |command: &CommandRecord| command.phase == Phase::Check && command.exit_code != Some(0);
    let is_red = baseline.tests_failed > 0 || baseline.commands.iter().any(red);
    found.point("failing_means_that_something_failed", is_red, || format!("{baseline:?}"));
    let honest = green.commands.iter().all(|command| command.exit_code == Some(0));
    found.point("passing_means_that_every_command_exited_with_0", honest, || format!("{:?}", green.commands));

    // As by a time-out.
    polled(pin!(validator.validate(run, patched())), 1).await;
    let again = validator.validate(run, Subject::Baseline).await;
    let same = again.as_ref().is_ok_and(|again| again.tree == baseline.tree && again.status == baseline.status);
    found.point("a_check_leaves_nothing_behind", same, || format!("{again:?}"));
    let again = validator.validate(run, patched()).await;
    let same = again.as_ref().is_ok_and(|again| again.tree == green.tree && again.fingerprint() == green.fingerprint());
    found.point("the_same_check_shows_the_same", same, || format!("{again:?}"));
    validator.conclude(found)
}

fn has_status(report: &Result<Report, AdapterError>, status: CheckStatus) -> bool {
    report.as_ref().is_ok_and(|report| report.status == status)
}
