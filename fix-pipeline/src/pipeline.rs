//! The pipeline: one failure in, at most one pull request out.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use fix_patch::{PatchGenerator, PatchOptions, SourceTree};
use fix_plan::{Failure, Redactor};
use fix_policy::PolicyEngine;
use tracing::Instrument as _;

use crate::budget::{Budgets, RealTime, Timer};
use crate::error::PipelineError;
use crate::journal::Terms;
use crate::observer::Observer;
use crate::outcome::Outcome;
use crate::port::dynamic::DynSigner;
use crate::port::{PlanSource, PrSink, RunStore, Validator};
use crate::record::RunRecord;
use crate::run::RunId;
use crate::worker::Worker;

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
    /// How often each check is run; every time must end alike. 1 by default; more shows what is flaky.
    pub repeats: NonZeroU32,
    /// How long an adapter may take.
    pub budgets: Budgets,
    /// What tells that a budget is used up.
    pub timer: Arc<dyn Timer>,
    /// Signs what a run proves; nobody does by default.
    pub signer: Option<Arc<dyn DynSigner>>,
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

impl<P, V, S, R> Pipeline<P, V, S, R> {
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
            repeats: NonZeroU32::MIN,
            budgets: Budgets::default(),
            timer: Arc::new(RealTime),
            signer: None,
            observer: Arc::new(()),
        }
    }

    /// What decides its runs, besides failures and adapters: what their journals record as such.
    pub fn terms(&self) -> Terms {
        Terms::new(&self.policy, &self.generator, &self.options, self.repeats.get())
    }
}

impl<P: PlanSource, V: Validator, S: PrSink, R: RunStore> Pipeline<P, V, S, R> {
    /// Runs `failure` to its end, or on from where it was: running is resuming.
    ///
    /// Everything in `failure` is [redacted](Failure::redacted) before anything else happens: adapters
    /// see a repository without its password, and bring credentials of their own.
    ///
    /// `tree` is the snapshot of the failing commit. The journal is loaded first; what it
    /// holds is not done again: the model is not asked twice, and what is deterministic
    /// is derived again and compared. A run that is over is answered from its journal; when it had announced
    /// a pull request before it was called over, the sink is [asked](PrSink::find) once more, since another
    /// worker may have opened it at that very moment.
    ///
    /// # Errors
    /// Infrastructure only; a denial or a failing check is an [`Outcome`]. After a
    /// [transient](PipelineError::is_transient) error the run can be resumed.
    /// [`PipelineError::Unsettled`] when there is, or may be, a pull request that is not recorded, and the
    /// run can't ask for it again.
    ///
    /// # Cancel safety
    /// Dropping the future leaves a run that can be resumed. No pull request is opened
    /// that the journal does not announce.
    pub async fn run(&self, failure: &Failure, tree: &dyn SourceTree) -> Result<Finished, PipelineError> {
        let run = RunId::of(&failure.event_id);
        let span = tracing::info_span!("fix.run", %run);
        async {
            let mut worker = Worker::open(self, failure).await?;
            worker.drive(tree).await?;
            Ok(worker.finished())
        }
        .instrument(span)
        .await
    }

    /// Ends the run of `failure` without a pull request, for a reason that lies outside of it: its
    /// workers crashed three times, say. A run that is over stays as it is.
    ///
    /// The pipeline can't tell a crash from a worker that is still busy. Who hands out the runs, a
    /// queue with leases for example, can, and calls this so that the run is neither tried for ever
    /// nor lost. The queue vouches that no worker is at the run any more: a lease is longer than
    /// [`Budgets::pr_sink`].
    ///
    /// Once a pull request was announced, the sink is [asked](PrSink::find) first: what is there ends
    /// the run instead.
    ///
    /// # Errors
    /// As [`Pipeline::run`]; and [`PipelineError::Unsettled`] when the sink can't tell whether there is
    /// a pull request: a person must look.
    pub async fn abandon(&self, failure: &Failure, reason: &str) -> Result<Finished, PipelineError> {
        let span = tracing::info_span!("fix.run", run = %RunId::of(&failure.event_id));
        async {
            let mut worker = Worker::open(self, failure).await?;
            worker.abandon(reason).await?;
            Ok(worker.finished())
        }
        .instrument(span)
        .await
    }
}
