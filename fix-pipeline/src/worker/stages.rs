//! Every stage but the last: each takes what the journal has, or does its part and records it.

use fix_patch::{Generated, Patch, PatchError, SourceTree};
use fix_plan::{Dialogue, FixPlan, Next};
use fix_policy::{Approved, Decision, Denied};
use tracing::Instrument as _;

use super::Worker;
use super::end::{End, changed, same, settle, stop, with_causes};
use crate::attestation::Attestation;
use crate::bounds;
use crate::draft::Draft;
use crate::error::{PipelineError, Port, may_pass};
use crate::journal::{AskedRound, Event};
use crate::observer::Stage;
use crate::outcome::{self, OutcomeCode};
use crate::port::{
    CheckStatus, PlanRequest, PlanSource, PrSink, Previous, RawPlan, Report, RunStore, Subject, Validator, Verdict,
};
use crate::validated::Validated;

impl<P: PlanSource, V: Validator, S: PrSink, R: RunStore> Worker<'_, P, V, S, R> {
    /// Every stage but the last: what may be proposed.
    pub(crate) async fn prepare(&mut self, tree: &dyn SourceTree) -> Result<Validated, End> {
        self.take_terms().await?;
        let baseline = self.baseline().instrument(Stage::Baseline.span()).await?;
        let plan = self.plan(tree).instrument(Stage::Plan.span()).await?;
        let plan = self.review_plan(plan).instrument(Stage::Plan.span()).await?;
        let patch = self.generate(&plan, tree).instrument(Stage::Patch.span()).await?;
        let patch = self.review_patch(&plan, patch).instrument(Stage::Patch.span()).await?;
        let report = self.validate(&baseline, &patch).instrument(Stage::Validate.span()).await?;
        let digest = patch.get().digest().to_string();
        let attestation = Attestation::new(&self.context, &digest, &baseline, &report);
        let attestation = attestation.map_err(|error| PipelineError::Attestation(error.into()))?;
        let attestation = self.sign(attestation).await?;
        let draft = Draft::new(&self.context, &plan, &patch, &baseline, &report, &attestation);
        Ok(Validated::new(plan, patch, baseline, report, draft, attestation))
    }

    /// Under other terms than before, a run goes on where nothing depends on them yet; every decision that is
    /// stored is made again, and must come out the same.
    async fn take_terms(&mut self) -> Result<(), PipelineError> {
        let terms = self.pipeline.terms();
        let last = self.journal.events().filter_map(Event::terms).last();
        if last == Some(&terms) {
            return Ok(());
        }
        self.record(Event::Resumed { terms }).await
    }

    /// Red first: no model is asked about a failure that does not reproduce.
    async fn baseline(&mut self) -> Result<Report, End> {
        let stored = self.stored(|event| match event {
            Event::BaselineChecked { report, verdicts } => Some((report.clone(), verdicts.clone())),
            _ => None,
        });
        let (report, verdicts) = match stored {
            Some(checked) => checked,
            None => {
                let (report, verdicts) = self.check(Stage::Baseline, Subject::Baseline).await?;
                self.record(Event::BaselineChecked { report: report.clone(), verdicts: verdicts.clone() }).await?;
                (report, verdicts)
            }
        };
        match outcome::of_baseline(&report, &verdicts, &self.context.failure.log) {
            None => Ok(report),
            Some((code, message)) => stop(code, message),
        }
    }

    /// The last report, and how each repetition ended.
    async fn check(&self, stage: Stage, subject: Subject<'_>) -> Result<(Report, Vec<Verdict>), End> {
        self.begin(stage);
        let mut verdicts = Vec::new();
        loop {
            let checked = self.call(Port::Validator, self.pipeline.validator.validate(&self.context, subject)).await;
            let report = checked.map_err(|error| settle(Port::Validator, error))?;
            if report.commands.len() > bounds::COMMANDS_MAX {
                let (count, most) = (report.commands.len(), bounds::COMMANDS_MAX);
                let message = format!("the validator reports {count} commands, and {most} are read");
                return stop(OutcomeCode::AdapterFailed, message);
            }
            let report = report.cleaned(|text| self.redacted(text));
            verdicts.push(Verdict::of(&report));
            // A limit that was hit once is answer enough.
            let settled = !matches!(report.status, CheckStatus::Passed | CheckStatus::Failed);
            if settled || u32::try_from(verdicts.len()).is_ok_and(|count| count >= self.pipeline.repeats.get()) {
                return Ok((report, verdicts));
            }
        }
    }

    /// A valid plan: from the journal, or within one question and two repairs.
    async fn plan(&mut self, tree: &dyn SourceTree) -> Result<FixPlan, End> {
        let mut dialogue = Dialogue::default();
        loop {
            let round = dialogue.round();
            let stored = self.stored(|event| match event {
                Event::PlanProposed { round: asked } if asked.round == round => Some(asked.clone()),
                _ => None,
            });
            let answer = match &stored {
                Some(asked) => asked.answer(),
                None => self.ask(tree, &dialogue).await?,
            };
            let next = dialogue.answer(&answer.text, answer.finish, &self.context.failure.log);
            let asked = AskedRound::new(round, answer, &next);
            match stored {
                None => self.record(Event::PlanProposed { round: asked }).await?,
                Some(stored) => same("the verdict on an answer", stored == asked)?,
            }
            match next {
                Next::Plan(plan) => return Ok(*plan),
                Next::Repair(_) => {}
                Next::GiveUp(error) => return stop(OutcomeCode::PlanInvalid, error.to_string()),
            }
        }
    }

    async fn ask(&self, tree: &dyn SourceTree, dialogue: &Dialogue) -> Result<RawPlan, End> {
        self.begin(Stage::Plan);
        let mut request = PlanRequest::new(&self.context.failure, tree);
        request.previous = dialogue.previous().map(|(text, error)| Previous { text, violations: error.violations() });
        let answer = self.call(Port::PlanSource, self.pipeline.plan_source.propose(request)).await;
        let mut answer = answer.map(RawPlan::bounded).map_err(|error| settle(Port::PlanSource, error))?;
        // A source sees the files, and may quote what they hold. What is stored is what is parsed.
        (answer.text, answer.source) = (self.redacted(&answer.text), self.redacted(&answer.source));
        Ok(answer)
    }

    async fn review_plan(&mut self, plan: FixPlan) -> Result<Approved<FixPlan>, End> {
        let (json, digest) = (plan.to_json(), plan.digest().to_string());
        let review = self.pipeline.policy.review_plan(plan);
        let decision = decision_of(&review);
        let stored = self.stored(|event| match event {
            Event::PlanReviewed { digest, decision, .. } => Some((digest.clone(), decision.clone())),
            _ => None,
        });
        match stored {
            None => self.record(Event::PlanReviewed { plan: json, digest, decision: decision.clone() }).await?,
            Some(stored) => same("the decision about the plan", stored == (digest, decision.clone()))?,
        }
        review.or_else(|denied| stop(outcome::of_denied_plan(&denied), denied.to_string()))
    }

    async fn generate(&mut self, plan: &Approved<FixPlan>, tree: &dyn SourceTree) -> Result<Patch, End> {
        self.begin(Stage::Patch);
        let generated = self.pipeline.generator.generate(plan.get(), tree, &self.pipeline.options);
        let stored = self.stored(|event| match event {
            Event::PatchGenerated { digest, .. } => Some(digest.clone()),
            _ => None,
        });
        let patch = match generated {
            Ok(Generated::Patch(patch)) => patch,
            Err(error @ PatchError::Tree(_)) if may_pass(&error) => {
                return Err(End::Error(PipelineError::Snapshot(error)));
            }
            Err(error @ PatchError::Tree(_)) => {
                return stop(OutcomeCode::AdapterFailed, with_causes(&error));
            }
            Ok(Generated::NoChange(_)) | Err(_) if stored.is_some() => return changed("the patch"),
            Ok(Generated::NoChange(reasons)) => return stop(OutcomeCode::NoChange, reasons.join("; ")),
            Err(PatchError::Refused(refusal)) => return stop(OutcomeCode::PatchRefused, refusal.to_string()),
            Err(error) => return stop(OutcomeCode::ProofFailed, error.to_string()),
        };
        match stored {
            None => self.record(Event::patch_generated(&patch)).await?,
            Some(digest) => same("the patch", digest == patch.digest().to_string())?,
        }
        Ok(patch)
    }

    async fn review_patch(&mut self, plan: &Approved<FixPlan>, patch: Patch) -> Result<Approved<Patch>, End> {
        let review = self.pipeline.policy.review_patch(plan, patch);
        let decision = decision_of(&review);
        let stored = self.stored(|event| match event {
            Event::PatchReviewed { decision } => Some(decision.clone()),
            _ => None,
        });
        match stored {
            None => self.record(Event::PatchReviewed { decision }).await?,
            Some(stored) => same("the decision about the patch", stored == decision)?,
        }
        review.or_else(|denied| stop(OutcomeCode::PatchDenied, denied.to_string()))
    }

    /// Green after red, with at least as many checks.
    async fn validate(&mut self, baseline: &Report, patch: &Approved<Patch>) -> Result<Report, End> {
        let stored = self.stored(|event| match event {
            Event::Validated { report, verdicts } => Some((report.clone(), verdicts.clone())),
            _ => None,
        });
        let (report, verdicts) = match stored {
            Some(checked) => checked,
            None => {
                let (report, verdicts) = self.check(Stage::Validate, Subject::Patched(patch)).await?;
                self.record(Event::Validated { report: report.clone(), verdicts: verdicts.clone() }).await?;
                (report, verdicts)
            }
        };
        match outcome::of_patched(&report, &verdicts, baseline) {
            None => Ok(report),
            Some((code, message)) => stop(code, message),
        }
    }
}

fn decision_of<T>(review: &Result<Approved<T>, Denied>) -> Decision {
    match review {
        Ok(approved) => approved.decision().clone(),
        Err(denied) => (*denied.decision).clone(),
    }
}
