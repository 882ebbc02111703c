//! Arrays of requirements: reading one, adding an entry, changing one.

use std::ops::Range;

use fix_plan::Dependency;
use toml_edit::{Array, Value};

use super::absent;
use super::toml::{Toml, inner, quote_of, quoted};
use super::{Located, newline};
use crate::edit::Edit;
use crate::refusal::RefusalCode;
use crate::strategy::in_turn::message;
use crate::strategy::requirement::{Requirement, is_spelling_of, name_at_start, sorted_place, text_of};

/// An array with the places of its items and commas.
pub(super) struct List<'t> {
    toml: &'t Toml,
    /// From `[` to behind `]`.
    range: Range<usize>,
    items: Vec<ListItem<'t>>,
}

struct ListItem<'t> {
    range: Range<usize>,
    /// The decoded string; none for what is no string.
    text: Option<&'t str>,
    /// The byte of the comma behind it.
    comma: Option<usize>,
}

impl<'t> List<'t> {
    /// None when the parser gives no places.
    pub(super) fn of(toml: &'t Toml, array: &'t Array) -> Option<Self> {
        let range = array.span()?;
        let mut items = Vec::new();
        for value in array {
            items.push(ListItem { range: value.span()?, text: value.as_str(), comma: None });
        }
        let ends: Vec<usize> =
            items.iter().skip(1).map(|item: &ListItem<'_>| item.range.start).chain([range.end]).collect();
        for (item, end) in items.iter_mut().zip(ends) {
            item.comma = comma_in(toml, item.range.end..end);
        }
        Some(Self { toml, range, items })
    }

    /// Replaces the specifier of the one entry that `dependency` names.
    pub(super) fn pin(&self, dependency: &Dependency) -> Result<Vec<Edit>, Located> {
        let mut named = self.named(dependency);
        let refuse = |code, message: String, named: &[(&ListItem<'_>, Option<Requirement<'_>>)]| {
            Located::new(code, message, named.iter().map(|(item, _)| (item.range.start, item.text.unwrap_or_default())))
        };
        if named.is_empty() {
            let known = self.items.iter().filter_map(|item| Some((item.range.start, name_at_start(item.text?))));
            return Err(absent::no_entry(self.toml, dependency, known));
        }
        if let Some(marker) = &dependency.marker {
            let all = std::mem::take(&mut named);
            named.extend(
                all.iter()
                    .filter(|(_, found)| found.as_ref().is_some_and(|requirement| requirement.has_marker(Some(marker))))
                    .cloned(),
            );
            if named.is_empty() {
                return Err(refuse(RefusalCode::Absent, message::other_marker(dependency), &all));
            }
        }
        let [(item, requirement)] = named.as_slice() else {
            return Err(refuse(RefusalCode::Ambiguous, message::ambiguous(dependency), &named));
        };
        let Some(requirement) = requirement else {
            let message = format!("the entry of {} is no PEP 508 requirement", dependency.name);
            return Err(refuse(RefusalCode::UnsupportedShape, message, &named));
        };
        if requirement.is_direct() {
            return Err(refuse(RefusalCode::DirectReference, message::direct(dependency), &named));
        }
        if !dependency.extras.is_empty() && !requirement.has_extras(dependency) {
            return Err(refuse(RefusalCode::Conflict, message::other_extras(dependency), &named));
        }
        if requirement.has_spec(&dependency.spec) {
            return Ok(Vec::new());
        }
        // The raw text reads the same as the string, as far as the specifier: escapes stand in markers.
        let inner = inner(self.toml.slice(item.range.clone()), item.range.start);
        let raw = Requirement::parse(self.toml.slice(inner.clone()));
        let Some(raw) = raw.filter(|raw| raw.name() == requirement.name() && raw.spec() == requirement.spec()) else {
            let message = format!("the entry of {} is written with escapes", dependency.name);
            return Err(refuse(RefusalCode::UnsupportedShape, message, &named));
        };
        let spec = raw.spec_range();
        Ok(vec![Edit::replacement(inner.start + spec.start..inner.start + spec.end, dependency.spec.as_str())])
    }

    /// Adds `dependency` where it belongs.
    pub(super) fn add(&self, dependency: &Dependency) -> Result<Vec<Edit>, Located> {
        let named = self.named(dependency);
        if !named.is_empty() {
            let same = named.iter().any(|(_, found)| found.as_ref().is_some_and(|found| found.declares(dependency)));
            if same {
                return Ok(Vec::new());
            }
            let declared = named.first().and_then(|(_, found)| found.as_ref());
            let found = named.iter().map(|(item, _)| (item.range.start, item.text.unwrap_or_default()));
            return Err(Located::new(RefusalCode::Conflict, message::conflict(dependency, declared), found));
        }
        let text = text_of(dependency);
        let strings = self.items.iter().filter(|item| item.text.is_some());
        let entry = quoted(&text, quote_of(strings.map(|item| self.toml.slice(item.range.clone()))));
        Ok(self.insert(self.place(&text), &entry))
    }

    fn named(&self, dependency: &Dependency) -> Vec<(&ListItem<'t>, Option<Requirement<'t>>)> {
        let wanted = dependency.name.normalized();
        let named = |item: &'_ ListItem<'t>| {
            let text = item.text?;
            match Requirement::parse(text) {
                Some(requirement) => (requirement.normalized() == wanted).then_some(Some(requirement)),
                None => is_spelling_of(name_at_start(text.trim_start()), wanted).then_some(None),
            }
        };
        self.items.iter().filter_map(|item| named(item).map(|found| (item, found))).collect()
    }

    /// The index of the item that the new one goes before.
    fn place(&self, text: &str) -> usize {
        let strings: Vec<(usize, &str)> =
            self.items.iter().enumerate().filter_map(|(index, item)| Some((index, item.text?))).collect();
        let texts: Vec<&str> = strings.iter().map(|(_, text)| *text).collect();
        let place = sorted_place(&texts, text).unwrap_or(texts.len());
        match place.checked_sub(1) {
            _ if place >= texts.len() => self.items.len(),
            Some(before) => strings.get(before).map_or(self.items.len(), |(index, _)| index + 1),
            None => strings.first().map_or(self.items.len(), |(index, _)| *index),
        }
    }

    fn insert(&self, place: usize, entry: &str) -> Vec<Edit> {
        let toml = self.toml;
        if self.items.is_empty() {
            return vec![self.insert_first(entry)];
        }
        if !toml.slice(self.range.clone()).contains('\n') {
            return vec![self.insert_on_line(place, entry)];
        }
        match (place.checked_sub(1).and_then(|before| self.items.get(before)), self.items.get(place)) {
            (Some(before), None) => self.insert_last(before, entry),
            (before, Some(after)) => vec![self.insert_between(before, after, entry)],
            (None, None) => Vec::new(),
        }
    }

    /// Into an array without items.
    fn insert_first(&self, entry: &str) -> Edit {
        let toml = self.toml;
        let (open, close) = (self.range.start + 1, self.range.end - 1);
        let between = toml.slice(open..close);
        if !between.contains('\n') {
            let blank = between.get(..1).unwrap_or_default();
            return Edit::insertion(open, format!("{blank}{entry}"));
        }
        let start = toml.line_start(close);
        let newline = newline(toml.text(), start);
        let indentation = match between.find('#') {
            Some(comment) if !toml.same_line(self.range.start, open + comment) => {
                toml.indentation(open + comment).to_owned()
            }
            _ => self.first_indentation(),
        };
        if toml.slice(start..close).trim().is_empty() {
            return Edit::insertion(start, format!("{indentation}{entry},{newline}"));
        }
        Edit::insertion(close, format!("{entry},{newline}"))
    }

    /// Into an array on one line.
    fn insert_on_line(&self, place: usize, entry: &str) -> Edit {
        let blank = match self.items.as_slice() {
            [first, second, ..] => first.comma.map_or(" ", |comma| self.toml.slice(comma + 1..second.range.start)),
            _ => " ",
        };
        if let Some(after) = self.items.get(place) {
            return Edit::insertion(after.range.start, format!("{entry},{blank}"));
        }
        match self.items.last() {
            Some(ListItem { comma: Some(comma), .. }) => Edit::insertion(comma + 1, format!("{blank}{entry},")),
            Some(last) => Edit::insertion(last.range.end, format!(",{blank}{entry}")),
            None => Edit::insertion(self.range.start + 1, entry),
        }
    }

    /// Behind the last item of an array over several lines.
    fn insert_last(&self, last: &ListItem<'_>, entry: &str) -> Vec<Edit> {
        let toml = self.toml;
        let close = self.range.end - 1;
        let behind = last.comma.map_or(last.range.end, |comma| comma + 1);
        let comma = if last.comma.is_some() { "," } else { "" };
        if toml.same_line(behind, close) {
            // `]` on the line of the last item: on a new line, unless several share this one, or a comma does.
            let lone = if last.comma.is_some() { "" } else { "," };
            let text = match self.starts_line(last) && toml.same_line(last.range.end, close) {
                true => {
                    let newline = newline(toml.text(), last.range.start);
                    format!("{lone}{newline}{}{entry}{comma}", toml.indentation(last.range.start))
                }
                false => format!("{lone} {entry}{comma}"),
            };
            return vec![Edit::insertion(behind, text)];
        }
        // A comma that leads the line needs none at the end of the line before; one on a later line stays the last.
        if let Some(prefix) =
            self.leading_comma(last).filter(|_| !toml.same_line(last.range.start, behind) || comma.is_empty())
        {
            let line = toml.line_end(last.range.end);
            return vec![Edit::insertion(line, format!("{prefix}{entry}{}", newline(toml.text(), line)))];
        }
        let line = toml.line_end(behind);
        let newline = newline(toml.text(), line);
        let text = format!("{}{entry}{comma}{newline}", self.item_indentation(last));
        match last.comma {
            Some(_) => vec![Edit::insertion(line, text)],
            None => vec![Edit::insertion(last.range.end, ","), Edit::insertion(line, text)],
        }
    }

    /// Before an item of an array over several lines.
    fn insert_between(&self, before: Option<&ListItem<'_>>, after: &ListItem<'_>, entry: &str) -> Edit {
        let toml = self.toml;
        if let (Some(before), Some(prefix)) = (before, self.leading_comma(after)) {
            let line = toml.line_end(before.range.end);
            return Edit::insertion(line, format!("{prefix}{entry}{}", newline(toml.text(), line)));
        }
        let behind = match before {
            Some(before) => before.comma.map_or(before.range.end, |comma| comma + 1),
            None => self.range.start,
        };
        if !self.starts_line(after) || toml.same_line(behind, after.range.start) {
            return Edit::insertion(after.range.start, format!("{entry}, "));
        }
        let line = toml.line_end(behind);
        let indentation = toml.indentation(after.range.start);
        Edit::insertion(line, format!("{indentation}{entry},{}", newline(toml.text(), line)))
    }

    fn starts_line(&self, item: &ListItem<'_>) -> bool {
        let start = self.toml.line_start(item.range.start);
        self.toml.slice(start..item.range.start).trim().is_empty()
    }

    /// The indentation of `item`, or of the nearest item before that starts its line.
    fn item_indentation(&self, item: &ListItem<'_>) -> String {
        let end = self.items.partition_point(|other| other.range.start <= item.range.start);
        let mut items = self.items.get(..end).unwrap_or_default();
        // Line by line, so that many items on one line are looked at once.
        while let Some(last) = items.last() {
            let line = self.toml.line_start(last.range.start);
            let (above, on_line) = items.split_at(items.partition_point(|other| other.range.start < line));
            if let Some(first) = on_line.first().filter(|first| self.starts_line(first)) {
                return self.toml.indentation(first.range.start).to_owned();
            }
            items = above;
        }
        self.first_indentation()
    }

    /// The indentation of an entry where the array has none on a line of its own: as other arrays have it.
    fn first_indentation(&self) -> String {
        let toml = self.toml;
        let close = toml.indentation(self.range.end - 1);
        let mut lines = toml.text().lines().map(|line| line.split_at(line.len() - line.trim_start().len()));
        let others = lines.find(|(blanks, entry)| !blanks.is_empty() && entry.starts_with(['"', '\'']));
        match others {
            Some((blanks, _)) if blanks.len() > close.len() && blanks.starts_with(close) => blanks.to_owned(),
            _ if close.ends_with('\t') => format!("{close}\t"),
            _ => format!("{close}    "),
        }
    }

    /// What stands before `item` on its line, when that is blanks and a comma.
    fn leading_comma(&self, item: &ListItem<'_>) -> Option<&str> {
        let prefix = self.toml.slice(self.toml.line_start(item.range.start)..item.range.start);
        (prefix.trim() == ",").then_some(prefix)
    }
}

/// The first comma in a range that holds blanks, comments and at most one comma.
fn comma_in(toml: &Toml, range: Range<usize>) -> Option<usize> {
    let mut comment = false;
    for (at, c) in toml.slice(range.clone()).char_indices() {
        match c {
            '\n' => comment = false,
            '#' => comment = true,
            ',' if !comment => return Some(range.start + at),
            _ => {}
        }
    }
    None
}

/// The requirements of an array, with those of `name` marked by their place.
pub(super) fn strings(array: &Array) -> Vec<Option<&str>> {
    array.iter().map(Value::as_str).collect()
}
