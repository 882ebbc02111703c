//! What decides a run, besides its failure.

use fix_patch::{PatchGenerator, PatchOptions};
use fix_policy::PolicyEngine;
use serde::{Deserialize, Serialize};

/// What decides a run besides its failure and the answers of adapters. Recorded when it begins, and again
/// when it is resumed under others.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Terms {
    /// The digest of the policy.
    pub policy: String,
    /// The versions of the four crates.
    pub engine: String,
    /// The names of the generator's strategies, in the order they are asked.
    pub strategies: Vec<String>,
    /// Whether white space is tidied, too.
    pub tidy: bool,
    /// The refusals that are waived, by name.
    pub allow: Vec<String>,
    /// How often each check is run.
    pub repeats: u32,
}

impl Terms {
    /// The terms under which this version works.
    #[must_use]
    pub fn new(policy: &PolicyEngine, generator: &PatchGenerator, options: &PatchOptions, repeats: u32) -> Self {
        Self {
            policy: policy.digest().to_owned(),
            engine: engine(),
            strategies: generator.strategies().map(ToOwned::to_owned).collect(),
            tidy: options.tidy,
            allow: options.allow.iter().map(|allowance| allowance.as_str().to_owned()).collect(),
            repeats,
        }
    }
}

fn engine() -> String {
    format!(
        "fix-plan {}, fix-patch {}, fix-policy {}, fix-pipeline {}",
        fix_plan::VERSION,
        fix_patch::VERSION,
        fix_policy::VERSION,
        env!("CARGO_PKG_VERSION")
    )
}
