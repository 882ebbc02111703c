//! Whether evidence quotes a log.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::Log;
use super::findings::bare;
use crate::limits::EVIDENCE_CHARS_MIN;

/// Answers many questions about one log, each in one pass.
pub(crate) struct Quotes<'l> {
    log: &'l Log,
    /// The short lines, with and without what a CI service put before them; collected when asked for.
    short: OnceCell<BTreeSet<&'l str>>,
}

impl<'l> Quotes<'l> {
    pub(crate) fn new(log: &'l Log) -> Self {
        Self { log, short: OnceCell::new() }
    }

    /// See [`Log::quotes`].
    pub(crate) fn holds(&self, quote: &str) -> bool {
        let quote = quote.trim();
        if quote.is_empty() || quote.contains('\n') {
            return false;
        }
        if is_long(quote) {
            return self.log.as_str().contains(quote);
        }
        self.short.get_or_init(|| short_lines(self.log)).contains(quote)
    }
}

fn short_lines(log: &Log) -> BTreeSet<&str> {
    let spellings = log.lines().flat_map(|line| [line.trim(), bare(line).trim()]);
    spellings.filter(|line| !is_long(line)).collect()
}

/// Whether it has enough characters to be found nowhere but where it is meant.
fn is_long(text: &str) -> bool {
    text.chars().filter(|c| !c.is_whitespace()).take(EVIDENCE_CHARS_MIN).count() == EVIDENCE_CHARS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_lines_or_long_parts_of_one() {
        let log =
            Log::from("E   ModuleNotFoundError: No module named 'yaml'\n2026-01-02T03:04:05.1Z FAILED\n\tExit 1 \n");
        for quote in [
            "ModuleNotFoundError: No module named 'yaml'",
            "  No module named 'yaml'",
            "FAILED",
            "2026-01-02T03:04:05.1Z FAILED",
            "Exit 1",
        ] {
            assert!(log.quotes(quote), "{quote}");
        }
        for quote in ["", " ", "e", "yaml", "Exit", "No module named 'requests'", "FAILED\nExit 1", "FAILED Exit 1"] {
            assert!(!log.quotes(quote), "{quote}");
        }
    }
}
