//! What test runners print.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::{Counts, Results};

/// What the summary of a test runner says, and whose it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Printed {
    Pytest(Results),
    Unittest(Results),
}

pub(super) fn read(output: &str) -> Option<Printed> {
    pytest(output).map(Printed::Pytest).or_else(|| unittest(output).map(Printed::Unittest))
}

/// `= 1 failed, 2 passed, 1 error in 0.05s =`, with or without the frame.
fn pytest(output: &str) -> Option<Results> {
    static SUMMARY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:=+ )?((?:\d+ [a-z][a-z ]*(?:, )?)+|no tests ran) in ([\d.]+)s(?: \([\d:]+\))?(?: =+)?$").ok()
    });
    let summary = SUMMARY.as_ref()?;
    let found = output.lines().rev().find_map(|line| summary.captures(line.trim()))?;
    let mut counts = Counts::default();
    for part in found.get(1)?.as_str().split(", ") {
        let Some((number, what)) = part.split_once(' ') else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        match what {
            "passed" | "xfailed" | "xpassed" => counts.run += number,
            "failed" => {
                counts.run += number;
                counts.failed += number;
            }
            "error" | "errors" => counts.failed += number,
            _ => {}
        }
    }
    Some(Results { counts, failing: Vec::new(), duration: seconds(found.get(2)?.as_str()) })
}

/// `Ran 3 tests in 0.001s`, then `OK` or `FAILED (failures=1, errors=1)`.
fn unittest(output: &str) -> Option<Results> {
    let mut lines = output.lines().rev().map(str::trim);
    let mut failed = 0;
    let (run, time) = lines.find_map(|line| {
        if let Some(parts) = line.strip_prefix("FAILED (").and_then(|rest| rest.strip_suffix(')')) {
            let numbers = parts
                .split(", ")
                .filter_map(|part| part.strip_prefix("failures=").or_else(|| part.strip_prefix("errors=")));
            failed = numbers.filter_map(|number| number.parse::<u64>().ok()).sum();
        }
        let (run, rest) = line.strip_prefix("Ran ")?.split_once(" test")?;
        let time = rest.split_once(" in ").and_then(|(_, time)| time.strip_suffix('s'));
        Some((run.parse::<u64>().ok()?, time.unwrap_or_default()))
    })?;
    let heads =
        || output.lines().filter_map(|line| line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: ")));
    let not_imported = heads().filter(|line| line.contains("unittest.loader._FailedTest"));
    let not_imported = u64::try_from(not_imported.count()).unwrap_or(run);
    // `test_a (tests.test_module.Class.test_a)`, or without the method in the brackets before Python 3.11.
    let name = |head: &str| {
        let (method, rest) = head.split_once(" (")?;
        let place = rest.split(')').next()?;
        Some(if place.ends_with(&format!(".{method}")) { place.to_owned() } else { format!("{place}.{method}") })
    };
    let counts = Counts { run: run.saturating_sub(not_imported), failed };
    Some(Results::new(counts, heads().filter_map(name), seconds(time)))
}

/// `0.05`, as far as it is a time.
pub(super) fn seconds(text: &str) -> Duration {
    text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytest_summaries_are_read() {
        let counts = |output: &str| pytest(output).map(|results| (results.counts.run, results.counts.failed));
        assert_eq!(counts("F.\n1 failed, 2 passed, 1 skipped in 0.05s\n"), Some((3, 1)));
        assert_eq!(counts("==== 3 passed, 2 warnings in 62.05s (0:01:02) ====\n"), Some((3, 0)));
        assert_eq!(counts("1 error in 0.05s"), Some((0, 1)));
        assert_eq!(counts("1 passed, 3 subtests passed in 0.02s"), Some((1, 0)));
        assert_eq!(counts("no tests ran in 0.01s"), Some((0, 0)));
        assert_eq!(counts("print('3 passed in 1s at least')"), None);
        assert_eq!(pytest("1 passed in 0.05s").unwrap().duration, Duration::from_millis(50));
    }

    #[test]
    fn unittest_summaries_are_read() {
        let counts = |output: &str| unittest(output).map(|results| (results.counts.run, results.counts.failed));
        assert_eq!(counts("...\nRan 3 tests in 0.001s\n\nOK\n"), Some((3, 0)));
        assert_eq!(counts("Ran 3 tests in 0.001s\n\nFAILED (failures=1, errors=1)\n"), Some((3, 2)));
        assert_eq!(counts("Ran 0 tests in 0.000s\n\nNO TESTS RAN\n"), Some((0, 0)));
        assert_eq!(counts("Ran away"), None);
        let broken = "ERROR: tests.test_a (unittest.loader._FailedTest.tests.test_a)\nRan 3 tests in 0.001s\n\nFAILED (errors=1)\n";
        assert_eq!(counts(broken), Some((2, 1)));
    }

    #[test]
    fn failing_tests_of_unittest_are_named() {
        let output = "FAIL: test_a (tests.test_b.Case.test_a)\nERROR: test_c (tests.Old)\n\nRan 2 tests in 1.5s\n\nFAILED (failures=1, errors=1)\n";
        let results = unittest(output).unwrap();
        assert_eq!(results.failing, ["tests.test_b.Case.test_a", "tests.Old.test_c"]);
        assert_eq!(results.duration, Duration::from_millis(1_500));
    }
}
