//! `fix policy diff`

use fix_adapters::simulate::{RunDifference, simulate};
use fix_adapters::{say, terminal};

use crate::args::PolicyDiffArgs;
use crate::commands::runs::open;
use crate::io::{Answer, CliError, policy, print_json};

pub(super) async fn run(args: &PolicyDiffArgs, json: bool) -> Result<Answer, CliError> {
    let (old, new) = (policy(Some(&args.old)), policy(Some(&args.new)));
    let store = open(args.store.as_deref()).await?;
    let simulation = simulate(&store, &old, &new).await;
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
