//! From a plan and a snapshot to a proven patch.

use std::collections::BTreeMap;

use fix_plan::{Action, Category, FixPlan, Operation, RepoPath};

use crate::edit::EditSet;
use crate::lockfile;
use crate::patch::{FilePatch, Patch};
use crate::refusal::{PatchError, Refusal, RefusalCode};
use crate::source::SourceFile;
use crate::strategy::{self, PatchOptions, Proposal, Strategy};
use crate::tree::SourceTree;

/// Generates patches with a list of strategies.
///
/// ```
/// use fix_patch::{Generated, MemoryTree, PatchGenerator, PatchOptions};
/// # let plan: fix_plan::FixPlan = r#"{"root_cause": "x", "category": "lint_format", "confidence": 1,
/// #   "files": ["a.py"], "operations": [{"type": "remove_unused", "file": "a.py",
/// #   "details": {"import": "os"}, "rationale": "r", "evidence": []}]}"#.parse()?;
/// let tree = MemoryTree::from_iter([("a.py".parse()?, "import os\nimport sys\nprint(sys.path)\n".into())]);
/// let generated = PatchGenerator::default().generate(&plan, &tree, &PatchOptions::default())?;
/// let Generated::Patch(patch) = generated else { unreachable!() };
/// assert!(patch.diff().contains("\n-import os\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PatchGenerator {
    strategies: Vec<Box<dyn Strategy>>,
}

impl Default for PatchGenerator {
    /// The built-in strategies of the enabled features.
    fn default() -> Self {
        Self { strategies: strategy::built_in() }
    }
}

/// What came of a plan.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a plan changes something or nothing")]
pub enum Generated {
    /// A patch that was proven.
    Patch(Patch),
    /// Everything is already as the plan wants it; a reason for each operation.
    NoChange(Vec<String>),
}

impl PatchGenerator {
    /// A generator that does nothing until it is given strategies.
    ///
    /// ```
    /// use fix_patch::PatchGenerator;
    /// # #[cfg(feature = "dependencies")] {
    /// use fix_patch::requirements::Requirements;
    /// // Requirements files, and no `pyproject.toml`.
    /// let generator = PatchGenerator::empty().with_strategy(Box::new(Requirements));
    /// # }
    /// ```
    #[must_use]
    pub fn empty() -> Self {
        Self { strategies: Vec::new() }
    }

    /// The same, with `strategy` asked before those that are there.
    #[must_use]
    pub fn with_strategy(mut self, strategy: Box<dyn Strategy>) -> Self {
        self.strategies.insert(0, strategy);
        self
    }

    /// The names of the strategies, in the order they are asked.
    pub fn strategies(&self) -> impl Iterator<Item = &'static str> {
        self.strategies.iter().map(|strategy| strategy.name())
    }

    /// Whether some strategy does this operation.
    #[must_use]
    pub fn handles(&self, operation: &Operation) -> bool {
        self.strategy_for(operation).is_some()
    }

    /// Generates the patch of `plan` on the snapshot `tree`.
    ///
    /// The same plan on the same snapshot gives the same bytes, on every machine.
    /// Only files that the plan lists are read for editing, and each operation
    /// changes its own file alone.
    ///
    /// # Errors
    /// - [`PatchError::Refused`] when an operation can't be done safely: nothing is generated then.
    /// - [`PatchError::ProofFailed`] when a result is not what was asked for, which is a bug.
    /// - [`PatchError::Tree`] when the snapshot can't be read.
    pub fn generate(
        &self,
        plan: &FixPlan,
        tree: &dyn SourceTree,
        options: &PatchOptions,
    ) -> Result<Generated, PatchError> {
        let mut by_file: BTreeMap<&RepoPath, Vec<&Operation>> = BTreeMap::new();
        for operation in plan.operations() {
            by_file.entry(&operation.file).or_default().push(operation);
        }
        let tidy = options.tidy && *plan.category() == Category::LintFormat;
        let options = PatchOptions { tidy, ..options.clone() };
        let mut files = Vec::new();
        let mut already = Vec::new();
        let mut findings = Vec::new();
        for (path, operations) in by_file {
            let blob = tree.read(path).map_err(PatchError::from_tree)?;
            let source = SourceFile::new(path.clone(), blob.bytes)?;
            let edits = self.edit_file(&source, &operations, &options, &mut already)?;
            if edits.is_empty() {
                continue;
            }
            if operations
                .iter()
                .any(|operation| matches!(operation.action, Action::AddDependency(_) | Action::PinDependency(_)))
            {
                findings.extend(lockfile::stale(path, tree).map_err(PatchError::from_tree)?);
            }
            files.push(FilePatch::new(source, blob.executable, edits));
        }
        if files.is_empty() {
            return Ok(Generated::NoChange(already));
        }
        Ok(Generated::Patch(Patch::new(files, findings)))
    }

    fn strategy_for(&self, operation: &Operation) -> Option<usize> {
        self.strategies.iter().position(|strategy| strategy.handles(&operation.file, operation.action.kind()))
    }

    /// The edits of all operations on one file, proven strategy by strategy.
    fn edit_file(
        &self,
        source: &SourceFile,
        operations: &[&Operation],
        options: &PatchOptions,
        already: &mut Vec<String>,
    ) -> Result<EditSet, PatchError> {
        let mut by_strategy: BTreeMap<usize, Vec<&Operation>> = BTreeMap::new();
        for &operation in operations {
            let Some(index) = self.strategy_for(operation) else {
                let kind = operation.action.kind();
                let message = format!("no strategy does {kind} on this file");
                return Err(Refusal::new(source.path(), RefusalCode::UnsupportedOperation, message).into());
            };
            by_strategy.entry(index).or_default().push(operation);
        }
        let mut edits = EditSet::default();
        let mut is_tidy = !options.tidy;
        let mut current = source.clone();
        for (index, operations) in by_strategy {
            let Some(strategy) = self.strategies.get(index) else { continue };
            let Proposal { edits: proposed, already: reasons, tidied, proof } =
                strategy.propose(&current, &operations, options)?;
            already.extend(reasons);
            if proposed.is_empty() {
                continue;
            }
            let after = proposed.apply(current.text());
            proof(&after).map_err(|mismatch| PatchError::ProofFailed {
                file: source.path().clone(),
                strategy: strategy.name(),
                mismatch,
            })?;
            edits = edits.then(&proposed);
            is_tidy = tidied || !options.tidy;
            current = current.with_text(after);
        }
        if !is_tidy && !edits.is_empty() {
            edits = edits.then(&tidying(&current)?);
        }
        Ok(edits)
    }
}

