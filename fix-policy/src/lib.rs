#![doc = include_str!("../README.md")]

mod approved;
mod compare;
mod decision;
mod document;
mod engine;
mod glob;
mod names;
mod rule;
mod rules;

pub use approved::{Approved, Denied};
pub use compare::{Difference, compare};
pub use decision::{DangerReason, Decision, Findings, PolicyViolation, PrLabel, Severity};
#[cfg(feature = "schema")]
pub use document::schema::schema;
pub use document::{
    Answer, Changes, DEFAULT_POLICY_TOML, Danger, Dependencies, OperationKind, PatchLimits, Paths, PolicyError,
    PolicyProblem, RiskyPath, SafetyPolicy, Secrets, Support, Version,
};
pub use engine::{PatchText, PolicyEngine};
pub use rule::{Rule, Subject};

/// The version of this crate, for the records of those who use it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
