//! Taking some names out of a statement that keeps others.
//!
//! Several go one after the other, the first of the text first, so that it does not matter whether they
//! are asked for together or one by one.

use std::collections::BTreeSet;
use std::ops::Range;

use super::cuts::cuts;
use super::layout::{Kind, Layout};
use super::python::Module;
use super::statements::Import;
use crate::edit::Edit;

/// Adds the edits that take the names `gone` out of `import`.
pub(super) fn edits(module: &Module<'_>, import: &Import<'_>, gone: &BTreeSet<usize>, edits: &mut Vec<Edit>) {
    let mut layout = Layout::of(module, import);
    for (done, index) in gone.iter().enumerate() {
        if let Some(name) = layout.name(index - done) {
            let cuts = fewest_lines(&layout, name);
            layout.cut(cuts);
        }
    }
    edits.extend(layout.into_cuts().into_iter().map(Edit::deletion));
}

/// What to cut for the piece `name` to go: with the commas that change the fewest lines.
fn fewest_lines(layout: &Layout<'_>, name: usize) -> Vec<Range<usize>> {
    let choices = commas(layout, name).into_iter().map(|commas| {
        let cuts = cuts(layout, name, &commas);
        (layout.changed_lines(&cuts), cuts)
    });
    // Of equals the first.
    choices.min_by_key(|(lines, _)| *lines).map(|(_, cuts)| cuts).unwrap_or_default()
}

/// The commas that may go with a name, what people do most often first.
fn commas(layout: &Layout<'_>, name: usize) -> Vec<Vec<usize>> {
    let before = layout.before(name, Kind::Comma);
    let after = layout.after(name, Kind::Comma);
    let is_last = layout.after(name, Kind::Name).is_none();
    match (before, after) {
        (None, None) => vec![Vec::new()],
        (None, Some(after)) => vec![vec![after]],
        (Some(before), Some(after)) if is_last => vec![vec![after], vec![before], vec![before, after]],
        (Some(before), Some(after)) => vec![vec![after], vec![before]],
        // The comma that is left on a line before is a legal one in parentheses.
        (Some(before), None) if layout.is_parenthesized() && layout.line_end(before) < name => {
            vec![vec![before], Vec::new()]
        }
        (Some(before), None) => vec![vec![before]],
    }
}
