//! Operations on one file that are done one after the other, each on what the one before gave.

use fix_plan::{Action, Dependency, Operation};

use super::Proposal;
use super::requirement::Requirement;
use crate::edit::{Edit, EditSet};
use crate::refusal::{Refusal, RefusalCode};
use crate::source::SourceFile;

/// A file as a strategy reads it: once, to change it and to prove the change.
pub(super) trait Reading: Sized {
    /// Reads the text.
    fn read(source: &SourceFile) -> Result<Self, Refusal>;

    /// The edits of one operation on `source`, of which this is the reading; none when it is already so.
    fn change(&self, source: &SourceFile, operation: &Operation) -> Result<Vec<Edit>, Refusal>;

    /// Checks that `after` is this one after the operation.
    fn prove(&self, after: &Self, operation: &Operation) -> Result<(), String>;
}

/// Does `operations` in their order, and proves each step.
pub(super) fn apply<'s, R: Reading + 's>(
    source: &'s SourceFile,
    operations: &[&'s Operation],
) -> Result<Proposal<'s>, Refusal> {
    let mut edits = EditSet::default();
    let mut already = Vec::new();
    let mut steps: Vec<Step<'s, R>> = Vec::new();
    let mut current = source.clone();
    let mut read: Option<R> = None;
    for &operation in operations {
        let reading = match read.take() {
            Some(reading) => reading,
            None => R::read(&current)?,
        };
        let changes = reading.change(&current, operation).map_err(|refusal| match steps.is_empty() {
            true => refusal,
            // What is in the way may have come with the plan itself.
            false => {
                Refusal { message: format!("{} (behind the plan's operations before it)", refusal.message), ..refusal }
            }
        })?;
        if changes.is_empty() {
            already.push(message::already(source, operation));
            read = Some(reading);
            continue;
        }
        let step = EditSet::new(current.text(), changes)
            .map_err(|error| Refusal::new(source.path(), RefusalCode::UnsupportedShape, error.to_string()))?;
        current = current.with_text(step.apply(current.text()));
        edits = edits.then(&step);
        steps.push(Step { before: reading, operation, shape: shape(&step, operation) });
    }
    let proof = move |after: &str| {
        if after != current.text() {
            return Err("the edits do not compose".to_owned());
        }
        let last = R::read(&current).map_err(|refusal| format!("the result does not parse: {refusal}"))?;
        let afters = steps.iter().skip(1).map(|step| &step.before).chain([&last]);
        steps.iter().zip(afters).try_for_each(|(step, after)| {
            step.shape.clone()?;
            step.before.prove(after, step.operation)
        })
    };
    Ok(Proposal::new(edits, Box::new(proof)).already(already))
}

/// One operation that changes the file.
struct Step<'s, R> {
    before: R,
    operation: &'s Operation,
    /// Whether its edits are such as it may make.
    shape: Result<(), String>,
}

/// Checks what no reading of the result shows, comments and blanks: an addition only puts text in, once, and perhaps a
/// comma elsewhere; a pin replaces one text by the specifier.
fn shape(edits: &EditSet, operation: &Operation) -> Result<(), String> {
    let is_addition = |edit: &Edit| edit.range().is_empty();
    let edits: Vec<&Edit> = edits.iter().collect();
    let fits = match (&operation.action, edits.as_slice()) {
        (Action::AddDependency(_), [one]) => is_addition(one),
        (Action::AddDependency(_), [a, b]) => is_addition(a) && is_addition(b) && (a.text() == "," || b.text() == ","),
        (Action::PinDependency(dependency), [one]) => one.text() == dependency.spec.as_str(),
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("{} edits, which are not of its kind", edits.len())) }
}

/// The sentences that both kinds of file use.
pub(super) mod message {
    use super::{Action, Dependency, Operation, Requirement, SourceFile};

    pub(in crate::strategy) fn already(source: &SourceFile, operation: &Operation) -> String {
        let file = source.path();
        match &operation.action {
            Action::AddDependency(dependency) => format!("{file}: {} is declared already", dependency.name),
            Action::PinDependency(dependency) => {
                format!("{file}: {} is at {} already", dependency.name, dependency.spec)
            }
            _ => format!("{file}: nothing to do"),
        }
    }

    pub(in crate::strategy) fn absent(dependency: &Dependency) -> String {
        format!("{} is not declared here; a pin changes what is there, an addition would declare it", dependency.name)
    }

    pub(in crate::strategy) fn other_marker(dependency: &Dependency) -> String {
        let marker = dependency.marker.as_ref().map_or("", |marker| marker.as_str());
        format!("{} is declared, but not under the marker `{marker}`", dependency.name)
    }

    pub(in crate::strategy) fn ambiguous(dependency: &Dependency) -> String {
        let name = &dependency.name;
        match dependency.marker {
            None => format!(
                "{name} is declared more than once; name the marker of the one that is meant, if they differ by it"
            ),
            Some(_) => format!("{name} is declared more than once under that marker; change it by hand"),
        }
    }

    pub(in crate::strategy) fn direct(dependency: &Dependency) -> String {
        format!("{} is a direct reference, which has no version to pin", dependency.name)
    }

    pub(in crate::strategy) fn other_extras(dependency: &Dependency) -> String {
        format!("{} is declared with other extras; leave them out of a pin", dependency.name)
    }

    /// `declared` is what is there, where it can be read.
    pub(in crate::strategy) fn conflict(dependency: &Dependency, declared: Option<&Requirement<'_>>) -> String {
        let name = &dependency.name;
        let why = "an addition never changes what is there";
        match declared {
            Some(declared) if declared.is_direct() => {
                format!("{name} is declared already, as a direct reference; {why}: change it by hand")
            }
            Some(declared) if !declared.has_extras(dependency) => {
                format!("{name} is declared already, with other extras; {why}: change it by hand")
            }
            Some(declared) if !declared.has_marker(dependency.marker.as_ref()) => {
                format!("{name} is declared already, under another marker; {why}: change it by hand")
            }
            Some(_) => format!("{name} is declared already, with another version; {why}: pin it instead"),
            None => format!("{name} is declared already, in another way; {why}: change it by hand"),
        }
    }
}
