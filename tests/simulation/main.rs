//! Workers that interleave, crash and meet faults, by a seed: without a clock, without threads.
//!
//! Two thirds of the seeds have two to four workers at once on one run, as when nobody hands out leases; the
//! others have one at a time, as a queue with leases does it. In both, everything happens that can happen besides:
//! people close and merge (not while a request is on its way), the base moves, the forge refuses for good, the
//! policy changes, the queue gives up.
//!
//! Without leases, a run can be called over by one worker while another opens its pull request. The journal
//! can't tell; whoever is asked about the run from then on must.
//!
//! `FIX_SIMULATION_SEEDS` says how many seeds are tried; a failing one is named, and
//! `FIX_SIMULATION_SEED` tries that one alone.

mod adapters;
mod forge;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fix_pipeline::testing::{Case, FakeForge, FakeValidator};
use fix_pipeline::{
    AdapterError, CheckStatus, Event, Finished, Journal, MemoryRunStore, Outcome, OutcomeCode, Pipeline, PipelineError,
    PlanRequest, PlanSource, PrStatus, RawPlan, RunId, RunStore as _, State, Timer, Verdict,
};

use adapters::At;
use fix_policy::{PolicyEngine, SafetyPolicy};
use forge::Forge;

const SEEDS: u64 = 15_000;
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
    let (ends, opened_late) = (Mutex::new(BTreeMap::<OutcomeCode, u64>::new()), AtomicU64::new(0));
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
                        Ok(end) => {
                            *ends.lock().unwrap().entry(end.code()).or_default() += 1;
                            opened_late.fetch_add(u64::from(matches!(end, End::OpenedLate(_))), Ordering::Relaxed);
                        }
                        Err(_) => panic!("seed {seed} failed: FIX_SIMULATION_SEED={seed} tries it alone"),
                    };
                }
            });
        }
    });
    let ends = ends.into_inner().unwrap();
    let opened_late = opened_late.into_inner();
    eprintln!("simulation: {seeds} seeds, no violation; {opened_late} opened late; {ends:?}");
    // Every end that a simulated world can bring about is seen; else the simulation shows less than it says.
    if seeds >= SEEDS {
        assert!(ends[&OutcomeCode::Opened] > seeds / 8, "{ends:?}");
        assert_eq!(ends.len(), 12, "{ends:?}");
        assert!(opened_late > 0, "nobody was called off while at work");
    }
}

/// Dropping the future wherever it waits, then running again.
#[test]
fn dropped_at_every_point_nothing_is_opened_unannounced() {
    let simulator = Simulator::new();
    let pipeline = &simulator.pipelines[0];
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
        assert_eq!(finished.code(), OutcomeCode::Opened, "dropped at {points}");
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
}

const SCENARIOS: [Scenario; 9] = [
    Scenario::Mended,
    Scenario::Mended,
    Scenario::Mended,
    Scenario::Mended,
    Scenario::RepairedOnce,
    Scenario::NoPlan,
    Scenario::DeniedPlan,
    Scenario::AlreadyGreen,
    Scenario::StillRed,
];

/// How a simulation ends.
#[derive(Clone, Debug, Eq, PartialEq)]
enum End {
    Finished(Outcome),
    /// There is a pull request of a run that was called over: a person must look.
    OpenedLate(OutcomeCode),
}

impl End {
    fn code(&self) -> OutcomeCode {
        match self {
            Self::Finished(outcome) => outcome.code(),
            Self::OpenedLate(code) => *code,
        }
    }
}

/// One simulation: workers on one failure, until the faults end; then one that ends the run.
fn simulate(simulator: &Simulator, seed: u64) -> End {
    let mut random = Random(seed);
    let scenario = SCENARIOS[random.below(SCENARIOS.len() as u64) as usize];
    let leased = random.below(3) == 0;
    let world = simulator.enter(scenario, random.next());
    world.leased.store(leased, Ordering::SeqCst);
    match leased {
        true => one_at_a_time(simulator, &world, &mut random),
        false => side_by_side(simulator, &world, &mut random),
    }
    world.calm.store(true, Ordering::SeqCst);
    let end = finish(&simulator.pipelines[0], &world);
    world.check(Some(&end));
    assert_eq!(finish(&simulator.pipelines[0], &world), end, "a run that is over stays as it is");
    end
}

type Running<'w> = Pin<Box<dyn Future<Output = Result<Finished, PipelineError>> + 'w>>;

fn start<'w>(pipeline: &'w Pipeline<At, At, At, At>, world: &'w World) -> Running<'w> {
    Box::pin(pipeline.run(&world.case.failure, &world.case.tree))
}

/// Versions come and go; one of them decides otherwise, now and then.
fn any<'s>(simulator: &'s Simulator, random: &mut Random) -> &'s Pipeline<At, At, At, At> {
    match random.below(16) {
        0 => &simulator.pipelines[2],
        1..4 => &simulator.pipelines[1],
        _ => &simulator.pipelines[0],
    }
}

