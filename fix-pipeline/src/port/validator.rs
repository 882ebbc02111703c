//! Where the failure is reproduced, and shown to be gone.

use std::collections::BTreeSet;

use fix_patch::Patch;
use fix_plan::Log;
use fix_policy::Approved;
use serde::{Deserialize, Serialize};

use super::forward;
use crate::bounds;
use crate::error::AdapterError;
use crate::journal::hex_digest;
use crate::run::RunContext;

/// Runs the checks of a commit in a sandbox, without and with a patch.
///
/// # Contract
/// - Baseline and patched runs use the same commands, taken from configuration or
///   from the base commit's tree, never from the patch.
/// - [`CheckStatus::Passed`] means: every command exited with 0, the verdict was
///   taken outside the sandbox, nothing was cut or timed out, and at least one test ran.
/// - The check has no network and sees nothing of the host; when it ends, for
///   whatever reason, none of its processes live on.
/// - No sandbox, no run: a validator never falls back to running unprotected.
/// - What is reported is what ran: [`Report::tree`] names the tree that was checked.
///
/// # Errors
/// Only when no verdict could be reached. A failing check is a [`Report`].
///
/// # Cancel safety
/// Dropping the future ends the sandbox and everything in it.
///
/// ```
/// use fix_pipeline::{AdapterError, CheckStatus, Report, RunContext, Subject, Validator};
///
/// /// For tests of other parts: red without a patch, green with one.
/// struct Scripted;
///
/// impl Validator for Scripted {
///     async fn validate(&self, _: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
///         Ok(match subject {
///             Subject::Baseline => Report::new(CheckStatus::Failed, "tree-0").with_tests(3, 1),
///             Subject::Patched(_) => Report::new(CheckStatus::Passed, "tree-1").with_tests(3, 0),
///         })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no validator",
    note = "implement `fix_pipeline::Validator`, with `async fn validate`"
)]
pub trait Validator: Send + Sync {
    /// Runs the checks on `subject`.
    fn validate(
        &self,
        run: &RunContext,
        subject: Subject<'_>,
    ) -> impl Future<Output = Result<Report, AdapterError>> + Send;
}

forward!(Validator { validate(run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError>; });

/// What is checked.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "red, then green")]
pub enum Subject<'s> {
    /// The commit that failed, untouched.
    Baseline,
    /// The same with the patch.
    Patched(&'s Approved<Patch>),
}

/// What a check showed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Report {
    /// How it ended.
    pub status: CheckStatus,
    /// The tree that was checked; for git, the id of the tree object.
    pub tree: String,
    /// Tests, and lint steps, that ran.
    pub tests_run: u64,
    /// Those of them that failed.
    pub tests_failed: u64,
    /// The names of the first that failed, where they are known: 50 at most.
    pub tests_failing: Vec<String>,
    /// How long the tests took by their own account, in milliseconds.
    pub tests_duration_ms: u64,
    /// The commands, in the order they ran.
    pub commands: Vec<CommandRecord>,
    /// What held the commands: its kind and its limits.
    pub sandbox: String,
    /// The end of what the commands printed, cleaned: at least the last 4 KiB of it, of which the last 64 KiB are
    /// kept. Where a log's symptoms are
    /// not in it, and it is shorter, the check failed for another reason.
    pub output_tail: String,
}

impl Report {
    /// A report of a check of `tree` that ended with `status`.
    #[must_use]
    pub fn new(status: CheckStatus, tree: impl Into<String>) -> Self {
        Self {
            status,
            tree: tree.into(),
            tests_run: 0,
            tests_failed: 0,
            tests_failing: Vec::new(),
            tests_duration_ms: 0,
            commands: Vec::new(),
            sandbox: String::new(),
            output_tail: String::new(),
        }
    }

    /// The same, with these counts.
    #[must_use]
    pub fn with_tests(mut self, run: u64, failed: u64) -> Self {
        self.tests_run = run;
        self.tests_failed = failed;
        self
    }

