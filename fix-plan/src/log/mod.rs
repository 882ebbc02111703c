//! The log of a CI job, and what tools say in it.

mod findings;

pub use findings::{MissingModule, UnusedName};

use crate::limits::LOG_BYTES_MAX;
use crate::redact::Redactor;

/// The log of a CI job, as text of bounded length.
///
/// Lines end in `\n`; ANSI sequences are gone, and so are other control
/// characters but tabs. When a log is longer than [`LOG_BYTES_MAX`], its head and
/// its tail are kept and a line between them says how much is missing.
///
/// ```
/// use fix_plan::Log;
/// let log = Log::from_bytes(b"\x1b[31mE   ModuleNotFoundError\x1b[0m\r\n");
/// assert_eq!(log.as_str(), "E   ModuleNotFoundError\n");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Log(String);

impl Log {
    /// Cleans and bounds a log. Bytes that are no UTF-8 become `U+FFFD`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self(cut(&clean(&text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lines, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }

    /// The log without its secrets.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        Self(cut(&redactor.redact(&self.0)))
    }

    /// Whether `quote` stands in the log: each of its lines within a line of the log.
    #[must_use]
    pub fn quotes(&self, quote: &str) -> bool {
        let mut lines = quote.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.all(|quoted| self.lines().any(|line| line.contains(quoted)))
    }

    /// The modules that Python did not find, each once, in the order of the log.
    #[must_use]
    pub fn missing_modules(&self) -> Vec<MissingModule> {
        findings::missing_modules(self)
    }

    /// The imports that ruff, flake8 or pyflakes call unused, each once, in the order of the log.
    #[must_use]
    pub fn unused_names(&self) -> Vec<UnusedName> {
        findings::unused_names(self)
    }
}

impl From<&str> for Log {
    fn from(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }
}

/// Takes out escape sequences, control and invisible characters, in one pass.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' | '\t' => cleaned.push(c),
            // A lone carriage return overwrites the line on a terminal; here it ends it.
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' => cleaned.push('\n'),
            '\u{1b}' => skip_escape(&mut characters),
            '\u{9b}' => skip_csi(&mut characters),
            c if c.is_ascii() && !c.is_ascii_control() => cleaned.push(c),
            c if crate::text::is_control(c) || crate::text::is_invisible(c) => {}
            c => cleaned.push(c),
        }
    }
    cleaned
}

type Characters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

/// Skips what follows an escape character: CSI, a string (OSC, DCS, …), or one character.
fn skip_escape(characters: &mut Characters<'_>) {
    match characters.peek() {
        Some('[') => {
            characters.next();
            skip_csi(characters);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            // An unterminated string must not swallow the rest of the log: it ends with its line.
            while let Some(&c) = characters.peek() {
                if c == '\n' {
                    return;
                }
                characters.next();
                match c {
                    '\u{7}' | '\u{9c}' => return,
                    '\u{1b}' if characters.peek() == Some(&'\\') => {
                        characters.next();
                        return;
                    }
                    _ => {}
                }
            }
        }
        Some(&c) if c != '\n' => {
            characters.next();
        }
        _ => {}
    }
}

fn skip_csi(characters: &mut Characters<'_>) {
    while let Some(&c) = characters.peek() {
        match c {
            '\u{20}'..='\u{3f}' => {
                characters.next();
            }
            '\u{40}'..='\u{7e}' => {
                characters.next();
                return;
            }
            _ => return,
        }
    }
}

fn cut(text: &str) -> String {
    if text.len() <= LOG_BYTES_MAX {
        return text.to_owned();
    }
    // The end of a log says more than its start: a quarter of the room for the head.
    let head = text.floor_char_boundary_at(LOG_BYTES_MAX / 4);
    let tail = text.floor_char_boundary_at(text.len() - (LOG_BYTES_MAX - LOG_BYTES_MAX / 4 - 64));
    let (head, rest) = text.split_at(head);
    let missing = tail - head.len();
    let (_, tail) = rest.split_at(missing);
    format!("{head}\n[… {missing} bytes of the log are left out …]\n{tail}")
}

trait CharBoundary {
    fn floor_char_boundary_at(&self, index: usize) -> usize;
}

impl CharBoundary for str {
    fn floor_char_boundary_at(&self, index: usize) -> usize {
        (0..=index.min(self.len())).rev().find(|&at| self.is_char_boundary(at)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_lose_what_a_terminal_would_swallow() {
        let clean = |text: &str| Log::from(text).as_str().to_owned();
        assert_eq!(clean("a\x1b[1;31mb\x1b[0mc\r\nd\re"), "abc\nd\ne");
        assert_eq!(clean("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\"), "link");
        assert_eq!(clean("\x1b]0;never closed\nkept"), "\nkept");
        assert_eq!(clean("a\u{200b}b\u{202e}c\0"), "abc");
    }

    #[test]
    fn long_logs_keep_head_and_tail() {
        let log = Log::from(format!("first\n{}\nlast ü", "é".repeat(LOG_BYTES_MAX)).as_str());
        assert!(log.as_str().len() <= LOG_BYTES_MAX);
        assert!(log.as_str().starts_with("first\n") && log.as_str().ends_with("last ü"));
        assert!(log.as_str().contains("bytes of the log are left out"));
    }

    #[test]
    fn quotes_are_parts_of_lines() {
        let log = Log::from("E   ModuleNotFoundError: No module named 'yaml'\nFAILED\n");
        assert!(log.quotes("ModuleNotFoundError: No module named 'yaml'"));
        assert!(log.quotes("  FAILED\n E   ModuleNotFoundError"));
        assert!(!log.quotes("No module named 'requests'"));
    }
}
