//! What tests did, from what runners print and report.
//!
//! All of it is written by the code that is checked: it counts and names tests, and can turn a pass into a failure.
//! It never makes a pass; the exit code alone may.

mod junit;
mod printed;

use std::time::Duration;

use self::printed::Printed;

/// Tests that ran, and what failed.
///
/// A file that can't even be imported is a failure and no test that ran: its tests
/// are not known, and must not make a mended run look as if tests went missing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) run: u64,
    pub(crate) failed: u64,
}

/// What the tests of one command did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Results {
    pub(crate) counts: Counts,
    /// The first of the tests that failed, as far as they are named.
    pub(crate) failing: Vec<String>,
    pub(crate) duration: Duration,
}

impl Results {
    fn new(counts: Counts, failing: impl Iterator<Item = String>, duration: Duration) -> Self {
        const FAILING_MAX: usize = 50;
        const CHARS_MAX: usize = 256;
        let inert = |name: String| name.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
        Self { counts, failing: failing.take(FAILING_MAX).map(inert).collect(), duration }
    }
}

/// The most that is read of a report, in bytes.
pub(crate) const REPORT_BYTES_MAX: usize = 8 << 20;

/// Whether pytest may have written a report.
pub(crate) fn may_have_report(command: &str, output: &str) -> bool {
    command.contains("pytest") || matches!(printed::read(output), Some(Printed::Pytest(_)))
}

/// What the tests of a command did that ended with `exit_code`, printed `output`, and left `report`, if it did. An
/// error when that contradicts itself.
///
/// A linter counts as one check, when it ended as linters do: 0 without findings, 1 with.
pub(crate) fn read(
    command: &str,
    exit_code: i32,
    output: &str,
    report: Option<&[u8]>,
) -> Result<Results, &'static str> {
    let is_linter = command.split_whitespace().any(|word| LINTERS.contains(&word.rsplit('/').next().unwrap_or(word)));
    if is_linter {
        let counts = match exit_code {
            0 => Counts { run: 1, failed: 0 },
            1 => Counts { run: 1, failed: 1 },
            _ => Counts::default(),
        };
        return Ok(Results { counts, ..Results::default() });
    }
    let printed = printed::read(output);
    let results = match (report, printed) {
        (None, None) => Results::default(),
        (None, Some(Printed::Pytest(printed) | Printed::Unittest(printed))) => printed,
        (Some(report), printed) => {
            let reported = junit::read(report).ok_or("the test report is no JUnit XML")?;
            match printed {
                // An error while a test is set up or ends is counted otherwise: only what passed must agree.
                Some(Printed::Pytest(printed)) if exit_code == 0 && printed.counts != reported.counts => {
                    return Err("the test report and the printed summary differ");
                }
                // Of two runners in one command, pytest's report is not the whole.
                Some(Printed::Unittest(printed)) => printed,
                _ => reported,
            }
        }
    };
    if exit_code == 0 && results.counts.failed > 0 {
        return Err("tests failed, and the command succeeded");
    }
    Ok(results)
}

const LINTERS: [&str; 6] = ["ruff", "flake8", "pyflakes", "pylint", "pycodestyle", "mypy"];

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(exit_code: i32, output: &str, report: Option<&str>) -> Result<(u64, u64), &'static str> {
        let results = read("make test", exit_code, output, report.map(str::as_bytes))?;
        Ok((results.counts.run, results.counts.failed))
    }

    const ONE_PASSED: &str = "<testsuite><testcase name='a'/></testsuite>";
    const ONE_FAILED: &str = "<testsuite><testcase name='a'><failure/></testcase></testsuite>";

    #[test]
    fn a_linter_is_one_check() {
        let counts = |command, code| read(command, code, "", None).unwrap().counts;
        assert_eq!(counts("python -m ruff check .", 1), Counts { run: 1, failed: 1 });
        assert_eq!(counts("flake8", 0), Counts { run: 1, failed: 0 });
        assert_eq!(counts("ruff check", 2), Counts::default());
    }

    #[test]
    fn what_agrees_is_counted() {
        assert_eq!(counts(0, "1 passed in 0.01s", Some(ONE_PASSED)), Ok((1, 0)));
        assert_eq!(counts(0, "", Some(ONE_PASSED)), Ok((1, 0)));
        assert_eq!(counts(0, "1 passed in 0.01s", None), Ok((1, 0)));
        assert_eq!(counts(1, "1 failed in 0.01s", Some(ONE_FAILED)), Ok((1, 1)));
        assert_eq!(counts(0, "Ran 3 tests in 0.001s\n\nOK\n", None), Ok((3, 0)));
        assert_eq!(counts(0, "done", None), Ok((0, 0)));
        // It fails anyway.
        assert_eq!(counts(1, "1 passed, 1 error in 0.01s", Some(ONE_FAILED)), Ok((1, 1)));
    }

    #[test]
    fn what_contradicts_itself_is_no_pass() {
        assert!(counts(0, "2 passed in 0.01s", Some(ONE_PASSED)).is_err());
        assert!(counts(0, "1 passed in 0.01s", Some(ONE_FAILED)).is_err());
        assert!(counts(0, "1 passed in 0.01s", Some("<testsuite>")).is_err());
        assert!(counts(0, "", Some(ONE_FAILED)).is_err());
        assert!(counts(0, "1 failed in 0.01s", None).is_err());
        assert!(counts(0, "Ran 1 test in 0.1s\n\nFAILED (errors=1)\n", None).is_err());
    }
}
