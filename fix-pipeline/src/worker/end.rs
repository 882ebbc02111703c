//! Why a run does not go on.

use crate::error::{AdapterError, AdapterErrorKind, PipelineError, Port};
use crate::outcome::OutcomeCode;

/// Why a run does not go on.
pub(crate) enum End {
    Stop { code: OutcomeCode, message: String },
    Error(PipelineError),
}

impl From<PipelineError> for End {
    fn from(error: PipelineError) -> Self {
        Self::Error(error)
    }
}

pub(super) fn stop<T>(code: OutcomeCode, message: impl Into<String>) -> Result<T, End> {
    Err(End::Stop { code, message: message.into() })
}

pub(super) fn adapter(port: Port, source: AdapterError) -> PipelineError {
    PipelineError::Adapter { port, source }
}

/// A permanent error of an adapter ends the run, a transient one leaves it resumable.
pub(super) fn settle(port: Port, error: AdapterError) -> End {
    if error.is_transient() {
        return End::Error(adapter(port, error));
    }
    let code = match (port, error.kind()) {
        (_, AdapterErrorKind::Unsupported) => OutcomeCode::Unsupported,
        (Port::PlanSource, AdapterErrorKind::NothingToPropose) => OutcomeCode::NoPlan,
        (Port::PrSink, AdapterErrorKind::StaleBase) => OutcomeCode::StaleBase,
        // Refused, or a kind that is not this port's to answer.
        _ => OutcomeCode::AdapterFailed,
    };
    End::Stop { code, message: with_causes(&error) }
}

/// An error and what caused it, on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

pub(super) fn same(what: &str, equal: bool) -> Result<(), End> {
    if equal { Ok(()) } else { changed(what) }
}

/// What was derived again is not what was stored: policy, generator or adapters
/// changed in between. A person decides.
pub(super) fn changed<T>(what: &str) -> Result<T, End> {
    stop(
        OutcomeCode::Changed,
        format!("{what} is not what it was when the run began; start the run anew under another event"),
    )
}
