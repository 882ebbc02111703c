#![doc = include_str!("../README.md")]

mod approved;
mod decision;
mod document;
mod engine;
mod glob;
mod rules;

pub use approved::{Approved, Denied};
pub use decision::{DangerReason, Decision, PolicyViolation, PrLabel, Severity};
pub use document::{
    Changes, DEFAULT_POLICY_TOML, Danger, Dependencies, PatchLimits, Paths, PolicyError, RiskyPath, SafetyPolicy,
    Secrets, Support, Unpinned, Version,
};
pub use engine::PolicyEngine;
