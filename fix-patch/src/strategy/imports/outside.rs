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
    let fits = is_pieced(&same, after)
        || tidied && {
            let last = same.len().saturating_sub(1);
            let same: Vec<String> = same.iter().enumerate().map(|(n, part)| trimmed(part, n == last)).collect();
            is_pieced(&same, &trimmed(after, true))
        };
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

/// Whether `text` starts with the first of the parts, ends with the last, and holds the others in order between them.
fn is_pieced(parts: &[impl AsRef<str>], text: &str) -> bool {
    let [first, others @ .., last] = parts else { return parts.first().is_none_or(|only| only.as_ref() == text) };
    let rest = text.strip_prefix(first.as_ref());
    let rest = others.iter().fold(rest, |rest, part| rest?.split_once(part.as_ref()).map(|(_, rest)| rest));
    rest.is_some_and(|rest| rest.ends_with(last.as_ref()))
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
    let mut last = statement.end;
    while continues(last) && lines.end(last, text) < text.len() {
        last = lines.end(last, text);
    }
    start..lines.end(last, text)
}

/// The text without blanks at the ends of its lines, and `is_last` without its last line end.
fn trimmed(text: &str, is_last: bool) -> String {
    let mut result = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let content = line.trim_end_matches(['\n', '\r']);
        result.push_str(tidy::trimmed(content));
        result.push_str(line.get(content.len()..).unwrap_or_default());
    }
    if is_last {
        let end = ["\r\n", "\n", "\r"].iter().find_map(|end| result.strip_suffix(end)).map_or(result.len(), str::len);
        result.truncate(end);
    }
    result
}
