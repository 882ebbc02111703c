//! Taking out whole statements, as a careful person would.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::Stmt;
use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;

use super::names;
use super::python::{Module, bytes};
use super::statements::Statements;
use crate::edit::Edit;

/// The names to take out, by import statement.
pub(super) type Removals = BTreeMap<usize, BTreeSet<usize>>;

/// The edits that take `removals` out.
pub(super) fn edits(module: &Module<'_>, statements: &Statements<'_>, removals: &Removals) -> Vec<Edit> {
    let mut edits = Vec::new();
    // The statements that go, by the block they stand in.
    let mut whole: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (&import, gone) in removals {
        let Some(import) = statements.imports.get(import) else { continue };
        if gone.len() == import.names.len() {
            whole.entry(import.block).or_default().insert(import.index);
        } else {
            names::edits(module, import, gone, &mut edits);
        }
    }
    for (block, gone) in whole {
        let Some(block_of) = statements.blocks.get(block) else { continue };
        let needs_pass = block != 0 && gone.len() == block_of.body.len();
        remove_statements(module, block_of.body, &gone, needs_pass, &mut edits);
    }
    edits
}

/// Takes the statements `gone` out of `body`; where it would be empty, `pass` takes the place of the first.
fn remove_statements(
    module: &Module<'_>,
    body: &[Stmt],
    gone: &BTreeSet<usize>,
    needs_pass: bool,
    edits: &mut Vec<Edit>,
) {
    let mut done = 0;
    for &index in gone {
        if index < done {
            continue;
        }
        let row = Row::around(module, body, index);
        done = row.end;
        let pass = needs_pass && gone.first().is_some_and(|first| (row.start..row.end).contains(first));
        row.remove(module, body, gone, pass, edits);
    }
}

/// Statements of one block that share a logical line: `a; b; c`.
struct Row {
    start: usize,
    end: usize,
    /// Whether code of another block stands before them: `if x: a; b`.
    behind_header: bool,
    /// Whether the last one is followed by a lone semicolon, and where that ends.
    semicolon_end: Option<usize>,
}

impl Row {
    fn around(module: &Module<'_>, body: &[Stmt], index: usize) -> Self {
        let follows = |index: usize| {
            let end = body.get(index).map_or(0, |stmt| bytes(stmt).end);
            next_token(module, end)
        };
        let mut end = index + 1;
        let mut semicolon_end = None;
        while let Some((TokenKind::Semi, semicolon)) = follows(end - 1) {
            let next = next_token(module, semicolon.end);
            let more =
                !matches!(next, None | Some((TokenKind::Newline | TokenKind::Comment | TokenKind::EndOfFile, _)));
            if !more || end >= body.len() {
                semicolon_end = Some(semicolon.end);
                break;
            }
            end += 1;
        }
        let mut start = index;
        while start > 0 && matches!(follows(start - 1), Some((TokenKind::Semi, _))) {
            let here = body.get(start).map_or(0, |stmt| bytes(stmt).start);
            if !matches!(token_before(module, here), Some((TokenKind::Semi, _))) {
                break;
            }
            start -= 1;
        }
        let first = body.get(start).map_or(0, |stmt| bytes(stmt).start);
        let behind_header = matches!(token_before(module, first), Some((TokenKind::Colon, _)));
        Self { start, end, behind_header, semicolon_end }
    }

