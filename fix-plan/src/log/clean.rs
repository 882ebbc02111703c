//! What a terminal would act on, and nobody would see.

use crate::text::{is_control, is_invisible};

/// Takes out escape sequences, control and invisible characters, in one pass; `\r\n` becomes `\n`.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = sequence(rest).unwrap_or(c.len_utf8());
        rest = rest.get(length..).unwrap_or_default();
        match c {
            '\n' | '\t' => cleaned.push(c),
            '\r' => {
                rest = rest.trim_start_matches('\r');
                // A lone carriage return overwrites the line on a terminal; here it ends it.
                if !rest.starts_with('\n') {
                    cleaned.push('\n');
                }
            }
            c if c.is_ascii() && !c.is_ascii_control() => cleaned.push(c),
            c if is_control(c) || is_invisible(c) => {}
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// The length of the control sequence (ECMA-48) that the text begins with, in bytes.
pub(crate) fn sequence(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let introducer = characters.next()?;
    let rest = characters.as_str();
    let after = match introducer {
        '\u{1b}' => match characters.next() {
            Some('[') => after_csi(characters.as_str()),
            Some(']' | 'P' | 'X' | '^' | '_') => after_string(characters.as_str()),
            // Any number of intermediate characters, and one that ends it.
            _ => without(rest.trim_start_matches(|c| matches!(c, '\u{20}'..='\u{2f}')), '\u{30}'..='\u{7e}'),
        },
        '\u{9b}' => after_csi(rest),
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => after_string(rest),
        _ => return None,
    };
    Some(text.len() - after.len())
}

fn after_csi(text: &str) -> &str {
    without(text.trim_start_matches(|c| matches!(c, '\u{20}'..='\u{3f}')), '\u{40}'..='\u{7e}')
}

/// What follows a string (OSC, DCS, …). An unterminated one must not swallow the rest of the log: it
/// ends with its line.
fn after_string(text: &str) -> &str {
    let mut characters = text.chars();
    loop {
        let rest = characters.as_str();
        match characters.next() {
            None | Some('\n') => return rest,
            Some('\u{7}' | '\u{9c}') => return characters.as_str(),
            Some('\u{1b}') if characters.as_str().starts_with('\\') => {
                return characters.as_str().strip_prefix('\\').unwrap_or_default();
            }
            Some(_) => {}
        }
    }
}

/// The text without its first character, when that is one of these.
fn without(text: &str, first: std::ops::RangeInclusive<char>) -> &str {
    text.strip_prefix(|c| first.contains(&c)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_lose_what_a_terminal_would_swallow() {
        for (text, cleaned) in [
            ("a\x1b[1;31mb\x1b[0mc\r\nd\re", "abc\nd\ne"),
            ("a\r\r\nb\r\r\r\nc", "a\nb\nc"),
            ("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "link"),
            ("\x1b]0;never closed\nkept", "\nkept"),
            ("\u{9d}0;title\u{9c}kept \u{90}1$r\x1b\\too\u{9b}31m.", "kept too."),
            ("\x1b(Bascii\x1b)0\x1b#8\x1b%Gutf8\x1b7\x1b=", "asciiutf8"),
            ("\x1b\ttab \x1bé \x1b", "\ttab é "),
            ("a\u{200b}b\u{202e}c\0", "abc"),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
            assert_eq!(clean(cleaned), cleaned);
        }
    }
}
