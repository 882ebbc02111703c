//! A stored run, derived again.

use fix_patch::{Generated, PatchGenerator, PatchOptions, SourceTree};
use fix_plan::{Dialogue, Failure, FixPlan, Next};
use fix_policy::{Approved, Decision, PolicyEngine};

use crate::attestation::Attestation;
use crate::draft::Draft;
use crate::journal::{AskedRound, Event, Journal};
use crate::port::Report;
use crate::run::RunContext;

/// Derives every deterministic stage of a stored run again, and compares. Nobody is asked: no model,
/// no sandbox, no forge.
///
/// The patch needs the files of the commit; without `tree`, it and what follows from it is
/// [left out](Replayed::LeftOut).
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
/// let stages = replay(&journal, &pipeline.policy, &pipeline.generator, &pipeline.options, Some(&case.tree));
/// assert!(stages.iter().all(|(_, replayed)| *replayed == Replayed::Same));
/// # Ok(()) }
/// ```
#[must_use]
pub fn replay(
    journal: &Journal,
    policy: &PolicyEngine,
    generator: &PatchGenerator,
    options: &PatchOptions,
    tree: Option<&dyn SourceTree>,
) -> Vec<(&'static str, Replayed)> {
    let mut stages = Stages { journal, found: Vec::new() };
    stages.derive(policy, generator, options, tree);
    stages.found
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
    /// It can't be derived, for want of the files of the commit, or because a stage before differs.
    LeftOut,
}

struct Stages<'j> {
    journal: &'j Journal,
    found: Vec<(&'static str, Replayed)>,
}

impl Stages<'_> {
    /// Stops where the run stopped, and where what comes next has nothing to start from.
    fn derive(
        &mut self,
        policy: &PolicyEngine,
        generator: &PatchGenerator,
        options: &PatchOptions,
        tree: Option<&dyn SourceTree>,
    ) -> Option<()> {
        let failure = self.stored(|event| match event {
            Event::Started { failure, .. } => Failure::try_from(failure).ok(),
            _ => None,
        })?;
        if let Some(begun_under) = self.stored(|event| match event {
            Event::Started { policy, .. } => Some(policy.clone()),
            _ => None,
        }) {
            self.compare("policy", begun_under, policy.digest().to_owned());
        }
        let plan = self.plan(&failure)?;

        let (digest, decision) = self.stored(|event| match event {
            Event::PlanReviewed { digest, decision, .. } => Some((digest.clone(), decision.clone())),
            _ => None,
        })?;
        self.compare("plan", digest, plan.digest().to_string());
        let plan = self.decision("plan_decision", decision, policy.review_plan(plan))?;

        let (diff, digest) = self.stored(|event| match event {
            Event::PatchGenerated { diff, digest, .. } => Some((diff.clone(), digest.clone())),
            _ => None,
        })?;
        self.compare("diff_digest", digest.clone(), crate::journal::hex_digest(diff.as_bytes()));
        let patch = match tree.map(|tree| generator.generate(plan.get(), tree, options)) {
            None => {
                self.found.push(("patch", Replayed::LeftOut));
                return None;
            }
            Some(Ok(Generated::Patch(patch))) => patch,
            Some(Ok(Generated::NoChange(reasons))) => {
                self.compare("patch", digest, format!("no change: {}", reasons.join("; ")));
                return None;
            }
            Some(Err(error)) => {
                self.compare("patch", digest, error.to_string());
                return None;
            }
        };
        self.compare("patch", digest, patch.digest().to_string());
        let decision = self.stored(|event| match event {
            Event::PatchReviewed { decision } => Some(decision.clone()),
            _ => None,
        })?;
        let patch = self.decision("patch_decision", decision, policy.review_patch(&plan, patch))?;

        let baseline = self.report(|event| matches!(event, Event::BaselineChecked { .. }))?;
        let report = self.report(|event| matches!(event, Event::Validated { .. }))?;
        let opening = self.stored(|event| match event {
            Event::PrOpening { announcement } => Some(announcement.draft.clone()),
            _ => None,
        })?;
        let run = RunContext::new(failure);
        let attestation = Attestation::new(&run, &patch.get().digest().to_string(), &baseline, &report);
        let draft = Draft::new(&run, &plan, &patch, &baseline, &report, &attestation);
        self.compare("pull_request", opening, draft.digest());
        Some(())
    }

    /// The answers, judged again.
    fn plan(&mut self, failure: &Failure) -> Option<FixPlan> {
        let mut dialogue = Dialogue::default();
        let mut valid = None;
        let rounds: Vec<AskedRound> = self.journal.events().filter_map(asked).collect();
        for asked in rounds {
            let next = dialogue.answer(&asked.text, asked.finish.into(), &failure.log);
            let again = AskedRound::new(asked.round, asked.answer(), &next);
            self.compare("answer", verdict(&asked), verdict(&again));
            if let Next::Plan(plan) = next {
                valid = Some(*plan);
            }
        }
        valid
    }

    fn decision<T>(
        &mut self,
        stage: &'static str,
        stored: Decision,
        review: Result<Approved<T>, fix_policy::Denied>,
    ) -> Option<Approved<T>> {
        let json = |decision: &Decision| serde_json::to_string(decision).unwrap_or_default();
        match review {
            Ok(approved) => {
                self.compare(stage, json(&stored), json(approved.decision()));
                stored.allowed.then_some(approved)
            }
            Err(denied) => {
                self.compare(stage, json(&stored), json(&denied.decision));
                None
            }
        }
    }

    fn report(&self, is_it: impl Fn(&Event) -> bool) -> Option<Report> {
        self.stored(|event| match event {
            Event::BaselineChecked { report, .. } | Event::Validated { report, .. } if is_it(event) => {
                Some(report.clone())
            }
            _ => None,
        })
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
