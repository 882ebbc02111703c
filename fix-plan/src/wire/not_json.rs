//! What stands around or instead of the JSON, said so that one repair mends it.

use crate::violation::{Violation, ViolationCode};

/// Why `text` is not one JSON value, where `serde_json` gave up with `error`.
pub(super) fn not_json(text: &str, error: &serde_json::Error) -> Violation {
    let violation = |code, message: &str| Violation::new("", code, message);
    let trimmed = text.trim();
    if trimmed.trim_start_matches('\u{feff}').is_empty() {
        return violation(ViolationCode::EmptyAnswer, "is empty; answer with one JSON object");
    }
    let (before, after) = around(trimmed);
    if before.contains("```") || after.contains("```") {
        let message =
            "is wrapped in a Markdown fence; answer with the bare JSON object, from `{` to `}`, and nothing else";
        return violation(ViolationCode::MarkdownFence, message);
    }
    let has_object = trimmed.contains('{') && trimmed.contains('}');
    if has_object && before == "\u{feff}" {
        let message = "begins with a byte order mark (U+FEFF); begin with `{`";
        return violation(ViolationCode::ProseAroundJson, message);
    }
    let place = offset(text, error);
    let is_second_value = error.to_string().starts_with("trailing characters");
    if is_second_value && text.get(place..).is_some_and(|rest| rest.starts_with(['{', '['])) {
        let message = "holds more than one JSON value; answer with one object that holds every operation";
        return violation(ViolationCode::ProseAroundJson, message);
    }
    if has_object && (is_second_value || !before.is_empty() && !trimmed.starts_with('[')) {
        let message = "has text before or after the JSON object; answer with the object alone, from `{` to `}`";
        return violation(ViolationCode::ProseAroundJson, message);
    }
    let position = format!("line {}, column {}", error.line(), error.column());
    let cause = match cause(text, place, error) {
        Some(cause) => format!("is not JSON: at {position}, it {cause}"),
        None => format!("is not JSON ({error})"),
    };
    Violation::new("", ViolationCode::InvalidJson, format!("{cause}; answer with one complete JSON object"))
}

/// What stands before the first `{` and behind the last `}`.
fn around(text: &str) -> (&str, &str) {
    let before = text.split('{').next().unwrap_or(text);
    (before, text.rsplit('}').next().unwrap_or(text))
}

/// The byte at which `error` came up.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    // Columns count from 1; 0 is the line break before.
    let at = (lines.map(str::len).sum::<usize>() + error.column()).saturating_sub(1);
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The slips that models make, by the character at which the parser stopped.
fn cause(text: &str, at: usize, error: &serde_json::Error) -> Option<&'static str> {
    if error.is_eof() {
        return Some("ends too early: it is cut, or a quote or a bracket is not closed");
    }
    let (before, rest) = text.split_at_checked(at)?;
    let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').take(20).collect();
    match (rest.chars().next()?, word.as_str()) {
        ('\'' | '`' | '‘' | '’' | '“' | '”', _) => Some("has other quotes than `\"`"),
        ('/' | '#', _) => Some("has a comment, and JSON has none"),
        ('}' | ']', _) if before.trim_end().ends_with(',') => Some("has a comma before a closing bracket"),
        (_, "None" | "undefined") => Some("has a word that is not JSON; write `null`"),
        (_, "True" | "False") => Some("has a word that is not JSON; write `true` or `false`"),
        (_, "NaN" | "Infinity") => Some("has a number that is not finite"),
        (c, _) if c.is_ascii_control() => {
            Some("has a raw control character inside a string; write `\\n` for a line break")
        }
        (c, _) if c.is_ascii_alphabetic() => Some("has a word without quotes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (ViolationCode, String) {
        let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
        let violation = not_json(text, &error);
        (violation.code, violation.message)
    }

    #[test]
    fn the_cause_has_a_name() {
        for (text, code, words) in [
            ("", ViolationCode::EmptyAnswer, "empty"),
            ("```json\n{}\n```", ViolationCode::MarkdownFence, "Markdown"),
            ("{\"a\": \"```\",}", ViolationCode::InvalidJson, "comma before a closing bracket"),
            ("[{\"a\": 1},]", ViolationCode::InvalidJson, "comma before a closing bracket"),
            ("{} {}", ViolationCode::ProseAroundJson, "more than one JSON value"),
            ("{}\n{}", ViolationCode::ProseAroundJson, "more than one JSON value"),
            ("{} Hope that helps.", ViolationCode::ProseAroundJson, "before or after"),
            ("Here: {}", ViolationCode::ProseAroundJson, "before or after"),
            ("\u{feff}{}", ViolationCode::ProseAroundJson, "byte order mark"),
            ("{'a': 1}", ViolationCode::InvalidJson, "other quotes"),
            ("{\"a\": None}", ViolationCode::InvalidJson, "`null`"),
            ("{\"a\": True}", ViolationCode::InvalidJson, "`true`"),
            ("{\"a\": NaN}", ViolationCode::InvalidJson, "not finite"),
            ("{ // plan\n\"a\": 1}", ViolationCode::InvalidJson, "comment"),
            ("{\"a\": 1, b: 2}", ViolationCode::InvalidJson, "without quotes"),
            ("{\"a\": \"x\ny\"}", ViolationCode::InvalidJson, "raw control character"),
            ("{\"a\": [1", ViolationCode::InvalidJson, "ends too early"),
            ("I can't.", ViolationCode::InvalidJson, "without quotes"),
        ] {
            let (found, message) = said(text);
            assert!(found == code && message.contains(words), "{text:?}: {found}: {message}");
        }
    }
}
