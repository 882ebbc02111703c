//! `fix schema`

use fix_adapters::say;
use fix_plan::schema::{Dialect, canonical};

use crate::args::SchemaArgs;
use crate::io::{Answer, CliError};

pub(crate) fn run(args: &SchemaArgs) -> Result<Answer, CliError> {
    let Some(name) = &args.dialect else {
        say!("{:#}", canonical());
        return Ok(Answer::Yes);
    };
    match Dialect::ALL.into_iter().find(|dialect| dialect.name() == name) {
        Some(dialect) => {
            say!("{}", dialect.text().trim_end());
            Ok(Answer::Yes)
        }
        None => {
            let known = Dialect::ALL.map(Dialect::name).join(", ");
            Err(CliError::unusable(format!("{name:?} is no dialect; these are: {known}")))
        }
    }
}
