//! Where failures are reproduced, and shown to be gone.

mod bubblewrap;
mod recipe;
mod test_output;

pub use bubblewrap::{Bubblewrap, SandboxLimits};
pub use recipe::{Recipe, Recipes};
