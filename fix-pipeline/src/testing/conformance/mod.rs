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

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

mod plan_source;
mod pr_sink;
mod run_store;
mod validator;

use crate::budget::{RealTime, within};
use crate::error::AdapterError;
use crate::journal::Entry;
use crate::port::{PlanRequest, PlanSource, RawPlan, Report, RunStore, Subject, Validator};
use crate::run::{RunContext, RunId};

pub use plan_source::{plan_source, plan_source_within};
pub use pr_sink::{ForgeHarness, SeenPullRequest, Situation, pr_sink};
pub use run_store::{StoreHarness, durable_run_store, run_store, run_store_within};
pub use validator::{validator, validator_within};

/// What a suite found.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Conformance {
    points: Vec<Point>,
    left_out: Vec<&'static str>,
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

    /// The names of the points that were not looked at, because the harness can't bring about what they
    /// are about. They are open, not kept.
    #[must_use]
    pub fn left_out(&self) -> &[&'static str] {
        &self.left_out
    }

    /// Nothing, for an adapter that keeps its contract; points left out are printed.
    ///
    /// # Panics
    /// With every broken point, and when no point was looked at.
    #[expect(clippy::panic, clippy::print_stderr, reason = "that is how a test says no, and what it has not seen")]
    pub fn assert(self) {
        if !self.left_out.is_empty() {
            eprintln!("skipped: {}", self.left_out.join(", "));
        }
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

    /// Notes points that can't be looked at.
    fn leave_out(&mut self, points: &[&'static str]) {
        self.left_out.extend_from_slice(points);
    }
}

/// An adapter whose calls end after a while, with an error where they had not ended: a suite ends, too.
struct Patient<'a, A> {
    adapter: &'a A,
    patience: Duration,
    /// A call had not ended.
    over: AtomicBool,
}

impl<'a, A> Patient<'a, A> {
    fn new(adapter: &'a A, patience: Duration) -> Self {
        Self { adapter, patience, over: AtomicBool::new(false) }
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, AdapterError>>) -> Result<T, AdapterError> {
        let ended = AtomicBool::new(false);
        let call = async {
            let answer = call.await;
            ended.store(true, Ordering::Relaxed);
            answer
        };
        let answer = within(&RealTime, self.patience, call).await;
        self.over.fetch_or(!ended.load(Ordering::Relaxed), Ordering::Relaxed);
        answer
    }

    /// Notes whether every call ended.
    fn conclude(&self, mut found: Conformance) -> Conformance {
        let patience = self.patience;
        found.point("every_call_ends", !self.over.load(Ordering::Relaxed), || format!("no answer within {patience:?}"));
        found
    }
}

impl<A: PlanSource> PlanSource for Patient<'_, A> {
    async fn propose(&self, request: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        self.within(self.adapter.propose(request)).await
    }
}

impl<A: Validator> Validator for Patient<'_, A> {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        self.within(self.adapter.validate(run, subject)).await
    }
}

impl<A: RunStore> RunStore for Patient<'_, A> {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        self.within(self.adapter.append(run, entry)).await
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        self.within(self.adapter.load(run)).await
    }
}

/// Polls `future` at most so often: as a caller does that gives up. `None` when it had not ended.
async fn polled<T>(mut future: Pin<&mut impl Future<Output = T>>, polls: u32) -> Option<T> {
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => {
            left = left.saturating_sub(1);
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}
