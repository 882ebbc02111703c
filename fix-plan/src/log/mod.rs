//! The log of a CI job, and what tools say in it.

mod clean;
mod cut;
mod findings;
mod quotes;

pub(crate) use clean::{clean, sequence};
pub(crate) use cut::head_and_tail;
pub use findings::{Finding, MissingModule, UnusedName};
pub(crate) use quotes::Quotes;

use crate::limits::LOG_BYTES_MAX;
use crate::redact::Redactor;

/// The log of a CI job, as text of bounded length.
///
/// Lines end in `\n`; ANSI sequences are gone, and so are other control
/// characters but tabs. When a log is longer than [`LOG_BYTES_MAX`], whole lines of its
/// head and its tail are kept and a line between them says how much is missing.
///
/// Take secrets out before the log is cut, with [`Log::from_bytes_redacted`]: of a key
/// of many lines, half could be cut away, and the other half not be known for one.
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
        Self(cut(clean(&String::from_utf8_lossy(bytes))))
    }

    /// Cleans a log, takes its secrets out, and bounds it, in this order.
    ///
    /// ```
    /// use fix_plan::{Log, Redactor};
    /// let log = Log::from_bytes_redacted(b"PGPASSWORD=xK9fe2Pq psql\n", &Redactor::default());
    /// assert_eq!(log.as_str(), "PGPASSWORD=[redacted password] psql\n");
    /// ```
    #[must_use]
    pub fn from_bytes_redacted(bytes: &[u8], redactor: &Redactor) -> Self {
        let cleaned = clean(&String::from_utf8_lossy(bytes));
        Self(cut(redactor.redact(&cleaned).into_owned()))
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

    /// The log without its secrets; see [`Log::from_bytes_redacted`] for one that is long.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        Self(cut(redactor.redact(&self.0).into_owned()))
    }

    /// Whether `quote` is evidence from this log: a whole line, with or without what the CI service
    /// put before it, or a part of a line with at least
    /// [`EVIDENCE_CHARS_MIN`](crate::limits::EVIDENCE_CHARS_MIN) visible characters. Blanks around
    /// it do not count.
    #[must_use]
    pub fn quotes(&self, quote: &str) -> bool {
        Quotes::new(self).holds(quote)
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

fn cut(text: String) -> String {
    if text.len() <= LOG_BYTES_MAX { text } else { head_and_tail(&text, LOG_BYTES_MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_logs_keep_whole_lines_of_head_and_tail() {
        let log = Log::from(format!("first\n{}\nlast ü", "é".repeat(LOG_BYTES_MAX)).as_str());
        assert!(log.as_str().len() <= LOG_BYTES_MAX);
        assert!(log.as_str().starts_with("first\n[…") && log.as_str().ends_with("…]\nlast ü"));
        assert!(log.as_str().contains("bytes left out"));
        assert_eq!(Log::from(log.as_str()), log);
    }

    /// Wherever the cut falls, it leaves no half of a secret.
    #[test]
    fn a_secret_at_the_cut_does_not_survive() {
        let key = "MIIEowIBAAKCAQEAuQ2Jm1xkVnXk8rY5vT0Zq7Wb3sLd".to_owned() + "\n";
        let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n", key.repeat(40));
        let redactor = Redactor::default();
        for shift in (0..pem.len()).step_by(900) {
            let before = "a line of a log\n".repeat(LOG_BYTES_MAX / 4 / 16).split_off(shift);
            let log = format!("{before}{pem}{}", "another line\n".repeat(LOG_BYTES_MAX / 13));
            assert!(!Log::from_bytes_redacted(log.as_bytes(), &redactor).as_str().contains("MIIE"), "{shift}");
            let token =
                format!("{before}TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345 {}", "b ".repeat(LOG_BYTES_MAX / 2));
            let log = Log::from(token.as_str()).redacted(&redactor);
            assert!(!log.as_str().contains("ghp_"), "{shift}");
        }
    }
}
