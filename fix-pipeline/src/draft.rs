//! The texts of a pull request: a function of the run, and inert.

use std::fmt::Write as _;

use fix_patch::Patch;
use fix_plan::{Action, FixPlan, Operation};
use fix_policy::{Approved, Decision, PrLabel};

use crate::attestation::Attestation;
use crate::bounds;
use crate::journal::hex_digest;
use crate::port::{CommandRecord, Phase, Report};
use crate::run::RunContext;

/// What a pull request says, ready to be published as it is.
///
/// Text from logs and models stands in code blocks whose fences are longer than
/// anything inside, so that mentions, links, HTML and closing keywords do nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
#[non_exhaustive]
pub struct Draft {
    /// The branch to create: a function of the run.
    pub branch: String,
    /// The branch to merge into.
    pub base_branch: String,
    /// The commit that the branch starts from.
    pub base_commit: String,
    /// One line, at most 200 bytes of printable ASCII.
    pub title: String,
    /// GitHub-flavoured Markdown.
    pub body: String,
    /// The labels: `safe` or `needs-review`.
    pub labels: Vec<String>,
    /// The message of the commit: the title, and the run as a trailer.
    pub commit_message: String,
    /// The time of the commit, in seconds since 1970-01-01T00:00:00Z: that of the failure, within 1970 and 2099,
    /// which is what git takes.
    pub committed_at_s: i64,
}

/// 2099-12-31T23:59:59Z
const COMMIT_TIME_MAX_S: i64 = 4_102_444_799;

impl Draft {
    pub(crate) fn new(
        run: &RunContext,
        plan: &Approved<FixPlan>,
        patch: &Approved<Patch>,
        baseline: &Report,
        report: &Report,
        attestation: &Attestation,
    ) -> Self {
        let failure = &run.failure;
        let title = title(plan.get());
        let label = match (plan.decision().pr_label, patch.decision().pr_label) {
            (PrLabel::Safe, PrLabel::Safe) => PrLabel::Safe,
            _ => PrLabel::NeedsReview,
        };
        let id = run.run.to_string();
        Self {
            branch: format!("fix/{}", id.get(..12).unwrap_or(&id)),
            base_branch: failure.branch.to_string(),
            base_commit: failure.commit.to_string(),
            body: body(run, plan, patch, baseline, report, attestation, label),
            labels: vec![label.as_str().to_owned()],
            commit_message: format!("{title}\n\nFix-Run: {id}\nFix-Plan: {}\n", plan.get().digest()),
            title,
            committed_at_s: failure.failed_at_s.clamp(0, COMMIT_TIME_MAX_S),
        }
    }

    /// The SHA-256 of everything that is published.
    pub(crate) fn digest(&self) -> String {
        let parts = [&self.branch, &self.base_branch, &self.base_commit, &self.title, &self.body, &self.commit_message];
        let mut text = String::new();
        let time = self.committed_at_s.to_string();
        for part in parts.into_iter().chain([&time]).chain(&self.labels) {
            // Lengths first, so that no two drafts share a text.
            let _ = write!(text, "{}:{part}", part.len());
        }
        hex_digest(text.as_bytes())
    }
}

fn title(plan: &FixPlan) -> String {
    let what = match plan.operations() {
        [operation] => one_line(operation),
        operations => {
            let same_kind = operations
                .iter()
                .all(|other| operations.first().map(|first| first.action.kind()) == Some(other.action.kind()));
            match (same_kind, operations.first().map(|operation| &operation.action)) {
                (true, Some(Action::AddDependency(_))) => format!("Declare {} missing dependencies", operations.len()),
                (true, Some(Action::PinDependency(_))) => format!("Pin {} dependencies", operations.len()),
                (true, Some(Action::RemoveUnused(_))) => format!("Remove {} unused imports", operations.len()),
                _ => format!("Mend the build in {} steps", operations.len()),
            }
        }
    };
    plain(&what, 200)
}

fn one_line(operation: &Operation) -> String {
    let file = &operation.file;
    match &operation.action {
        Action::AddDependency(dependency) => format!("Declare the dependency {} in {file}", dependency.name),
        Action::PinDependency(dependency) => format!("Pin {} {} in {file}", dependency.name, dependency.spec),
        Action::RemoveUnused(import) => format!("Remove the unused `{}` from {file}", import.target),
        Action::UpdateConfig(_) => format!("Update {file}"),
        Action::ModifyCode(_) => format!("Change {file}"),
    }
}

