//! How a check goes, whatever holds it.

use std::time::{Duration, Instant};

use fix_pipeline::{AdapterError, CheckStatus, CommandRecord, Phase, Report};
use fix_plan::Log;

use super::recipe::Recipe;
use super::test_output::{self, Results};

/// The user inside: nobody.
pub(super) const NOBODY: u32 = 65_534;

/// All of the environment inside, but what preparing needs to reach an index.
pub(super) const ENVIRONMENT: [(&str, &str); 8] = [
    ("PATH", "/work/venv/bin:/usr/local/bin:/usr/bin:/bin"),
    ("HOME", "/work/home"),
    ("LANG", "C.UTF-8"),
    ("TMPDIR", "/tmp"),
    ("CI", "true"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONHASHSEED", "0"),
    ("VIRTUAL_ENV", "/work/venv"),
];

/// More of it for preparing. A wheel would be on the disk twice.
pub(super) const PREPARE_ENVIRONMENT: [(&str, &str); 1] = [("PIP_NO_CACHE_DIR", "1")];

/// A snapshot laid out in a sandbox: `/work/tree` inside, and writable like all of `/work`.
pub(super) trait Room {
    /// The command that makes the virtual environment `/work/venv`, with pip or without.
    fn make_environment(&self, pip: bool) -> String;

    /// Runs `command` with `/bin/sh`; gives how it ended, and what it printed.
    fn run(
        &mut self,
        phase: Phase,
        command: &str,
        deadline: Instant,
    ) -> impl Future<Output = Result<(Ended, Vec<u8>), AdapterError>> + Send;

    /// Lays out what preparing by the same recipe made before, where that is kept.
    fn fetch_prepared(&mut self) -> impl Future<Output = Result<Prepared, AdapterError>> + Send {
        std::future::ready(Ok(Prepared::Missing))
    }

    /// Keeps what preparing made for the next check, where that is worth it.
    fn keep_prepared(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Lays the tree out anew: what preparing did to it is gone, so that what is checked is the snapshot.
    /// Gives whether preparing has left room for it.
    fn restore(&mut self) -> impl Future<Output = Result<bool, AdapterError>> + Send;
}

/// What there is of an earlier preparing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Prepared {
    /// All of it.
    Ready,
    /// Nothing.
    Missing,
    /// More than there is room for beside the tree.
    NoRoom,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    Exit(i32),
    Signal,
    OutOfMemory,
    TimedOut,
    OutputCut,
}

impl Ended {
    /// The exit code, when the command ended by itself; else what its end says of the whole.
    fn code(self) -> Result<i32, CheckStatus> {
        match self {
            Self::Exit(code) => Ok(code),
            Self::Signal => Err(CheckStatus::Killed),
            Self::OutOfMemory => Err(CheckStatus::OutOfMemory),
            Self::TimedOut => Err(CheckStatus::TimedOut),
            Self::OutputCut => Err(CheckStatus::OutputCut),
        }
    }
}

/// Prepares and checks by `recipe`, each within `wall_time`, and fills in `report`.
pub(super) async fn check(
    room: &mut impl Room,
    recipe: &Recipe,
    wall_time: Duration,
    mut report: Report,
) -> Result<Report, AdapterError> {
    let mut log = Running { room, report: &mut report, output: String::new() };
    report.status = {
        let status = match log.prepare(recipe, Instant::now() + wall_time).await? {
            Some(status) => status,
            None => log.check(recipe, Instant::now() + wall_time).await?,
        };
        log.report.output_tail = tail(&log.output);
        status
    };
    Ok(report)
}

/// A check under way.
struct Running<'r, R> {
    room: &'r mut R,
    report: &'r mut Report,
    output: String,
}

