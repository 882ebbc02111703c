//! The stages of a run, each recorded before the next begins.

use fix_patch::{Generated, Patch, PatchError, SourceTree};
use fix_plan::{Dialogue, Failure, FixPlan, Next};
use fix_policy::{Approved, Decision, Denied};
use tracing::Instrument as _;

use crate::attestation::Attestation;
use crate::budget::within;
use crate::draft::Draft;
use crate::error::{AdapterError, AdapterErrorKind, PipelineError, Port};
use crate::journal::{AskedRound, Event, FailureRecord, Journal, JournalError, State};
use crate::observer::Stage;
use crate::outcome::{self, Outcome, OutcomeCode};
use crate::pipeline::{Finished, Pipeline};
use crate::port::{
    CheckStatus, Phase, PlanRequest, PlanSource, PrSink, Previous, PullRequest, RawPlan, Report, RunStore, Subject,
    Validator,
};
use crate::record::RunRecord;
use crate::run::RunContext;
use crate::validated::Validated;

/// One run at work. Each stage takes what the journal has, or does its part and records it.
pub(crate) struct Worker<'p, P, V, S, R> {
    pipeline: &'p Pipeline<P, V, S, R>,
    context: RunContext,
    journal: Journal,
    /// A worker before this one may have asked the forge, and nobody recorded the answer.
    asked_before: bool,
}

impl<'p, P: PlanSource, V: Validator, S: PrSink, R: RunStore> Worker<'p, P, V, S, R> {
    /// Loads and checks the journal of `failure`'s run; begins it when there is none.
    pub(crate) async fn open(pipeline: &'p Pipeline<P, V, S, R>, failure: &Failure) -> Result<Self, PipelineError> {
        let context = RunContext::new(failure.redacted(&pipeline.redactor));
        let mut worker = Self { pipeline, context, journal: Journal::default(), asked_before: false };
        let entries = worker.call(Port::RunStore, pipeline.run_store.load(worker.context.run)).await;
        worker.journal = Journal::replay(entries.map_err(|source| adapter(Port::RunStore, source))?)?;
        worker.asked_before = worker.journal.state() == State::Opening;
        let failure = FailureRecord::from(&worker.context.failure);
        let stored = worker.stored(|event| match event {
            Event::Started { failure, .. } => Some(failure.clone()),
            _ => None,
        });
        match stored {
            None => {
                let policy = pipeline.policy.digest().to_owned();
                worker.record(Event::Started { failure, policy, engine: ENGINE.to_owned() }).await?;
            }
            Some(stored) if stored.repository == failure.repository && stored.commit == failure.commit => {
                // The first delivery decides: a later log or time must not change what is derived.
                let failure = Failure::try_from(&stored);
                worker.context.failure = failure
                    .map_err(|error| JournalError::Format { problem: format!("the failure is damaged: {error}") })?;
            }
            Some(stored) => {
                return Err(PipelineError::DifferentFailure {
                    stored: format!("{} at {}", stored.repository, stored.commit),
                    delivered: format!("{} at {}", failure.repository, failure.commit),
                });
            }
        }
        Ok(worker)
    }

    /// The run, as adapters see it.
    #[cfg(feature = "testing")]
    pub(crate) fn context(&self) -> &RunContext {
        &self.context
    }

    pub(crate) fn is_over(&self) -> bool {
        self.journal.state().is_terminal()
    }

    /// On from where the journal is, to the end of the run.
    pub(crate) async fn drive(&mut self, tree: &dyn SourceTree) -> Result<(), PipelineError> {
        if self.is_over() {
            return Ok(());
        }
        let ended = match self.prepare(tree).await {
            Ok(change) => self.open_pull_request(&change).await,
            Err(end) => Err(end),
        };
        match ended {
            Ok(()) => Ok(()),
            // These two the forge itself answered, after a look.
            Err(End::Stop { code: code @ (OutcomeCode::StaleBase | OutcomeCode::ClosedByPerson), message }) => {
                self.record_stop(code, message).await
            }
            Err(End::Stop { code, message }) => self.stop(code, message).await,
            Err(End::Error(error)) => Err(error),
        }
    }

    /// Ends the run without a pull request; but not when there may be one that nobody recorded.
    pub(crate) async fn stop(&mut self, code: OutcomeCode, message: String) -> Result<(), PipelineError> {
        if self.asked_before {
            let branch = self.stored(|event| match event {
                Event::PrOpening { branch, .. } => Some(branch.clone()),
                _ => None,
            });
            return Err(PipelineError::Unsettled { branch: branch.unwrap_or_default(), code, message });
        }
        self.record_stop(code, message).await
    }

    async fn record_stop(&mut self, code: OutcomeCode, message: String) -> Result<(), PipelineError> {
        // Messages quote what tools and servers say.
        let message = self.pipeline.redactor.redact(&message).into_owned();
        self.record(Event::Stopped { code, message }).await
    }