/// Printable ASCII only, and nothing that a forge gives a meaning to.
fn plain(text: &str, bytes_max: usize) -> String {
    let harmless = |c: char| if c.is_ascii_graphic() && !"@#<>&[]!\\".contains(c) || c == ' ' { c } else { '_' };
    let mut plain: String = text.chars().map(harmless).take(bytes_max).collect();
    // `GH-12` is a link to an issue, and a commit that says `Fixes GH-12` closes it.
    for at in 0..plain.len() {
        let is_reference = plain.get(at..at + 4).is_some_and(|found| {
            let (word, digit) = found.split_at(3);
            word.eq_ignore_ascii_case("gh-") && digit.bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_reference {
            plain.replace_range(at + 2..at + 3, "_");
        }
    }
    plain
}

fn body(
    run: &RunContext,
    plan: &Approved<FixPlan>,
    patch: &Approved<Patch>,
    baseline: &Report,
    report: &Report,
    attestation: &Attestation,
    label: PrLabel,
) -> String {
    let mut body = String::new();
    let stats = patch.get().stats();
    // Writing to a string can't fail.
    let _ = writeln!(
        body,
        "CI failed on commit `{}`. This change mends it: {} file(s), +{} −{} lines. \
         It was generated from a plan, proven, and checked in a sandbox; **a person decides whether to merge it.**\n",
        run.failure.commit, stats.files, stats.lines_added, stats.lines_removed
    );
    section(&mut body, "Why the build fails", plan.get().root_cause().as_str());
    let steps: Vec<String> = plan.get().operations().iter().map(step).collect();
    section(&mut body, "What changes", &steps.join("\n"));
    let _ = writeln!(body, "### Proof\n\n| | without the change | with it |\n|---|---|---|");
    let _ = writeln!(body, "| verdict | {} | {} |", baseline.status.as_str(), report.status.as_str());
    let _ = writeln!(body, "| checks run | {} | {} |", baseline.tests_run, report.tests_run);
    let _ = writeln!(body, "| checks failed | {} | {} |", baseline.tests_failed, report.tests_failed);
    let short = |report: &Report| report.fingerprint().get(..16).map(ToOwned::to_owned).unwrap_or_default();
    let _ = writeln!(body, "| fingerprint | `{}` | `{}` |\n", short(baseline), short(report));
    section(&mut body, "Commands", &commands(baseline, report));
    section(&mut body, "Sandbox", &report.sandbox);
    let findings: Vec<&str> = patch.get().findings().iter().map(|finding| finding.message.as_str()).collect();
    if !findings.is_empty() {
        section(&mut body, "To be done by hand", &findings.join("\n"));
    }
    decision(&mut body, "plan", plan.decision());
    decision(&mut body, "patch", patch.decision());
    whole_section(&mut body, "Attestation (in-toto)", &attestation.statement);
    if let Some(envelope) = &attestation.envelope {
        whole_section(&mut body, "Attestation, signed (DSSE)", envelope);
    }
    // The last paragraph is one of git trailers: a squashed merge takes it into its commit.
    let _ = write!(
        body,
        "Fix-Label: {label}\nFix-Run: {}\nFix-Plan: {}\nFix-Attestation: {}\n",
        run.run,
        plan.get().digest(),
        attestation.digest
    );
    body
}

fn step(operation: &Operation) -> String {
    let mut text = format!("{}\n    because: {}", one_line(operation), operation.rationale);
    for line in &operation.evidence {
        let _ = write!(text, "\n    log: {line}");
    }
    text
}

/// What ran with the change, and how each command ended without it.
fn commands(baseline: &Report, report: &Report) -> String {
    let lines = report.commands.iter().enumerate().map(|(at, with)| {
        let is_same = |without: &&CommandRecord| (without.phase, &without.command) == (with.phase, &with.command);
        let phase = match with.phase {
            Phase::Prepare => "prepare",
            Phase::Check => "check",
        };
        match baseline.commands.get(at).filter(is_same) {
            Some(without) => format!("{phase}: {} ({} without, {} with)", with.command, exit(without), exit(with)),
            None => format!("{phase}: {} ({}, with the change only)", with.command, exit(with)),
        }
    });
    let shown = baseline.tests_failing.iter().take(FAILING_SHOWN_MAX);
    let failing = shown.map(|name| format!("failed without: {name}"));
    let more = baseline.tests_failing.len().saturating_sub(FAILING_SHOWN_MAX);
    let more = (more > 0).then(|| format!("failed without: {more} more"));
    lines.chain(failing).chain(more).collect::<Vec<_>>().join("\n")
}

/// Failing tests that are named in a pull request.
const FAILING_SHOWN_MAX: usize = 10;

fn exit(record: &CommandRecord) -> String {
    record.exit_code.map_or_else(|| "ended by a signal or limit".to_owned(), |code| format!("exit {code}"))
}

fn decision(body: &mut String, what: &str, decision: &Decision) {
    let mut text = format!("danger score {} of 100", decision.danger_score);
    for reason in &decision.danger_reasons {
        let _ = write!(text, "\n+{} {}: {}", reason.points, reason.code, reason.message);
    }
    for violation in &decision.violations {
        let _ = write!(text, "\n{}: {}", violation.code, violation.message);
    }
    section(body, &format!("Policy on the {what}"), &text);
}

/// A heading, and `text` in a block that it can't get out of.
///
/// A forge takes so much text and no more (GitHub: 65,536 characters); a section that is too long is cut. Fences
/// count: a text of backticks has fences as long as it is.
fn section(body: &mut String, heading: &str, text: &str) {
    let text = bounds::shown(text);
    let bytes_max = if longest_run(&text, '`') > LONG_FENCE { SECTION_BYTES_MAX / 3 } else { SECTION_BYTES_MAX };
    let (text, more) = bounds::split_head(&text, bytes_max);
    block(body, heading, text);
    if more > 0 {
        let _ = writeln!(body, "{more} more bytes are in the journal of the run.\n");
    }
}

/// The same for what is of use whole or not at all.
fn whole_section(body: &mut String, heading: &str, text: &str) {
    if body.len() + text.len() <= WHOLE_BODY_BYTES_MAX {
        block(body, heading, text);
    } else {
        let _ = writeln!(body, "### {heading}\n\n{} bytes, in the journal of the run.\n", text.len());
    }
}

fn block(body: &mut String, heading: &str, text: &str) {
    let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
    let _ = writeln!(body, "### {heading}\n\n{fence}text\n{text}\n{fence}\n");
}

/// The most of a text that a section shows, in bytes. There are seven sections, and one for findings.
const SECTION_BYTES_MAX: usize = 6_500;
/// Fences longer than this count.
const LONG_FENCE: usize = 64;
/// Where a body ends that has an attestation in it.
const WHOLE_BODY_BYTES_MAX: usize = 62_000;

fn longest_run(text: &str, of: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_gets_out_of_its_block() {
        let mut body = String::new();
        section(&mut body, "x", "a\n`````\n</details> @everyone fixes #1");
        assert!(body.contains("\n``````text\n") && body.ends_with("\n``````\n\n"));
    }

    #[test]
    fn titles_hold_nothing_that_a_forge_acts_on() {
        assert_eq!(plain("a @b #1 <c>\nü", 200), "a _b _1 _c___");
        assert_eq!(plain("Update GH-12.txt, gh-3/Gh-4 and GH-x", 200), "Update GH_12.txt, gh_3/Gh_4 and GH-x");
    }

    #[test]
    fn the_digest_covers_everything_that_is_published() {
        let draft = Draft {
            branch: "a".to_owned(),
            base_branch: "b".to_owned(),
            base_commit: "c".to_owned(),
            title: "d".to_owned(),
            body: "e".to_owned(),
            labels: vec!["f".to_owned()],
            commit_message: "g".to_owned(),
            committed_at_s: 1,
        };
        let ways: [fn(&mut Draft); 8] = [
            |draft| draft.branch.push('x'),
            |draft| draft.base_branch.push('x'),
            |draft| draft.base_commit.push('x'),
            |draft| draft.title.push('x'),
            |draft| draft.body.push('x'),
            |draft| draft.labels.push("x".to_owned()),
            |draft| draft.commit_message.push('x'),
            |draft| draft.committed_at_s += 1,
        ];
        for (number, way) in ways.into_iter().enumerate() {
            let mut other = draft.clone();
            way(&mut other);
            assert_ne!(draft.digest(), other.digest(), "way {number}");
        }
    }
}
