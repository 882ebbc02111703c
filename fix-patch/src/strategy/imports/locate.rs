//! Finding the one binding that an operation means.

use std::collections::BTreeSet;

use fix_plan::{DottedName, FromModule, ImportLocator, ImportTarget, RepoPath, UnusedImport};
use ruff_python_ast::Alias;
use ruff_text_size::Ranged;

use super::python::{Module, bytes};
use super::scopes::normalized;
use super::statements::{From, Import, Statements};
use crate::refusal::{Refusal, RefusalCode};

/// How far a line may have drifted since the linter saw it, in lines.
const DRIFT_MAX: u32 = 3;
/// Most near misses that are told.
const CANDIDATES_MAX: usize = 8;

/// One imported name: which statement, and which of its names.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    /// The index in [`Statements::imports`].
    pub(super) import: usize,
    /// The index in [`Import::names`].
    pub(super) name: usize,
}

/// Finds the binding that `wanted` means.
pub(super) fn locate(
    module: &Module<'_>,
    statements: &Statements<'_>,
    path: &RepoPath,
    wanted: &UnusedImport,
) -> Result<Place, Refusal> {
    let target = Target::new(&wanted.target);
    let mut places: Vec<(Place, &Import<'_>, &Alias)> = Vec::new();
    for (index, import) in statements.imports.iter().enumerate() {
        for (name, alias) in import.names.iter().enumerate() {
            if target.fits(import, alias) {
                places.push((Place { import: index, name }, import, alias));
            }
        }
    }
    if places.is_empty() {
        if let Some(star) = star_import(statements, &target) {
            let message = format!("`{}` can only come with a star, which is never taken apart or out", wanted.target);
            return Err(Refusal::new(path, RefusalCode::Star, message).at_lines([module.line_of(star)]));
        }
        let message = format!("`{}` is not imported in this file", wanted.target);
        return Err(
            Refusal::new(path, RefusalCode::NotFound, message).with_candidates(near_misses(statements, &target))
        );
    }
    let everywhere: Vec<u32> = places.iter().map(|(_, _, alias)| module.line_of(*alias)).collect();
    narrow(module, &wanted.locator, &mut places);
    match places.as_slice() {
        [(place, _, _)] => Ok(*place),
        [] => {
            let message = format!("`{}` is imported, but not where the plan says", wanted.target);
            Err(Refusal::new(path, RefusalCode::NotFound, message).at_lines(everywhere))
        }
        several => {
            let lines = several.iter().map(|(_, _, alias)| module.line_of(*alias));
            let message =
                format!("`{}` is imported more than once; name the line of the one that is meant", wanted.target);
            Err(Refusal::new(path, RefusalCode::Ambiguous, message).at_lines(lines))
        }
    }
}

/// The star import that `target`, which is not there by name, would come from.
fn star_import<'m>(statements: &Statements<'m>, target: &Target) -> Option<&'m Alias> {
    let same_module = statements
        .imports
        .iter()
        .filter(|import| target.alias.is_none() && import.from.is_some() && import.from == target.from());
    same_module.flat_map(|import| import.names).find(|alias| alias.name.as_str() == "*")
}

/// Keeps the places that `locator` can mean.
fn narrow(module: &Module<'_>, locator: &ImportLocator, places: &mut Vec<(Place, &Import<'_>, &Alias)>) {
    if let Some(part) = &locator.line_contains {
        places.retain(|(_, import, _)| {
            let range = bytes(import.stmt);
            let text = module.lines().start(range.start)..module.lines().content_end(range.end, module.text);
            module.text.get(text).is_some_and(|text| text.contains(part.as_str()))
        });
    }
    let Some(line) = locator.line.map(std::num::NonZeroU32::get) else { return };
    // The line of the name itself, then that of the statement, then what is nearest.
    let rank = |import: &Import<'_>, alias: &Alias| {
        let (first, last) = (module.lines().line(bytes(alias).start), module.lines().line(bytes(alias).end));
        if (first..=last).contains(&line) {
            return (0, 0);
        }
        let (first, last) =
            (module.lines().line(bytes(import.stmt).start), module.lines().line(bytes(import.stmt).end));
        if (first..=last).contains(&line) {
            return (1, 0);
        }
        (2, first.abs_diff(line).min(last.abs_diff(line)))
    };
    let best = places.iter().map(|(_, import, alias)| rank(import, alias)).min();
    places.retain(|(_, import, alias)| {
        let rank = rank(import, alias);
        Some(rank) == best && rank.1 <= DRIFT_MAX
    });
}

