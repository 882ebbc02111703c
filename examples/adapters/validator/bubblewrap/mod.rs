//! Checks in a bubblewrap sandbox.

mod sandbox;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fix_pipeline::{
    AdapterError, AdapterErrorKind, CheckStatus, CommandRecord, Phase, Report, RunContext, Subject, Validator,
};
use fix_plan::Log;

use self::sandbox::{Ended, Network, Sandbox, Workspace};
use super::recipe::{Recipe, Recipes};
use super::test_output::{self, Counts};
use crate::repository::{Repository, Snapshot};

/// Runs checks with [bubblewrap](https://github.com/containers/bubblewrap): private
/// name spaces, no capabilities, an environment of a few known variables, host files
/// read-only or absent, a work directory that nobody else sees.
///
/// *Prepare* may reach the package index; *check* has no network at all. When a
/// command, the whole, or this process ends, everything inside ends with it. Without
/// a working sandbox there is an error, and nothing runs.
#[derive(Debug)]
pub struct Bubblewrap {
    repository: Repository,
    recipes: Recipes,
    limits: SandboxLimits,
    sandbox: Sandbox,
}

/// The bounds of one check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SandboxLimits {
    /// The longest that preparing, or checking, may take.
    pub wall_time: Duration,
    /// Processor time of one process, in seconds.
    pub cpu_s: u64,
    /// Address space of one process, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads of the sandbox.
    pub processes: u64,
    /// What `/tmp` may hold, in bytes. The work directory is on the host's disk, and bounded
    /// only by `file_bytes` a file.
    pub tmp_bytes: u64,
    /// The largest file, in bytes.
    pub file_bytes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// The most that is read of what a command prints, in bytes.
    pub output_bytes: usize,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(600),
            cpu_s: 600,
            memory_bytes: 4 << 30,
            processes: 256,
            tmp_bytes: 1 << 30,
            file_bytes: 1 << 30,
            open_files: 1_024,
            output_bytes: 10 << 20,
        }
    }
}

impl Bubblewrap {
    /// A validator for the commits of `repository`. Tries the sandbox out first.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unsupported`] when there is no working sandbox on this
    /// machine; the message says what to install or allow.
    pub async fn new(repository: Repository, recipes: Recipes, limits: SandboxLimits) -> Result<Self, AdapterError> {
        let sandbox = Sandbox::find(limits).await?;
        Ok(Self { repository, recipes, limits, sandbox })
    }

    async fn check(&self, snapshot: &Snapshot, recipe: &Recipe) -> Result<Report, AdapterError> {
        let disk = |error: std::io::Error| {
            AdapterError::new(AdapterErrorKind::Unavailable, "lay out the work directory", "the disk failed")
                .with_source(error)
        };
        let workspace = Workspace::new(snapshot).map_err(disk)?;
        let mut report = Report::new(CheckStatus::Passed, snapshot.tree_id());
        report.sandbox = self.sandbox.describe(&self.limits);
        let mut output = String::new();
        if let Some(status) = self.prepare(&workspace, recipe, &mut report, &mut output).await? {
            report.status = status;
        } else {
            workspace.restore(snapshot).map_err(disk)?;
            report.status = self.run_checks(&workspace, recipe, &mut report, &mut output).await?;
        }
        report.output_tail = tail(&output);
        Ok(report)
    }

    /// `None` when everything is ready.
    async fn prepare(
        &self,
        workspace: &Workspace,
        recipe: &Recipe,
        report: &mut Report,
        output: &mut String,
    ) -> Result<Option<CheckStatus>, AdapterError> {
        let deadline = Instant::now() + self.limits.wall_time;
        let commands = std::iter::once(sandbox::MAKE_ENVIRONMENT).chain(recipe.prepare.iter().map(String::as_str));
        for command in commands {
            let ended = self.run(workspace, Phase::Prepare, command, deadline, report, output).await?;
            match ended {
                Ended::Exit(0) => {}
                Ended::Exit(_) | Ended::Signal => return Ok(Some(CheckStatus::PrepareFailed)),
                Ended::TimedOut => return Ok(Some(CheckStatus::TimedOut)),
                Ended::OutputCut => return Ok(Some(CheckStatus::OutputCut)),
            }
        }
        Ok(None)
    }

    async fn run_checks(
        &self,
        workspace: &Workspace,
        recipe: &Recipe,
        report: &mut Report,
        output: &mut String,
    ) -> Result<CheckStatus, AdapterError> {
        let deadline = Instant::now() + self.limits.wall_time;
        let mut all_succeeded = true;
        for command in &recipe.check {
            let from = output.len();
            let ended = self.run(workspace, Phase::Check, command, deadline, report, output).await?;
            let code = match ended {
                Ended::Exit(code) => code,
                Ended::Signal => return Ok(CheckStatus::Killed),
                Ended::TimedOut => return Ok(CheckStatus::TimedOut),
                Ended::OutputCut => return Ok(CheckStatus::OutputCut),
            };
            let Counts { run, failed } = test_output::count(command, code, output.get(from..).unwrap_or_default());
            report.tests_run += run;
            report.tests_failed += failed;
            all_succeeded &= code == 0;
            // The shell found no such command, or pytest no test: neither red nor green.
            if matches!(code, 126 | 127) || code == 5 && run == 0 {
                return Ok(CheckStatus::NothingRan);
            }
        }
        Ok(match (all_succeeded, report.tests_run) {
            (false, _) => CheckStatus::Failed,
            (true, 0) => CheckStatus::NothingRan,
            (true, _) => CheckStatus::Passed,
        })
    }

    async fn run(
        &self,
        workspace: &Workspace,
        phase: Phase,
        command: &str,
        deadline: Instant,
        report: &mut Report,
        output: &mut String,
    ) -> Result<Ended, AdapterError> {
        let network = if phase == Phase::Prepare { Network::Shared } else { Network::None };
        let started = Instant::now();
        let (ended, printed) = self.sandbox.run(workspace, network, command, deadline).await?;
        report.commands.push(CommandRecord {
            phase,
            command: command.to_owned(),
            exit_code: match ended {
                Ended::Exit(code) => Some(code),
                Ended::Signal | Ended::TimedOut | Ended::OutputCut => None,
            },
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        output.push_str(&String::from_utf8_lossy(&printed));
        Ok(ended)
    }
}

impl Validator for Bubblewrap {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let commit = &run.failure.commit;
        let base = self.repository.snapshot(commit).await?;
        // The recipe is the base commit's, for the patched tree too.
        let recipe = self.recipes.recipe(&base, &run.failure.log)?;
        match subject {
            Subject::Baseline => self.check(&base, &recipe).await,
            Subject::Patched(patch) => self.check(&self.repository.patched(commit, patch.get()).await?, &recipe).await,
        }
    }
}

/// The end of what was printed, cleaned, in whole lines.
fn tail(output: &str) -> String {
    const TAIL_BYTES: usize = 8 * 1024;
    let cleaned = Log::from(output);
    let text = cleaned.as_str();
    let start = text.len().saturating_sub(TAIL_BYTES);
    let at = text.match_indices('\n').map(|(at, _)| at + 1).find(|&at| at >= start);
    let from = if start == 0 { 0 } else { at.unwrap_or(text.len()) };
    text.get(from..).unwrap_or_default().to_owned()
}

/// Where the sandbox's own programs are looked for.
fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"];
    folders.iter().map(|folder| PathBuf::from(folder).join(name)).find(|path| path.is_file())
}
