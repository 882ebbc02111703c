//! Unused Python imports: found, checked, removed, proven.
//!
//! | shape | what goes |
//! |---|---|
//! | a statement alone | its lines, and the comment behind it |
//! | one of several between semicolons | the statement and one semicolon |
//! | the only statement of a block | `pass` takes its place |
//! | a name among others on a line | the name and one comma |
//! | a name on its own line in parentheses | the line with its comment; the comma before it stays |
//! | the first or last name, on the line of a parenthesis | what is left moves up to the parenthesis |
//! | a name behind a backslash | the name, its comma and the backslash that is left over |

mod cuts;
mod depth;
mod encoding;
mod exports;
mod keep;
mod layout;
mod locate;
mod names;
mod outside;
mod proof;
pub(crate) mod python;
mod remove;
mod scopes;
mod statements;
mod suppressed;
mod usage;

use fix_plan::{Action, ActionKind, ImportTarget, Operation, RepoPath, UnusedImport};

pub use self::python::SyntaxError;

use self::locate::Place;
use self::python::Module;
use self::remove::Removals;
use self::statements::Statements;
use self::usage::Usage;
use super::{Allowance, PatchOptions, Proposal, Strategy};
use crate::edit::EditSet;
use crate::refusal::{Refusal, RefusalCode};
use crate::source::SourceFile;
use crate::tidy;

/// Removes unused imports from `.py` and `.pyi` files.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to hold")]
pub struct Imports;

impl Strategy for Imports {
    fn name(&self) -> &'static str {
        "imports"
    }

    fn handles(&self, file: &RepoPath, kind: ActionKind) -> bool {
        kind == ActionKind::RemoveUnused && is_python(file)
    }

    fn propose<'s>(
        &self,
        source: &'s SourceFile,
        operations: &[&'s Operation],
        options: &PatchOptions,
    ) -> Result<Proposal<'s>, Refusal> {
        let path = source.path();
        if let Some(problem) = encoding::problem(source.text()) {
            return Err(Refusal::new(path, RefusalCode::Encoding, problem));
        }
        if is_notebook(source.text()) {
            let message = "the file is a notebook, not a module";
            return Err(Refusal::new(path, RefusalCode::Unsupported, message).at_lines([1]));
        }
        let module = Module::parse(source.text()).map_err(|error| refuse_syntax(source, &error))?;
        let (edits, removals) = module.walk(|| removal_of(&module, path, operations, options))?;
        let unsupported = |error: String| Refusal::new(path, RefusalCode::UnsupportedShape, error);
        let mut edits = EditSet::new(source.text(), edits).map_err(|error| unsupported(error.to_string()))?;
        let tidy = options.tidy;
        if tidy && !edits.is_empty() {
            let tidying = tidy::edits(&module, &edits, &edits.apply(source.text())).map_err(unsupported)?;
            edits = edits.then(&tidying);
        }
        let proof =
            move |after: &str| module.walk(|| proof::check(&module, &Statements::of(&module), &removals, tidy, after));
        Ok(Proposal::new(edits, Box::new(proof)).tidied())
    }
}

/// Whether the path is that of a Python module or stub.
pub(crate) fn is_python(file: &RepoPath) -> bool {
    let name = file.file_name();
    matches!(name.rsplit_once('.'), Some((stem, "py" | "pyi")) if !stem.is_empty())
}

/// Finds every binding in the text as it is, checks each, and takes them out together.
fn removal_of(
    module: &Module<'_>,
    path: &RepoPath,
    operations: &[&Operation],
    options: &PatchOptions,
) -> Result<(Vec<crate::edit::Edit>, Removals), Refusal> {
    let statements = Statements::of(module);
    let mut places: Vec<(Place, &UnusedImport)> = Vec::new();
    for operation in operations {
        if let Action::RemoveUnused(wanted) = &operation.action {
            places.push((locate::locate(module, &statements, path, wanted)?, wanted));
        }
    }
    let names_for = |(place, _): &(Place, _)| {
        let import = statements.imports.get(place.import)?;
        Some(usage::names_for(&statements, import, place.name))
    };
    let mut names: Vec<String> = places.iter().filter_map(names_for).flatten().collect();
    names.sort_unstable();
    names.dedup();
    let usage = Usage::of(module, &names);
    let mut removals = Removals::new();
    for (place, wanted) in places {
        let Some(import) = statements.imports.get(place.import) else { continue };
        check(module, &statements, &usage, path, wanted, place, options)?;
        removals.entry(place.import).or_default().insert(place.name);
        debug_assert!(place.name < import.names.len(), "a place is inside its statement");
    }
    Ok((remove::edits(module, &statements, &removals), removals))
}

