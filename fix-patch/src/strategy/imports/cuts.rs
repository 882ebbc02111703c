//! What of the text goes with a name, line by line.

use std::ops::Range;

use super::layout::{Kind, Layout};

/// The bytes that go with the piece `name` and the `commas` beside it, each line for itself.
pub(super) fn cuts(layout: &Layout<'_>, name: usize, commas: &[usize]) -> Vec<Range<usize>> {
    let gone = Gone { layout, name, commas };
    let mut cuts = Vec::new();
    let mut at = commas.iter().copied().fold(name, usize::min);
    let last = commas.iter().copied().fold(name, usize::max);
    while at <= last {
        let end = layout.line_end(at);
        if let Some(first) = (at..end).find(|piece| gone.has(*piece)) {
            let last = (first..end).rfind(|piece| gone.has(*piece)).unwrap_or(first);
            cuts.push(gone.of_line(first, last, end));
        }
        at = end + 1;
    }
    cuts
}

/// The pieces that go: a name, and up to two commas.
struct Gone<'a, 't> {
    layout: &'a Layout<'t>,
    name: usize,
    commas: &'a [usize],
}

impl Gone<'_, '_> {
    fn has(&self, piece: usize) -> bool {
        piece == self.name || self.commas.contains(&piece)
    }

    /// What goes of a line that ends at piece `end`, and of which the pieces `first` to `last` go.
    fn of_line(&self, first: usize, last: usize, end: usize) -> Range<usize> {
        let layout = self.layout;
        let start = layout.line_start(first);
        let before = (start < first).then(|| first - 1);
        let after = (last + 1 < end).then(|| last + 1);
        let comment = after.filter(|after| layout.kind(*after) == Some(Kind::Comment));
        let after = after.filter(|_| comment.is_none());
        let own_comment = comment.filter(|comment| self.owns(*comment));
        match (before, after.map(|after| (after, layout.kind(after)))) {
            (None, None) => match comment.filter(|_| own_comment.is_none()) {
                Some(others) => layout.start(first)..layout.start(others),
                None if layout.kind(end) == Some(Kind::LineEnd) => layout.start_of_line(start)..layout.end(end),
                // The last line of a list that backslashes continue.
                None => layout.end(self.kept_before(first))..layout.end(own_comment.unwrap_or(last)),
            },
            (None, Some((close, Some(Kind::Close)))) => {
                let kept = self.kept_before(first);
                if self.is_clear(kept, first) {
                    // `a,` and then `b)`: the parenthesis moves up.
                    layout.end(kept)..layout.end(last)
                } else {
                    layout.start(first)..layout.start(close)
                }
            }
            (None, Some((after, _))) | (Some(_), Some((after, Some(Kind::Name)))) => {
                layout.start(first)..layout.start(after)
            }
            (Some(before), Some(_)) => layout.end(before)..layout.end(last),
            (Some(before), None) => {
                let next = self.kept_after(last);
                if layout.kind(before) == Some(Kind::Open)
                    && layout.kind(next) == Some(Kind::Name)
                    && self.is_clear(last, next)
                {
                    // `from x import (a,` and then `b`: `b` moves up.
                    return layout.start(first)..layout.start(next);
                }
                let blanks_go = comment.is_none() && layout.kind(end).is_some() && !layout.is_backslash(end);
                let stop = if blanks_go { layout.start(end) } else { layout.end(own_comment.unwrap_or(last)) };
                layout.end(before)..stop
            }
        }
    }

    /// Whether a comment goes with the name: it stands behind it or its comma, and behind no other name.
    fn owns(&self, comment: usize) -> bool {
        let line = self.layout.line_start(comment)..comment;
        let is_own = line.clone().any(|piece| self.has(piece) && piece >= self.name);
        let is_shared = |piece| matches!(self.layout.kind(piece), Some(Kind::Name | Kind::Close));
        is_own && !line.into_iter().any(|piece| !self.has(piece) && is_shared(piece))
    }

    /// Whether neither a comment that stays nor a blank line stands between two pieces.
    fn is_clear(&self, from: usize, to: usize) -> bool {
        (from + 1..to).all(|piece| match self.layout.kind(piece) {
            Some(Kind::Comment) => self.owns(piece),
            Some(Kind::LineEnd) => self.layout.kind(piece - 1) != Some(Kind::LineEnd),
            _ => true,
        })
    }

    /// The nearest piece before `piece` that stays and is code.
    fn kept_before(&self, piece: usize) -> usize {
        (0..piece).rfind(|piece| self.stays(*piece)).unwrap_or_default()
    }

    /// The nearest piece behind `piece` that stays and is code.
    fn kept_after(&self, piece: usize) -> usize {
        (piece + 1..).find(|piece| self.layout.kind(*piece).is_none() || self.stays(*piece)).unwrap_or(piece)
    }

    fn stays(&self, piece: usize) -> bool {
        !self.has(piece) && !matches!(self.layout.kind(piece), Some(Kind::Comment | Kind::LineEnd))
    }
}
