//! The pipeline: one failure in, at most one pull request out.

use std::fmt;
use std::sync::Arc;

use fix_patch::{Generated, Patch, PatchError, PatchGenerator, PatchOptions, SourceTree};
use fix_plan::{Dialogue, Failure, FixPlan, Next, Redactor};
use fix_policy::{Approved, Decision, Denied, PolicyEngine};

use crate::draft::Draft;
use crate::error::{AdapterError, AdapterErrorKind, PipelineError, Port};
use crate::journal::{AskedRound, Event, FailureRecord, Journal, JournalError};
use crate::observer::{Observer, Stage};
use crate::outcome::{self, Outcome, OutcomeCode};
use crate::port::{
    CheckStatus, Phase, PlanRequest, PlanSource, PrSink, Previous, PullRequest, RawPlan, Report, RunStore, Subject,
    Validator,
};
use crate::record::RunRecord;
use crate::run::{RunContext, RunId};
use crate::validated::Validated;

/// Takes failures to pull requests, with adapters of the embedder's choice.
///
/// Every field may be replaced after [`Pipeline::new`].
#[expect(clippy::exhaustive_structs, reason = "an embedder may take it apart")]
pub struct Pipeline<P, V, S, R> {
    /// Where plans come from.
    pub plan_source: P,
    /// Where the failure is reproduced, and shown to be gone.
    pub validator: V,
    /// Where the change is proposed.
    pub pr_sink: S,
    /// Where the journal is kept.
    pub run_store: R,
    /// Judges plans and patches.
    pub policy: PolicyEngine,
    /// Makes patches.
    pub generator: PatchGenerator,
    /// What the generator may do.
    pub options: PatchOptions,
    /// Takes secrets out of logs before they are stored or shown to a plan source.
    pub redactor: Redactor,
    /// Watches.
    pub observer: Arc<dyn Observer>,
}

impl<P, V, S, R> fmt::Debug for Pipeline<P, V, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("policy", &self.policy.digest())
            .field("generator", &self.generator)
            .finish_non_exhaustive()
    }
}

/// A run that is over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// Everything about it.
    pub record: RunRecord,
}

impl<P: PlanSource, V: Validator, S: PrSink, R: RunStore> Pipeline<P, V, S, R> {
    /// A pipeline of these adapters, with the default policy, generator and options.
    pub fn new(plan_source: P, validator: V, pr_sink: S, run_store: R) -> Self {
        Self {
            plan_source,
            validator,
            pr_sink,
            run_store,
            policy: PolicyEngine::default(),
            generator: PatchGenerator::default(),
            options: PatchOptions::default(),
            redactor: Redactor::default(),
            observer: Arc::new(()),
        }
    }

    /// Runs `failure` to its end, or on from where it was: running is resuming.
    ///
    /// `tree` is the snapshot of the failing commit. The journal is loaded first; what it
    /// holds is not done again: the model is not asked twice, and what is deterministic
    /// is derived again and compared. A run that is over is answered from its journal.
    ///
    /// # Errors
    /// Infrastructure only; a denial or a failing check is an [`Outcome`]. After a
    /// [transient](PipelineError::is_transient) error the run can be resumed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves a run that can be resumed. No pull request is opened
    /// that the journal does not announce.
    pub async fn run(&self, failure: &Failure, tree: &dyn SourceTree) -> Result<Finished, PipelineError> {
        let mut failure = failure.clone();
        failure.log = failure.log.redacted(&self.redactor);
        let mut worker = Worker { pipeline: self, context: RunContext::new(failure), journal: Journal::default() };
        worker.open().await?;
        if !worker.journal.state().is_terminal() {
            match worker.drive(tree).await {
                Ok(()) => {}
                Err(End::Stop { code, message }) => worker.record(Event::Stopped { code, message }).await?,
                Err(End::Error(error)) => return Err(error),
            }
        }
        Ok(worker.finished())
    }
}

/// Why a run does not go on.
enum End {
    Stop { code: OutcomeCode, message: String },
    Error(PipelineError),
}

impl From<PipelineError> for End {
    fn from(error: PipelineError) -> Self {
        Self::Error(error)
    }
}

fn stop<T>(code: OutcomeCode, message: impl Into<String>) -> Result<T, End> {
    Err(End::Stop { code, message: message.into() })
}

/// A permanent error of an adapter ends the run, a transient one leaves it resumable.
fn settle(port: Port, error: AdapterError) -> End {
    if error.is_transient() {
        return End::Error(PipelineError::Adapter { port, source: error });
    }
    let code = match error.kind() {
        AdapterErrorKind::Unsupported => OutcomeCode::Unsupported,
        AdapterErrorKind::NothingToPropose => OutcomeCode::NoPlan,
        AdapterErrorKind::StaleBase => OutcomeCode::StaleBase,
        AdapterErrorKind::ClosedByPerson => OutcomeCode::ClosedByPerson,
        AdapterErrorKind::Refused | AdapterErrorKind::Unavailable | AdapterErrorKind::Conflict => {
            OutcomeCode::AdapterFailed
        }
    };
    End::Stop { code, message: with_causes(&error) }
}

