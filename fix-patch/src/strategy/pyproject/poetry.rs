//! Poetry's tables of dependencies: a key for each, a version or a table for its value.

use std::ops::Range;

use fix_plan::limits::MARKER_BYTES_MAX;
use fix_plan::{Dependency, VersionSpec, normalize_name};
use toml_edit::{Item, TableLike, Value};

use super::absent;
use super::toml::{Entry, Toml, entries, inner, key_text, quote_of, quoted};
use super::{Located, newline};
use crate::edit::Edit;
use crate::refusal::RefusalCode;
use crate::strategy::in_turn::message;
use crate::strategy::requirement::{extras_of, same_spec, sorted_place};

/// The key of a table whose normalised name is that of `dependency`.
fn find<'d>(table: &'d dyn TableLike, dependency: &Dependency) -> Vec<(&'d str, &'d Item)> {
    let wanted = dependency.name.normalized();
    table.iter().filter(|(key, _)| normalize_name(key) == wanted).collect()
}

/// Replaces the version of the one entry that `dependency` names.
pub(super) fn pin(toml: &Toml, table: &dyn TableLike, dependency: &Dependency) -> Result<Vec<Edit>, Located> {
    let found = find(table, dependency);
    let at = |item: &Item| item.span().map_or(0, |span| span.start);
    let located = |code, message| Located::new(code, message, found.iter().map(|(key, item)| (at(item), *key)));
    let (item, table) = match found.as_slice() {
        [] => {
            return Err(absent::no_entry(toml, dependency, absent::keys(table)));
        }
        [(_, item)] => (*item, item.as_table_like()),
        _ => return Err(located(RefusalCode::Ambiguous, message::ambiguous(dependency))),
    };
    if item.is_array() || item.is_array_of_tables() {
        let message = format!("{} has several constraints; change them by hand", dependency.name);
        return Err(located(RefusalCode::MultipleConstraints, message));
    }
    if dependency.marker.is_some() && !has_marker(table, dependency) {
        return Err(located(RefusalCode::Absent, message::other_marker(dependency)));
    }
    let version = match table {
        Some(table) if is_direct(table) => {
            return Err(located(RefusalCode::DirectReference, message::direct(dependency)));
        }
        Some(table) => table.get("version"),
        None => Some(item),
    };
    let Some(version) = version else {
        let in_project = toml.get(&["project", "dependencies"]).is_some();
        let (code, place) = match in_project {
            true => (RefusalCode::PoetryEnrichment, "here but in `project.dependencies`"),
            false => (RefusalCode::UnsupportedShape, "anywhere"),
        };
        return Err(located(code, format!("the version of {} is not declared {place}", dependency.name)));
    };
    let Some((text, span)) = version.as_str().zip(version.span()) else {
        let message = format!("the version of {} is of the type {}, no string", dependency.name, version.type_name());
        return Err(located(RefusalCode::UnsupportedShape, message));
    };
    if !dependency.extras.is_empty() && extras(table) != extras_of(dependency) {
        return Err(located(RefusalCode::Conflict, message::other_extras(dependency)));
    }
    if same_constraint(text, &dependency.spec) {
        return Ok(Vec::new());
    }
    Ok(vec![Edit::replacement(inner(toml.slice(span.clone()), span.start), dependency.spec.as_str())])
}

/// Refuses what is declared in another way; true when it is already there.
pub(super) fn is_there(table: &dyn TableLike, dependency: &Dependency) -> Result<bool, Located> {
    let found = find(table, dependency);
    if found.is_empty() {
        return Ok(false);
    }
    let same = found.iter().any(|(_, item)| {
        let (version, table) = match item.as_table_like() {
            Some(table) => (table.get("version"), Some(table)),
            None => (Some(*item), None),
        };
        version.and_then(Item::as_str).is_some_and(|text| {
            (dependency.spec.is_any() || same_constraint(text, &dependency.spec))
                && extras(table) == extras_of(dependency)
                && has_marker(table, dependency)
                && table.is_none_or(|table| table.iter().all(|(key, _)| !NARROWING.contains(&key)))
        })
    });
    if same {
        return Ok(true);
    }
    let at = |item: &Item| item.span().map_or(0, |span| span.start);
    let items: Vec<&Item> = found.iter().map(|(_, item)| *item).collect();
    let found = found.iter().map(|(key, item)| (at(item), *key));
    Err(Located::new(RefusalCode::Conflict, conflict(dependency, &items), found))
}