    /// What can be stored and shown: each text `cleaned`, and not too long.
    pub(crate) fn cleaned(mut self, cleaned: impl Fn(&str) -> String) -> Self {
        self.output_tail = cleaned(&bounds::tail(self.output_tail, bounds::OUTPUT_BYTES_MAX));
        self.tests_failing.truncate(bounds::NAMES_MAX);
        let commands = self.commands.iter_mut().map(|record| &mut record.command);
        for text in commands.chain(&mut self.tests_failing).chain([&mut self.tree, &mut self.sandbox]) {
            *text = bounds::head(bounds::shown(&cleaned(text)), bounds::TEXT_BYTES_MAX);
        }
        self
    }

    /// What two checks have in common that showed the same thing, whatever their times and paths: the
    /// SHA-256, as 64 hexadecimal digits, of the verdict, the counts, each command with its exit code,
    /// and the missing modules and unused imports that the output names.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = format!("{} {} {}\n", self.status.as_str(), self.tests_run, self.tests_failed);
        for CommandRecord { command, exit_code, .. } in &self.commands {
            text.push_str(&format!("{exit_code:?} {command}\n"));
        }
        for symptom in symptoms(&Log::from(self.output_tail.as_str())) {
            text.push_str(&format!("{symptom}\n"));
        }
        hex_digest(text.as_bytes())
    }
}

/// How one of several repetitions of a check ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Verdict {
    /// How it ended.
    pub status: CheckStatus,
    /// What was checked: [`Report::tree`].
    pub tree: String,
    /// What it showed: [`Report::fingerprint`].
    pub fingerprint: String,
}

impl Verdict {
    pub(crate) fn of(report: &Report) -> Self {
        Self { status: report.status, tree: report.tree.clone(), fingerprint: report.fingerprint() }
    }

    /// Whether every repetition ended with `status`, of the same tree and in the same way.
    pub(crate) fn all(verdicts: &[Self], status: CheckStatus) -> bool {
        verdicts.first().is_some_and(|first| first.status == status && verdicts.iter().all(|other| first.agrees(other)))
    }

    /// Whether two checks are of one tree, and say the same.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let is_verdict = matches!(self.status, CheckStatus::Passed | CheckStatus::Failed);
        self.status == other.status && (!is_verdict || self.tree == other.tree && self.fingerprint == other.fingerprint)
    }
}

/// What a log complains about, as far as it is understood.
pub(crate) fn symptoms(log: &Log) -> BTreeSet<String> {
    let missing = log.missing_modules().into_iter().map(|module| format!("no module {}", module.name));
    let unused = log.unused_names().into_iter().map(|name| format!("unused {}", name.binding));
    missing.chain(unused).collect()
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckStatus {
    /// Every command succeeded, and at least one test ran.
    Passed,
    /// A command failed, as tests and linters do.
    Failed,
    /// The commands succeeded, and ran no test.
    NothingRan,
    /// The dependencies could not be installed.
    PrepareFailed,
    /// It took too long.
    TimedOut,
    /// A signal ended a command: processor time, a crash, memory where the sandbox can't tell.
    Killed,
    /// The commands needed more memory than they may have.
    OutOfMemory,
    /// It printed more than is kept.
    OutputCut,
}

impl CheckStatus {
    /// The stable name, `snake_case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NothingRan => "nothing_ran",
            Self::PrepareFailed => "prepare_failed",
            Self::TimedOut => "timed_out",
            Self::Killed => "killed",
            Self::OutOfMemory => "out_of_memory",
            Self::OutputCut => "output_cut",
        }
    }
}

/// One command of a check.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "a record of a process")]
pub struct CommandRecord {
    /// When it ran.
    pub phase: Phase,
    /// The command line, as a shell would read it.
    pub command: String,
    /// Its exit code; absent when a signal or a limit ended it.
    pub exit_code: Option<i32>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// The two phases of a check.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "with network, without network")]
pub enum Phase {
    /// Dependencies are installed; the package index can be reached.
    Prepare,
    /// The checks run; no network.
    Check,
}
