//! What is missing before a configuration can be used.

use fix_policy::PolicyEngine;
use serde::Serialize;

use super::{Config, ConfiguredStore, PullRequestsKind, SandboxKind, secrets};
use crate::git::{Git, GitError};
use crate::repository::{Location, Repository};
use crate::terminal::with_causes;

/// What became of one look.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at: `git`, `policy`, `model`, `sandbox`, `store`, `pull requests`, `repositories`.
    pub part: &'static str,
    /// Whether it can be used.
    pub ok: bool,
    /// What it is; or what is missing, and what to do.
    pub message: String,
}

impl Config {
    /// Tries every adapter that is chosen: each is connected to, and none is asked to do anything.
    pub async fn examine(&self) -> Vec<Finding> {
        let mut findings = vec![git(), environment(), self.policy_finding(), self.repositories_finding()];
        findings.push(finding("model", self.model_finding().await));
        findings.push(finding("sandbox", self.sandbox_finding().await));
        findings.push(finding("store", self.store_finding().await));
        findings.push(finding("pull requests", self.pull_requests_finding().await));
        findings
    }

    fn policy_finding(&self) -> Finding {
        let told = match (&self.policy.file, self.policy_document()) {
            (Some(file), Some(document)) => match document.and_then(PolicyEngine::new) {
                Ok(_) => Ok(file.as_path().display().to_string()),
                Err(error) => Err(format!("{}; until it is mended, everything is denied", with_causes(&error))),
            },
            _ => Ok("the default policy".to_owned()),
        };
        finding("policy", told)
    }

    fn repositories_finding(&self) -> Finding {
        let tried = || -> Result<String, String> {
            let cache = self.cache().map_err(|error| with_causes(&error))?;
            let failed = |error: std::io::Error| format!("{} can't be written: {error}", cache.display());
            std::fs::create_dir_all(&cache).map_err(failed)?;
            tempfile::tempfile_in(&cache).map_err(failed)?;
            self.host_credentials().map_err(|error| with_causes(&error))?;
            Ok(cache.display().to_string())
        };
        finding("repositories", tried())
    }

    #[cfg(feature = "model")]
    async fn model_finding(&self) -> Result<String, String> {
        if self.model.name.is_none() {
            return Ok("none; the rules propose plans".to_owned());
        }
        let source = self.model_source().map_err(|error| with_causes(&error))?;
        source.model.reach().await.map_err(|error| with_causes(&error))
    }

    #[cfg(not(feature = "model"))]
    async fn model_finding(&self) -> Result<String, String> {
        match self.plan_source() {
            Ok(_) => Ok("none; the rules propose plans".to_owned()),
            Err(error) => Err(with_causes(&error)),
        }
    }

    async fn sandbox_finding(&self) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("no temporary folder can be made: {error}");
        let folder = tempfile::tempdir().map_err(failed)?;
        let repository = Repository::open(folder.path(), Location::Local(folder.path().to_owned()));
        let repository = repository.map_err(|error| with_causes(&error))?;
        self.validator(repository).await.map_err(|error| with_causes(&error))?;
        Ok(match self.sandbox.kind {
            SandboxKind::Bubblewrap => "bubblewrap, tried out".to_owned(),
            SandboxKind::Container => {
                format!("containers of {}, tried out", self.container.image.as_deref().unwrap_or_default())
            }
        })
    }

    async fn store_finding(&self) -> Result<String, String> {
        let store = self.store().await.map_err(|error| with_causes(&error))?;
        store.runs(1).await.map_err(|error| with_causes(&error))?;
        Ok(match self.store_file() {
            Ok(file) if matches!(store, ConfiguredStore::Sqlite(_)) => file.display().to_string(),
            _ => "PostgreSQL".to_owned(),
        })
    }

    async fn pull_requests_finding(&self) -> Result<String, String> {
        match self.pull_requests.kind {
            PullRequestsKind::Local => Ok("beside the repository".to_owned()),
            PullRequestsKind::GitHub => self.github_finding().await,
        }
    }

    #[cfg(feature = "github")]
    async fn github_finding(&self) -> Result<String, String> {
        let sink = self.github_account().map_err(|error| with_causes(&error))?;
        sink.reach().await.map_err(|error| with_causes(&error))?;
        Ok(format!("{} on GitHub", self.github.repository.as_deref().unwrap_or_default()))
    }

    #[cfg(not(feature = "github"))]
    async fn github_finding(&self) -> Result<String, String> {
        Err(with_causes(&super::adapters::not_built("GitHub", "github")))
    }
}

/// Variables that look like keys and are none.
fn environment() -> Finding {
    const SECTIONS: [&str; 9] =
        ["MODEL", "POLICY", "CHECKS", "SANDBOX", "CONTAINER", "PULL_REQUESTS", "GITHUB", "STORE", "REPOSITORIES"];
    let names = std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    let wrong = names.filter_map(|(name, value)| {
        let rest = name
            .strip_prefix("FIX_")
            .filter(|_| name != "FIX_CONFIG" && !secrets::VARIABLES.contains(&name.as_str()))?;
        let section = SECTIONS.iter().find(|section| rest.starts_with(**section))?;
        let key = rest.strip_prefix(section)?.strip_prefix('_')?;
        match key.strip_prefix('_') {
            Some(_) if value.to_str().is_some() => None,
            Some(_) => Some(format!("{name} is no text, and is not read")),
            None => Some(format!("{name} is not read; write FIX_{section}__{key}")),
        }
    });
    let wrong: Vec<String> = wrong.collect();
    let told = if wrong.is_empty() { Ok("every variable is a key".to_owned()) } else { Err(wrong.join("; ")) };
    finding("environment", told)
}

fn git() -> Finding {
    let version = Git::new("/").line(&["--version"]);
    finding("git", version.map_err(|error: GitError| with_causes(&error)))
}

fn finding(part: &'static str, told: Result<String, String>) -> Finding {
    let ok = told.is_ok();
    let (Ok(message) | Err(message)) = told;
    Finding { part, ok, message }
}
