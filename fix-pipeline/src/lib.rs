#![doc = include_str!("../README.md")]

mod attestation;
mod bounds;
mod budget;
mod draft;
mod error;
mod journal;
mod observer;
mod outcome;
mod pipeline;
mod port;
mod record;
mod replay;
mod run;
#[cfg(feature = "testing")]
pub mod testing;
mod validated;
mod worker;

pub use attestation::Attestation;
pub use budget::{Budgets, RealTime, Timer};
pub use draft::Draft;
pub use error::{AdapterError, AdapterErrorKind, PipelineError, Port, SetAside};
pub use journal::{
    Announcement, AskedRound, Entry, Event, FailureRecord, FindingRecord, FinishRecord, IllegalEvent, Journal,
    JournalError, State, StatsRecord, Terms, ViolationRecord,
};
pub use observer::{Observer, Stage};
pub use outcome::{Outcome, OutcomeCode};
pub use pipeline::{Finished, Pipeline};
pub use port::{
    CheckStatus, CommandRecord, MemoryRunStore, Phase, PlanRequest, PlanSource, PrSink, PrStatus, Previous,
    PullRequest, RawPlan, Report, RunStore, Signature, Signer, Subject, Usage, Validator, Verdict, dynamic,
};
pub use record::{
    CheckSummary, PolicySummary, PrSummary, ProofSummary, RunRecord, RunReport, RunStatus, ValidationSummary,
};
pub use replay::{ReplayError, Replayed, replay};
pub use run::{InvalidRunId, RunContext, RunId};
pub use validated::Validated;
