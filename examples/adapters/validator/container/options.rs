//! Which engine, which image, which limits.

use std::path::PathBuf;

use crate::validator::SandboxLimits;

/// How containers are made.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ContainerOptions {
    /// The image: best with its digest, as `python:3.12@sha256:…`.
    pub image: String,
    /// What to do when the engine does not have the image.
    pub pull: Pull,
    /// The socket of the engine.
    pub socket: PathBuf,
    /// The network for preparing, as the engine calls it; `None` for none.
    pub prepare_network: Option<String>,
    /// More environment for preparing, such as the URL of a package index. Nothing secret: whatever is
    /// installed can read it.
    pub prepare_environment: Vec<(String, String)>,
    /// Whether `python` sees the packages that are installed in the image, too.
    pub image_packages: bool,
    /// The bounds of a check.
    pub limits: SandboxLimits,
}

impl ContainerOptions {
    /// These defaults: never pulled, Docker's socket, prepared on the network `bridge`, without packages
    /// of the image.
    #[must_use]
    pub fn new(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            pull: Pull::Never,
            socket: PathBuf::from("/var/run/docker.sock"),
            prepare_network: Some("bridge".to_owned()),
            prepare_environment: Vec::new(),
            image_packages: false,
            limits: SandboxLimits::default(),
        }
    }
}

/// What to do when the engine does not have an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "ask for it, or not")]
pub enum Pull {
    /// An error.
    Never,
    /// Pull it, without credentials.
    WhenMissing,
}
