#![doc = include_str!("../README.md")]

mod dialogue;
mod failure;
pub mod limits;
mod log;
mod operation;
mod package;
mod parse;
mod path;
mod plan;
mod prompt;
mod python;
mod redact;
#[cfg(feature = "schema")]
pub mod schema;
mod slip;
mod text;
mod violation;
mod wire;

pub use dialogue::{Dialogue, Finish, Next};
pub use failure::{BranchName, CommitId, EventId, Failure};
pub use log::{Finding, Log, MissingModule, UnusedName};
pub use operation::{Action, ActionKind, Dependency, FreeForm, Operation, Section, UnusedImport};
pub use package::{ExtraName, GroupName, Marker, PackageName, SpecKind, ValueError, VersionSpec, normalize_name};
pub use path::{PathError, PathProfile, PathReason, RepoPath};
pub use plan::{Category, Confidence, FixPlan, OtherCategory, PlanDigest};
pub use prompt::{Delimiter, Prompt};
pub use python::{DottedName, FromModule, Identifier, ImportLocator, ImportTarget};
pub use redact::Redactor;
pub use text::{DisplayText, TextError};
pub use violation::{PlanError, Violation, ViolationCode};

/// The version of this crate, for the records of those who use it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
