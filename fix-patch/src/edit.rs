//! Changes of a text, as byte ranges.

use std::collections::VecDeque;
use std::ops::Range;

/// One replacement: the bytes of `range` become `replacement`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edit {
    range: Range<usize>,
    replacement: String,
}

impl Edit {
    /// Puts `text` in at byte `offset`.
    #[must_use]
    pub fn insertion(offset: usize, text: impl Into<String>) -> Self {
        Self { range: offset..offset, replacement: text.into() }
    }

    /// Takes the bytes of `range` out.
    #[must_use]
    pub fn deletion(range: Range<usize>) -> Self {
        Self { range, replacement: String::new() }
    }

    /// Puts `text` in place of the bytes of `range`.
    #[must_use]
    pub fn replacement(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, replacement: text.into() }
    }

    /// The bytes that go.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// What comes instead.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.replacement
    }
}

/// Edits of one text: sorted, disjoint, inside the text and between its
/// characters, by construction.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EditSet {
    edits: Vec<Edit>,
}

/// Edits that are no set: out of bounds, inside a character, or overlapping.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the edit of bytes {start}..{end} is out of bounds, splits a character, or overlaps another")]
pub struct EditError {
    start: usize,
    end: usize,
}

impl EditSet {
    /// Sorts `edits` and checks them against `text`. Edits that change nothing are dropped;
    /// two insertions at one place overlap.
    ///
    /// # Errors
    /// Names the edit that does not fit.
    pub fn new(text: &str, mut edits: Vec<Edit>) -> Result<Self, EditError> {
        edits.retain(|edit| text.get(edit.range.clone()) != Some(edit.replacement.as_str()));
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        let mut end = 0;
        let mut insertion_at = None;
        for edit in &edits {
            let overlaps = edit.range.start < end || insertion_at == Some(edit.range.start) && edit.range.is_empty();
            if overlaps || text.get(edit.range.clone()).is_none() {
                return Err(EditError { start: edit.range.start, end: edit.range.end });
            }
            end = edit.range.end;
            insertion_at = edit.range.is_empty().then_some(edit.range.start);
        }
        Ok(Self { edits })
    }

    /// The edits, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &Edit> {
        self.edits.iter()
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The text after the edits. `text` is the one that the set was made for.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let grown: usize = self.edits.iter().map(|edit| edit.replacement.len()).sum();
        let mut result = String::with_capacity(text.len() + grown);
        let mut at = 0;
        for edit in &self.edits {
            result.push_str(text.get(at..edit.range.start).unwrap_or_default());
            result.push_str(&edit.replacement);
            at = edit.range.end;
        }
        result.push_str(text.get(at..).unwrap_or_default());
        result
    }

    /// Where byte `offset` of the text, which stays, is after the edits.
    #[must_use]
    pub fn offset_after(&self, offset: usize) -> usize {
        let before = self.edits.iter().take_while(|edit| edit.range.end <= offset);
        before.fold(offset, |at, edit| at + edit.replacement.len() - edit.range.len())
    }

    /// One set that does what this one and then `next` do. `next` was made for
    /// the text that this one gives.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let mut middle = Pieces { pieces: self.pieces().into() };
        let mut merged = Merged::default();
        let mut at = 0;
        for edit in &next.edits {
            middle.take(edit.range.start - at, |piece| merged.push(piece));
            middle.take(edit.range.len(), |_| {});
            merged.push(Piece::Text(&edit.replacement));
            at = edit.range.end;
        }
        middle.take(usize::MAX, |piece| merged.push(piece));
        Self { edits: merged.edits }
    }

    /// The text after the edits, as pieces of the old text and new text between
    /// them; the last piece is the rest, without an end.
    fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::with_capacity(2 * self.edits.len() + 1);
        let mut at = 0;
        for edit in &self.edits {
            pieces.push(Piece::Old(at..edit.range.start));
            pieces.push(Piece::Text(&edit.replacement));
            at = edit.range.end;
        }
        pieces.push(Piece::Old(at..usize::MAX));
        pieces
    }
}

