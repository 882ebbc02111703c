//! The part of the proof that looks at bytes: what stands on other lines than the statements stays as it is.

use std::ops::Range;

use super::python::{Lines, Module, bytes};
use super::remove::Removals;
use super::statements::Statements;
use crate::tidy;

/// Checks that `after` is the text before, the lines of the statements aside, and perhaps tidied.
pub(super) fn check(
    before: &Module<'_>,
    statements: &Statements<'_>,
    removals: &Removals,
    tidied: bool,
    after: &str,
) -> Result<(), String> {
    let statements = removals.keys().filter_map(|import| statements.imports.get(*import));
    let same = outside(before, statements.map(|import| bytes(import.stmt)));
    let fits = is_pieced(&same, after) || tidied && is_tidied(&same, after);
    if !fits {
        return Err("a line changed that holds no part of the import".to_owned());
    }
    if line_ends(after) > line_ends(before.text) + 2 * usize::from(tidied) {
        return Err("a line came".to_owned());
    }
    Ok(())
}

/// The text before, between and behind the lines of the statements.
fn outside<'t>(module: &Module<'t>, statements: impl Iterator<Item = Range<usize>>) -> Vec<&'t str> {
    let text = module.text;
    let mut parts = Vec::new();
    let mut at = 0;
    for statement in statements {
        let lines = lines_of(module.lines(), text, statement);
        parts.push(text.get(at..lines.start).unwrap_or_default());
        at = at.max(lines.end);
    }
    parts.push(text.get(at..).unwrap_or_default());
    parts
}

/// Whether `text` starts with the first of the parts, ends with the last, and holds the others in order between them,
/// each at the start of a line.
fn is_pieced(parts: &[impl AsRef<str>], text: &str) -> bool {
    let [first, others @ .., last] = parts else { return parts.first().is_none_or(|only| only.as_ref() == text) };
    let rest = others.iter().fold(text.strip_prefix(first.as_ref()), |rest, part| {
        let rest = rest?;
        let lines = rest.match_indices(['\n', '\r']).map(|(end, _)| end + 1);
        std::iter::once(0).chain(lines).find_map(|line| rest.get(line..)?.strip_prefix(part.as_ref()))
    });
    let between = rest.and_then(|rest| rest.strip_suffix(last.as_ref()));
    between.is_some_and(|between| last.as_ref().is_empty() || between.is_empty() || between.ends_with(['\n', '\r']))
}

/// The same, but for blanks at the ends of lines and for a line end at the end of the text.
fn is_tidied(parts: &[&str], text: &str) -> bool {
    let parts: Vec<String> = parts.iter().map(|part| trimmed(part)).collect();
    let text = trimmed(text);
    let ended = ["\r\n", "\n", "\r"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(&text);
    let has_end = parts.last().is_none_or(|last| last.ends_with(['\n', '\r']));
    is_pieced(&parts, &text) || !has_end && is_pieced(&parts, ended)
}

fn line_ends(text: &str) -> usize {
    text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count()
}

/// The lines of a statement, with those that backslashes make one with them.
fn lines_of(lines: &Lines, text: &str, statement: Range<usize>) -> Range<usize> {
    let continues = |line: usize| text.get(..lines.content_end(line, text)).is_some_and(|text| text.ends_with('\\'));
    let mut start = lines.start(statement.start);
    while start > 0 && continues(start - 1) {
        start = lines.start(start - 1);
    }
    // A byte order mark is no part of the first line.
    start = start.max(text.len() - text.trim_start_matches('\u{feff}').len());
    let mut last = statement.end;
    while continues(last) && lines.end(last, text) < text.len() {
        last = lines.end(last, text);
    }
    start..lines.end(last, text)
}

/// The text without blanks at the ends of its lines.
fn trimmed(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let content = line.trim_end_matches(['\n', '\r']);
        result.push_str(tidy::trimmed(content));
        result.push_str(line.get(content.len()..).unwrap_or_default());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_start_at_lines() {
        assert!(is_pieced(&["", "\n\ny\n", "z\n"], "import b\n\n\ny\nz\n"));
        assert!(is_pieced(&["x\n", "", "z\n"], "x\nimport b\nz\n"));
        assert!(!is_pieced(&["", "y\n", "z\n"], "  y\nz\n"));
        assert!(!is_pieced(&["", "y\n", "z\n"], "y\n  z\n"));
        assert!(!is_pieced(&["", "y\n", "z\n"], "z\ny\n"));
        assert!(!is_pieced(&["x\n", "z\n"], "y\nx\nz\n"));
    }

    #[test]
    fn tidying_is_no_change() {
        for (parts, text) in [
            (["x = 1 \n", ""], "x = 1\n"),
            (["x = 1 \r\n", "y = 2 "], "x = 1\r\ny = 2\r\n"),
            (["", "y = 2 \n   "], "y = 2\n"),
            (["x = 1\n", "  "], "x = 1\n"),
            (["x = 1\n", "y"], "x = 1\nimport b\ny\n"),
        ] {
            assert!(is_tidied(&parts, text), "{text:?}");
        }
        for (parts, text) in [
            (["x = 1\n", ""], "x = 1"),
            (["x = 1\n", "y\n"], "x = 1\ny"),
            (["x = 1\n", "y"], "x = 1\n  y"),
            (["x = 1\n", "y"], "x = 1\ny\n\n"),
        ] {
            assert!(!is_tidied(&parts, text), "{text:?}");
        }
    }
}
