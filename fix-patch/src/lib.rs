#![doc = include_str!("../README.md")]

pub mod diff;
mod edit;
mod generator;
mod lockfile;
mod patch;
mod refusal;
mod source;
mod strategy;
#[cfg(feature = "python")]
mod tidy;
mod tree;

pub use edit::{Edit, EditError, EditSet};
pub use generator::{Generated, PatchGenerator};
pub use patch::{FilePatch, Finding, FindingCode, Patch, PatchDigest, PatchStats};
pub use refusal::{PatchError, Refusal, RefusalCode};
pub use source::SourceFile;
#[cfg(feature = "python")]
pub use strategy::imports;
pub use strategy::{Allowance, PatchOptions, Proof, Proposal, Strategy};
#[cfg(feature = "dependencies")]
pub use strategy::{pyproject, requirements};
pub use tree::{FILE_BYTES_MAX, MemoryTree, SourceBlob, SourceTree, TreeError};

/// The version of this crate, for the records of those who use it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
