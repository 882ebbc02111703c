//! The four ports that an embedder brings, and the one that it may.

pub mod dynamic;
mod plan_source;
mod pr_sink;
mod run_store;
mod signer;
mod validator;

pub use plan_source::{PlanRequest, PlanSource, Previous, RawPlan, Usage};
pub use pr_sink::{PrSink, PrStatus, PullRequest};
pub use run_store::{MemoryRunStore, RunStore};
pub use signer::{Signature, Signer};
pub(crate) use validator::symptoms;
pub use validator::{CheckStatus, CommandRecord, Phase, Report, Subject, Validator, Verdict};

/// Forwards a port through references and smart pointers, so that `Arc<dyn Dyn…>` is one, too.
macro_rules! forward {
    ($port:ident { $($method:ident($($arg:ident: $type:ty),*) -> $output:ty;)+ }) => {
        forward!(@for &T, $port { $($method($($arg: $type),*) -> $output;)+ });
        forward!(@for Box<T>, $port { $($method($($arg: $type),*) -> $output;)+ });
        forward!(@for std::sync::Arc<T>, $port { $($method($($arg: $type),*) -> $output;)+ });
    };
    (@for $pointer:ty, $port:ident { $($method:ident($($arg:ident: $type:ty),*) -> $output:ty;)+ }) => {
        impl<T: $port + ?Sized> $port for $pointer {
            $(
                fn $method(&self, $($arg: $type),*) -> impl Future<Output = $output> + Send {
                    (**self).$method($($arg),*)
                }
            )+
        }
    };
}
use forward;
