//! One line of a journal.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::event::Event;
use super::state::IllegalEvent;
use crate::error::{AdapterError, AdapterErrorKind};

/// The version of the entry format. It grows with every change of what an entry may hold: a field, a variant, a code.
pub(super) const VERSION: u32 = 3;

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
    /// [`JournalError::Version`] when another version wrote it, [`JournalError::Format`] when it is anything else.
    pub fn from_json(json: &str) -> Result<Self, JournalError> {
        let read: Result<Self, _> = serde_json::from_str(json);
        match read {
            Ok(entry) => entry.of_a_known_version(),
            // What another version wrote may have another shape: say that first.
            Err(error) => match serde_json::from_str::<Head>(json) {
                Ok(head) if head.version != VERSION => {
                    Err(JournalError::Version { found: head.version, known: VERSION })
                }
                _ => Err(JournalError::Format { problem: error.to_string() }),
            },
        }
    }

    pub(super) fn of_a_known_version(self) -> Result<Self, JournalError> {
        match self.version {
            VERSION => Ok(self),
            found => Err(JournalError::Version { found, known: VERSION }),
        }
    }

    /// The SHA-256 of the JSON, as 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        hex_digest(self.to_json().as_bytes())
    }
}

/// What every version of an entry has.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

/// The SHA-256 of some bytes, as 64 hexadecimal digits.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A journal that can't be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// An entry that is not what was written.
    #[error("an entry can't be read: {problem}")]
    Format {
        /// What is wrong.
        problem: String,
    },
    /// An entry of a pipeline that is newer, or much older.
    #[error("an entry has format {found}, and this pipeline reads format {known}")]
    Version {
        /// The format of the entry.
        found: u32,
        /// The format that is known.
        known: u32,
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

impl From<JournalError> for AdapterError {
    /// What a store answers that finds out by itself.
    fn from(error: JournalError) -> Self {
        let kind = match error {
            JournalError::Version { .. } => AdapterErrorKind::Unsupported,
            _ => AdapterErrorKind::Damaged,
        };
        Self::new(kind, "read the journal", "what is stored can't be used").with_source(error)
    }
}
