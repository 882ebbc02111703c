//! Where failures are reproduced, and shown to be gone.

mod archive;
mod bubblewrap;
mod calls;
mod check;
#[cfg(feature = "container")]
pub mod container;
mod environments;
mod left;
mod limits;
mod recipe;
mod test_output;

pub use bubblewrap::{Bubblewrap, PrepareHosts};
#[cfg(feature = "container")]
pub use container::Container;
pub use environments::Environments;
pub use limits::SandboxLimits;
pub use recipe::{Recipe, Recipes};
