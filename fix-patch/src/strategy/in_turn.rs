//! Operations on one file that are done one after the other, each on what the one before gave.

use fix_plan::{Action, Dependency, Operation};

use super::Proposal;
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
    let mut steps: Vec<(R, &'s Operation)> = Vec::new();
    let mut current = source.clone();
    let mut read: Option<R> = None;
    for &operation in operations {
        let reading = match read.take() {
            Some(reading) => reading,
            None => R::read(&current)?,
        };
        let changes = reading.change(&current, operation)?;
        if changes.is_empty() {
            already.push(message::already(source, operation));
            read = Some(reading);
            continue;
        }
        let step = EditSet::new(current.text(), changes)
            .map_err(|error| Refusal::new(source.path(), RefusalCode::UnsupportedShape, error.to_string()))?;
        current = current.with_text(step.apply(current.text()));
        edits = edits.then(&step);
        steps.push((reading, operation));
    }
    let proof = move |after: &str| {
        if after != current.text() {
            return Err("the edits do not compose".to_owned());
        }
        let last = R::read(&current).map_err(|refusal| format!("the result does not parse: {refusal}"))?;
        let afters = steps.iter().skip(1).map(|(reading, _)| reading).chain([&last]);
        steps.iter().zip(afters).try_for_each(|((before, operation), after)| before.prove(after, operation))
    };
    Ok(Proposal::new(edits, Box::new(proof)).already(already))
}

/// The sentences that both kinds of file use.
pub(super) mod message {
    use super::{Action, Dependency, Operation, SourceFile};

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

    pub(in crate::strategy) fn ambiguous(dependency: &Dependency) -> String {
        format!("{} is declared more than once; name the marker of the one that is meant", dependency.name)
    }

    pub(in crate::strategy) fn direct(dependency: &Dependency) -> String {
        format!("{} is a direct reference, which has no version to pin", dependency.name)
    }

    pub(in crate::strategy) fn other_extras(dependency: &Dependency) -> String {
        format!("{} is declared with other extras; leave them out of a pin", dependency.name)
    }

    pub(in crate::strategy) fn conflict(dependency: &Dependency) -> String {
        format!(
            "{} is declared already, in another way; an addition never changes what is there: pin it instead",
            dependency.name
        )
    }
}
