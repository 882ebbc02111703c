//! The contract of each port, point by point.
//!
//! A suite is an `async fn` that takes an adapter (and, where the contract speaks of the world
//! outside, a harness that can bring that world about) and gives a [`Conformance`]: each point by
//! its name, kept or broken. The names are stable.
//!
//! ```
//! use fix_pipeline::MemoryRunStore;
//! use fix_pipeline::testing::conformance;
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! conformance::run_store(&MemoryRunStore::default()).await.assert();
//! # }
//! ```

mod plan_source;
mod pr_sink;
mod run_store;
mod validator;

pub use plan_source::plan_source;
pub use pr_sink::{ForgeHarness, SeenPullRequest, pr_sink};
pub use run_store::run_store;
pub use validator::validator;

/// What a suite found.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Conformance {
    points: Vec<Point>,
}

/// One point of a contract.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Point {
    /// Its name, stable.
    pub name: &'static str,
    /// What the adapter did instead; absent when it kept the point.
    pub problem: Option<String>,
}

impl Conformance {
    /// Every point that was looked at, in order.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The names of the points that were broken.
    #[must_use]
    pub fn broken(&self) -> Vec<&'static str> {
        self.points.iter().filter(|point| point.problem.is_some()).map(|point| point.name).collect()
    }

    /// Nothing, for an adapter that keeps its contract.
    ///
    /// # Panics
    /// With every broken point, and when no point was looked at.
    #[expect(clippy::panic, reason = "that is how a test says no")]
    pub fn assert(self) {
        let broken: Vec<_> = self.points.iter().filter(|point| point.problem.is_some()).collect();
        if !broken.is_empty() || self.points.is_empty() {
            panic!("{} of {} points are broken: {broken:#?}", broken.len(), self.points.len());
        }
    }

    /// Notes whether a point was kept.
    fn point(&mut self, name: &'static str, kept: bool, problem: impl FnOnce() -> String) {
        let problem = (!kept).then(problem);
        self.points.push(Point { name, problem });
    }
}
