//! Operations on one file that are done one after the other, each on what the one before gave.

use fix_plan::{Action, Dependency, Operation};

use super::Proposal;
use crate::edit::{Edit, EditSet};
use crate::refusal::{Refusal, RefusalCode};
use crate::source::SourceFile;

/// The edits of one operation on a text; none when it is already so.
type Change = fn(&SourceFile, &Operation) -> Result<Vec<Edit>, Refusal>;
/// Checks that the second text is the first one after the operation.
type Prove = fn(&str, &str, &Operation) -> Result<(), String>;

/// Does `operations` in their order, and proves each step.
pub(super) fn apply<'s>(
    source: &'s SourceFile,
    operations: &[&'s Operation],
    change: Change,
    prove: Prove,
) -> Result<Proposal<'s>, Refusal> {
    let mut edits = EditSet::default();
    let mut already = Vec::new();
    let mut steps: Vec<(SourceFile, &'s Operation)> = Vec::new();
    let mut current = source.clone();
    for &operation in operations {
        let changes = change(&current, operation)?;
        if changes.is_empty() {
            already.push(message::already(source, operation));
            continue;
        }
        let step = EditSet::new(current.text(), changes)
            .map_err(|error| Refusal::new(source.path(), RefusalCode::UnsupportedShape, error.to_string()))?;
        let next = current.with_text(step.apply(current.text()));
        edits = edits.then(&step);
        steps.push((std::mem::replace(&mut current, next), operation));
    }
    let proof = move |after: &str| {
        if after != current.text() {
            return Err("the edits do not compose".to_owned());
        }
        let afters = steps.iter().skip(1).map(|(step, _)| step.text()).chain([current.text()]);
        for ((before, operation), after) in steps.iter().zip(afters) {
            prove(before.text(), after, operation)?;
        }
        Ok(())
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