impl<R: Room> Running<'_, R> {
    /// `None` when everything is ready.
    async fn prepare(&mut self, recipe: &Recipe, deadline: Instant) -> Result<Option<CheckStatus>, AdapterError> {
        let environment = self.room.make_environment(!recipe.prepare.is_empty());
        let commands = std::iter::once(&environment).chain(&recipe.prepare);
        match self.room.fetch_prepared().await? {
            Prepared::Missing => {}
            Prepared::NoRoom => {
                self.output.push_str("no room for the prepared environment beside the files of the commit\n");
                return Ok(Some(CheckStatus::PrepareFailed));
            }
            Prepared::Ready => {
                // They ran before, in no time of this check, and all of them succeeded.
                let ran = |command: &String| CommandRecord {
                    phase: Phase::Prepare,
                    command: command.clone(),
                    exit_code: Some(0),
                    duration_ms: 0,
                };
                self.report.commands.extend(commands.map(ran));
                self.report.sandbox.push_str("; prepared by an earlier check");
                return Ok(None);
            }
        }
        for command in commands {
            match self.run(Phase::Prepare, command, None, deadline).await?.code() {
                Ok(0) => {}
                Ok(_) | Err(CheckStatus::Killed) => return Ok(Some(CheckStatus::PrepareFailed)),
                Err(status) => return Ok(Some(status)),
            }
        }
        if !self.room.restore().await? {
            return Ok(Some(CheckStatus::PrepareFailed));
        }
        self.room.keep_prepared().await;
        Ok(None)
    }

    async fn check(&mut self, recipe: &Recipe, deadline: Instant) -> Result<CheckStatus, AdapterError> {
        let mut all_succeeded = true;
        for (number, command) in recipe.check.iter().enumerate() {
            let from = self.output.len();
            let reports_to = format!("/work/.tests-{number}.xml");
            let code = match self.run(Phase::Check, command, Some(&reports_to), deadline).await?.code() {
                Ok(code) => code,
                Err(status) => return Ok(status),
            };
            let printed = self.output.get(from..).unwrap_or_default();
            let may_be_there = test_output::may_have_report(command, printed);
            let report = if may_be_there { fetch(self.room, &reports_to).await? } else { None };
            let printed = self.output.get(from..).unwrap_or_default();
            let results = test_output::read(command, code, printed, report.as_deref());
            let agrees = results.is_ok();
            let Results { counts, failing, duration } = results.unwrap_or_else(|contradiction| {
                self.output.push_str(&format!("\nno pass: {contradiction}\n"));
                Results::default()
            });
            self.report.tests_run += counts.run;
            self.report.tests_failed += counts.failed;
            self.report.tests_failing.extend(failing);
            self.report.tests_duration_ms += u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            all_succeeded &= code == 0 && agrees;
            // The shell found no such command, or pytest no test: neither red nor green.
            if matches!(code, 126 | 127) || code == 5 && counts.run == 0 {
                return Ok(CheckStatus::NothingRan);
            }
        }
        Ok(match (all_succeeded, self.report.tests_run) {
            (false, _) => CheckStatus::Failed,
            (true, 0) => CheckStatus::NothingRan,
            (true, _) => CheckStatus::Passed,
        })
    }

    /// Runs `command`; where pytest runs in it, it writes a report to `reports_to`.
    async fn run(
        &mut self,
        phase: Phase,
        command: &str,
        reports_to: Option<&str>,
        deadline: Instant,
    ) -> Result<Ended, AdapterError> {
        let options = reports_to.map(|path| format!("export PYTEST_ADDOPTS=--junitxml={path}\n"));
        let inside = options.unwrap_or_default() + command;
        let started = Instant::now();
        let (ended, printed) = self.room.run(phase, &inside, deadline).await?;
        self.report.commands.push(CommandRecord {
            phase,
            command: command.to_owned(),
            exit_code: ended.code().ok(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        self.output.push_str(&String::from_utf8_lossy(&printed));
        Ok(ended)
    }
}

/// A report that a command left: a file of its own, no link, not too large. It is read in the sandbox, which is all
/// that it can reach.
async fn fetch(room: &mut impl Room, path: &str) -> Result<Option<Vec<u8>>, AdapterError> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let most = test_output::REPORT_BYTES_MAX;
    let read = format!("test -f {path} && test ! -L {path} && exec head -c {} {path}", most + 1);
    let (ended, report) = room.run(Phase::Check, &read, Instant::now() + PATIENCE).await?;
    Ok((ended == Ended::Exit(0) && report.len() <= most).then_some(report))
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
