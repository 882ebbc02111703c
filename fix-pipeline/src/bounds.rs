//! What is taken of what adapters say: it is stored, hashed and shown, again and again.

/// One text of a report, of a pull request, or of an error, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 8 * 1024;
/// The end of what commands printed, in bytes.
pub(crate) const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Commands of a report.
pub(crate) const COMMANDS_MAX: usize = 1_000;
/// Names of failing tests in a report.
pub(crate) const NAMES_MAX: usize = 50;
/// Labels of a pull request.
pub(crate) const LABELS_MAX: usize = 100;

/// The beginning of `text`, cut between two characters, and how many bytes are left out.
pub(crate) fn split_head(text: &str, bytes_max: usize) -> (&str, usize) {
    let end = (0..=bytes_max.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
    let head = text.get(..end).unwrap_or_default();
    (head, text.len() - head.len())
}

/// The same as one text, which says that it was cut.
pub(crate) fn head(text: String, bytes_max: usize) -> String {
    match split_head(&text, bytes_max) {
        (_, 0) => text,
        (head, more) => format!("{head} … ({more} more bytes)"),
    }
}

/// The end of `text`, whole characters.
pub(crate) fn tail(text: String, bytes_max: usize) -> String {
    match text.len().checked_sub(bytes_max) {
        None | Some(0) => text,
        Some(begin) => {
            let begin = (begin..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
            text.get(begin..).unwrap_or_default().to_owned()
        }
    }
}

/// What a text shows: without what moves a cursor, hides, or turns around.
pub(crate) fn shown(text: &str) -> String {
    let is_hidden = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || is_bidi(c);
    text.chars().map(|c| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The characters that change the direction of what stands behind them.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(head("short".to_owned(), 5), "short");
        assert_eq!(head("äöü".to_owned(), 3), "ä … (4 more bytes)");
        assert_eq!(tail("short".to_owned(), 5), "short");
        assert_eq!(tail("äöü".to_owned(), 3), "ü");
    }
}
