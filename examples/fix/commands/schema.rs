//! `fix schema`

use crate::io::{Answer, CliError};

pub(crate) fn run() -> Result<Answer, CliError> {
    anstream::println!("{:#}", fix_plan::schema::canonical());
    Ok(Answer::Yes)
}