/// Keys under which an entry does not hold always.
const NARROWING: [&str; 3] = ["optional", "platform", "python"];

fn conflict(dependency: &Dependency, declared: &[&Item]) -> String {
    let name = &dependency.name;
    let why = "an addition never changes what is there";
    match declared {
        [one]
            if one.as_table_like().is_none_or(|table| {
                table.contains_key("version")
                    && extras(Some(table)) == extras_of(dependency)
                    && has_marker(Some(table), dependency)
                    && table.iter().all(|(key, _)| !NARROWING.contains(&key))
            }) && !one.is_array() =>
        {
            format!("{name} is declared already, with another version; {why}: pin it instead")
        }
        _ => format!("{name} is declared already, in another way; {why}: change it by hand"),
    }
}

/// Whether the entry's marker is that of `dependency`.
pub(super) fn has_marker(table: Option<&dyn TableLike>, dependency: &Dependency) -> bool {
    let own = table.and_then(|table| table.get("markers")).and_then(Item::as_str);
    match (&dependency.marker, own) {
        (None, None) => true,
        (Some(marker), Some(own)) => own.len() <= MARKER_BYTES_MAX && marker.same_meaning(own),
        _ => false,
    }
}

/// Adds an entry to a table that has a body of its own; none when it has not.
pub(super) fn add(toml: &Toml, item: &Item, dependency: &Dependency) -> Option<Vec<Edit>> {
    let table = item.as_table_like()?;
    let own = entries(table);
    let raw = own.iter().filter_map(|entry| match entry.item {
        Item::Value(Value::String(text)) => text.span().map(|span| toml.slice(span)),
        _ => None,
    });
    let key = key_text(dependency.name.as_str());
    let value = value_text(dependency, quote_of(raw));
    if let Some(inline) = item.as_inline_table().filter(|inline| !inline.is_dotted()) {
        return Some(vec![into_inline(toml, &inline.span()?, &own, &format!("{key} = {value}"))]);
    }
    if own.is_empty() {
        // Only a header, or only sub-tables.
        let header = item.as_table().filter(|table| !table.is_implicit())?.span()?;
        let prefix = toml.indentation(header.start);
        return Some(vec![line_after(toml, header.end, &format!("{prefix}{key} = {value}"))]);
    }
    Some(vec![beside(toml, &own, dependency, &key, &value)])
}

/// A new line among the entries: in order where they are sorted, `python` first.
fn beside(toml: &Toml, own: &[Entry<'_>], dependency: &Dependency, key: &str, value: &str) -> Edit {
    let others: Vec<(usize, &str)> = own
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.name != "python")
        .map(|(index, entry)| (index, entry.name))
        .collect();
    let names: Vec<&str> = others.iter().map(|(_, name)| *name).collect();
    let before = match sorted_place(&names, dependency.name.as_str()) {
        Some(0) => own.iter().position(|entry| entry.name == "python").filter(|at| *at == 0),
        Some(place) => others.get(place - 1).map(|(index, _)| *index),
        None => own.len().checked_sub(1),
    };
    let model = before.and_then(|at| own.get(at)).or(own.first());
    let Some(model) = model else { return Edit::insertion(toml.text().len(), "") };
    let prefix = toml.slice(toml.line_start(model.key.start)..model.key.start);
    let line = format!("{prefix}{key}{}{value}", equals(toml, own, prefix, key));
    match before {
        Some(_) => line_after(toml, model.end, &line),
        None => {
            let start = toml.line_start(model.key.start);
            Edit::insertion(start, format!("{line}{}", newline(toml.text(), start)))
        }
    }
}

