//! `pyproject.toml`: the lists of PEP 621 and PEP 735, Poetry's tables, and older spellings.
//!
//! | list | addition | pin |
//! |---|---|---|
//! | on one line | on that line, with its blanks | the specifier alone |
//! | one entry a line | a line of its own, indented as its siblings | the same |
//! | no comma at the end | a comma right behind the last entry, before its comment | |
//! | commas at the start of lines | a line that starts with one | |
//! | `]` on the last entry's line | `]` moves to the new line | |
//! | empty | as its first entry, on the line if it has one | |
//! | sorted, three entries or more | in its place, else at the end; tables in a list do not count | |
//! | missing | made beside its siblings, else as a table behind its kin, in the fewest lines | refused |
//! | brought by an included group | nothing to do | refused |
//!
//! | entry of Poetry | pin | addition |
//! |---|---|---|
//! | `a = "^1"` | the string | as its siblings, `=` in their column, `python` first |
//! | `a = {version = "^1", …}` | the version | for extras and markers |
//! | `a.version = "^1"` | the version | dotted, where its siblings are |
//! | `[tool.poetry.dependencies.a]` | the version | a table's own header before the first |
//! | `a = [{…}, {…}]`, `git`, `path`, `url`, without a version | refused | |

mod absent;
mod array;
mod poetry;
mod proof;
mod target;
mod toml;

use fix_plan::{Action, ActionKind, Dependency, Operation, RepoPath, SpecKind};
use toml_edit::Item;

use self::array::List;
use self::target::Target;
use self::toml::{Toml, end_of, entries, key_text, quoted};
use super::in_turn::Reading;
use super::requirement::text_of;
use super::{PatchOptions, Proposal, Strategy, in_turn};
use crate::edit::Edit;
use crate::refusal::{Refusal, RefusalCode};
use crate::source::SourceFile;

/// Adds and pins dependencies in files named `pyproject.toml`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to hold")]
pub struct Pyproject;

impl Strategy for Pyproject {
    fn name(&self) -> &'static str {
        "pyproject"
    }

    fn handles(&self, file: &RepoPath, kind: ActionKind) -> bool {
        file.file_name() == "pyproject.toml" && matches!(kind, ActionKind::AddDependency | ActionKind::PinDependency)
    }

    fn propose<'s>(
        &self,
        source: &'s SourceFile,
        operations: &[&'s Operation],
        _: &PatchOptions,
    ) -> Result<Proposal<'s>, Refusal> {
        in_turn::apply::<Toml>(source, operations)
    }
}

/// A refusal, before the file's lines are known.
#[derive(Debug)]
struct Located {
    code: RefusalCode,
    message: String,
    /// What it is about: the byte in the text, and what stands there.
    found: Vec<(usize, String)>,
}

impl Located {
    fn new<'f>(code: RefusalCode, message: String, found: impl IntoIterator<Item = (usize, &'f str)>) -> Self {
        Self { code, message, found: found.into_iter().map(|(at, text)| (at, text.to_owned())).collect() }
    }

    fn bare(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), found: Vec::new() }
    }
}

impl Reading for Toml {
    fn read(source: &SourceFile) -> Result<Self, Refusal> {
        let (body, bom) = source.body();
        Self::parse(body).map_err(|(at, reason)| {
            let message = format!("the file is no TOML: {reason}");
            Refusal::new(source.path(), RefusalCode::Syntax, message).at_lines([source.line_at(bom + at)])
        })
    }

    fn change(&self, source: &SourceFile, operation: &Operation) -> Result<Vec<Edit>, Refusal> {
        let (_, bom) = source.body();
        let edits = edits_of(self, operation).map_err(|located| {
            Refusal::new(source.path(), located.code, located.message)
                .at_lines(located.found.iter().map(|(at, _)| source.line_at(bom + at)))
                .with_candidates(located.found.into_iter().map(|(_, text)| text).filter(|text| !text.is_empty()))
        })?;
        let shifted = |edit: Edit| {
            let range = edit.range();
            Edit::replacement(range.start + bom..range.end + bom, edit.text())
        };
        Ok(edits.into_iter().map(shifted).collect())
    }

    fn prove(&self, after: &Self, operation: &Operation) -> Result<(), String> {
        proof::prove(self, after, operation)
    }
}

