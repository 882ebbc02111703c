//! Where plans come from.

#[cfg(feature = "model")]
pub mod model;
mod rules;

#[cfg(feature = "model")]
pub use model::ModelPlanSource;
pub use rules::Rules;
