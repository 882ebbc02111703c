//! `fix schema`

use crate::io::{Answer, CliError};

pub(crate) fn run() -> Result<Answer, CliError> {
    fix_adapters::say!("{:#}", fix_plan::schema::canonical());
    Ok(Answer::Yes)
}