/// Something that has nothing to do with the worker whose turn it is. Says whether it did.
fn something_else(world: &World, random: &mut Random) -> bool {
    match random.below(192) {
        // People are slower than requests: no forge can be asked to open a pull request unless one was closed.
        0 | 1 if world.opening.load(Ordering::SeqCst) > 0 => return false,
        0 => world.forge.decide(PrStatus::Closed),
        1 => world.forge.decide(PrStatus::Merged),
        2 => world.forge.move_base(),
        _ => return false,
    }
    true
}

/// Whoever schedules runs gives up.
fn give_up<'w>(pipeline: &'w Pipeline<At, At, At, At>, world: &'w World) -> Running<'w> {
    Box::pin(pipeline.abandon(&world.case.failure, "crashed 3 times"))
}

fn abandon(pipeline: &Pipeline<At, At, At, At>, world: &World) {
    let mut given_up = give_up(pipeline, world);
    match (0..1_000).find_map(|_| poll(given_up.as_mut())).expect("it ends") {
        Ok(_) => {}
        Err(error) => assert_expected(&error),
    }
}

fn side_by_side(simulator: &Simulator, world: &World, random: &mut Random) {
    let mut workers: Vec<_> = (0..2 + random.below(3)).map(|_| start(any(simulator, random), world)).collect();
    for _ in 0..STEPS {
        let worker = random.below(workers.len() as u64) as usize;
        // What the others here are about to open is called off.
        let called_off = world.is_opening() && random.below(12) == 0;
        if called_off || random.below(16) == 0 {
            // A crash: everything in memory is gone.
            let next = any(simulator, random);
            workers[worker] = if called_off { give_up(next, world) } else { start(next, world) };
        } else if !something_else(world, random)
            && let Some(ended) = poll(workers[worker].as_mut())
        {
            if let Err(error) = &ended {
                assert_expected(error);
            }
            // A queue delivers again.
            workers[worker] = start(any(simulator, random), world);
        }
        world.check(None);
    }
}

fn one_at_a_time(simulator: &Simulator, world: &World, random: &mut Random) {
    let mut worker = start(any(simulator, random), world);
    for _ in 0..STEPS {
        if random.below(12) == 0 {
            worker = start(any(simulator, random), world);
        } else if random.below(192) == 0 {
            drop(worker);
            abandon(any(simulator, random), world);
            worker = start(any(simulator, random), world);
        } else if !something_else(world, random)
            && let Some(ended) = poll(worker.as_mut())
        {
            if let Err(error) = &ended {
                assert_expected(error);
            }
            worker = start(any(simulator, random), world);
        }
        world.check(None);
    }
}

/// Try again, or let a person look; nothing else comes out of a simulated world.
fn assert_expected(error: &PipelineError) {
    let is_for_a_person = matches!(error, PipelineError::Unsettled { .. } | PipelineError::OpenedLate { .. });
    assert!(error.is_transient() || is_for_a_person, "{error:?}");
}

/// Runs one worker after the other, without new faults, until one ends the run.
fn finish(pipeline: &Pipeline<At, At, At, At>, world: &World) -> End {
    let attempt = || {
        let mut run = start(pipeline, world);
        match (0..1_000).find_map(|_| poll(run.as_mut())).expect("the run ends or fails") {
            Ok(finished) => Some(End::Finished(finished.outcome)),
            Err(PipelineError::OpenedLate { code, .. }) => Some(End::OpenedLate(code)),
            Err(error) => {
                assert!(error.is_transient(), "{error:?}");
                None
            }
        }
    };
    // A few faults may be on their way still.
    (0..STEPS).find_map(|_| attempt()).expect("without faults a run ends")
}

/// The simulation finds what it is there for: with a sink that opens without looking first, some seed ends
/// with two pull requests.
#[test]
fn a_sink_that_does_not_look_is_found_out() {
    let simulator = Simulator::new();
    simulator.at.looks.store(false, Ordering::SeqCst);
    let found = (0..2_000).find(|&seed| {
        let ended = catch_unwind(AssertUnwindSafe(|| simulate(&simulator, seed)));
        let message = ended.err().and_then(|panic| panic.downcast::<String>().ok());
        message.is_some_and(|message| message.starts_with("2 pull requests"))
    });
    let found = found.expect("two pull requests");
    eprintln!("simulation: without a look, seed {found} opens two");
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
    forge: Forge,
    random: Mutex<Random>,
    /// How much of the journal and of the forge was checked, and where the journal is.
    checked: Mutex<Option<((usize, usize), State)>>,
    /// No faults any more.
    calm: AtomicBool,
    /// Adapters wait even so.
    waits: AtomicBool,
    /// One worker at a time.
    leased: AtomicBool,
    /// Workers between a look at the forge and its answer.
    opening: AtomicUsize,
}

/// A worker that is opening a pull request, until it is done or dies.
struct Opening<'w>(&'w AtomicUsize);

