//! Secrets out of logs, before a log is stored or leaves the process.

mod command;
mod exact;
mod formats;
mod key;
mod rules;
mod scan;
mod setting;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use self::exact::Exact;
use crate::log::sequence;

/// A secret: where it is, and what is written in its place.
type Find = (Range<usize>, &'static str);

/// Takes secrets out of text: known formats, values of settings with telling names,
/// passwords in URLs and on command lines, authorization headers, cookies, private
/// keys, and the very secrets that the process itself holds.
///
/// The value goes, and the name stays. What is taken out is replaced by
/// `[redacted NAME]`; text without secrets comes back as it is. Escape sequences of a
/// terminal may stand in the way. Runs in linear time.
///
/// ```
/// use fix_plan::Redactor;
/// let redactor = Redactor::new(["hunter2-of-ours"]);
/// assert_eq!(redactor.redact("PGPASSWORD=xK9fe2Pq psql"), "PGPASSWORD=[redacted password] psql");
/// assert_eq!(redactor.redact("sent hunter2-of-ours"), "sent [redacted secret]");
/// assert_eq!(redactor.redact("password=***"), "password=***");
/// ```
#[derive(Clone, Default)]
pub struct Redactor {
    exact: Exact,
}

impl Redactor {
    /// A redactor that knows these values besides the formats: every secret that the
    /// process holds. They are also known in base64, in hexadecimal digits, and as a URL, JSON,
    /// HTML or a shell spells them; of a secret of several lines, each line of 8 bytes or more.
    /// Values of fewer than 4 bytes are left out.
    ///
    /// Should they be more than can be searched for, nothing is let through: every text
    /// becomes `[redacted text]`.
    #[must_use]
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Self {
        Self { exact: Exact::new(secrets) }
    }

    /// The text without its secrets.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let view = View::new(text);
        let mut finds = Vec::new();
        // Without patterns nothing can be told apart: nothing is let through.
        if !self.exact.find(&view.text, &mut finds) || !formats::find(&view.text, &mut finds) {
            return Cow::Owned("[redacted text]".to_owned());
        }
        replaced(text, merged(finds).into_iter().map(|(range, name)| (view.place(&range), name)))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.exact.secrets()).finish()
    }
}

/// The text without the escape sequences of a terminal, which stand in the way of secrets.
struct View<'t> {
    text: Cow<'t, str>,
    /// Where each piece that was kept begins: in the view, and in the text.
    pieces: Vec<(usize, usize)>,
}

impl<'t> View<'t> {
    fn new(text: &'t str) -> Self {
        if !text.as_bytes().contains(&b'\x1b') {
            return Self { text: Cow::Borrowed(text), pieces: Vec::new() };
        }
        let (mut view, mut pieces) = (String::with_capacity(text.len()), Vec::new());
        let mut rest = text;
        while !rest.is_empty() {
            let (kept, after) = rest.split_at_checked(rest.find('\x1b').unwrap_or(rest.len())).unwrap_or((rest, ""));
            pieces.push((view.len(), text.len() - rest.len()));
            view.push_str(kept);
            rest = after.get(sequence(after).unwrap_or(0)..).unwrap_or_default();
        }
        Self { text: Cow::Owned(view), pieces }
    }

    /// Where a range of the view, which is not empty, is in the text.
    fn place(&self, range: &Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let after = self.pieces.partition_point(|&(begins, _)| begins <= at);
            self.pieces.get(after.wrapping_sub(1)).map_or(at, |&(begins, original)| original + (at - begins))
        };
        place(range.start)..place(range.end.saturating_sub(1)) + 1
    }
}

/// The finds in their order, as ranges that do not overlap.
fn merged(mut finds: Vec<Find>) -> Vec<Find> {
    // Stable: of two that begin together, the one that was found first has the name.
    finds.sort_by_key(|(range, _)| range.start);
    let mut merged: Vec<Find> = Vec::with_capacity(finds.len());
    for (range, name) in finds.into_iter().filter(|(range, _)| !range.is_empty()) {
        match merged.last_mut() {
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push((range, name)),
        }
    }
    merged
}

/// `text` with each range replaced by what it is called; the ranges ascend.
fn replaced<'t>(text: &'t str, finds: impl Iterator<Item = Find>) -> Cow<'t, str> {
    let mut result = String::new();
    let mut at = 0;
    for (range, name) in finds {
        result.push_str(text.get(at..range.start).unwrap_or_default());
        result.push_str("[redacted ");
        result.push_str(name);
        result.push(']');
        at = range.end;
    }
    if at == 0 {
        return Cow::Borrowed(text);
    }
    result.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(result)
}

#[cfg(test)]
mod tests;
