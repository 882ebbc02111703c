//! A model on this machine, for as long as a test needs it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Where a model answers. One that was started here ends with this value, and with this process.
#[derive(Debug)]
pub struct LocalModel {
    url: String,
    started: Option<Child>,
}

impl LocalModel {
    /// The one that `FIX_LOCAL_MODEL_URL` names, or one of our own; `None`, visibly, where there can't be one.
    pub fn start() -> Option<Self> {
        if let Ok(url) = std::env::var("FIX_LOCAL_MODEL_URL") {
            return Some(Self { url, started: None });
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/local-model");
        // It serves until its input ends: also when this process is killed.
        let child = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: {script} can't be started: {error}");
                return None;
            }
        };
        let mut url = String::new();
        let read = BufReader::new(child.stdout.take().unwrap()).read_line(&mut url);
        let url = url.trim().to_owned();
        let started = Self { url, started: Some(child) };
        if read.is_err() || !started.url.starts_with("http://127.0.0.1:") {
            eprintln!("skipped: scripts/local-model starts no model here; what it says stands above");
            return None;
        }
        Some(started)
    }

    /// Whether it was started here.
    pub fn is_our_own(&self) -> bool {
        self.started.is_some()
    }

    /// The base URL of its API.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for LocalModel {
    fn drop(&mut self) {
        if let Some(mut child) = self.started.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}
