//! One line of a journal.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::event::Event;
use super::state::IllegalEvent;

/// The version of the entry format.
const VERSION: u32 = 1;

/// An event with its place: numbered, and chained to the entry before.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    version: u32,
    sequence: u64,
    previous: Option<String>,
    event: Event,
}

impl Entry {
    pub(crate) fn new(sequence: u64, previous: Option<String>, event: Event) -> Self {
        Self { version: VERSION, sequence, previous, event }
    }

    /// Its number, from 0.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The [digest](Entry::digest) of the entry before.
    #[must_use]
    pub fn previous(&self) -> Option<&str> {
        self.previous.as_deref()
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The JSON that a store keeps: compact, keys in a fixed order.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, finite numbers and string keys only: there is nothing here that can't be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Entry::to_json`] wrote.
    ///
    /// # Errors
    /// [`JournalError::Format`] when it is anything else.
    pub fn from_json(json: &str) -> Result<Self, JournalError> {
        let entry: Self =
            serde_json::from_str(json).map_err(|error| JournalError::Format { problem: error.to_string() })?;
        if entry.version != VERSION {
            let problem = format!("entry format {} is not known; this pipeline reads {VERSION}", entry.version);
            return Err(JournalError::Format { problem });
        }
        Ok(entry)
    }

    /// The SHA-256 of the JSON, as 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        hex_digest(self.to_json().as_bytes())
    }
}

/// The SHA-256 of some bytes, as 64 hexadecimal digits.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A journal that can't be trusted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// An entry that is not what was written.
    #[error("an entry can't be read: {problem}")]
    Format {
        /// What is wrong.
        problem: String,
    },
    /// A gap, or an entry twice.
    #[error("entry {found} stands where entry {expected} should")]
    Sequence {
        /// The number that comes next.
        expected: u64,
        /// The number that is there.
        found: u64,
    },
    /// An entry that was changed, or is of another journal.
    #[error("entry {sequence} does not continue the entry before it: one of the two was changed")]
    Chain {
        /// Its number.
        sequence: u64,
    },
    /// An event that can't happen there.
    #[error("entry {sequence} is impossible")]
    Illegal {
        /// Its number.
        sequence: u64,
        /// Why.
        source: IllegalEvent,
    },
}
