//! Text that is shown to people, and the characters it may not hold.

use std::fmt;

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// Text from an untrusted source that is safe to show: not blank, bounded, and
/// without control, bidirectional or invisible characters.
///
/// Line feeds and tabs are kept; a carriage return, an escape sequence or a
/// right-to-left override is refused, because what a reviewer sees must be what is
/// there. A joiner (U+200C, U+200D) may stand between two characters outside of ASCII,
/// where Persian, Indic scripts and emoji need it, and nowhere else.
///
/// ```
/// use fix_plan::DisplayText;
/// assert!(DisplayText::new("tests import requests", 100).is_ok());
/// assert!(DisplayText::new("safe\u{202e}evil", 100).is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DisplayText(String);

impl DisplayText {
    /// Checks `text`, which may be at most `bytes_max` bytes long.
    ///
    /// # Errors
    /// Says which rule the text breaks, and at which byte.
    pub fn new(text: impl Into<String>, bytes_max: usize) -> Result<Self, TextError> {
        let text = text.into();
        if text.chars().all(char::is_whitespace) {
            return Err(TextError::Empty);
        }
        if text.len() > bytes_max {
            return Err(TextError::TooLong { bytes: text.len(), bytes_max });
        }
        if let Some((offset, character)) = if is_plain(&text) { None } else { invisible(&text) } {
            return Err(TextError::Invisible { character, offset });
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for DisplayText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text may not be shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing but white space.
    #[error("is empty; say it in at least one word")]
    Empty,
    /// Longer than allowed.
    #[error("is {bytes} bytes long; at most {bytes_max} are allowed")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The most allowed, in bytes.
        bytes_max: usize,
    },
    /// Holds a character that a reader can't see.
    #[error("holds the control or invisible character U+{:04X} at byte {offset}; leave it out", u32::from(*character))]
    Invisible {
        /// The character.
        character: char,
        /// Its position in bytes.
        offset: usize,
    },
}

/// Printable ASCII, tabs and line feeds. No early return inside a chunk: compilers turn it into vector code.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    text.as_bytes().chunks(32).all(|chunk| chunk.iter().fold(true, |all, &byte| all & plain(byte)))
}

/// The first character that can't be seen, and where it is.
fn invisible(text: &str) -> Option<(usize, char)> {
    let is_joinable = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && is_visible(c));
    let mut before = None;
    let mut characters = text.char_indices().peekable();
    while let Some((offset, c)) = characters.next() {
        let after = characters.peek().map(|&(_, after)| after);
        let joins = matches!(c, '\u{200c}' | '\u{200d}') && is_joinable(before) && is_joinable(after);
        if !joins && !is_visible(c) {
            return Some((offset, c));
        }
        before = Some(c);
    }
    None
}

/// Whether `c` may stand in shown text: visible, or a blank, tab or line feed.
fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return c == '\n' || c == '\t' || !c.is_ascii_control();
    }
    !is_control(c) && !is_invisible(c)
}

/// C0, DEL, C1, and the line and paragraph separators.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Code points that take no room, or whose look nobody agrees on.
pub(crate) fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return false;
    }
    let filler = matches!(
        c,
        '\u{034f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{3164}'
            | '\u{ffa0}'
            | '\u{2800}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
    );
    let late_variation_selector = matches!(c, '\u{e0100}'..='\u{e01ef}');
    filler
        || late_variation_selector
        || is_noncharacter(c)
        || matches!(
            CodePointMapData::<GeneralCategory>::new().get(c),
            GeneralCategory::Format | GeneralCategory::PrivateUse | GeneralCategory::Surrogate
        )
}

/// The 66 code points that Unicode will never assign.
pub(crate) fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_people_write() {
        for text in [
            "a b",
            "a\n\tb",
            "ünïcödé",
            "日本語",
            "שלום",
            "❤\u{fe0f}",
            "می\u{200c}خواهم",
            "👩\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
        ] {
            assert_eq!(DisplayText::new(text, 100).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_what_people_cannot_see() {
        for text in [
            "a\u{200d}b",
            "é\u{200d}",
            "\u{200c}é",
            "é\u{200d}\u{200d}é",
            "a\rb",
            "a\u{1b}[0m",
            "a\u{200b}b",
            "a\u{202e}b",
            "a\u{2028}b",
            "a\u{feff}",
            "a\u{e0041}",
            "\u{e000}",
        ] {
            assert!(matches!(DisplayText::new(text, 100), Err(TextError::Invisible { .. })), "{text:?}");
        }
        assert_eq!(DisplayText::new(" \n", 100), Err(TextError::Empty));
        assert!(matches!(DisplayText::new("abc", 2), Err(TextError::TooLong { bytes: 3, bytes_max: 2 })));
    }
}