/// What a plan names, in the spelling that the parser gives.
struct Target {
    from: Option<(u32, Option<String>)>,
    name: String,
    alias: Option<String>,
}

impl Target {
    fn new(target: &ImportTarget) -> Self {
        match target {
            ImportTarget::Import { module, alias } => Self {
                from: None,
                name: normalized(module.as_str()),
                alias: alias.as_ref().map(|alias| normalized(alias.as_str())),
            },
            ImportTarget::From { module, name, alias } => Self {
                from: Some((module.level(), module.module().map(|module| normalized(module.as_str())))),
                name: normalized(name.as_str()),
                alias: alias.as_ref().map(|alias| normalized(alias.as_str())),
            },
        }
    }

    fn from(&self) -> Option<From<'_>> {
        self.from.as_ref().map(|(level, module)| From { level: *level, module: module.as_deref() })
    }

    fn fits(&self, import: &Import<'_>, alias: &Alias) -> bool {
        import.from == self.from()
            && alias.name.as_str() == self.name
            && alias.asname.as_ref().map(|name| name.as_str()) == self.alias.as_deref()
    }

    /// Every part of what is named, for near misses.
    fn words(&self) -> BTreeSet<&str> {
        let module = self.from.iter().filter_map(|(_, module)| module.as_deref());
        module.chain([self.name.as_str()]).chain(self.alias.as_deref()).flat_map(|name| name.split('.')).collect()
    }
}

/// Imports that share the last name or the alias, then those that share any word.
fn near_misses(statements: &Statements<'_>, target: &Target) -> Vec<String> {
    let words = target.words();
    let mut misses: Vec<(usize, String)> = Vec::new();
    for import in &statements.imports {
        for alias in import.names {
            let Some(found) = describe(import, alias) else { continue };
            let shares = |name: &str| name.split('.').any(|part| words.contains(part));
            let rank = if alias.name.as_str() == target.name {
                0
            } else if import.bound(alias).is_some_and(shares) || shares(alias.name.as_str()) {
                1
            } else if import.from.is_some() && import.from == target.from() {
                2
            } else {
                continue;
            };
            misses.push((rank, found));
        }
    }
    misses.sort();
    misses.dedup();
    misses.truncate(CANDIDATES_MAX);
    misses.into_iter().map(|(_, found)| found).collect()
}

/// An imported name as a plan would write it.
fn describe(import: &Import<'_>, alias: &Alias) -> Option<String> {
    target_of(import, alias).map(|target| target.to_string())
}

/// The target that names this binding; none for a star and for the future statement.
pub(super) fn target_of(import: &Import<'_>, alias: &Alias) -> Option<ImportTarget> {
    let asname = match &alias.asname {
        Some(name) => Some(name.as_str().parse().ok()?),
        None => None,
    };
    match import.from {
        None => {
            let module: DottedName = alias.name.as_str().parse().ok()?;
            Some(ImportTarget::Import { module, alias: asname })
        }
        Some(from) => {
            let dots = ".".repeat(usize::try_from(from.level).unwrap_or_default());
            let module: FromModule = format!("{dots}{}", from.module.unwrap_or_default()).parse().ok()?;
            Some(ImportTarget::From { module, name: alias.name.as_str().parse().ok()?, alias: asname })
        }
    }
}

/// The 1-based line of an alias, and that of its statement.
pub(super) fn lines_of(module: &Module<'_>, import: &Import<'_>, alias: &Alias) -> (u32, u32) {
    (module.lines().line(alias.start().to_usize()), module.lines().line(import.stmt.start().to_usize()))
}
