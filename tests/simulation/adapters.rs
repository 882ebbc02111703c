//! Adapters in a simulated world.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use fix_pipeline::testing::{FakePlanSource, FakeValidator};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, Announcement, CheckStatus, Entry, PlanRequest, PlanSource, PrSink, PullRequest,
    RawPlan, Report, RunContext, RunId, RunStore, Subject, Validated, Validator,
};

use super::forge::Made;
use super::{Opening, Scenario, World};

/// Every adapter: waits and fails as the seed says, around a fake that does the work.
#[derive(Clone)]
pub struct At {
    pub world: Arc<Mutex<Option<Arc<World>>>>,
    /// Whether the sink looks before it opens, as its contract says.
    pub looks: Arc<AtomicBool>,
}

impl Default for At {
    fn default() -> Self {
        Self { world: Arc::default(), looks: Arc::new(AtomicBool::new(true)) }
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Before,
    After,
}

impl At {
    /// The world of now. A pipeline outlives it: its policy takes milliseconds to compile.
    fn world(&self) -> Arc<World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner).clone().expect("a world")
    }

    fn roll(&self, sides: u64) -> u64 {
        self.world().random.lock().unwrap().below(sides)
    }

    /// Lets others go first, a few times.
    async fn wait(&self) {
        let calm = self.world().calm.load(Ordering::SeqCst);
        let times = if calm { u64::from(self.world().waits.load(Ordering::SeqCst)) } else { self.roll(3) };
        for _ in 0..times {
            let mut waited = false;
            poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        }
    }

    fn fault(&self) -> Fault {
        if self.world().calm.load(Ordering::SeqCst) {
            return Fault::None;
        }
        match self.roll(12) {
            0 => Fault::Before,
            1 => Fault::After,
            _ => Fault::None,
        }
    }

    /// One request to the forge: the only adapter here that may refuse for good, and then it has done nothing.
    async fn step<T>(&self, work: impl FnOnce() -> T) -> Result<T, AdapterError> {
        let world = self.world();
        if !world.calm.load(Ordering::SeqCst) && self.roll(40) == 0 {
            self.wait().await;
            return Err(AdapterError::new(AdapterErrorKind::Refused, "simulate", "403"));
        }
        self.call(async { Ok(work()) }).await
    }

    /// `work` between two waits, and perhaps without its answer.
    async fn call<T>(&self, work: impl Future<Output = Result<T, AdapterError>>) -> Result<T, AdapterError> {
        let lost = || AdapterError::new(AdapterErrorKind::Unavailable, "simulate", "a fault");
        self.wait().await;
        let fault = self.fault();
        if fault == Fault::Before {
            return Err(lost());
        }
        let answer = work.await;
        self.wait().await;
        if fault == Fault::After { Err(lost()) } else { answer }
    }
}

impl PlanSource for At {
    async fn propose(&self, request: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        let plan = self.world().case.plan.clone();
        let answer = match (self.world().scenario, request.previous.is_some()) {
            (Scenario::RepairedOnce, false) | (Scenario::NoPlan, _) => "{}".to_owned(),
            (Scenario::DeniedPlan, _) => plan.replace("\"requirements.txt\"", "\".github/requirements.txt\""),
            _ => plan,
        };
        let fake = FakePlanSource::answering([answer]);
        self.call(fake.propose(request)).await
    }
}

impl Validator for At {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let fake = match self.world().scenario {
            Scenario::AlreadyGreen => FakeValidator::new(CheckStatus::Passed, CheckStatus::Passed),
            Scenario::StillRed => FakeValidator::new(CheckStatus::Failed, CheckStatus::Failed),
            _ => FakeValidator::red_then_green(),
        };
        self.call(fake.validate(run, subject)).await
    }
}

/// A sink as one is written for a real forge: step by step, and anything may happen in between.
impl PrSink for At {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        let (world, announced) = (self.world(), change.announcement());
        let _opening = Opening::new(&world.opening);
        if let Some(existing) = self.find(run, &announced).await? {
            return Ok(existing);
        }
        if self.step(|| world.forge.base_has_moved()).await? {
            return Err(AdapterError::new(AdapterErrorKind::StaleBase, "open", "the base moved"));
        }
        let (branch, tree) = (announced.branch.as_str(), announced.tree.as_str());
        if self.step(|| world.forge.create_branch(branch, tree)).await?.is_err()
            && self.step(|| world.forge.branch(branch)).await?.as_deref() != Some(tree)
        {
            return Err(AdapterError::new(AdapterErrorKind::Refused, "open", "the branch is somebody else's"));
        }
        match self.step(|| world.forge.create_pull_request(branch)).await? {
            Ok(made) => Ok(answer(&made)),
            // Another worker was faster; who it was shows in a moment.
            Err(_) => match self.find(run, &announced).await? {
                Some(existing) => Ok(existing),
                None => Err(AdapterError::new(AdapterErrorKind::Unavailable, "open", "made, and gone again")),
            },
        }
    }

    async fn find(&self, _: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        let world = self.world();
        let found = self.step(|| world.forge.of_branch(&announced.branch)).await?;
        Ok(found.filter(|_| self.looks.load(Ordering::SeqCst)).map(|made| answer(&made)))
    }
}

fn answer(made: &Made) -> PullRequest {
    PullRequest::new(made.status, &made.branch, vec!["safe".to_owned()])
}

impl RunStore for At {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        let world = self.world();
        self.call(world.store.append(run, entry)).await
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        let world = self.world();
        self.call(world.store.load(run)).await
    }
}
