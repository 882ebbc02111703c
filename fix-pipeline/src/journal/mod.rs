//! The journal of a run: what happened, in an order that can't be forged by accident.

mod entry;
mod event;
mod state;
mod terms;

pub(crate) use entry::hex_digest;
pub use entry::{Entry, JournalError};
pub use event::{
    Announcement, AskedRound, Event, FailureRecord, FindingRecord, FinishRecord, StatsRecord, ViolationRecord,
};
pub use state::{IllegalEvent, State};
pub use terms::Terms;

/// A journal that was checked: numbered without gaps, each entry chained to the
/// one before, each event legal after the ones before it.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    entries: Vec<Entry>,
    state: State,
}

impl Journal {
    /// Checks stored entries.
    ///
    /// # Errors
    /// Names the first entry that can't be trusted.
    pub fn replay(entries: Vec<Entry>) -> Result<Self, JournalError> {
        let mut journal = Self::default();
        for entry in entries {
            journal.push(entry)?;
        }
        Ok(journal)
    }

    /// The entry that records `event` next, without adding it.
    ///
    /// # Errors
    /// [`JournalError::Illegal`] when `event` can't happen now.
    pub fn next(&self, event: Event) -> Result<Entry, JournalError> {
        let sequence = self.len();
        self.state.after(&event).map_err(|source| JournalError::Illegal { sequence, source })?;
        Ok(Entry::new(sequence, self.entries.last().map(Entry::digest), event))
    }

    /// Adds an entry that was stored.
    ///
    /// # Errors
    /// Says why `entry` does not follow.
    pub fn push(&mut self, entry: Entry) -> Result<(), JournalError> {
        let sequence = self.len();
        let entry = entry.of_a_known_version()?;
        if entry.sequence() != sequence {
            return Err(JournalError::Sequence { expected: sequence, found: entry.sequence() });
        }
        if entry.previous() != self.entries.last().map(Entry::digest).as_deref() {
            return Err(JournalError::Chain { sequence });
        }
        self.state = self.state.after(entry.event()).map_err(|source| JournalError::Illegal { sequence, source })?;
        self.entries.push(entry);
        Ok(())
    }

    /// The entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The events, in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.entries.iter().map(Entry::event)
    }

    /// Where the run is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    fn len(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }
}
