//! Reference adapters of Fix: one folder a port, and what they share.
//!
//! | port | adapters |
//! |---|---|
//! | [`PlanSource`](fix_pipeline::PlanSource) | [`plan_source::Rules`]; with feature `model`, `plan_source::ModelPlanSource` |
//! | [`Validator`](fix_pipeline::Validator) | [`validator::Bubblewrap`]; with feature `container`, `validator::Container` |
//! | [`PrSink`](fix_pipeline::PrSink) | [`pr_sink::LocalGit`]; with feature `github`, `pr_sink::GitHub` |
//! | [`RunStore`](fix_pipeline::RunStore) | [`run_store::Sqlite`]; with feature `postgres`, `run_store::Postgres` |
//!
//! [`config`] chooses among them by a file, the environment and flags. They are there to be used, and to be read: copy one to begin your own.

pub mod config;
mod git;
mod host;
pub mod plan_source;
pub mod pr_sink;
pub mod repository;
pub mod run_store;
pub mod simulate;
pub mod terminal;
pub mod validator;
#[cfg(any(feature = "github", feature = "model"))]
mod words;

pub use git::GitError;
pub use host::{HostName, InvalidHostName};
