//! Where pull requests are opened.

mod local_git;

pub use local_git::{LocalGit, LocalPullRequest, LocalState};
