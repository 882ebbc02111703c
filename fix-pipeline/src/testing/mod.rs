//! Fakes, fixtures, mocks and conformance suites, for the tests of adapters and of embedders.
//!
//! - [`Case`]: a failure with the tree and the plan that mends it, and the way to a real
//!   [`Validated`](crate::Validated) through the real stages.
//! - [`FakePlanSource`], [`FakeValidator`], [`FakeForge`]: adapters in memory that do what a test
//!   says; [`MemoryRunStore`](crate::MemoryRunStore) is the fourth.
//! - [`mocks`]: for the one claim that a fake can't make, "it was never called".
//! - [`conformance`]: the written contract of each port, point by point, for any adapter.
//!
//! ```
//! use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator};
//! use fix_pipeline::{MemoryRunStore, OutcomeCode, Pipeline};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let case = Case::missing_dependency();
//! let pipeline = Pipeline::new(
//!     FakePlanSource::answering([case.plan.clone()]),
//!     FakeValidator::red_then_green(),
//!     FakeForge::default(),
//!     MemoryRunStore::default(),
//! );
//! let finished = pipeline.run(&case.failure, &case.tree).await?;
//! assert_eq!(finished.outcome.code(), OutcomeCode::Opened);
//! assert_eq!(pipeline.pr_sink.pull_requests().len(), 1);
//! # Ok(()) }
//! ```

mod case;
pub mod conformance;
mod forge;
mod join;
pub mod mocks;
mod plan_source;
mod validator;

pub use case::{Case, MintError};
pub use forge::{FakeForge, FakePullRequest, ForgeFault};
pub use plan_source::FakePlanSource;
pub use validator::FakeValidator;
