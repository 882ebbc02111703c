//! Where pull requests are opened.

#[cfg(feature = "github")]
pub mod github;
mod local_git;

#[cfg(feature = "github")]
pub use github::GitHub;
pub use local_git::{LocalGit, LocalPullRequest, LocalState};
