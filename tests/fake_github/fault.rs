//! What goes wrong with one request.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::world::Answer;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fault {
    /// It is done, and the connection breaks off without an answer.
    Lose,
    /// The connection breaks off, and nothing is done.
    LoseRequest,
    /// It is done, and half of the answer comes.
    Cut,
    /// It is done, and the answer never comes.
    Slow,
    /// It is done, and the answer has so many blanks behind it.
    Huge { bytes: usize },
    /// Nothing is done, and this is the answer.
    Status {
        status: u16,
        #[serde(default)]
        message: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// It is done, and a server in between says 502.
    DoneAndBadGateway,
    /// Somebody asks for the same just before.
    Twice,
    /// It is done, and whoever asked is killed before the answer comes: the process whose number stands in
    /// this file.
    Kill { pid_file: PathBuf },
    /// Somebody runs this in the repository just before.
    Before { run: Vec<String> },
}

impl Fault {
    /// What is answered without doing anything.
    pub fn instead(&self) -> Option<Answer> {
        match self {
            Self::LoseRequest => Some(Answer::error(500, "lost")),
            Self::Status { status, message, headers } => {
                let mut answer = Answer::error(*status, message);
                answer.headers.extend(headers.clone());
                Some(answer)
            }
            _ => None,
        }
    }
}