/// Refuses what is used, and what stays for another reason that `options` does not waive.
fn check(
    module: &Module<'_>,
    statements: &Statements<'_>,
    usage: &Usage<'_>,
    path: &RepoPath,
    wanted: &UnusedImport,
    place: Place,
    options: &PatchOptions,
) -> Result<(), Refusal> {
    let Some(import) = statements.imports.get(place.import) else { return Ok(()) };
    let own_line = import.names.get(place.name).map(|alias| module.line_of(alias));
    if let Some(reason) = usage.reason(statements, import, place.name) {
        let line = reason.offset.map(|offset| module.lines().line(offset));
        let message = format!("the import `{}` {}", wanted.target, reason.how);
        return Err(Refusal::new(path, RefusalCode::StillUsed, message).at_lines(line.or(own_line)));
    }
    let allowed = |allowance| options.allow.contains(&allowance);
    let reason = keep::reason(module, statements, usage, path, import, place.name, allowed);
    if let Some((allowance, why)) = reason {
        let code = match allowance {
            Allowance::Reexport => RefusalCode::Reexport,
            Allowance::Suppressed => RefusalCode::Suppressed,
            Allowance::AvailabilityCheck => RefusalCode::AvailabilityCheck,
            Allowance::Conditional => RefusalCode::Conditional,
        };
        let message = format!("the import `{}` stays: {why}", wanted.target);
        return Err(Refusal::new(path, code, message).at_lines(own_line));
    }
    Ok(())
}

fn refuse_syntax(source: &SourceFile, error: &SyntaxError) -> Refusal {
    // A notebook's commands are no Python: `%magic`, `!shell`, `?help`.
    let line = usize::try_from(error.line).unwrap_or(usize::MAX);
    let text = source.text().lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
    let assigned = text.split_once('=').map(|(_, value)| value.trim_start()).unwrap_or_default();
    let is_command = |text: &str| text.starts_with(['%', '!']) && !text.starts_with("!=");
    if is_command(text) || is_command(assigned) || text.starts_with('?') || (text.ends_with('?') && !text.contains('#'))
    {
        let message = "the file holds commands of a notebook, which are no Python";
        return Refusal::new(source.path(), RefusalCode::Unsupported, message).at_lines([error.line]);
    }
    let message = format!("the file does not parse: {}", error.reason);
    Refusal::new(source.path(), RefusalCode::Syntax, message).at_lines([error.line])
}

/// Whether the text is the JSON of a notebook.
fn is_notebook(text: &str) -> bool {
    text.trim_start().starts_with('{') && text.contains("\"cells\"")
}

/// One name that a Python file imports.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ImportedName {
    /// How a plan names it.
    pub target: ImportTarget,
    /// The 1-based line of the name.
    pub line: u32,
    /// The 1-based line that its statement starts on.
    pub statement_line: u32,
}

/// The names that a Python file imports, in the order of the text: everywhere in it, star
/// imports and the future statement aside.
///
/// ```
/// let names = fix_patch::imports::imports_in("import os\nfrom a import (\n    b as c,\n)\n")?;
/// let found: Vec<_> = names.iter().map(|name| (name.target.to_string(), name.line)).collect();
/// assert_eq!(found, [("import os".to_owned(), 1), ("from a import b as c".to_owned(), 3)]);
/// # Ok::<(), fix_patch::imports::SyntaxError>(())
/// ```
///
/// # Errors
/// The first line that is no Python.
pub fn imports_in(text: &str) -> Result<Vec<ImportedName>, SyntaxError> {
    let module = Module::parse(text)?;
    let statements = Statements::of(&module);
    let mut found = Vec::new();
    for import in &statements.imports {
        for alias in import.names {
            if let Some(target) = locate::target_of(import, alias) {
                let (line, statement_line) = locate::lines_of(&module, import, alias);
                found.push(ImportedName { target, line, statement_line });
            }
        }
    }
    Ok(found)
}
