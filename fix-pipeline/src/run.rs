//! What identifies a run.

use std::fmt;
use std::str::FromStr;

use fix_plan::{EventId, Failure};
use sha2::{Digest as _, Sha256};

/// Identifies one run: a function of the event, so that two deliveries of one
/// failure are one run. Shown as 32 hexadecimal digits.
///
/// ```
/// use fix_pipeline::RunId;
/// let run = RunId::of(&"delivery-1".parse()?);
/// assert_eq!(run, RunId::of(&"delivery-1".parse()?));
/// assert_eq!(run.to_string().parse(), Ok(run));
/// # Ok::<(), fix_plan::ValueError>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RunId([u8; 16]);

impl RunId {
    /// The run of an event.
    #[must_use]
    pub fn of(event: &EventId) -> Self {
        let hash = Sha256::new().chain_update(b"fix-run\0").chain_update(event.as_str()).finalize();
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(hash) {
            *to = from;
        }
        Self(id)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({self})")
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let mut id = [0; 16];
        if text.len() != 32 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidRunId);
        }
        for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidRunId)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidRunId)?;
        }
        Ok(Self(id))
    }
}

/// A text that is no run id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a run id is 32 lower-case hexadecimal digits")]
pub struct InvalidRunId;

/// The run that an adapter works for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunContext {
    /// The run.
    pub run: RunId,
    /// The failure that it mends.
    pub failure: Failure,
}

impl RunContext {
    /// The context of `failure`'s run.
    #[must_use]
    pub fn new(failure: Failure) -> Self {
        Self { run: RunId::of(&failure.event_id), failure }
    }
}
