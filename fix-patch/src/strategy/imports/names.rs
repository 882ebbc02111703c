//! Taking some names out of a statement that keeps others.

use std::collections::BTreeSet;
use std::ops::Range;

use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;

use super::python::{Module, bytes};
use super::statements::Import;
use crate::edit::Edit;

/// Adds the edits that take the names `gone` out of `import`.
pub(super) fn edits(module: &Module<'_>, import: &Import<'_>, gone: &BTreeSet<usize>, edits: &mut Vec<Edit>) {
    let layout = Layout::of(module, import, gone);
    layout.edits(edits);
}

/// The list of names of one statement, as pieces of text.
struct Layout<'m> {
    module: &'m Module<'m>,
    /// What stands in the list: names and commas, and what is around it.
    pieces: Vec<Piece>,
    comments: Vec<Range<usize>>,
    parenthesized: bool,
}

struct Piece {
    kind: Kind,
    range: Range<usize>,
    goes: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// `import`, or the `(` behind it.
    Open,
    Name,
    Comma,
    /// `)`, or what follows on the line of the last name.
    Close,
}

impl<'m> Layout<'m> {
    fn of(module: &'m Module<'_>, import: &Import<'_>, gone: &BTreeSet<usize>) -> Self {
        let mut pieces = Vec::new();
        let mut comments = Vec::new();
        let mut parenthesized = false;
        let statement = bytes(import.stmt);
        let first_name = import.names.first().map_or(statement.end, |alias| alias.start().to_usize());
        let tokens = module.tokens();
        let from = tokens.partition_point(|token| token.start().to_usize() < statement.start);
        let mut names = import.names.iter().enumerate().peekable();
        let mut open = statement.start..statement.start;
        for token in tokens.get(from..).unwrap_or_default() {
            let range = bytes(token);
            if range.start >= statement.end {
                // What shares the last line: a comment, a semicolon, or nothing.
                match token.kind() {
                    TokenKind::Comment => comments.push(range),
                    TokenKind::Semi => pieces.push(Piece { kind: Kind::Close, range, goes: false }),
                    _ => break,
                }
                if token.kind() == TokenKind::Semi {
                    break;
                }
                continue;
            }
            match token.kind() {
                TokenKind::Comment => comments.push(range),
                TokenKind::NonLogicalNewline => {}
                TokenKind::Lpar => {
                    parenthesized = true;
                    open = range;
                }
                TokenKind::Rpar => pieces.push(Piece { kind: Kind::Close, range, goes: false }),
                _ if range.start < first_name => open = range,
                TokenKind::Comma => pieces.push(Piece { kind: Kind::Comma, range, goes: false }),
                _ => {
                    if let Some((index, alias)) = names.next_if(|(_, alias)| alias.start().to_usize() == range.start) {
                        pieces.push(Piece { kind: Kind::Name, range: bytes(alias), goes: gone.contains(&index) });
                    }
                }
            }
        }
        pieces.insert(0, Piece { kind: Kind::Open, range: open, goes: false });
        let mut layout = Self { module, pieces, comments, parenthesized };
        layout.mark_commas();
        layout
    }

    fn line(&self, offset: usize) -> u32 {
        self.module.lines().line(offset)
    }

    fn piece(&self, index: usize) -> Option<&Piece> {
        self.pieces.get(index)
    }

    fn is(&self, index: usize, kind: Kind) -> bool {
        self.piece(index).is_some_and(|piece| piece.kind == kind)
    }

    /// Chooses the comma that goes with each name that goes.
    fn mark_commas(&mut self) {
        for index in 0..self.pieces.len() {
            if !self.piece(index).is_some_and(|piece| piece.kind == Kind::Name && piece.goes) {
                continue;
            }
            let before = index.checked_sub(1).filter(|before| self.is(*before, Kind::Comma));
            let after = Some(index + 1).filter(|after| self.is(*after, Kind::Comma));
            let comma = match (before, after) {
                (Some(before), Some(after)) if self.leads(before, index) && !self.same_line(index, after) => before,
                (_, Some(after)) => after,
                (Some(before), None) if !self.parenthesized || self.same_line(before, index) => before,
                _ => continue,
            };
            if let Some(piece) = self.pieces.get_mut(comma) {
                piece.goes = true;
            }
        }
        self.mark_last_comma();
    }

    /// Names at the end that go leave the comma before them; without parentheses it goes too.
    fn mark_last_comma(&mut self) {
        let Some(last_kept) = self.pieces.iter().rposition(|piece| piece.kind == Kind::Name && !piece.goes) else {
            return;
        };
        let comma = last_kept + 1;
        let ends_with_comma = self
            .pieces
            .iter()
            .rev()
            .find(|piece| piece.kind != Kind::Close)
            .is_some_and(|piece| piece.kind == Kind::Comma);
        let removed_follows = self.pieces.iter().skip(comma).any(|piece| piece.kind == Kind::Name);
        if !removed_follows || !self.is(comma, Kind::Comma) {
            return;
        }
        let next_name = (comma..self.pieces.len()).find(|index| self.is(*index, Kind::Name)).unwrap_or(comma);
        let goes = !self.parenthesized || (!ends_with_comma && self.same_line(comma, next_name));
        if goes && let Some(piece) = self.pieces.get_mut(comma) {
            piece.goes = true;
        }
    }

    /// Whether `comma` is the first on the line of `name`.
    fn leads(&self, comma: usize, name: usize) -> bool {
        self.same_line(comma, name) && comma.checked_sub(1).is_some_and(|before| !self.same_line(before, comma))
    }

