//! How long an adapter may take.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use crate::error::{AdapterError, AdapterErrorKind, Port};

/// How long one call of each port may take.
///
/// These are the last resort against an adapter that hangs; adapters have tighter limits of their
/// own, with better answers. A call that takes longer is dropped, and counts as a transient error.
///
/// ```
/// use std::time::Duration;
/// use fix_pipeline::{Budgets, Port};
/// let budgets = Budgets { validator: Duration::from_secs(600), ..Budgets::default() };
/// assert_eq!(budgets.of(Port::Validator).as_secs(), 600);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the pipeline has these ports")]
pub struct Budgets {
    /// One answer of a plan source; 10 minutes by default.
    pub plan_source: Duration,
    /// One check, dependencies included; an hour by default.
    pub validator: Duration,
    /// Opening a pull request; 10 minutes by default.
    pub pr_sink: Duration,
    /// Storing or loading; a minute by default.
    pub run_store: Duration,
    /// One signature; a minute by default.
    pub signer: Duration,
}

impl Budgets {
    /// The budget of `port`.
    #[must_use]
    pub fn of(&self, port: Port) -> Duration {
        match port {
            Port::PlanSource => self.plan_source,
            Port::Validator => self.validator,
            Port::PrSink => self.pr_sink,
            Port::RunStore => self.run_store,
            Port::Signer => self.signer,
        }
    }
}

impl Default for Budgets {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            plan_source: minutes(10),
            validator: minutes(60),
            pr_sink: minutes(10),
            run_store: minutes(1),
            signer: minutes(1),
        }
    }
}

/// Tells when a time has passed. The pipeline asks no other clock.
pub trait Timer: Send + Sync {
    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Real time, under any runtime.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is one real time")]
pub struct RealTime;

impl Timer for RealTime {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(futures_timer::Delay::new(duration))
    }
}

/// The answer of `call`, or a transient error when it takes longer than `budget` from when it first waits.
pub(crate) async fn within<T>(
    timer: &dyn Timer,
    budget: Duration,
    call: impl Future<Output = Result<T, AdapterError>>,
) -> Result<T, AdapterError> {
    let mut call = pin!(call);
    // A call that answers at once wakes no timer.
    let mut over = None;
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(answer),
        Poll::Pending => {
            let over = over.get_or_insert_with(|| timer.sleep(budget));
            over.as_mut().poll(context).map(|()| Err(too_slow(budget)))
        }
    })
    .await
}

fn too_slow(budget: Duration) -> AdapterError {
    let message = format!("no answer within {} ms; the call was dropped", budget.as_millis());
    AdapterError::new(AdapterErrorKind::Unavailable, "wait for an answer", message)
}

impl fmt::Debug for dyn Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer")
    }
}
