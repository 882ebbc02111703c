//! What planning starts from: one failure of a CI job, and what its log says.

use std::fmt;
use std::str::FromStr;

use crate::limits::{EVENT_ID_BYTES_MAX, LOG_BYTES_MAX};
use crate::package::ValueError;

/// One failure of a CI job, on one commit of one repository.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// Identifies the failure: two deliveries of one failure carry the same identifier.
    pub event_id: EventId,
    /// Where the repository is: a URL or a path that the embedder's adapters understand.
    pub repository: String,
    /// The commit that failed.
    pub commit: CommitId,
    /// The branch that a pull request goes to.
    pub branch: BranchName,
    /// When the job failed, in seconds since 1970-01-01T00:00:00Z. The commit of a
    /// fix carries this time, so that a retry gives the same commit.
    pub failed_at_s: i64,
    /// What the job printed.
    pub log: Log,
}

impl Failure {
    /// A failure from its parts.
    #[must_use]
    pub fn new(
        event_id: EventId,
        repository: impl Into<String>,
        commit: CommitId,
        branch: BranchName,
        failed_at_s: i64,
        log: Log,
    ) -> Self {
        Self { event_id, repository: repository.into(), commit, branch, failed_at_s, log }
    }
}

macro_rules! checked_string {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(problem) => Err(ValueError::new($what, text, problem)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_string! {
    /// Identifies one failure event: 1 to 256 visible ASCII characters.
    EventId, "event id", |text| {
        if text.is_empty() || text.len() > EVENT_ID_BYTES_MAX {
            return Err("must have 1 to 256 characters");
        }
        if text.bytes().all(|b| b.is_ascii_graphic()) { Ok(()) } else { Err("may hold only visible ASCII characters, no blanks") }
    }
}

checked_string! {
    /// A full git commit id: 40 or 64 lower-case hexadecimal digits.
    CommitId, "commit id", |text| {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex && matches!(text.len(), 40 | 64) { Ok(()) } else { Err("must be 40 or 64 lower-case hexadecimal digits") }
    }
}

checked_string! {
    /// The short name of a branch, by the rules of `git check-ref-format --branch`.
    BranchName, "branch", |text| {
        let component = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
        let forbidden = |c: char| c.is_control() || c == ' ' || "~^:?*[\\".contains(c) || crate::text::is_invisible(c);
        if text.is_empty() || text.len() > 244 {
            return Err("must have 1 to 244 bytes");
        }
        if text == "@" || text.starts_with('-') || text.ends_with('.') || text.contains("..") || text.contains("@{") || text.contains(forbidden) {
            return Err("is no branch name that git accepts");
        }
        if text.split('/').all(component) { Ok(()) } else { Err("has a component that git does not accept") }
    }
}

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
    fn identifiers_are_checked() {
        assert!("0123456789abcdef0123456789abcdef01234567".parse::<CommitId>().is_ok());
        assert!("HEAD".parse::<CommitId>().is_err());
        for good in ["main", "feature/x", "v1.0"] {
            assert!(good.parse::<BranchName>().is_ok(), "{good}");
        }
        for bad in ["", "-x", "a..b", "a b", "a/", "/a", ".a", "a.lock", "a~1", "@", "a@{1}", "a\n"] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad:?}");
        }
        assert!("a b".parse::<EventId>().is_err());
    }
}
