//! `fix policy diff`

use fix_adapters::simulate::{RunDifference, simulate};
use fix_adapters::{say, terminal};

use crate::args::PolicyDiffArgs;
use crate::config::{Flags, Source, unusable};
use crate::io::{Answer, CliError, policy, print_json};

pub(super) async fn run(args: &PolicyDiffArgs, source: &Source, json: bool) -> Result<Answer, CliError> {
    let (old, new) = (policy(&args.old), policy(&args.new));
    let store = source.load(Flags::of_store(args.store.as_deref())?)?.store_to_read().await.map_err(unusable)?;
    let runs = store.runs(u32::MAX).await.map_err(|error| CliError::failed("the runs can't be listed", &error))?;
    let simulation = simulate(&store, &runs, &old, &new).await;
    let simulation = simulation.map_err(|error| CliError::failed("the runs can't be decided again", &error))?;
    if json {
        print_json(&simulation);
    } else {
        simulation.differences.iter().for_each(print);
        say!("{} of {} recorded run(s) would be decided otherwise", simulation.otherwise(), simulation.runs);
    }
    Ok(simulation.differences.is_empty().into())
}

fn print(difference: &RunDifference) {
    say!("run {}  {}", difference.run_id, difference.repository);
    say!("  the {} was  {}", difference.what, terminal::verdict(&difference.old));
    say!("  {:width$} is now  {}", "", terminal::verdict(&difference.new), width = difference.what.len());
    for (sign, violations) in [("-", &difference.gone), ("+", &difference.came)] {
        for violation in violations {
            say!("    {sign} {} [{}]", violation.message, violation.code);
        }
    }
}