    fn remove(&self, module: &Module<'_>, body: &[Stmt], gone: &BTreeSet<usize>, pass: bool, edits: &mut Vec<Edit>) {
        let range = |index: usize| body.get(index).map(bytes).unwrap_or_default();
        let row = range(self.start).start..self.semicolon_end.unwrap_or(range(self.end - 1).end);
        let kept: Vec<usize> = (self.start..self.end).filter(|index| !gone.contains(index)).collect();
        if kept.is_empty() {
            if !pass {
                edits.push(Edit::deletion(logical_line(module, row.start, row.end)));
            } else if self.behind_header {
                edits.push(Edit::replacement(row, "pass"));
            } else {
                // The comment behind it was about the import, and a backslash was its own.
                let end = match next_token(module, row.end) {
                    Some((TokenKind::Comment, comment)) => comment.end,
                    Some((TokenKind::Newline, newline))
                        if module.lines().line(row.end) != module.lines().line(newline.start) =>
                    {
                        newline.start
                    }
                    _ => row.end,
                };
                edits.push(Edit::replacement(row.start..end, "pass"));
            }
            return;
        }
        // Runs of what goes: up to the next that stays, or behind the last that stays.
        let mut index = self.start;
        while index < self.end {
            if !gone.contains(&index) {
                index += 1;
                continue;
            }
            let next = (index..self.end).find(|index| !gone.contains(index));
            match next {
                Some(next) => {
                    let (gone, next_start) = (range(index).start, range(next).start);
                    // Whole lines where backslashes put each on its own.
                    let whole = indentation(module, gone).zip(indentation(module, next_start));
                    let (from, to) = whole.filter(|_| index > self.start).unwrap_or((gone, next_start));
                    edits.push(Edit::deletion(from..to));
                    index = next;
                }
                None => {
                    edits.push(Edit::deletion(range(index - 1).end..row.end));
                    index = self.end;
                }
            }
        }
    }
}

/// Where the line of byte `at` starts, when only blanks stand before it.
fn indentation(module: &Module<'_>, at: usize) -> Option<usize> {
    let start = module.lines().start(at);
    module.text.get(start..at).is_some_and(|blanks| blanks.trim().is_empty()).then_some(start)
}

/// The lines of a statement that stands alone, with the comment and the line ending.
pub(super) fn logical_line(module: &Module<'_>, start: usize, end: usize) -> std::ops::Range<usize> {
    let text = module.text;
    let mut first = module.lines().start(start);
    // A line before that ends in a backslash belongs to it.
    while first > 0 {
        let before = text.get(..first).unwrap_or_default();
        let before = before.strip_suffix('\n').unwrap_or(before);
        let before = before.strip_suffix('\r').unwrap_or(before);
        let line = before.get(module.lines().start(before.len())..).unwrap_or_default();
        if line.trim() != "\\" {
            break;
        }
        first = module.lines().start(before.len());
    }
    let has_bom = first == 0 && text.starts_with('\u{feff}');
    let first = if has_bom { '\u{feff}'.len_utf8() } else { first };
    // The end of the logical line, which a backslash may have moved to the next.
    let last = module
        .tokens()
        .get(module.tokens().partition_point(|token| token.start().to_usize() < end)..)
        .unwrap_or_default()
        .iter()
        .find(|token| token.kind() == TokenKind::Newline)
        .map_or(end, |token| token.end().to_usize());
    let last = if text.get(..last).is_some_and(|text| text.ends_with(['\n', '\r'])) {
        last
    } else {
        module.lines().end(last, text)
    };
    first..last
}

/// The first token that starts at or after byte `at`, and its bytes.
pub(super) fn next_token(module: &Module<'_>, at: usize) -> Option<(TokenKind, std::ops::Range<usize>)> {
    let tokens = module.tokens();
    let index = tokens.partition_point(|token| token.start().to_usize() < at);
    tokens.get(index).map(|token| (token.kind(), bytes(token)))
}

/// The first token of code that starts at or after byte `at`, and its bytes: comments and line ends aside.
pub(super) fn code_after(module: &Module<'_>, at: usize) -> Option<(TokenKind, std::ops::Range<usize>)> {
    let tokens = module.tokens();
    let from = tokens.partition_point(|token| token.start().to_usize() < at);
    let mut code = tokens.get(from..)?.iter();
    let code = code.find(|token| !matches!(token.kind(), TokenKind::Comment | TokenKind::NonLogicalNewline))?;
    Some((code.kind(), bytes(code)))
}

/// The last token that ends at or before byte `at`, and its bytes; blocks that start or end there aside.
fn token_before(module: &Module<'_>, at: usize) -> Option<(TokenKind, std::ops::Range<usize>)> {
    let tokens = module.tokens();
    let index = tokens.partition_point(|token| token.start().to_usize() < at);
    tokens
        .get(..index)?
        .iter()
        .rev()
        .find(|token| !matches!(token.kind(), TokenKind::Indent | TokenKind::Dedent))
        .map(|token| (token.kind(), bytes(token)))
}
