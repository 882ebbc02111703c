//! Where plans come from.

mod rules;

pub use rules::Rules;
