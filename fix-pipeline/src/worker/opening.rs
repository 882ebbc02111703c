//! The last stage: announced, then asked for; looked for, when a worker before may have asked.

use super::Worker;
use super::end::{End, same, settle};
use crate::attestation::Attestation;
use crate::error::{PipelineError, Port};
use crate::journal::{Announcement, Entry, Event};
use crate::observer::Stage;
use crate::outcome::OutcomeCode;
use crate::port::{PlanSource, PrSink, PullRequest, RunStore, Signer as _, Validator};
use crate::validated::Validated;

impl<P: PlanSource, V: Validator, S: PrSink, R: RunStore> Worker<'_, P, V, S, R> {
    /// Announced in the journal, then asked for: a crash in between asks again for the same.
    pub(super) async fn open_pull_request(&mut self, change: &Validated) -> Result<(), End> {
        let announcement = change.announcement();
        match self.announced() {
            None => {
                self.begin(Stage::PullRequest);
                let attestation = change.attestation().clone();
                self.record(Event::PrOpening { announcement, attestation }).await?;
            }
            Some(stored) => same("the pull request", stored == announcement)?,
        }
        let opened = self.call(Port::PrSink, self.pipeline.pr_sink.open(&self.context, change)).await;
        let refused = match opened {
            Ok(pull_request) => return Ok(self.settled(pull_request).await?),
            Err(error) => settle(Port::PrSink, error),
        };
        // Another worker may have asked meanwhile, and with success: looked at before anything is called over.
        match refused {
            End::Stop { .. } if self.look().await? => Ok(()),
            refused => Err(refused),
        }
    }

    /// What the forge has settles an announced run, whatever changed since: policy, files, adapters.
    /// Says whether it did.
    pub(super) async fn look(&mut self) -> Result<bool, End> {
        match self.find().await? {
            None => Ok(false),
            Some(pull_request) => {
                self.settled(pull_request).await?;
                Ok(true)
            }
        }
    }

    /// What the forge has of what was announced.
    async fn find(&self) -> Result<Option<PullRequest>, PipelineError> {
        let Some(announcement) = self.announced() else { return Ok(None) };
        self.begin(Stage::PullRequest);
        let found = self.call(Port::PrSink, self.pipeline.pr_sink.find(&self.context, &announcement)).await;
        found.map_err(|error| match settle(Port::PrSink, error) {
            // Nobody has looked, so nobody knows.
            End::Stop { code, message } => self.unsettled(code, message),
            End::Error(error) => error,
        })
    }

    /// That a run which was called over has no open pull request. It can have one: another worker was about to
    /// open it, and died or lost its answer. Whoever is asked about the run again is told.
    pub(super) async fn confirm(&self) -> Result<(), PipelineError> {
        let Some((code, message)) = self.stored(|event| match event {
            Event::Stopped { code, message } => Some((*code, message.clone())),
            _ => None,
        }) else {
            return Ok(());
        };
        match self.find().await? {
            Some(pull_request) if pull_request.status.is_open() => Err(self.unsettled(code, message)),
            _ => Ok(()),
        }
    }

    /// Ends the run by somebody else's decision; after an announcement, as the forge says.
    pub(crate) async fn abandon(&mut self, reason: &str) -> Result<(), PipelineError> {
        if self.is_over() {
            return self.confirm().await;
        }
        match self.look().await {
            Ok(true) => Ok(()),
            Ok(false) => self.record_stop(OutcomeCode::Abandoned, reason.to_owned()).await,
            Err(End::Stop { code, message }) => self.stop(code, message).await,
            Err(End::Error(error)) => Err(error),
        }
    }

    /// Signed once: what is stored is what was, or will be, published.
    pub(super) async fn sign(&self, attestation: Attestation) -> Result<Attestation, End> {
        let stored = self.stored(|event| match event {
            Event::PrOpening { attestation, .. } => Some(attestation.clone()),
            _ => None,
        });
        if let Some(stored) = stored {
            same("what the run proves", stored.statement == attestation.statement)?;
            return Ok(stored);
        }
        let Some(signer) = &self.pipeline.signer else { return Ok(attestation) };
        let message = attestation.message();
        let signature = self.call(Port::Signer, signer.sign(message.as_bytes())).await;
        let signature = signature.map_err(|error| settle(Port::Signer, error))?;
        attestation.with_signature(&signature).map_err(|error| PipelineError::Attestation(error.into()).into())
    }

    async fn settled(&mut self, mut pull_request: PullRequest) -> Result<(), PipelineError> {
        pull_request.url = pull_request.url.map(|url| self.redacted(&url));
        let event = match pull_request.status.is_open() {
            true => Event::PrOpened { pull_request },
            false => Event::PrDecided { pull_request },
        };
        match self.record(event).await {
            Err(error) if error.is_conflict() => Err(self.overtaken(error).await),
            recorded => recorded,
        }
    }

    /// There is a pull request, and another worker wrote the end of the run. Harmless when that end is the same
    /// pull request, and a person's to know when the run was called off.
    async fn overtaken(&self, conflict: PipelineError) -> PipelineError {
        let stored = self.call(Port::RunStore, self.pipeline.run_store.load(self.context.run)).await;
        let ended = stored.ok().and_then(|entries| match entries.last().map(Entry::event) {
            Some(Event::Stopped { code, message }) => Some((*code, message.clone())),
            _ => None,
        });
        match ended {
            Some((code, message)) => self.unsettled(code, message),
            None => conflict,
        }
    }

    pub(super) fn unsettled(&self, code: OutcomeCode, message: String) -> PipelineError {
        let branch = self.announced().map(|announcement| announcement.branch);
        PipelineError::Unsettled { branch: branch.unwrap_or_default(), code, message: self.redacted(&message) }
    }

    pub(super) fn announced(&self) -> Option<Announcement> {
        self.stored(|event| match event {
            Event::PrOpening { announcement, .. } => Some(announcement.clone()),
            _ => None,
        })
    }
}