/// The edits of one operation; none when it is already so.
fn edits_of(toml: &Toml, operation: &Operation) -> Result<Vec<Edit>, Located> {
    let (dependency, is_pin) = match &operation.action {
        Action::AddDependency(dependency) => (dependency, false),
        Action::PinDependency(dependency) => (dependency, true),
        _ => return Ok(Vec::new()),
    };
    let target = Target::of(toml, dependency)?;
    let path: Vec<&str> = target.path.iter().map(String::as_str).collect();
    if !target.is_poetry && dependency.spec.kind() == SpecKind::Poetry {
        let message = format!(
            "only Poetry reads the version {:?}; write PEP 440 clauses such as >=2,<3",
            dependency.spec.as_str()
        );
        let list = toml.get(&path).and_then(Item::span);
        return Err(Located::new(RefusalCode::SpecNotPep440, message, list.map(|span| (span.start, ""))));
    }
    let Some(item) = toml.get(&path) else {
        if is_pin {
            target.refuse_dynamic(toml)?;
            return Err(absent::no_list(toml, &target, dependency));
        }
        target.refuse_addition(toml, dependency)?;
        return create(toml, &target, dependency);
    };
    if target.is_poetry {
        let Some(table) = item.as_table_like() else { return Err(unsupported(&target, item)) };
        if is_pin {
            return poetry::pin(toml, table, dependency);
        }
        if poetry::is_there(table, dependency)? {
            return Ok(Vec::new());
        }
        target.refuse_addition(toml, dependency)?;
        return match poetry::add(toml, item, dependency) {
            Some(edits) => Ok(edits),
            None => create(toml, &target, dependency),
        };
    }
    let Some(list) = item.as_array().and_then(|array| List::of(toml, array)) else {
        return Err(unsupported(&target, item));
    };
    if is_pin {
        return list.pin(dependency);
    }
    let edits = list.add(dependency)?;
    if edits.is_empty() || target.is_included(toml, dependency) {
        return Ok(Vec::new());
    }
    target.refuse_addition(toml, dependency)?;
    Ok(edits)
}

fn unsupported(target: &Target, item: &Item) -> Located {
    let at = item.span().map_or(0, |span| span.start);
    let message = format!("{} is of the type {}, which holds no dependencies", target.path.join("."), item.type_name());
    Located::new(RefusalCode::UnsupportedShape, message, [(at, "")])
}

/// Makes the list or table of `target` with `dependency` in it, in the fewest lines.
fn create(toml: &Toml, target: &Target, dependency: &Dependency) -> Result<Vec<Edit>, Located> {
    let path: Vec<&str> = target.path.iter().map(String::as_str).collect();
    let Some((last, parents)) = path.split_last() else { return Ok(Vec::new()) };
    let needs_header = target.is_poetry || toml.get(parents).is_none();
    if let Some(parent) = needs_header.then(|| closed_parent(toml, &path)).flatten() {
        let message = format!(
            "{} is of the type {}, to which no table can be added; give it a header of its own",
            parent.join("."),
            toml.get(parent).map_or("", Item::type_name),
        );
        return Err(Located::bare(RefusalCode::UnsupportedShape, message));
    }
    if target.is_poetry {
        let value = poetry_line(dependency);
        return Ok(vec![new_table(toml, &path, &value)]);
    }
    let value = format!("[{}]", quoted(&text_of(dependency), '"'));
    let line = format!("{} = {value}", key_text(last));
    let Some(parent) = toml.get(parents) else { return Ok(vec![new_table(toml, parents, &line)]) };
    let Some(table) = parent.as_table_like() else { return Err(unsupported(target, parent)) };
    let own = entries(table);
    let inline = parent.as_inline_table().filter(|inline| !inline.is_dotted());
    if let Some(span) = inline.and_then(|inline| inline.span()) {
        return Ok(vec![poetry::into_inline(toml, &span, &own, &line)]);
    }
    let header =
        parent.as_table().filter(|table| !table.is_implicit() && !table.is_dotted()).and_then(|table| table.span());
    Ok(vec![match (own.last(), header) {
        // Beside its siblings, dotted keys included.
        (Some(sibling), _) => {
            let prefix = toml.slice(toml.line_start(sibling.key.start)..sibling.key.start);
            let prefix = if is_key_prefix(prefix) { prefix } else { "" };
            poetry::line_after(toml, sibling.end, &format!("{prefix}{line}"))
        }
        (None, Some(header)) => {
            poetry::line_after(toml, header.end, &format!("{}{line}", toml.indentation(header.start)))
        }
        (None, None) => new_table(toml, parents, &line),
    }])
}