    /// Every stage but the last: what may be proposed.
    pub(crate) async fn prepare(&mut self, tree: &dyn SourceTree) -> Result<Validated, End> {
        let begun_with = self.stored(|event| match event {
            Event::Started { policy, engine, .. } => Some((policy.clone(), engine.clone())),
            _ => None,
        });
        // Once the forge may have been asked, what counts is that the same is asked for again.
        let unchanged = begun_with == Some((self.pipeline.policy.digest().to_owned(), ENGINE.to_owned()));
        same("the policy or the pipeline", unchanged || self.asked_before)?;
        let baseline = self.baseline().await?;
        let plan = self.plan(tree).await?;
        let plan = self.review_plan(plan).await?;
        let patch = self.generate(&plan, tree).await?;
        let patch = self.review_patch(&plan, patch).await?;
        let report = self.validate(&baseline, &patch).await?;
        let digest = patch.get().digest().to_string();
        let attestation = Attestation::new(&self.context, &digest, &baseline, &report);
        let draft = Draft::new(&self.context, &plan, &patch, &baseline, &report, &attestation);
        let attestation = match &self.pipeline.signer {
            None => attestation,
            // A part of proposing, and told as such.
            Some(signer) => attestation.signed(&**signer).map_err(|error| settle(Port::PrSink, error))?,
        };
        Ok(Validated::new(plan, patch, baseline, report, draft, attestation))
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
    async fn check(&self, stage: Stage, subject: Subject<'_>) -> Result<(Report, Vec<CheckStatus>), End> {
        self.begin(stage);
        let mut verdicts = Vec::new();
        loop {
            let checked = self.call(Port::Validator, self.pipeline.validator.validate(&self.context, subject)).await;
            let mut report = checked.map_err(|error| settle(Port::Validator, error))?;
            report.output_tail = self.pipeline.redactor.redact(&report.output_tail).into_owned();
            verdicts.push(report.status);
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
        answer.map(RawPlan::bounded).map_err(|error| settle(Port::PlanSource, error))
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
        // Red by one command and green by another proves nothing.
        let checks = |report: &Report| {
            let checks = report.commands.iter().filter(|command| command.phase == Phase::Check);
            checks.map(|command| command.command.clone()).collect::<Vec<_>>()
        };
        if report.status == CheckStatus::Passed {
            same("the check", checks(baseline) == checks(&report))?;
        }
        match outcome::of_patched(&report, &verdicts, baseline) {
            None => Ok(report),
            Some((code, message)) => stop(code, message),
        }
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
        let opened = self.call(Port::PrSink, self.pipeline.pr_sink.open(&self.context, change)).await;
        let pull_request: PullRequest = opened.map_err(|error| settle(Port::PrSink, error))?;
        self.record(Event::PrOpened { pull_request }).await?;
        Ok(())
    }

    fn stored<T>(&self, mut pick: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        self.journal.events().find_map(&mut pick)
    }

    fn begin(&self, stage: Stage) {
        tracing::info!(target: "fix_pipeline", stage = stage.as_str(), "stage");
        self.pipeline.observer.stage_started(self.context.run, stage);
    }

    /// Calls an adapter, within its budget. What it says may be untrusted text, and stays out of the events.
    async fn call<T>(
        &self,
        port: Port,
        call: impl Future<Output = Result<T, AdapterError>>,
    ) -> Result<T, AdapterError> {
        let span = tracing::debug_span!("fix.port", port = port.as_str());
        let answer = within(&*self.pipeline.timer, self.pipeline.budgets.of(port), call).instrument(span).await;
        if let Err(error) = &answer {
            let kind = error.kind().as_str();
            tracing::warn!(target: "fix_pipeline", port = port.as_str(), kind, "adapter failed");
            self.pipeline.observer.adapter_failed(self.context.run, port, error);
        }
        answer
    }

    async fn record(&mut self, event: Event) -> Result<(), PipelineError> {
        let entry = self.journal.next(event)?;
        let appended = self.call(Port::RunStore, self.pipeline.run_store.append(self.context.run, &entry)).await;
        appended.map_err(|source| adapter(Port::RunStore, source))?;
        tracing::info!(target: "fix_pipeline", sequence = entry.sequence(), event = entry.event().name(), "recorded");
        self.pipeline.observer.recorded(self.context.run, &entry);
        self.journal.push(entry)?;
        if self.is_over() {
            let code = self.finished().outcome.code();
            tracing::info!(target: "fix_pipeline", outcome = code.as_str(), "finished");
            self.pipeline.observer.finished(self.context.run, code);
        }
        Ok(())
    }

    pub(crate) fn finished(&self) -> Finished {
        let record = RunRecord::fold(self.journal.entries());
        let outcome = record.outcome().unwrap_or(Outcome::Stopped {
            code: OutcomeCode::AdapterFailed,
            message: "the run did not end".to_owned(),
        });
        Finished { run: self.context.run, outcome, record }
    }
}

/// Why a run does not go on.
pub(crate) enum End {
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

fn adapter(port: Port, source: AdapterError) -> PipelineError {
    PipelineError::Adapter { port, source }
}

/// A permanent error of an adapter ends the run, a transient one leaves it resumable.
fn settle(port: Port, error: AdapterError) -> End {
    if error.is_transient() {
        return End::Error(adapter(port, error));
    }
    let code = match (port, error.kind()) {
        (_, AdapterErrorKind::Unsupported) => OutcomeCode::Unsupported,
        (Port::PlanSource, AdapterErrorKind::NothingToPropose) => OutcomeCode::NoPlan,
        (Port::PrSink, AdapterErrorKind::StaleBase) => OutcomeCode::StaleBase,
        (Port::PrSink, AdapterErrorKind::ClosedByPerson) => OutcomeCode::ClosedByPerson,
        // Refused, or a kind that is not this port's to answer.
        _ => OutcomeCode::AdapterFailed,
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