/// What stands between key and value: as the siblings have it, aligned where they are.
fn equals(toml: &Toml, own: &[Entry<'_>], prefix: &str, key: &str) -> String {
    let between = |entry: &Entry<'_>| {
        let value = entry.item.span()?;
        let between = toml.slice(entry.key.end..value.start);
        (entry.item.is_value() && between.trim() == "=").then_some(between)
    };
    let gaps: Vec<(&Entry<'_>, &str)> = own.iter().filter_map(|entry| Some((entry, between(entry)?))).collect();
    let Some((_, first)) = gaps.first() else { return " = ".to_owned() };
    if gaps.iter().all(|(_, gap)| gap == first) {
        return (*first).to_owned();
    }
    // Aligned: the sign stands in one column.
    let columns = gaps.iter().map(|(entry, gap)| {
        let sign = entry.key.end + gap.find('=').unwrap_or_default();
        sign - toml.line_start(sign)
    });
    let columns: Vec<usize> = columns.collect();
    let (Some(column), true) = (columns.first(), columns.windows(2).all(|pair| pair.first() == pair.last())) else {
        return " = ".to_owned();
    };
    let behind = first.get(first.find('=').map_or(0, |at| at + 1)..).unwrap_or(" ");
    let blanks = column.saturating_sub(prefix.len() + key.len()).max(1);
    format!("{}={behind}", " ".repeat(blanks))
}

fn value_text(dependency: &Dependency, quote: char) -> String {
    let version = if dependency.spec.is_any() { "*" } else { dependency.spec.as_str() };
    let version = quoted(version, quote);
    if dependency.extras.is_empty() && dependency.marker.is_none() {
        return version;
    }
    let mut text = format!("{{version = {version}");
    if !dependency.extras.is_empty() {
        let extras: Vec<String> = dependency.extras.iter().map(|extra| quoted(extra.as_str(), quote)).collect();
        text.push_str(&format!(", extras = [{}]", extras.join(", ")));
    }
    if let Some(marker) = &dependency.marker {
        text.push_str(&format!(", markers = {}", quoted(marker.as_str(), quote)));
    }
    text.push('}');
    text
}

/// A new line behind the line of byte `at`.
pub(super) fn line_after(toml: &Toml, at: usize, line: &str) -> Edit {
    let end = toml.line_end(at);
    let newline = newline(toml.text(), end);
    if toml.slice(0..end).ends_with('\n') {
        Edit::insertion(end, format!("{line}{newline}"))
    } else {
        Edit::insertion(end, format!("{newline}{line}"))
    }
}

/// A new entry at the end of an inline table.
pub(super) fn into_inline(toml: &Toml, span: &Range<usize>, own: &[Entry<'_>], entry: &str) -> Edit {
    match own.last() {
        Some(last) => Edit::insertion(last.end, format!(", {entry}")),
        None => {
            let blank = toml.slice(span.start + 1..span.end - 1);
            let blank = if blank.is_empty() { " " } else { "" };
            Edit::insertion(span.start + 1, format!("{blank}{entry}{blank}"))
        }
    }
}

fn is_direct(table: &dyn TableLike) -> bool {
    ["git", "path", "url", "file"].iter().any(|key| table.contains_key(key))
}

fn extras(table: Option<&dyn TableLike>) -> Vec<String> {
    let list = table.and_then(|table| table.get("extras")).and_then(Item::as_array);
    let mut extras: Vec<String> = list.into_iter().flatten().filter_map(Value::as_str).map(normalize_name).collect();
    extras.sort();
    extras.dedup();
    extras
}

/// Whether two constraints are the same: blanks aside, and `==1.0` is `1.0`.
fn same_constraint(text: &str, spec: &VersionSpec) -> bool {
    let plain = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        match text.strip_prefix("==") {
            Some(version) if !version.contains([',', '|', '*']) => version.to_owned(),
            _ => text,
        }
    };
    plain(text) == plain(spec.as_str()) || same_spec(text, spec)
}

/// The value of a new entry in a new table.
pub(super) fn value(dependency: &Dependency) -> String {
    value_text(dependency, '"')
}

/// Whether a new entry is what the plan asks for, and nothing besides.
pub(super) fn is_wanted(key: &str, item: &Item, dependency: &Dependency) -> bool {
    let table = item.as_table_like();
    let version = table.map_or(Some(item), |table| table.get("version")).and_then(Item::as_str);
    let markers = table.and_then(|table| table.get("markers")).and_then(Item::as_str);
    let wanted = if dependency.spec.is_any() { "*" } else { dependency.spec.as_str() };
    let known = table.is_none_or(|table| table.iter().all(|(key, _)| matches!(key, "version" | "extras" | "markers")));
    normalize_name(key) == dependency.name.normalized()
        && version == Some(wanted)
        && extras(table) == extras_of(dependency)
        && markers == dependency.marker.as_ref().map(fix_plan::Marker::as_str)
        && known
}
