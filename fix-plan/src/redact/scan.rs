//! A text that is looked at from many places, each stretch of it once.

use std::ops::Range;

use super::rules::Alphabet;

/// A text, and what is known of it already: that keeps all the work linear, however often
/// and wherever a secret seems to begin.
pub(super) struct Scan<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    /// The last run of each alphabet.
    runs: [Range<usize>; Alphabet::COUNT],
    /// The last answer of `next_end`.
    key_end: Option<usize>,
    /// Up to where the words of commands have been looked at.
    pub(super) commands_end: usize,
    /// How many bytes runs have looked at.
    #[cfg(test)]
    steps: usize,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let runs = std::array::from_fn(|_| 0..0);
        Self {
            text,
            bytes: text.as_bytes(),
            runs,
            key_end: None,
            commands_end: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Where the run of characters `of` an alphabet that begins `at` ends.
    pub(super) fn run(&mut self, at: usize, of: Alphabet) -> usize {
        let known = self.runs.get(of as usize).cloned().unwrap_or_default();
        if known.contains(&at) {
            return known.end;
        }
        let rest = self.bytes.get(at..).unwrap_or_default();
        let end = at + rest.iter().take_while(|&&byte| of.holds(byte)).count();
        #[cfg(test)]
        {
            self.steps += end - at;
        }
        if let Some(known) = self.runs.get_mut(of as usize) {
            *known = at..end;
        }
        end
    }

    /// Where the next last line of a key begins, from `at` on.
    pub(super) fn next_key_end(&mut self, at: usize) -> Option<usize> {
        if self.key_end.is_none_or(|known| known < at) {
            let found = self.text.get(at..).and_then(|rest| rest.find("-----END "));
            self.key_end = Some(found.map_or(usize::MAX, |found| at + found));
        }
        self.key_end.filter(|&end| end != usize::MAX)
    }

    /// Where bytes other than `of` begin, within a small reach from `at`.
    pub(super) fn skip(&self, at: usize, of: &[u8]) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take(64).take_while(|byte| of.contains(byte)).count()
    }

    /// At most so many bytes of the line before `at`.
    pub(super) fn line_before(&self, at: usize, bytes: usize) -> &'t str {
        let from = (at.saturating_sub(bytes)..=at).find(|&from| self.text.is_char_boundary(from)).unwrap_or(at);
        let before = self.text.get(from..at).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or(before)
    }

    /// The beginning of what stands in a range: enough of it to recognise a secret.
    pub(super) fn peek(&self, range: &Range<usize>) -> &'t str {
        const PEEK_BYTES: usize = 64;
        let end =
            (range.start..=range.end.min(range.start + PEEK_BYTES)).rev().find(|&end| self.text.is_char_boundary(end));
        self.text.get(range.start..end.unwrap_or(range.start)).unwrap_or_default()
    }

    /// Whether a letter or digit stands before `at` that is not the end of an escape: `\n`, or a colour.
    pub(super) fn follows_word(&self, at: usize) -> bool {
        match self.bytes.get(..at).unwrap_or_default() {
            [.., b'\\', b'n' | b'r' | b't'] => false,
            [head @ .., b'm'] => {
                let mut code = head.iter().rev().take(16).skip_while(|byte| byte.is_ascii_digit() || **byte == b';');
                code.next() != Some(&b'[')
            }
            [.., last] => last.is_ascii_alphanumeric(),
            [] => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_looked_at_once() {
        let text = format!("{} {}", "eyJ".repeat(1_000), "pwd".repeat(1_000));
        let mut scan = Scan::new(&text);
        for at in 0..text.len() {
            let end = if at <= 3_000 { 3_000 } else { text.len() };
            assert_eq!(scan.run(at, Alphabet::Url), end);
        }
        assert_eq!(scan.steps, 6_000);
    }

    #[test]
    fn the_end_of_a_key_is_looked_for_once() {
        let text = "-----BEGIN a\n-----END a\n-----BEGIN b\n";
        let mut scan = Scan::new(text);
        assert_eq!([0, 5, 13, 14, 30].map(|at| scan.next_key_end(at)), [Some(13), Some(13), Some(13), None, None]);
    }
}
