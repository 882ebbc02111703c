//! One file a command.

pub(crate) mod check;
pub(crate) mod doctor;
mod model;
pub(crate) mod patch;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;

use std::io::{BufRead as _, BufWriter, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::io::{Answer, CliError};

/// Longest line of a batch, in bytes.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Reads requests, one a line, and writes a result for each.
///
/// A line that is no request gives a result with `error`; the answer is no then.
fn batch<Q: DeserializeOwned, A: Serialize>(mut answer: impl FnMut(Q) -> A) -> Result<Answer, CliError> {
    let mut input = std::io::stdin().lock();
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut all_read = true;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = std::io::Read::take(&mut input, LINE_BYTES_MAX + 1).read_until(b'\n', &mut line);
        let read = read.map_err(|error| CliError::unusable(format!("standard input can't be read: {error}")))?;
        if read == 0 {
            break;
        }
        if u64::try_from(read).map_or(true, |read| read > LINE_BYTES_MAX) {
            return Err(CliError::unusable(format!("a line is longer than {LINE_BYTES_MAX} bytes")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let written = match serde_json::from_slice::<Q>(&line) {
            Ok(request) => serde_json::to_writer(&mut output, &answer(request)),
            Err(error) => {
                all_read = false;
                let value = serde_json::from_slice::<serde_json::Value>(&line).unwrap_or_default();
                let id = value.get("id").cloned().unwrap_or_default();
                let result = serde_json::json!({"id": id, "error": format!("the line is no request: {error}")});
                serde_json::to_writer(&mut output, &result)
            }
        };
        if written.is_err() || output.write_all(b"\n").is_err() {
            break;
        }
    }
    let _ = output.flush();
    Ok(if all_read { Answer::Yes } else { Answer::Unusable })
}

/// The text of a plan in a request: an object as it is written, or a string that holds the raw text.
fn plan_text(plan: &RawValue) -> String {
    match serde_json::from_str::<String>(plan.get()) {
        Ok(text) => text,
        Err(_) => plan.get().to_owned(),
    }
}