impl<'w> Opening<'w> {
    fn new(count: &'w AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Pipelines for one world after the other: as configured, with another policy that decides the same, and with
/// one that does not.
struct Simulator {
    at: At,
    pipelines: [Pipeline<At, At, At, At>; 3],
}

impl Simulator {
    fn new() -> Self {
        let at = At::default();
        let policies = ["", "[limits]\nfiles_max = 9\n", "[limits]\nlines_added_max = 0\n"];
        let pipelines = policies.map(|policy| {
            let mut pipeline = Pipeline::new(at.clone(), at.clone(), at.clone(), at.clone());
            let policy = SafetyPolicy::from_toml(&format!("version = 1\n{policy}")).unwrap();
            pipeline.policy = PolicyEngine::new(policy).unwrap();
            pipeline.timer = Arc::new(NoTime);
            pipeline
        });
        Self { at, pipelines }
    }

    fn enter(&self, scenario: Scenario, seed: u64) -> Arc<World> {
        let world = World::new(scenario, seed);
        *self.at.world.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&world));
        world
    }
}

impl World {
    fn new(scenario: Scenario, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            case: Case::missing_dependency(),
            scenario,
            store: MemoryRunStore::default(),
            forge: Forge::default(),
            random: Mutex::new(Random(seed)),
            checked: Mutex::new(None),
            calm: AtomicBool::new(false),
            waits: AtomicBool::new(true),
            leased: AtomicBool::new(false),
            opening: AtomicUsize::new(0),
        })
    }

    fn run(&self) -> RunId {
        RunId::of(&self.case.failure.event_id)
    }

    /// Announced, and not answered.
    fn is_opening(&self) -> bool {
        self.checked.lock().unwrap().is_some_and(|(_, state)| state == State::Opening)
    }

    /// What must hold at every moment, and at the end.
    fn check(&self, end: Option<&End>) {
        let entries = poll(Box::pin(self.store.load(self.run())).as_mut()).expect("at once").unwrap();
        let created = self.forge.created();
        let seen = (entries.len(), created.len());
        if end.is_none() && self.checked.lock().unwrap().is_some_and(|(checked, _)| checked == seen) {
            return;
        }
        let journal = Journal::replay(entries).expect("a legal journal");
        *self.checked.lock().unwrap() = Some((seen, journal.state()));
        assert!(created.len() <= 1, "{} pull requests: {created:?}", created.len());
        let has = |wanted: &dyn Fn(&Event) -> bool| journal.events().any(wanted);
        if let [pull_request] = created.as_slice() {
            assert!(has(&|event| matches!(event, Event::PrOpening { announcement, .. }
                if announcement.branch == pull_request.branch && announcement.tree == pull_request.tree)));
            let red = |verdicts: &[Verdict]| verdicts.iter().all(|verdict| verdict.status == CheckStatus::Failed);
            let green = |verdicts: &[Verdict]| verdicts.iter().all(|verdict| verdict.status == CheckStatus::Passed);
            assert!(has(&|event| matches!(event, Event::BaselineChecked { verdicts, .. } if red(verdicts))));
            assert!(has(&|event| matches!(event, Event::PlanReviewed { decision, .. } if decision.allowed)));
            assert!(has(&|event| matches!(event, Event::PatchReviewed { decision } if decision.allowed)));
            assert!(has(&|event| matches!(event, Event::Validated { verdicts, .. } if green(verdicts))));
        }
        match journal.state() {
            State::Opened | State::Decided => assert_eq!(created.len(), 1, "recorded, and not there"),
            State::Stopped if self.leased.load(Ordering::SeqCst) => assert_eq!(created.len(), 0, "there, and stopped"),
            // Side by side it can't be helped, and must be said.
            State::Stopped if end.is_some() => {
                let is_there = created.iter().any(|made| made.status.is_open());
                assert_eq!(matches!(end, Some(End::OpenedLate(_))), is_there, "there, and nobody says so");
            }
            _ => {}
        }
        let Some(end) = end else { return };
        assert!(journal.state().is_terminal());
        let code = end.code();
        let expected = match self.scenario {
            Scenario::Mended | Scenario::RepairedOnce => OutcomeCode::Opened,
            Scenario::NoPlan => OutcomeCode::PlanInvalid,
            Scenario::DeniedPlan => OutcomeCode::PlanDenied,
            Scenario::AlreadyGreen => OutcomeCode::AlreadyGreen,
            Scenario::StillRed => OutcomeCode::ValidationFailed,
        };
        // What people, the forge and other policies have to say, where they have a say.
        let others = [
            OutcomeCode::ClosedByPerson,
            OutcomeCode::Merged,
            OutcomeCode::StaleBase,
            OutcomeCode::AdapterFailed,
            OutcomeCode::Abandoned,
            OutcomeCode::PatchDenied,
            OutcomeCode::Changed,
        ];
        assert!(code == expected || others.contains(&code), "{:?}: {end:?}", self.scenario);
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
