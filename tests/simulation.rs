//! Workers that interleave, crash and meet faults, by a seed: without a clock, without threads.
//!
//! `FIX_SIMULATION_SEEDS` says how many seeds are tried; a failing one is named, and
//! `FIX_SIMULATION_SEED` tries that one alone.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator, ForgeFault};
use fix_pipeline::{
    AdapterError, AdapterErrorKind, Announcement, CheckStatus, Entry, Event, Finished, Journal, MemoryRunStore,
    OutcomeCode, Pipeline, PipelineError, PlanRequest, PlanSource, PrSink, PullRequest, RawPlan, Report, RunContext,
    RunId, RunStore, Subject, Timer, Validated, Validator,
};

const SEEDS: u64 = 10_000;
/// Polls of one simulation before the faults end.
const STEPS: u32 = 80;

#[test]
fn whatever_happens_there_is_one_pull_request_and_no_lost_run() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("FIX_SIMULATION_SEED") {
        simulate(&Simulator::new(), seed);
        return;
    }
    let seeds = number("FIX_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let opened = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let simulator = Simulator::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    match catch_unwind(AssertUnwindSafe(|| simulate(&simulator, seed))) {
                        Ok(code) => opened.fetch_add(u64::from(code == OutcomeCode::Opened), Ordering::Relaxed),
                        Err(_) => panic!("seed {seed} failed: FIX_SIMULATION_SEED={seed} tries it alone"),
                    };
                }
            });
        }
    });
    let opened = opened.into_inner();
    eprintln!("simulation: {seeds} seeds, {opened} with a pull request, no violation");
    assert!(opened > seeds / 4 && opened < seeds, "{opened} of {seeds}: both ends must be seen");
}

/// Dropping the future wherever it waits, then running again.
#[test]
fn dropped_at_every_point_nothing_is_opened_unannounced() {
    let simulator = Simulator::new();
    let pipeline = &simulator.pipeline;
    let mut points = 0;
    loop {
        let world = simulator.enter(Scenario::Mended, 0);
        world.calm.store(true, Ordering::SeqCst);
        world.waits.store(true, Ordering::SeqCst);
        let mut run = Box::pin(pipeline.run(&world.case.failure, &world.case.tree));
        let done = (0..points).any(|_| poll(run.as_mut()).is_some());
        drop(run);
        world.check(None);
        let finished = finish(pipeline, &world);
        assert_eq!(finished.outcome.code(), OutcomeCode::Opened, "dropped at {points}");
        world.check(Some(&finished));
        if done {
            break;
        }
        points += 1;
    }
    assert!(points > 20, "a run waits at {points} points");
}

/// How a run would go without faults.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scenario {
    Mended,
    RepairedOnce,
    NoPlan,
    DeniedPlan,
    AlreadyGreen,
    StillRed,
    ClosedByPerson,
}

const SCENARIOS: [Scenario; 10] = [
    Scenario::Mended,
    Scenario::Mended,
    Scenario::Mended,
    Scenario::Mended,
    Scenario::RepairedOnce,
    Scenario::NoPlan,
    Scenario::DeniedPlan,
    Scenario::AlreadyGreen,
    Scenario::StillRed,
    Scenario::ClosedByPerson,
];

/// One simulation: two to four workers on one failure, until the faults end; then one that ends the run.
fn simulate(simulator: &Simulator, seed: u64) -> OutcomeCode {
    let pipeline = &simulator.pipeline;
    let mut random = Random(seed);
    let scenario = SCENARIOS[random.below(SCENARIOS.len() as u64) as usize];
    let world = simulator.enter(scenario, random.next());
    let start = || Box::pin(pipeline.run(&world.case.failure, &world.case.tree));
    let mut workers: Vec<_> = (0..2 + random.below(3)).map(|_| start()).collect();
    for _ in 0..STEPS {
        let worker = random.below(workers.len() as u64) as usize;
        if random.below(12) == 0 {
            // A crash: everything in memory is gone.
            workers[worker] = start();
        } else if let Some(ended) = poll(workers[worker].as_mut()) {
            if let Err(error) = &ended {
                assert!(error.is_transient(), "{scenario:?}: {error:?}");
            }
            // A queue delivers again.
            workers[worker] = start();
        }
        if scenario == Scenario::ClosedByPerson && random.below(20) == 0 {
            world.close_all();
        }
        world.check(None);
    }
    drop(workers);
    world.calm.store(true, Ordering::SeqCst);
    let finished = finish(pipeline, &world);
    world.check(Some(&finished));
    let again = finish(pipeline, &world);
    assert_eq!(again.outcome, finished.outcome, "a run that is over stays as it is");
    finished.outcome.code()
}

/// Runs one worker after the other, without new faults, until one ends the run.
fn finish(pipeline: &Pipeline<At, At, At, At>, world: &World) -> Finished {
    let attempt = || {
        let mut run = Box::pin(pipeline.run(&world.case.failure, &world.case.tree));
        (0..1_000).find_map(|_| poll(run.as_mut())).expect("the run ends or fails")
    };
    // A few faults may be on their way still.
    (0..STEPS).find_map(|_| attempt().ok()).expect("without faults a run ends")
}

