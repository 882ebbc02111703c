//! The contracts of the ports: our adapters keep them, and deliberately broken ones are found out.

mod plan_sources;
#[cfg(feature = "postgres")]
mod postgres;
mod pr_sinks;
mod run_stores;
mod validators;