    fn same_line(&self, a: usize, b: usize) -> bool {
        match (self.piece(a), self.piece(b)) {
            (Some(a), Some(b)) => self.line(a.range.end) == self.line(b.range.start),
            _ => false,
        }
    }

    fn edits(&self, edits: &mut Vec<Edit>) {
        let mut index = 0;
        while index < self.pieces.len() {
            if !self.piece(index).is_some_and(|piece| piece.goes) {
                index += 1;
                continue;
            }
            let end = (index..self.pieces.len())
                .find(|index| !self.piece(*index).is_some_and(|piece| piece.goes))
                .unwrap_or(self.pieces.len());
            self.run(index, end, edits);
            index = end;
        }
    }

    /// Takes out the pieces `start..end`, all of which go, between two that stay.
    fn run(&self, start: usize, end: usize, edits: &mut Vec<Edit>) {
        let (Some(before), Some(first), Some(last)) =
            (start.checked_sub(1).and_then(|before| self.piece(before)), self.piece(start), self.piece(end - 1))
        else {
            return;
        };
        let after = self.piece(end);
        let text = self.module.text;
        let lines = self.module.lines();
        let first_line_is_shared = self.line(before.range.end) == self.line(first.range.start);
        let last_line_is_shared = after.is_some_and(|after| self.line(after.range.start) == self.line(last.range.end));

        if first_line_is_shared && last_line_is_shared && self.line(first.range.start) == self.line(last.range.end) {
            // On one line, between two that stay.
            edits.push(Edit::deletion(match after {
                Some(after) if after.kind == Kind::Name => first.range.start..after.range.start,
                _ => before.range.end..last.range.end,
            }));
            return;
        }
        if after.is_none_or(|after| after.kind == Kind::Close) && !self.parenthesized {
            // The end of a list that backslashes continue, with the comment of its last line.
            let end = match after {
                _ if self.line(before.range.end) == self.line(last.range.end) => last.range.end,
                Some(_) => last.range.end,
                None => self.comment_on(last.range.end).map_or(last.range.end, |comment| comment.end),
            };
            edits.push(Edit::deletion(before.range.end..end));
            return;
        }
        let after_start = after.map_or(text.len(), |after| after.range.start);
        if before.kind == Kind::Open
            && after.is_some_and(|after| after.kind == Kind::Name)
            && first_line_is_shared
            && !self.keeps_comment_between(first.range.start, after_start, &[])
        {
            // `from x import (a,` and then `b`: `b` moves up.
            edits.push(Edit::deletion(first.range.start..after_start));
            return;
        }
        if after.is_some_and(|after| after.kind == Kind::Close)
            && last_line_is_shared
            && !self.keeps_comment_between(before.range.end, after_start, &[self.line(before.range.end)])
        {
            // `a,` and then `b)`: the parenthesis moves up, and the comma goes where none was at the end.
            let comma_goes = before.kind == Kind::Comma && last.kind == Kind::Name;
            let from = if comma_goes { before.range.start } else { before.range.end };
            edits.push(Edit::deletion(from..after_start));
            return;
        }
        // Line by line: what goes from the first one, the lines between, what goes from the last one.
        let mut at = start;
        while at < end {
            let Some(piece) = self.piece(at) else { return };
            let line = self.line(piece.range.start);
            let mut stop = at;
            while stop < end && self.piece(stop).is_some_and(|piece| self.line(piece.range.start) == line) {
                stop += 1;
            }
            let Some(tail) = self.piece(stop - 1) else { return };
            let shares_before = at == start && first_line_is_shared;
            let shares_after = stop == end && last_line_is_shared;
            let whole = lines.start(piece.range.start)..lines.end(tail.range.end, text);
            let edit = match (shares_before, shares_after) {
                (false, false) => whole,
                (false, true) => piece.range.start..after_start,
                (true, false) => {
                    let keeps_name = self
                        .pieces
                        .iter()
                        .any(|kept| !kept.goes && kept.kind == Kind::Name && self.line(kept.range.end) == line);
                    let end = match self.comment_on(tail.range.end) {
                        _ if !self.parenthesized => tail.range.end,
                        Some(comment) if !keeps_name => comment.end,
                        Some(_) => tail.range.end,
                        None => lines.content_end(tail.range.end, text),
                    };
                    before.range.end..end
                }
                (true, true) => first.range.start..after_start,
            };
            edits.push(Edit::deletion(edit));
            at = stop;
        }
    }

    /// The comment on the line of byte `offset`.
    fn comment_on(&self, offset: usize) -> Option<&Range<usize>> {
        let line = self.line(offset);
        self.comments.iter().find(|comment| self.line(comment.start) == line && comment.start >= offset)
    }

    /// Whether a comment or a blank line between two bytes has to stay: it stands alone, or on one of `lines`.
    fn keeps_comment_between(&self, start: usize, end: usize, lines: &[u32]) -> bool {
        let text = self.module.text;
        let comment = self.comments.iter().filter(|comment| (start..end).contains(&comment.start)).any(|comment| {
            let alone = text
                .get(self.module.lines().start(comment.start)..comment.start)
                .is_some_and(|before| before.trim().is_empty());
            alone || lines.contains(&self.line(comment.start))
        });
        let mut blank = false;
        let mut at = self.module.lines().end(start, text);
        while at < self.module.lines().start(end) {
            let line = text.get(at..self.module.lines().content_end(at, text)).unwrap_or_default();
            blank |= line.trim().is_empty();
            at = self.module.lines().end(at, text);
        }
        comment || blank
    }
}