/// An error and what caused it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// One run at work. Each stage takes what the journal has, or does its part and records it.
struct Worker<'p, P, V, S, R> {
    pipeline: &'p Pipeline<P, V, S, R>,
    context: RunContext,
    journal: Journal,
}

impl<P: PlanSource, V: Validator, S: PrSink, R: RunStore> Worker<'_, P, V, S, R> {
    /// Loads and checks the journal; begins it when there is none.
    async fn open(&mut self) -> Result<(), PipelineError> {
        let load = self.pipeline.run_store.load(self.context.run).await;
        let entries = load.map_err(|source| PipelineError::Adapter { port: Port::RunStore, source })?;
        self.journal = Journal::replay(entries)?;
        let failure = FailureRecord::from(&self.context.failure);
        let stored = self.stored(|event| match event {
            Event::Started { failure, .. } => Some(failure.clone()),
            _ => None,
        });
        match stored {
            None => {
                let policy = self.pipeline.policy.digest().to_owned();
                self.record(Event::Started { failure, policy, engine: ENGINE.to_owned() }).await
            }
            Some(stored) if stored.repository == failure.repository && stored.commit == failure.commit => {
                // The first delivery decides: a later log or time must not change what is derived.
                let failure = Failure::try_from(&stored);
                self.context.failure = failure
                    .map_err(|error| JournalError::Format { problem: format!("the failure is damaged: {error}") })?;
                Ok(())
            }
            Some(stored) => Err(PipelineError::DifferentFailure {
                stored: format!("{} at {}", stored.repository, stored.commit),
                delivered: format!("{} at {}", failure.repository, failure.commit),
            }),
        }
    }

    async fn drive(&mut self, tree: &dyn SourceTree) -> Result<(), End> {
        let begun_with = self.stored(|event| match event {
            Event::Started { policy, engine, .. } => Some((policy.clone(), engine.clone())),
            _ => None,
        });
        same(
            "the policy or the pipeline",
            begun_with == Some((self.pipeline.policy.digest().to_owned(), ENGINE.to_owned())),
        )?;
        let baseline = self.baseline().await?;
        let plan = self.plan(tree).await?;
        let plan = self.review_plan(plan).await?;
        let patch = self.generate(&plan, tree).await?;
        let patch = self.review_patch(&plan, patch).await?;
        let report = self.validate(&baseline, &patch).await?;
        let draft = Draft::new(&self.context, &plan, &patch, &baseline, &report);
        let change = Validated::new(plan, patch, baseline, report, draft);
        self.open_pull_request(&change).await
    }

    /// Red first: no model is asked about a failure that does not reproduce.
    async fn baseline(&mut self) -> Result<Report, End> {
        let stored = self.stored(|event| match event {
            Event::BaselineChecked { report } => Some(report.clone()),
            _ => None,
        });
        let report = match stored {
            Some(report) => report,
            None => {
                self.begin(Stage::Baseline);
                let checked = self.pipeline.validator.validate(&self.context, Subject::Baseline).await;
                let report = checked.map_err(|error| settle(Port::Validator, error))?;
                self.record(Event::BaselineChecked { report: report.clone() }).await?;
                report
            }
        };
        match outcome::of_baseline(report.status) {
            None => Ok(report),
            Some((code, message)) => stop(code, message),
        }
    }

    /// A valid plan: from the journal, or within one question and two repairs.
    async fn plan(&mut self, tree: &dyn SourceTree) -> Result<FixPlan, End> {
        let mut dialogue = Dialogue::default();
        loop {
            let round = dialogue.round();
            let stored = self.stored(|event| match event {
                Event::PlanProposed { round: asked } if asked.round == round => {
                    Some(RawPlan::new(asked.source.clone(), asked.text.clone()).with_finish(asked.finish.into()))
                }
                _ => None,
            });
            let is_new = stored.is_none();
            let answer = match stored {
                Some(answer) => answer,
                None => self.ask(tree, &dialogue).await?,
            };
            let next = dialogue.answer(&answer.text, answer.finish, &self.context.failure.log);
            if is_new {
                self.record(Event::PlanProposed { round: AskedRound::new(round, answer, &next) }).await?;
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
        let answer = self.pipeline.plan_source.propose(request).await;
        answer.map_err(|error| settle(Port::PlanSource, error))
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
        review.or_else(|denied| {
            let unsupported = ["category_unsupported", "operation_unsupported"];
            let code =
                match denied.decision.violations.iter().any(|violation| unsupported.contains(&violation.code.as_str()))
                {
                    true => OutcomeCode::PlanUnsupported,
                    false => OutcomeCode::PlanDenied,
                };
            stop(code, denied.to_string())
        })
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
            Ok(Generated::NoChange(_)) | Err(_) if stored.is_some() => return changed("the patch"),
            Ok(Generated::NoChange(reasons)) => return stop(OutcomeCode::NoChange, reasons.join("; ")),
            Err(PatchError::Refused(refusal)) => return stop(OutcomeCode::PatchRefused, refusal.to_string()),
            Err(error @ PatchError::ProofFailed { .. }) => return stop(OutcomeCode::ProofFailed, error.to_string()),
            Err(error) => {
                return Err(End::Error(PipelineError::Snapshot(error)));
            }
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
            Event::Validated { report } => Some(report.clone()),
            _ => None,
        });
        let report = match stored {
            Some(report) => report,
            None => {
                self.begin(Stage::Validate);
                let checked = self.pipeline.validator.validate(&self.context, Subject::Patched(patch)).await;
                let report = checked.map_err(|error| settle(Port::Validator, error))?;
                self.record(Event::Validated { report: report.clone() }).await?;
                report
            }
        };
        // Red by one command and green by another proves nothing.
        let checks = |report: &Report| {
            let checks = report.commands.iter().filter(|command| command.phase == Phase::Check);
            checks.map(|command| command.command.clone()).collect::<Vec<_>>()
        };
        if report.status == CheckStatus::Passed {
            same("the check", checks(baseline) == checks(&report))?;
        }
        if let Some((code, message)) = outcome::of_patched(report.status) {
            return stop(code, message);
        }
        if report.tests_run == 0 {
            return stop(OutcomeCode::NothingRan, "the checks ran no test with the patch");
        }
        if report.tests_run < baseline.tests_run {
            let message = format!("{} checks ran with the patch, {} without", report.tests_run, baseline.tests_run);
            return stop(OutcomeCode::FewerTests, message);
        }
        Ok(report)
    }

    /// Announced in the journal, then asked for: a crash in between asks again for the same.
    async fn open_pull_request(&mut self, change: &Validated) -> Result<(), End> {
        self.begin(Stage::PullRequest);
        let draft = change.draft();
        let announced = Event::PrOpening {
            branch: draft.branch.clone(),
            base_commit: draft.base_commit.clone(),
            tree: change.tree().to_owned(),
            draft: draft.digest(),
        };
        let stored = self.stored(|event| matches!(event, Event::PrOpening { .. }).then(|| event.clone()));
        match stored {
            None => self.record(announced).await?,
            Some(stored) => same("the pull request", stored == announced)?,
        }
        let opened = self.pipeline.pr_sink.open(&self.context, change).await;
        let pull_request: PullRequest = opened.map_err(|error| settle(Port::PrSink, error))?;
        self.record(Event::PrOpened { pull_request }).await?;
        Ok(())
    }

    fn stored<T>(&self, mut pick: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        self.journal.events().find_map(&mut pick)
    }

    fn begin(&self, stage: Stage) {
        self.pipeline.observer.stage_started(self.context.run, stage);
    }

    async fn record(&mut self, event: Event) -> Result<(), PipelineError> {
        let entry = self.journal.next(event)?;
        let appended = self.pipeline.run_store.append(self.context.run, &entry).await;
        appended.map_err(|source| PipelineError::Adapter { port: Port::RunStore, source })?;
        self.pipeline.observer.recorded(self.context.run, &entry);
        self.journal.push(entry)?;
        Ok(())
    }

    fn finished(&self) -> Finished {
        let record = RunRecord::fold(self.journal.entries());
        let outcome = record.outcome().unwrap_or(Outcome::Stopped {
            code: OutcomeCode::AdapterFailed,
            message: "the run did not end".to_owned(),
        });
        Finished { run: self.context.run, outcome, record }
    }
}

/// What the journal records as the writer of a run.
const ENGINE: &str = concat!("fix-pipeline ", env!("CARGO_PKG_VERSION"));

fn decision_of<T>(review: &Result<Approved<T>, Denied>) -> Decision {
    match review {
        Ok(approved) => approved.decision().clone(),
        Err(denied) => (*denied.decision).clone(),
    }
}

fn same(what: &str, equal: bool) -> Result<(), End> {
    if equal { Ok(()) } else { changed(what) }
}

/// What was derived again is not what was stored: policy, generator or adapters
/// changed in between. A person decides.
fn changed<T>(what: &str) -> Result<T, End> {
    stop(
        OutcomeCode::Changed,
        format!("{what} is not what it was when the run began; start the run anew under another event"),
    )
}