/// The edits that mend the white space of what was changed, where it is Python.
#[cfg(feature = "python")]
fn tidying(changed: &SourceFile) -> Result<EditSet, PatchError> {
    if !crate::tidy::handles(changed.path()) {
        return Ok(EditSet::default());
    }
    crate::tidy::tidy(changed).map_err(|mismatch| PatchError::ProofFailed {
        file: changed.path().clone(),
        strategy: "tidy",
        mismatch,
    })
}

#[cfg(not(feature = "python"))]
fn tidying(_: &SourceFile) -> Result<EditSet, PatchError> {
    Ok(EditSet::default())
}

#[cfg(test)]
#[cfg(feature = "python")]
mod tests {
    use fix_plan::ActionKind;

    use super::*;
    use crate::edit::Edit;
    use crate::tree::MemoryTree;

    /// A strategy of an embedder: takes the first line out.
    #[derive(Debug)]
    struct FirstLine;

    impl Strategy for FirstLine {
        fn name(&self) -> &'static str {
            "first_line"
        }

        fn handles(&self, _: &RepoPath, _: ActionKind) -> bool {
            true
        }

        fn propose<'s>(
            &self,
            source: &'s SourceFile,
            _: &[&'s Operation],
            _: &PatchOptions,
        ) -> Result<Proposal<'s>, Refusal> {
            let end = source.text().find('\n').map_or(0, |end| end + 1);
            let edits = EditSet::new(source.text(), vec![Edit::deletion(0..end)]).unwrap();
            Ok(Proposal::new(edits, Box::new(|_| Ok(()))))
        }
    }

    #[test]
    fn what_a_strategy_does_not_tidy_is_tidied_after_it() {
        let plan = r#"{"root_cause": "x", "category": "lint_format", "confidence": 1, "files": ["a.py"],
            "operations": [{"type": "remove_unused", "file": "a.py", "details": {"import": "os"},
                            "rationale": "r", "evidence": []}]}"#;
        let tree = MemoryTree::from_iter([("a.py".parse().unwrap(), "import os\nx = 1  \ny = 2".into())]);
        let generator = PatchGenerator::default().with_strategy(Box::new(FirstLine));
        let after = |options: &PatchOptions| {
            let generated = generator.generate(&plan.parse().unwrap(), &tree, options).unwrap();
            let Generated::Patch(patch) = generated else { unreachable!() };
            patch.files().first().unwrap().after().to_owned()
        };
        assert_eq!(after(&PatchOptions::default()), "x = 1\ny = 2\n");
        assert_eq!(after(&PatchOptions { tidy: false, ..PatchOptions::default() }), "x = 1  \ny = 2");
    }
}
