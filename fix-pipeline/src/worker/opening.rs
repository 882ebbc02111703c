//! The last stage: announced, then asked for; looked for, when a worker before may have asked.

use super::Worker;
use super::end::{End, same, settle};
use crate::attestation::Attestation;
use crate::error::{PipelineError, Port};
use crate::journal::{Announcement, Event};
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
        let pull_request = opened.map_err(|error| settle(Port::PrSink, error))?;
        Ok(self.settled(pull_request).await?)
    }

    /// What the forge has settles an announced run, whatever changed since: policy, files, adapters.
    /// Says whether it did.
    pub(super) async fn look(&mut self) -> Result<bool, End> {
        let Some(announcement) = self.announced() else { return Ok(false) };
        self.begin(Stage::PullRequest);
        let found = self.call(Port::PrSink, self.pipeline.pr_sink.find(&self.context, &announcement)).await;
        match found.map_err(|error| settle(Port::PrSink, error))? {
            None => Ok(false),
            Some(pull_request) => {
                self.settled(pull_request).await?;
                Ok(true)
            }
        }
    }

    /// Ends the run by somebody else's decision; after an announcement, as the forge says.
    pub(crate) async fn abandon(&mut self, reason: &str) -> Result<(), PipelineError> {
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

    async fn settled(&mut self, pull_request: PullRequest) -> Result<(), PipelineError> {
        let event = match pull_request.status.is_open() {
            true => Event::PrOpened { pull_request },
            false => Event::PrDecided { pull_request },
        };
        self.record(event).await
    }

    pub(super) fn announced(&self) -> Option<Announcement> {
        self.stored(|event| match event {
            Event::PrOpening { announcement, .. } => Some(announcement.clone()),
            _ => None,
        })
    }
}
