//! Object-safe twins of the ports, for adapters chosen at run time.
//!
//! Every adapter is its own twin, and a pointer to a twin is an adapter again:
//! `Arc<dyn DynPrSink>` *is* a [`PrSink`].
//!
//! ```
//! use std::sync::Arc;
//! use fix_pipeline::dynamic::DynRunStore;
//! use fix_pipeline::{MemoryRunStore, RunStore};
//!
//! fn is_a_store(_: impl RunStore) {}
//! let chosen_at_run_time: Arc<dyn DynRunStore> = Arc::new(MemoryRunStore::default());
//! is_a_store(chosen_at_run_time);
//! ```

use async_trait::async_trait;

use super::{
    PlanRequest, PlanSource, PrSink, PullRequest, RawPlan, Report, RunStore, Signature, Signer, Subject, Validator,
};
use crate::error::AdapterError;
use crate::journal::{Announcement, Entry};
use crate::run::{RunContext, RunId};
use crate::validated::Validated;

macro_rules! twin {
    ($(#[$doc:meta])* $twin:ident of $port:ident { $($(#[$method_doc:meta])* $method:ident as $dyn_method:ident($($arg:ident: $type:ty),*) -> $output:ty;)+ }) => {
        $(#[$doc])*
        #[async_trait]
        pub trait $twin: Send + Sync {
            $(
                $(#[$method_doc])*
                async fn $dyn_method(&self, $($arg: $type),*) -> $output;
            )+
        }

        #[async_trait]
        impl<T: $port> $twin for T {
            $(
                async fn $dyn_method(&self, $($arg: $type),*) -> $output {
                    self.$method($($arg),*).await
                }
            )+
        }

        impl $port for dyn $twin {
            $(
                async fn $method(&self, $($arg: $type),*) -> $output {
                    self.$dyn_method($($arg),*).await
                }
            )+
        }
    };
}

twin! {
    /// The object-safe twin of [`PlanSource`].
    DynPlanSource of PlanSource {
        /// See [`PlanSource::propose`].
        propose as propose_dyn(request: PlanRequest<'_>) -> Result<RawPlan, AdapterError>;
    }
}

twin! {
    /// The object-safe twin of [`Validator`].
    DynValidator of Validator {
        /// See [`Validator::validate`].
        validate as validate_dyn(run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError>;
    }
}

twin! {
    /// The object-safe twin of [`PrSink`].
    DynPrSink of PrSink {
        /// See [`PrSink::open`].
        open as open_dyn(run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError>;
        /// See [`PrSink::find`].
        find as find_dyn(run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError>;
    }
}

twin! {
    /// The object-safe twin of [`RunStore`].
    DynRunStore of RunStore {
        /// See [`RunStore::append`].
        append as append_dyn(run: RunId, entry: &Entry) -> Result<(), AdapterError>;
        /// See [`RunStore::load`].
        load as load_dyn(run: RunId) -> Result<Vec<Entry>, AdapterError>;
    }
}

twin! {
    /// The object-safe twin of [`Signer`].
    DynSigner of Signer {
        /// See [`Signer::sign`].
        sign as sign_dyn(message: &[u8]) -> Result<Signature, AdapterError>;
    }
}
