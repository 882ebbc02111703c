//! `fix`: the command line of Fix.
//!
//! Exit codes: 0 yes (valid, patched, no change, allowed, opened), 1 a typed no
//! (invalid, refused, denied, not validated), 2 unusable arguments or input,
//! 3 a component failed.

mod args;
mod commands;
mod io;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
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
    let answered = match args.command {
        Command::Schema(args) => commands::schema::run(&args),
        Command::Check(args) => commands::check::run(&args, json),
        Command::Patch(args) => commands::patch::run(&args, json),
        Command::Policy(args) => block_on(commands::policy::run(&args, json)),
        Command::Plan(args) => block_on(commands::plan::run(&args, json)),
        Command::Run(args) => block_on(commands::run::run(&args, json)),
        Command::Runs(args) => block_on(commands::runs::list(&args, json)),
        Command::Show(args) => block_on(commands::runs::show(&args, json)),
        Command::Replay(args) => block_on(commands::replay::run(&args, json)),
    };
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

fn block_on(work: impl Future<Output = Result<Answer, CliError>>) -> Result<Answer, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CliError::failed("the asynchronous runtime can't be started", &error))?.block_on(work)
}
