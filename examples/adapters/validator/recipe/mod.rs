//! Which commands prepare and check a project.

mod detect;
mod file;
pub(super) mod inputs;
mod requirements;

use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::Log;

use self::detect::{detect, prepare};

use crate::repository::Snapshot;

/// The commands of a check, as `/bin/sh` reads them. They run in the root of the
/// repository; in `check`, without network.
///
/// Preparing works on a copy of the files, which the check does not see: it sees the
/// commit, and what was installed. `python` on the path is that of a virtual environment, empty at first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "two lists of commands")]
pub struct Recipe {
    /// Install what the check needs; the package index can be reached.
    pub prepare: Vec<String>,
    /// Check. Every command runs, even when one before it failed.
    pub check: Vec<String>,
}

/// Where a recipe comes from. Always from configuration or the failing commit,
/// never from a patch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "given, half given, or found out")]
pub enum Recipes {
    /// Those of the commit's `.fix.toml`; without one, found out from its files.
    #[default]
    Detect,
    /// These check commands; how to prepare is found out.
    Check(Vec<String>),
    /// This recipe.
    Fixed(Recipe),
}

impl Recipes {
    /// The recipe for a commit whose CI printed `log`.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unsupported`] when no check is known for the project, or its `.fix.toml` is wrong.
    pub fn recipe(&self, base: &Snapshot, log: &Log) -> Result<Recipe, AdapterError> {
        match self {
            Self::Fixed(recipe) => Ok(recipe.clone()),
            Self::Check(check) => Ok(Recipe { prepare: prepare(base, check), check: check.clone() }),
            Self::Detect => {
                if let Some(recipe) = file::recipe(base)? {
                    return Ok(recipe);
                }
                let check = detect(base, log);
                if check.is_empty() {
                    let message =
                        "no tests and no linter are known for this project; name the check command in .fix.toml";
                    return Err(AdapterError::new(AdapterErrorKind::Unsupported, "choose the checks", message));
                }
                Ok(Recipe { prepare: prepare(base, &check), check })
            }
        }
    }
}
