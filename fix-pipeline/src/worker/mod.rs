//! The stages of a run, each recorded before the next begins.

mod end;
mod opening;
mod stages;

use std::error::Error;
use std::time::Instant;

use fix_patch::SourceTree;
use fix_plan::Failure;
use tracing::Instrument as _;

pub(crate) use end::End;
use end::adapter;

use crate::budget::within;
use crate::error::{AdapterError, PipelineError, Port, SetAside};
use crate::journal::{Event, FailureRecord, Journal, State};
use crate::observer::Stage;
use crate::outcome::{Outcome, OutcomeCode};
use crate::pipeline::{Finished, Pipeline};
use crate::port::{PlanSource, PrSink, RunStore, Validator};
use crate::record::RunRecord;
use crate::run::RunContext;

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
        let entries = match entries {
            Ok(entries) => entries,
            Err(source) if source.is_transient() => return Err(adapter(Port::RunStore, source)),
            Err(source) => return Err(worker.set_aside(SetAside::of_store(&source), source.into())),
        };
        worker.journal =
            Journal::replay(entries).map_err(|error| worker.set_aside(SetAside::of_journal(&error), error.into()))?;
        worker.asked_before = worker.journal.state() == State::Opening;
        let failure = FailureRecord::from(&worker.context.failure);
        let stored = worker.stored(|event| match event {
            Event::Started { failure, .. } => Some(failure.clone()),
            _ => None,
        });
        match stored {
            None => {
                worker.record(Event::Started { failure, terms: pipeline.terms() }).await?;
            }
            Some(stored) if is_same_repository(&stored, &failure) && stored.commit == failure.commit => {
                // The first delivery decides: a later log or time must not change what is derived.
                let stored = Failure::try_from(&stored);
                let stored = stored.map_err(|error| worker.set_aside(SetAside::Damaged, error.into()))?;
                // Secrets that became known since then are no adapter's to see either.
                worker.context.failure = stored.redacted(&pipeline.redactor);
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

    /// A stored run that can't be used: told to whoever watches, and left as it is.
    fn set_aside(&self, reason: SetAside, source: Box<dyn Error + Send + Sync>) -> PipelineError {
        tracing::error!(target: "fix_pipeline", reason = reason.as_str(), "set aside");
        self.pipeline.observer.set_aside(self.context.run, reason, &*source);
        PipelineError::SetAside { run: self.context.run, reason, source }
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
            return self.confirm().instrument(Stage::PullRequest.span()).await;
        }
        match self.advance(tree).await {
            Ok(()) => Ok(()),
            // The forge itself answered so, after a look.
            Err(End::Stop { code: code @ OutcomeCode::StaleBase, message }) => self.record_stop(code, message).await,
            Err(End::Stop { code, message }) => self.stop(code, message).await,
            Err(End::Error(error)) => Err(error),
        }
    }

    async fn advance(&mut self, tree: &dyn SourceTree) -> Result<(), End> {
        if self.asked_before && self.look().instrument(Stage::PullRequest.span()).await? {
            return Ok(());
        }
        let change = self.prepare(tree).await?;
        self.open_pull_request(&change).instrument(Stage::PullRequest.span()).await
    }

    /// Ends the run without a pull request; but not when there may be one that nobody recorded.
    async fn stop(&mut self, code: OutcomeCode, message: String) -> Result<(), PipelineError> {
        if self.asked_before {
            return Err(self.unsettled(code, message));
        }
        self.record_stop(code, message).await
    }

    /// What adapters say quotes files, commands, tools and servers: nothing of it is stored as it came.
    fn redacted(&self, text: &str) -> String {
        self.pipeline.redactor.redact(text).into_owned()
    }

    async fn record_stop(&mut self, code: OutcomeCode, message: String) -> Result<(), PipelineError> {
        let message = self.redacted(&message);
        self.record(Event::Stopped { code, message }).await
    }

    fn stored<T>(&self, mut pick: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        self.journal.events().find_map(&mut pick)
    }

    fn begin(&self, stage: Stage) {
        tracing::info!(target: "fix_pipeline", stage = stage.as_str(), "stage");
        self.pipeline.observer.stage_started(self.context.run, stage);
    }

    /// Calls an adapter, within its budget. What it says may be untrusted text, and is told at debug level only.
    async fn call<T>(
        &self,
        port: Port,
        call: impl Future<Output = Result<T, AdapterError>>,
    ) -> Result<T, AdapterError> {
        let span = tracing::debug_span!("fix.port", port = port.as_str());
        let begun = Instant::now();
        let budget = self.pipeline.budgets.of(port);
        let answer = within(&*self.pipeline.timer, budget, call).instrument(span.clone()).await;
        let took = begun.elapsed();
        let _in_port = span.entered();
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(target: "fix_pipeline", took_ms, ok = answer.is_ok(), "called");
        self.pipeline.observer.adapter_called(self.context.run, port, took);
        if let Err(error) = &answer {
            let kind = error.kind().as_str();
            tracing::warn!(target: "fix_pipeline", port = port.as_str(), kind, took_ms, "adapter failed");
            tracing::debug!(target: "fix_pipeline", error = end::with_causes(error), "adapter error");
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

/// Whether both name one repository. What stands for its credentials changes with what is known to be secret.
fn is_same_repository(one: &FailureRecord, other: &FailureRecord) -> bool {
    let place = |repository: &str| match repository.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit('@').next().unwrap_or(authority);
            format!("{scheme}://{host}/{path}")
        }
        None => repository.to_owned(),
    };
    place(&one.repository) == place(&other.repository)
}