/// The nearest of what is there above `path`, when no header can go below it.
fn closed_parent<'p>(toml: &Toml, path: &'p [&'p str]) -> Option<&'p [&'p str]> {
    let (parent, item) = (1..path.len()).rev().find_map(|length| {
        let parent = path.get(..length)?;
        Some((parent, toml.get(parent)?))
    })?;
    (!item.is_table()).then_some(parent)
}

/// Whether what stands before a key on its line is blanks and other keys.
fn is_key_prefix(prefix: &str) -> bool {
    prefix.trim().is_empty() || prefix.trim_end().ends_with('.')
}

fn poetry_line(dependency: &Dependency) -> String {
    let key = key_text(dependency.name.as_str());
    format!("{key} = {}", poetry::value(dependency))
}

/// A table of its own: before its first sub-table, behind the tables it belongs with, or at the end.
fn new_table(toml: &Toml, path: &[&str], line: &str) -> Edit {
    let name: Vec<String> = path.iter().map(|key| key_text(key)).collect();
    let header = format!("[{}]", name.join("."));
    if let Some(first) = first_header(toml, path) {
        let start = comments_start(toml.text(), toml.line_start(first));
        let newline = newline(toml.text(), start);
        return Edit::insertion(start, format!("{header}{newline}{line}{newline}{newline}"));
    }
    let text = toml.text();
    if let Some(start) = end_of_kin(toml, path) {
        let newline = newline(text, start);
        // Where tables stand without blank lines between them, so does this one.
        let rest = text.get(start..).unwrap_or_default();
        let blank = if rest.starts_with(['\n', '\r']) { newline } else { "" };
        return Edit::insertion(start, format!("{blank}{header}{newline}{line}{newline}"));
    }
    let content = text.trim_end_matches(['\n', '\r', ' ', '\t']).len();
    let newline = newline(text, text.len());
    // Blank lines at the end stay, and serve as the blank line between.
    let tail = text.get(content..).unwrap_or_default();
    let blank = if tail.matches('\n').count() > 1 || content == 0 { "" } else { newline };
    if text.is_empty() || text.ends_with('\n') {
        Edit::insertion(text.len(), format!("{blank}{header}{newline}{line}{newline}"))
    } else {
        Edit::insertion(text.len(), format!("{newline}{blank}{header}{newline}{line}"))
    }
}

/// The start of the comments right above the line at `start`: they are about it.
fn comments_start(text: &str, start: usize) -> usize {
    let above = text.get(..start).unwrap_or_default().split_inclusive('\n').rev();
    start - above.take_while(|line| line.trim_start().starts_with('#')).map(str::len).sum::<usize>()
}

/// Behind the last line of the nearest tables that a table at `path` belongs with; none where those end the file.
fn end_of_kin(toml: &Toml, path: &[&str]) -> Option<usize> {
    // All that `[tool]` holds is no kin.
    let strangers = usize::from(path.first() == Some(&"tool"));
    let end = (strangers + 1..path.len()).rev().find_map(|length| end_of(toml.get(path.get(..length)?)?))?;
    let start = toml.line_end(end);
    let rest = toml.text().get(start..)?;
    // Comments right behind belong to them, unless they stand right above the next header.
    let mut behind = start;
    for line in rest.split_inclusive('\n').take_while(|line| line.trim_start().starts_with('#')) {
        behind += line.len();
    }
    let next = toml.text().get(behind..)?;
    let start = if next.starts_with(['\n', '\r']) { behind } else { start };
    (!next.trim().is_empty()).then_some(start)
}

/// Where the first header below `path` stands; `python`, which Poetry's users keep first, aside.
fn first_header(toml: &Toml, path: &[&str]) -> Option<usize> {
    let mut headers = Vec::new();
    let mut items = vec![("", toml.get(path)?)];
    while let Some((name, item)) = items.pop() {
        let Some(table) = item.as_table() else { continue };
        if !table.is_implicit() && !table.is_dotted() {
            headers.extend(table.span().map(|span| (span.start, name)));
        }
        items.extend(table.iter());
    }
    headers.sort_unstable();
    let is_python = headers.first().is_some_and(|(_, name)| *name == "python");
    headers.get(usize::from(is_python)).map(|(start, _)| *start)
}

/// The line ending for a line that is put in at byte `at`.
fn newline(text: &str, at: usize) -> &'static str {
    let before = text.get(..at).unwrap_or_default();
    let ending = |end: Option<usize>, text: &str| {
        end.map(|end| if text.get(..end).is_some_and(|line| line.ends_with('\r')) { "\r\n" } else { "\n" })
    };
    ending(before.rfind('\n'), before).or_else(|| ending(text.find('\n'), text)).unwrap_or("\n")
}