fn poll<T>(future: Pin<&mut (dyn Future<Output = T> + '_)>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// What the workers share.
struct World {
    case: Case,
    scenario: Scenario,
    store: MemoryRunStore,
    forge: FakeForge,
    random: Mutex<Random>,
    /// How much of the journal and of the forge was checked.
    checked: Mutex<Option<(usize, usize)>>,
    /// No faults any more.
    calm: AtomicBool,
    /// Adapters wait even so.
    waits: AtomicBool,
}

/// A pipeline for one world after the other.
struct Simulator {
    at: At,
    pipeline: Pipeline<At, At, At, At>,
}

impl Simulator {
    fn new() -> Self {
        let at = At::default();
        let mut pipeline = Pipeline::new(at.clone(), at.clone(), at.clone(), at.clone());
        pipeline.timer = Arc::new(NoTime);
        Self { at, pipeline }
    }

    fn enter(&self, scenario: Scenario, seed: u64) -> Arc<World> {
        let world = World::new(scenario, seed);
        *self.at.0.lock().unwrap() = Some(Arc::clone(&world));
        world
    }
}

impl World {
    fn new(scenario: Scenario, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            case: Case::missing_dependency(),
            scenario,
            store: MemoryRunStore::default(),
            forge: FakeForge::default(),
            random: Mutex::new(Random(seed)),
            checked: Mutex::new(None),
            calm: AtomicBool::new(false),
            waits: AtomicBool::new(true),
        })
    }

    fn run(&self) -> RunId {
        RunId::of(&self.case.failure.event_id)
    }

    fn close_all(&self) {
        for pull_request in self.forge.pull_requests() {
            self.forge.close(&pull_request.branch);
        }
    }

    /// What must hold at every moment, and at the end.
    fn check(&self, finished: Option<&Finished>) {
        let entries = poll(Box::pin(self.store.load(self.run())).as_mut()).expect("at once").unwrap();
        let pull_requests = self.forge.pull_requests();
        let seen = (entries.len(), pull_requests.len());
        if self.checked.lock().unwrap().replace(seen) == Some(seen) && finished.is_none() {
            return;
        }
        let journal = Journal::replay(entries).expect("a legal journal");
        assert!(pull_requests.len() <= 1, "{pull_requests:?}");
        let has = |wanted: &dyn Fn(&Event) -> bool| journal.events().any(wanted);
        if let [pull_request] = pull_requests.as_slice() {
            assert!(has(&|event| matches!(event, Event::PrOpening { announcement }
                if announcement.branch == pull_request.branch && announcement.tree == pull_request.tree)));
            let red = |verdicts: &[CheckStatus]| verdicts.iter().all(|verdict| *verdict == CheckStatus::Failed);
            let green = |verdicts: &[CheckStatus]| verdicts.iter().all(|verdict| *verdict == CheckStatus::Passed);
            assert!(has(&|event| matches!(event, Event::BaselineChecked { verdicts, .. } if red(verdicts))));
            assert!(has(&|event| matches!(event, Event::PlanReviewed { decision, .. } if decision.allowed)));
            assert!(has(&|event| matches!(event, Event::PatchReviewed { decision } if decision.allowed)));
            assert!(has(&|event| matches!(event, Event::Validated { verdicts, .. } if green(verdicts))));
        }
        let opened = has(&|event| matches!(event, Event::PrOpened { .. }));
        assert!(!opened || pull_requests.len() == 1, "recorded, and not there");
        let Some(finished) = finished else { return };
        assert!(journal.state().is_terminal());
        let expected = match self.scenario {
            Scenario::Mended | Scenario::RepairedOnce => &[OutcomeCode::Opened][..],
            Scenario::NoPlan => &[OutcomeCode::PlanInvalid],
            Scenario::DeniedPlan => &[OutcomeCode::PlanDenied],
            Scenario::AlreadyGreen => &[OutcomeCode::AlreadyGreen],
            Scenario::StillRed => &[OutcomeCode::ValidationFailed],
            Scenario::ClosedByPerson => &[OutcomeCode::Opened, OutcomeCode::ClosedByPerson],
        };
        assert!(expected.contains(&finished.outcome.code()), "{:?}: {:?}", self.scenario, finished.outcome);
    }
}

/// Every adapter: waits and fails as the seed says, around a fake that does the work.
#[derive(Clone, Default)]
struct At(Arc<Mutex<Option<Arc<World>>>>);

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
        self.0.lock().unwrap().clone().expect("a world")
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

impl PrSink for At {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        if !self.world().calm.load(Ordering::SeqCst) && self.roll(8) == 0 {
            self.world().forge.then(ForgeFault::LoseAnswer);
        }
        let world = self.world();
        self.call(world.forge.open(run, change)).await
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        let world = self.world();
        self.call(world.forge.find(run, announced)).await
    }
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

/// A clock that stands still.
struct NoTime;

impl Timer for NoTime {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }
}

/// A future that hangs is dropped when its budget is used up, and the run stays resumable.
#[test]
fn a_call_that_hangs_ends_with_its_budget() {
    struct Hangs;
    impl PlanSource for Hangs {
        async fn propose(&self, _: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
            std::future::pending().await
        }
    }
    /// Time passes at once.
    struct Hurried;
    impl Timer for Hurried {
        fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::ready(()))
        }
    }
    let case = Case::missing_dependency();
    let mut pipeline =
        Pipeline::new(Hangs, FakeValidator::red_then_green(), FakeForge::default(), MemoryRunStore::default());
    pipeline.timer = Arc::new(Hurried);
    let ended = poll(Box::pin(pipeline.run(&case.failure, &case.tree)).as_mut()).expect("nothing waits");
    let error = ended.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(matches!(error, PipelineError::Adapter { port: fix_pipeline::Port::PlanSource, .. }), "{error:?}");
}
