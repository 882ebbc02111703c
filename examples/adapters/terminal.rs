//! What the programs show to people. Colours vanish where nobody sees them.

use anstyle::{AnsiColor, Style};
use fix_pipeline::{Entry, Event, Observer, Report, RunId, Stage};
use fix_policy::{Decision, Severity};

/// Prints a line to standard output, in colour where it is seen. A reader that went away wants no more.
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => {{
        use ::std::io::Write as _;
        let _ = ::std::writeln!(::anstream::stdout().lock(), $($argument)*);
    }};
}

/// The same, to standard error.
#[macro_export]
macro_rules! tell {
    ($($argument:tt)*) => {{
        use ::std::io::Write as _;
        let _ = ::std::writeln!(::anstream::stderr().lock(), $($argument)*);
    }};
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Says on standard error what a run is doing, stage by stage.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct Progress;

impl Observer for Progress {
    fn stage_started(&self, _: RunId, stage: Stage) {
        let doing = match stage {
            Stage::Baseline => "reproducing the failure in the sandbox …",
            Stage::Plan => "asking for a plan …",
            Stage::Patch => "generating the patch …",
            Stage::Validate => "checking the patched tree in the sandbox …",
            Stage::PullRequest => "opening the pull request …",
            _ => "working …",
        };
        tell!("{DIM}·{DIM:#} {doing}");
    }

    fn recorded(&self, _: RunId, entry: &Entry) {
        let (sign, style, text) = match entry.event() {
            Event::BaselineChecked { report, .. } => ("●", RED, format!("without a patch: {}", counts(report))),
            Event::PlanProposed { round } if round.violations.is_empty() => {
                ("✔", GREEN, format!("{} proposed a valid plan", round.source))
            }
            Event::PlanProposed { round } => ("✘", RED, format!("{} proposed an invalid plan", round.source)),
            Event::PlanReviewed { decision, .. } => judged("plan", decision),
            Event::PatchGenerated { stats, .. } => (
                "✔",
                GREEN,
                format!(
                    "patch: {} file(s), +{} −{} lines, proven",
                    stats.files, stats.lines_added, stats.lines_removed
                ),
            ),
            Event::PatchReviewed { decision } => judged("patch", decision),
            Event::Validated { report, .. } => ("●", GREEN, format!("with the patch: {}", counts(report))),
            Event::PrOpened { pull_request } => ("✔", GREEN, format!("pull request on branch {}", pull_request.branch)),
            Event::Stopped { code, message } => ("■", YELLOW, format!("stopped, {code}: {message}")),
            _ => return,
        };
        tell!("{style}{sign}{style:#} {text}");
    }
}

fn judged(what: &str, decision: &Decision) -> (&'static str, Style, String) {
    let text = format!("policy on the {what}: {}", verdict(decision));
    if decision.allowed { ("✔", GREEN, text) } else { ("✘", RED, text) }
}

/// A decision in one line: the verdict, the score and the label.
#[must_use]
pub fn verdict(decision: &Decision) -> String {
    let word = if decision.allowed { "allowed" } else { "denied" };
    format!("{word}, danger {} of 100, {}", decision.danger_score, decision.pr_label)
}

fn counts(report: &Report) -> String {
    format!("{}, {} check(s) ran, {} failed", report.status.as_str(), report.tests_run, report.tests_failed)
}

/// Prints a heading.
pub fn heading(text: &str) {
    say!("\n{BOLD}{text}{BOLD:#}");
}

/// Prints a unified diff, in colour.
pub fn diff(text: &str) {
    for line in text.lines() {
        let style = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] | [b'd', ..] => BOLD,
            [b'+', ..] => GREEN,
            [b'-', ..] => RED,
            [b'@', ..] => CYAN,
            _ => Style::new(),
        };
        say!("{style}{line}{style:#}");
    }
}

/// Prints a decision in one line.
pub fn verdict_line(what: &str, decision: &Decision) {
    let style = if decision.allowed { GREEN } else { RED };
    say!("{style}{what}: {}{style:#}", verdict(decision));
}

/// Prints a decision with its reasons.
pub fn decision(what: &str, decision: &Decision) {
    verdict_line(what, decision);
    for reason in &decision.danger_reasons {
        say!("  +{:<3} {}: {}", reason.points, reason.code, reason.message);
    }
    for violation in &decision.violations {
        let (style, word) = match violation.severity {
            Severity::Block => (RED, "block"),
            Severity::Warn => (YELLOW, "warn"),
            Severity::Info => (DIM, "info"),
        };
        say!("  {style}{word}{style:#} {} [{}]", violation.message, violation.code);
    }
}

/// Prints a check: the commands, the counts, and the end of what they printed.
pub fn report(what: &str, report: &Report) {
    say!("{BOLD}{what}{BOLD:#}: {}", counts(report));
    for command in &report.commands {
        let exit = command.exit_code.map_or_else(|| "ended".to_owned(), |code| format!("exit {code}"));
        let line = command.command.lines().next().unwrap_or_default();
        say!("  {DIM}{exit:>7} {:>6} ms{DIM:#}  {line}", command.duration_ms);
    }
    for name in &report.tests_failing {
        say!("  {RED}failed{RED:#} {name}");
    }
    let lines: Vec<&str> = report.output_tail.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(12)) {
        say!("  {DIM}│{DIM:#} {line}");
    }
}

/// An error and what caused it, one a line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str("\n  because: ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
