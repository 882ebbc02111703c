//! A stored run, derived again.

use fix_patch::{Generated, Patch, PatchError, PatchGenerator, PatchOptions, SourceTree};
use fix_plan::{Dialogue, Failure, FixPlan, Next, ValueError};
use fix_policy::{Approved, Decision, PolicyEngine};

use crate::attestation::Attestation;
use crate::draft::Draft;
use crate::journal::{AskedRound, Event, Journal, Terms};
use crate::outcome::{self, OutcomeCode};
use crate::port::{Report, Verdict};
use crate::record::{RunRecord, RunStatus};
use crate::run::RunContext;

/// Derives every deterministic stage of a stored run again, and how it ended, and compares. Nobody is asked:
/// no model, no sandbox, no forge.
///
/// The patch needs the files of the commit; without `tree`, it and what follows from it is
/// [left out](Replayed::LeftOut).
///
/// # Errors
/// When there is nothing to derive from: [`ReplayError`] says what is missing or can't be read.
///
/// ```
/// use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator};
/// use fix_pipeline::{Journal, MemoryRunStore, Pipeline, Replayed, RunStore, replay};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let case = Case::missing_dependency();
/// # let source = FakePlanSource::answering([case.plan.clone()]);
/// # let pipeline = Pipeline::new(source, FakeValidator::red_then_green(), FakeForge::default(), MemoryRunStore::default());
/// let finished = pipeline.run(&case.failure, &case.tree).await?;
/// let journal = Journal::replay(pipeline.run_store.load(finished.run).await?)?;
/// let stages = replay(&journal, &pipeline.policy, &pipeline.generator, &pipeline.options, Some(&case.tree))?;
/// assert!(stages.iter().all(|(_, replayed)| *replayed == Replayed::Same));
/// # Ok(()) }
/// ```
pub fn replay(
    journal: &Journal,
    policy: &PolicyEngine,
    generator: &PatchGenerator,
    options: &PatchOptions,
    tree: Option<&dyn SourceTree>,
) -> Result<Vec<(&'static str, Replayed)>, ReplayError> {
    let mut stages = Stages { journal, policy, generator, options, found: Vec::new() };
    let derived = stages.derive(tree)?;
    stages.outcome(derived);
    Ok(stages.found)
}

/// What became of one stage.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Replayed {
    /// It gives what is stored.
    Same,
    /// It gives something else.
    Differs {
        /// What is stored.
        stored: String,
        /// What it gives now.
        derived: String,
    },
    /// It can't be derived.
    LeftOut {
        /// Why, for a person.
        why: &'static str,
    },
}