#[derive(Clone, Debug)]
enum Piece<'e> {
    Old(Range<usize>),
    Text(&'e str),
}

impl Piece<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Old(range) => range.len(),
            Self::Text(text) => text.len(),
        }
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            Self::Old(range) => (Self::Old(range.start..range.start + at), Self::Old(range.start + at..range.end)),
            Self::Text(text) => {
                let (head, tail) = text.split_at_checked(at).unwrap_or((text, ""));
                (Self::Text(head), Self::Text(tail))
            }
        }
    }
}

struct Pieces<'e> {
    pieces: VecDeque<Piece<'e>>,
}

impl<'e> Pieces<'e> {
    /// Takes the next `length` bytes.
    fn take(&mut self, mut length: usize, mut each: impl FnMut(Piece<'e>)) {
        while length > 0 {
            let Some(piece) = self.pieces.pop_front() else { return };
            if piece.len() <= length {
                length -= piece.len();
                each(piece);
            } else {
                let (head, tail) = piece.split_at(length);
                self.pieces.push_front(tail);
                length = 0;
                each(head);
            }
        }
    }
}

/// Turns pieces back into edits.
#[derive(Default)]
struct Merged {
    edits: Vec<Edit>,
    old_at: usize,
    text: String,
}

impl Merged {
    fn push(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => self.text.push_str(text),
            Piece::Old(range) if range.is_empty() => {}
            Piece::Old(range) => {
                if range.start > self.old_at || !self.text.is_empty() {
                    self.edits
                        .push(Edit { range: self.old_at..range.start, replacement: std::mem::take(&mut self.text) });
                }
                self.old_at = range.end;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_set_is_sorted_disjoint_and_in_bounds() {
        let set = |edits| EditSet::new("héllo", edits);
        let sorted = set(vec![Edit::deletion(4..5), Edit::replacement(0..1, "H")]).unwrap();
        assert_eq!(sorted.apply("héllo"), "Hélo");
        assert!(set(vec![Edit::deletion(0..3), Edit::deletion(1..4)]).is_err());
        assert!(set(vec![Edit::insertion(1, "a"), Edit::insertion(1, "b")]).is_err());
        assert!(set(vec![Edit::deletion(2..3)]).is_err(), "inside é");
        assert!(set(vec![Edit::deletion(5..9)]).is_err());
        assert!(set(vec![Edit::replacement(0..1, "h")]).unwrap().is_empty());
    }

    #[test]
    fn offsets_move_with_the_text() {
        let text = "abcdef";
        let set = EditSet::new(text, vec![Edit::deletion(0..2), Edit::replacement(3..4, "ddd")]).unwrap();
        assert_eq!(set.apply(text), "cdddef");
        assert_eq!([2, 4, 6].map(|offset| set.offset_after(offset)), [0, 4, 6]);
    }

    fn edits(length: usize) -> impl Strategy<Value = Vec<Edit>> {
        let edit = (0..=length, 0..=length, "[a-c]{0,3}");
        proptest::collection::vec(edit, 0..4).prop_map(move |list| {
            let mut cuts: Vec<usize> = list.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            cuts.chunks_exact(2).zip(list).map(|(cut, (_, _, text))| Edit::replacement(cut[0]..cut[1], text)).collect()
        })
    }

    proptest! {
        #[test]
        fn two_sets_compose_to_one(text in "[x-z]{12}", first in edits(12), seed in edits(6)) {
            let first = EditSet::new(&text, first).unwrap();
            let middle = first.apply(&text);
            let fits: Vec<Edit> = seed.into_iter().filter(|edit| edit.range().end <= middle.len()).collect();
            let second = EditSet::new(&middle, fits).unwrap();
            prop_assert_eq!(first.then(&second).apply(&text), second.apply(&middle));
        }
    }
}
