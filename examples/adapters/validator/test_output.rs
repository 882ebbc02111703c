//! How many tests ran, from what test runners and linters print.

use std::sync::LazyLock;

use regex::Regex;

/// Tests that ran, and what failed.
///
/// A file that can't even be imported is a failure and no test that ran: its tests
/// are not known, and must not make a mended run look as if tests went missing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) run: u64,
    pub(crate) failed: u64,
}

/// Counts the tests of one command that ended with `exit_code` and printed `output`.
///
/// A linter counts as one check, when it ended as linters do: 0 without findings, 1 with.
pub(crate) fn count(command: &str, exit_code: i32, output: &str) -> Counts {
    let is_linter = command.split_whitespace().any(|word| LINTERS.contains(&word.rsplit('/').next().unwrap_or(word)));
    if is_linter {
        return match exit_code {
            0 => Counts { run: 1, failed: 0 },
            1 => Counts { run: 1, failed: 1 },
            _ => Counts::default(),
        };
    }
    pytest(output).or_else(|| unittest(output)).unwrap_or_default()
}

const LINTERS: [&str; 6] = ["ruff", "flake8", "pyflakes", "pylint", "pycodestyle", "mypy"];

/// `= 1 failed, 2 passed, 1 error in 0.05s =`, with or without the frame.
fn pytest(output: &str) -> Option<Counts> {
    static SUMMARY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:=+ )?((?:\d+ [a-z][a-z ]*(?:, )?)+|no tests ran) in [\d.]+s(?: \([\d:]+\))?(?: =+)?$").ok()
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
    Some(counts)
}

/// `Ran 3 tests in 0.001s`, then `OK` or `FAILED (failures=1, errors=1)`.
fn unittest(output: &str) -> Option<Counts> {
    let mut lines = output.lines().rev().map(str::trim);
    let mut failed = 0;
    let run = lines.find_map(|line| {
        if let Some(parts) = line.strip_prefix("FAILED (").and_then(|rest| rest.strip_suffix(')')) {
            let numbers = parts
                .split(", ")
                .filter_map(|part| part.strip_prefix("failures=").or_else(|| part.strip_prefix("errors=")));
            failed = numbers.filter_map(|number| number.parse::<u64>().ok()).sum();
        }
        line.strip_prefix("Ran ")?.split_once(" test")?.0.parse::<u64>().ok()
    })?;
    let not_imported =
        output.lines().filter(|line| line.starts_with("ERROR: ") && line.contains("unittest.loader._FailedTest"));
    let not_imported = u64::try_from(not_imported.count()).unwrap_or(run);
    Some(Counts { run: run.saturating_sub(not_imported), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytest_summaries_are_read() {
        let counts = |output| count("python -m pytest -q", 1, output);
        assert_eq!(counts("F.\n1 failed, 2 passed, 1 skipped in 0.05s\n"), Counts { run: 3, failed: 1 });
        assert_eq!(counts("==== 3 passed, 2 warnings in 62.05s (0:01:02) ====\n"), Counts { run: 3, failed: 0 });
        assert_eq!(counts("1 error in 0.05s"), Counts { run: 0, failed: 1 });
        assert_eq!(counts("1 passed, 3 subtests passed in 0.02s"), Counts { run: 1, failed: 0 });
        assert_eq!(counts("no tests ran in 0.01s"), Counts::default());
        assert_eq!(counts("print('3 passed in 1s at least')"), Counts::default());
    }

    #[test]
    fn unittest_summaries_are_read() {
        let counts = |output| count("python -m unittest", 1, output);
        assert_eq!(counts("...\nRan 3 tests in 0.001s\n\nOK\n"), Counts { run: 3, failed: 0 });
        assert_eq!(counts("Ran 3 tests in 0.001s\n\nFAILED (failures=1, errors=1)\n"), Counts { run: 3, failed: 2 });
        assert_eq!(counts("Ran 0 tests in 0.000s\n\nNO TESTS RAN\n"), Counts::default());
        let broken = "ERROR: tests.test_a (unittest.loader._FailedTest.tests.test_a)\nRan 3 tests in 0.001s\n\nFAILED (errors=1)\n";
        assert_eq!(counts(broken), Counts { run: 2, failed: 1 });
    }

    #[test]
    fn a_linter_is_one_check() {
        assert_eq!(count("python -m ruff check .", 1, "Found 2 errors."), Counts { run: 1, failed: 1 });
        assert_eq!(count("flake8", 0, ""), Counts { run: 1, failed: 0 });
        assert_eq!(count("ruff check", 2, "error: bad configuration"), Counts::default());
    }
}