/// Why a stored run can't be derived again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Nothing is stored.
    #[error("the journal is empty: there is no such run")]
    Empty,
    /// The stored failure is none.
    #[error("the failure that the run is about can't be read from its journal")]
    Failure(#[source] ValueError),
    /// The files of the commit can't be read.
    #[error("the snapshot of the commit can't be read")]
    Snapshot(#[source] PatchError),
    /// What the run proves can't be written down: a bug of the pipeline.
    #[error("the attestation can't be written; please report this")]
    Attestation(#[source] Box<dyn std::error::Error + Send + Sync>),
}

struct Stages<'j> {
    journal: &'j Journal,
    policy: &'j PolicyEngine,
    generator: &'j PatchGenerator,
    options: &'j PatchOptions,
    found: Vec<(&'static str, Replayed)>,
}

/// How far what is stored leads.
enum Derived {
    /// To this end.
    Ends(OutcomeCode),
    /// To where nothing more is stored: what came next, an adapter or a person said.
    GoesOn,
    /// Not so far that it could be told.
    Unknown(&'static str),
}

const DIFFERS: Derived = Derived::Unknown("a stage before differs");

impl Stages<'_> {
    /// Stops where the run stopped, and where what comes next has nothing to start from.
    fn derive(&mut self, tree: Option<&dyn SourceTree>) -> Result<Derived, ReplayError> {
        let failure = self.stored(|event| match event {
            Event::Started { failure, .. } => Some(Failure::try_from(failure)),
            _ => None,
        });
        let failure = failure.ok_or(ReplayError::Empty)?.map_err(ReplayError::Failure)?;
        self.terms();
        let Some((baseline, verdicts)) = self.stored(|event| match event {
            Event::BaselineChecked { report, verdicts } => Some((report.clone(), verdicts.clone())),
            _ => None,
        }) else {
            return Ok(Derived::GoesOn);
        };
        self.fingerprint("baseline", &baseline, &verdicts);
        if let Some((code, _)) = outcome::of_baseline(&baseline, &verdicts, &failure.log) {
            return Ok(Derived::Ends(code));
        }
        let plan = match self.plan(&failure) {
            Ok(plan) => plan,
            Err(derived) => return Ok(derived),
        };
        let plan = match self.review_plan(plan) {
            Ok(plan) => plan,
            Err(derived) => return Ok(derived),
        };
        let Some(tree) = tree else {
            self.found.push(("patch", Replayed::LeftOut { why: NO_TREE }));
            return Ok(Derived::Unknown(NO_TREE));
        };
        let patch = match self.patch(&plan, tree)? {
            Ok(patch) => patch,
            Err(derived) => return Ok(derived),
        };
        self.rest(RunContext::new(failure), &plan, &patch, &baseline)
    }

    fn terms(&mut self) {
        let Some(stored) = self.journal.events().filter_map(Event::terms).last().cloned() else { return };
        let now = Terms::new(self.policy, self.generator, self.options, stored.repeats);
        self.compare("policy", stored.policy, now.policy);
        self.compare("engine", stored.engine, now.engine);
        let options = |strategies: &[String], tidy: bool, allow: &[String]| {
            format!("strategies {}; tidy {tidy}; allow {}", strategies.join(", "), allow.join(", "))
        };
        self.compare(
            "options",
            options(&stored.strategies, stored.tidy, &stored.allow),
            options(&now.strategies, now.tidy, &now.allow),
        );
    }

    /// The answers, judged again.
    fn plan(&mut self, failure: &Failure) -> Result<FixPlan, Derived> {
        let mut dialogue = Dialogue::default();
        let rounds: Vec<AskedRound> = self.journal.events().filter_map(asked).collect();
        for asked in rounds {
            let next = dialogue.answer(&asked.text, asked.finish.into(), &failure.log);
            let again = AskedRound::new(asked.round, asked.answer(), &next);
            self.compare("answer", verdict(&asked), verdict(&again));
            match next {
                Next::Plan(plan) => return Ok(*plan),
                Next::Repair(_) => {}
                Next::GiveUp(_) => return Err(Derived::Ends(OutcomeCode::PlanInvalid)),
            }
        }
        Err(Derived::GoesOn)
    }

    fn review_plan(&mut self, plan: FixPlan) -> Result<Approved<FixPlan>, Derived> {
        let (digest, decision) = self
            .stored(|event| match event {
                Event::PlanReviewed { digest, decision, .. } => Some((digest.clone(), decision.clone())),
                _ => None,
            })
            .ok_or(Derived::GoesOn)?;
        self.compare("plan", digest, plan.digest().to_string());
        let review = self.policy.review_plan(plan);
        let denied = review.as_ref().err().map(outcome::of_denied_plan);
        self.decision("plan_decision", decision, review, denied)
    }

    fn patch(
        &mut self,
        plan: &Approved<FixPlan>,
        tree: &dyn SourceTree,
    ) -> Result<Result<Approved<Patch>, Derived>, ReplayError> {
        let stored = self.stored(|event| match event {
            Event::PatchGenerated { diff, digest, .. } => Some((diff.clone(), digest.clone())),
            _ => None,
        });
        let generated = match self.generator.generate(plan.get(), tree, self.options) {
            Ok(Generated::Patch(patch)) => Ok(patch),
            Ok(Generated::NoChange(reasons)) => {
                Err((OutcomeCode::NoChange, format!("no change: {}", reasons.join("; "))))
            }
            Err(error @ PatchError::Tree(_)) => return Err(ReplayError::Snapshot(error)),
            Err(PatchError::Refused(refusal)) => Err((OutcomeCode::PatchRefused, refusal.to_string())),
            Err(error) => Err((OutcomeCode::ProofFailed, error.to_string())),
        };
        let (patch, diff, digest) = match (generated, stored) {
            (Ok(patch), Some((diff, digest))) => (patch, diff, digest),
            (Ok(_), None) => return Ok(Err(Derived::GoesOn)),
            (Err((code, _)), None) => return Ok(Err(Derived::Ends(code))),
            (Err((_, message)), Some((_, digest))) => {
                self.compare("patch", digest, message);
                return Ok(Err(DIFFERS));
            }
        };
        self.compare("diff_digest", digest.clone(), crate::journal::hex_digest(diff.as_bytes()));
        self.compare("patch", digest, patch.digest().to_string());
        let decision = self.stored(|event| match event {
            Event::PatchReviewed { decision } => Some(decision.clone()),
            _ => None,
        });
        let Some(decision) = decision else { return Ok(Err(Derived::GoesOn)) };
        let review = self.policy.review_patch(plan, patch);
        let denied = review.as_ref().err().map(|_| OutcomeCode::PatchDenied);
        Ok(self.decision("patch_decision", decision, review, denied))
    }

    /// What a check showed, and what was noted of it.
    fn fingerprint(&mut self, stage: &'static str, report: &Report, verdicts: &[Verdict]) {
        let noted = verdicts.last().map(|verdict| verdict.fingerprint.clone()).unwrap_or_default();
        self.compare(stage, noted, report.fingerprint());
    }

    /// What the checks showed, and what was to be published.
    fn rest(
        &mut self,
        run: RunContext,
        plan: &Approved<FixPlan>,
        patch: &Approved<Patch>,
        baseline: &Report,
    ) -> Result<Derived, ReplayError> {
        let Some((report, verdicts)) = self.stored(|event| match event {
            Event::Validated { report, verdicts } => Some((report.clone(), verdicts.clone())),
            _ => None,
        }) else {
            return Ok(Derived::GoesOn);
        };
        self.fingerprint("validation", &report, &verdicts);
        if let Some((code, _)) = outcome::of_patched(&report, &verdicts, baseline) {
            return Ok(Derived::Ends(code));
        }
        let Some((announcement, stored)) = self.stored(|event| match event {
            Event::PrOpening { announcement, attestation } => Some((announcement.clone(), attestation.clone())),
            _ => None,
        }) else {
            return Ok(Derived::GoesOn);
        };
        let attestation = Attestation::new(&run, &patch.get().digest().to_string(), baseline, &report)
            .map_err(|error| ReplayError::Attestation(error.into()))?;
        self.compare("attestation", stored.digest, attestation.digest.clone());
        let attestation = Attestation { envelope: stored.envelope, ..attestation };
        let draft = Draft::new(&run, plan, patch, baseline, &report, &attestation);
        self.compare("pull_request", announcement.draft, draft.digest());
        let end = self.stored(|event| match event {
            Event::PrOpened { .. } => Some(OutcomeCode::Opened),
            Event::PrDecided { pull_request } => Some(outcome::of_decided(pull_request).0),
            _ => None,
        });
        Ok(end.map_or(Derived::GoesOn, Derived::Ends))
    }

    /// How the run ended, beside how what is stored says that it must.
    fn outcome(&mut self, derived: Derived) {
        let RunStatus::Ended(stored) = RunRecord::fold(self.journal.entries()).status else { return };
        match derived {
            Derived::Ends(code) => self.compare("outcome", stored.to_string(), code.to_string()),
            Derived::GoesOn if stored.is_derived() => {
                self.compare("outcome", stored.to_string(), "the run goes on".to_owned());
            }
            Derived::GoesOn => {
                let why = "an adapter or a person said so, and nothing is derived from it";
                self.found.push(("outcome", Replayed::LeftOut { why }));
            }
            Derived::Unknown(why) => self.found.push(("outcome", Replayed::LeftOut { why })),
        }
    }

    fn decision<T>(
        &mut self,
        stage: &'static str,
        stored: Decision,
        review: Result<Approved<T>, fix_policy::Denied>,
        denied: Option<OutcomeCode>,
    ) -> Result<Approved<T>, Derived> {
        let json = |decision: &Decision| serde_json::to_string(decision).unwrap_or_default();
        let derived = match &review {
            Ok(approved) => approved.decision(),
            Err(denied) => &denied.decision,
        };
        self.compare(stage, json(&stored), json(derived));
        match (review, denied) {
            (Ok(approved), _) if stored.allowed => Ok(approved),
            (Err(_), Some(code)) if !stored.allowed => Err(Derived::Ends(code)),
            _ => Err(DIFFERS),
        }
    }

    fn stored<T>(&self, mut pick: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        self.journal.events().find_map(&mut pick)
    }

    fn compare(&mut self, stage: &'static str, stored: String, derived: String) {
        let replayed = if stored == derived { Replayed::Same } else { Replayed::Differs { stored, derived } };
        self.found.push((stage, replayed));
    }
}

fn asked(event: &Event) -> Option<AskedRound> {
    match event {
        Event::PlanProposed { round } => Some(round.clone()),
        _ => None,
    }
}

/// Every violation with its place, and whether the source may be asked again.
fn verdict(asked: &AskedRound) -> String {
    let violations = asked.violations.iter().map(|violation| format!("{} at {:?}", violation.code, violation.pointer));
    let violations: Vec<String> = violations.collect();
    match (violations.is_empty(), asked.repairable) {
        (true, _) => "valid".to_owned(),
        (false, true) => format!("{}; may be mended", violations.join(", ")),
        (false, false) => format!("{}; the end", violations.join(", ")),
    }
}

const NO_TREE: &str = "the files of the commit are not at hand";
