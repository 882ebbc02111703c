//! How the names of one import statement are laid out.

use std::ops::Range;

use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;

use super::python::{Module, bytes};
use super::statements::Import;

/// The list of names of one statement, as the pieces of text that are left of it.
#[derive(Debug)]
pub(super) struct Layout<'t> {
    text: &'t str,
    pieces: Vec<Piece>,
    parenthesized: bool,
    /// What was cut out of the text so far.
    cut: Vec<Range<usize>>,
}

#[derive(Clone, Debug)]
struct Piece {
    kind: Kind,
    range: Range<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// What stands before the first name: the last of them is `import`, or the `(` behind it.
    Open,
    /// A name with its alias, which may be on several lines.
    Name,
    Comma,
    Comment,
    /// The end of a line that is not the statement's last, its backslash included.
    LineEnd,
    /// `)`, or the semicolon behind the last name.
    Close,
}

impl<'t> Layout<'t> {
    pub(super) fn of(module: &Module<'t>, import: &Import<'_>) -> Self {
        let mut layout = Self { text: module.text, pieces: Vec::new(), parenthesized: false, cut: Vec::new() };
        let statement = bytes(import.stmt);
        let first_name = import.names.first().map_or(statement.end, |alias| alias.start().to_usize());
        let tokens = module.tokens();
        let from = tokens.partition_point(|token| token.start().to_usize() < statement.start);
        let mut names = import.names.iter().peekable();
        let mut at = statement.start;
        for token in tokens.get(from..).unwrap_or_default() {
            let range = bytes(token);
            if range.start < at {
                // A part of a name.
                continue;
            }
            let kind = match token.kind() {
                TokenKind::Comment => Kind::Comment,
                TokenKind::NonLogicalNewline => Kind::LineEnd,
                TokenKind::Semi => Kind::Close,
                _ if range.start >= statement.end => break,
                TokenKind::Rpar => Kind::Close,
                TokenKind::Comma => Kind::Comma,
                kind if range.start < first_name => {
                    layout.parenthesized |= kind == TokenKind::Lpar;
                    Kind::Open
                }
                _ => Kind::Name,
            };
            layout.backslashes(at..range.start);
            at = match kind {
                Kind::Name => names.next().map_or(range.end, |name| name.end().to_usize()),
                _ => range.end,
            };
            layout.pieces.push(Piece { kind, range: range.start..at });
            if kind == Kind::Close {
                break;
            }
        }
        layout
    }

    /// Adds the line ends between two tokens, which a backslash hides.
    fn backslashes(&mut self, between: Range<usize>) {
        let text = self.text.get(between.clone()).unwrap_or_default();
        for (at, _) in text.match_indices('\\') {
            let ending = text.get(at + 1..).unwrap_or_default();
            let length = if ending.starts_with("\r\n") { 3 } else { 2 };
            let start = between.start + at;
            self.pieces.push(Piece { kind: Kind::LineEnd, range: start..start + length });
        }
    }

    pub(super) fn is_parenthesized(&self) -> bool {
        self.parenthesized
    }

    /// The piece that is the name number `index` of those that are left.
    pub(super) fn name(&self, index: usize) -> Option<usize> {
        let names = self.pieces.iter().enumerate().filter(|(_, piece)| piece.kind == Kind::Name);
        names.map(|(at, _)| at).nth(index)
    }

    /// The nearest piece of a kind before `piece`.
    pub(super) fn before(&self, piece: usize, kind: Kind) -> Option<usize> {
        self.pieces.get(..piece)?.iter().rposition(|other| other.kind == kind)
    }

    /// The nearest piece of a kind behind `piece`.
    pub(super) fn after(&self, piece: usize, kind: Kind) -> Option<usize> {
        let from = piece + 1;
        self.pieces.get(from..)?.iter().position(|other| other.kind == kind).map(|at| from + at)
    }

    /// Cuts ranges out, and forgets the pieces in them.
    pub(super) fn cut(&mut self, cuts: Vec<Range<usize>>) {
        let cuts = merged(cuts);
        self.pieces.retain(|piece| !is_in(&piece.range, &cuts));
        self.cut.extend(cuts);
    }

    /// All that was cut, sorted and disjoint.
    pub(super) fn into_cuts(self) -> Vec<Range<usize>> {
        merged(self.cut)
    }

    /// How many lines a diff of the cuts shows: those that go or change, and those that come instead.
    pub(super) fn changed_lines(&self, cuts: &[Range<usize>]) -> usize {
        let cuts = merged(cuts.to_vec());
        let (Some(first), Some(last)) = (cuts.first(), cuts.last()) else { return 0 };
        let mut changed = 0;
        let mut joined = false;
        let from = self.pieces.partition_point(|piece| piece.range.end < first.start);
        let mut at = self.line_start(from.min(self.pieces.len().saturating_sub(1)));
        while at < self.pieces.len() && (joined || self.start(at) < last.end) {
            let end = self.line_end(at);
            let start = self.start_of_line(at);
            let line_end = self.pieces.get(end);
            let stop = line_end.or(self.pieces.last()).map_or(start, |piece| piece.range.end);
            let goes = is_in(&(start..stop), &cuts);
            let touched = cuts.iter().any(|cut| cut.start < stop && start < cut.end);
            changed += usize::from(joined || touched) + usize::from(touched && !goes && !joined);
            joined = line_end.is_some_and(|piece| is_in(&piece.range, &cuts)) && (joined || !goes);
            at = end + 1;
        }
        changed
    }

    pub(super) fn kind(&self, piece: usize) -> Option<Kind> {
        self.pieces.get(piece).map(|piece| piece.kind)
    }

    pub(super) fn start(&self, piece: usize) -> usize {
        self.pieces.get(piece).map_or(self.text.len(), |piece| piece.range.start)
    }

    pub(super) fn end(&self, piece: usize) -> usize {
        self.pieces.get(piece).map_or(self.text.len(), |piece| piece.range.end)
    }

    /// The first piece of the line of `piece`.
    pub(super) fn line_start(&self, piece: usize) -> usize {
        self.before(piece, Kind::LineEnd).map_or(0, |end| end + 1)
    }

    /// The byte where the line starts whose first piece is `piece`.
    pub(super) fn start_of_line(&self, piece: usize) -> usize {
        piece.checked_sub(1).map_or(self.start(piece), |before| self.end(before))
    }

    /// The end of the line of `piece`; behind the last piece when it has none.
    pub(super) fn line_end(&self, piece: usize) -> usize {
        if self.kind(piece) == Some(Kind::LineEnd) {
            return piece;
        }
        self.after(piece, Kind::LineEnd).unwrap_or(self.pieces.len())
    }

    /// Whether a backslash ends the line.
    pub(super) fn is_backslash(&self, line_end: usize) -> bool {
        self.text.get(self.start(line_end)..).is_some_and(|text| text.starts_with('\\'))
    }
}

/// The same bytes, sorted and disjoint.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Whether one of `cuts` holds all of `range`.
fn is_in(range: &Range<usize>, cuts: &[Range<usize>]) -> bool {
    cuts.iter().any(|cut| cut.start <= range.start && range.end <= cut.end)
}
