//! `fix`: the command line of Fix.
//!
//! Exit codes: 0 yes (valid, patched, no change, allowed, opened), 1 a typed no
//! (invalid, refused, denied, not validated), 2 unusable arguments or input,
//! 3 a component failed.

mod args;
mod commands;
mod config;
mod io;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use config::Source;
use io::{Answer, CliError};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
                io::print_json(&serde_json::json!({"error": error.to_string()}));
            }
            error.exit();
        }
    };
    let json = args.json;
    let answered = answer(args);
    match answered {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::Unusable) => ExitCode::from(2),
        Ok(Answer::Failed) => ExitCode::from(3),
        Err(error) => {
            error.report(json);
            error.exit_code()
        }
    }
}

fn answer(args: Args) -> Result<Answer, CliError> {
    let json = args.json;
    let config = Source::new(args.config, &args.set)?;
    match args.command {
        Command::Schema(args) => commands::schema::run(&args),
        Command::Check(args) => commands::check::run(&args, json),
        Command::Patch(args) => commands::patch::run(&args, json),
        Command::Policy(args) => block_on(commands::policy::run(&args, &config, json)),
        Command::Plan(args) => block_on(commands::plan::run(&args, &config, json)),
        Command::Run(args) => block_on(commands::run::run(&args, &config, json)),
        Command::Runs(args) => block_on(commands::runs::list(&args, &config, json)),
        Command::Show(args) => block_on(commands::runs::show(&args, &config, json)),
        Command::Doctor(args) => block_on(commands::doctor::run(&args, &config, json)),
        Command::Config => {
            print!("{}", fix_adapters::config::EXAMPLE);
            Ok(Answer::Yes)
        }
        Command::Replay(args) => block_on(commands::replay::run(&args, &config, json)),
    }
}

fn block_on(work: impl Future<Output = Result<Answer, CliError>>) -> Result<Answer, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CliError::failed("the asynchronous runtime can't be started", &error))?.block_on(work)
}
