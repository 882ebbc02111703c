//! Plans from rules: what the log of Python, ruff, flake8 and GitHub says, and no model.

mod distributions;
mod manifest;

use fix_patch::{SourceTree, imports};
use fix_pipeline::{AdapterError, AdapterErrorKind, PlanRequest, PlanSource, RawPlan};
use fix_plan::limits::{EVIDENCE_LINE_BYTES_MAX, OPERATIONS_MAX, TEXT_BYTES_MAX};
use fix_plan::{
    Action, Category, Confidence, Dependency, DisplayText, FixPlan, ImportLocator, ImportTarget, Log, MissingModule,
    Operation, RepoPath, UnusedImport, UnusedName, VersionSpec,
};

/// Answers with rules:
///
/// - a `ModuleNotFoundError` (or Python 2's `ImportError`) declares the distribution that
///   brings the module, in the manifest that the project has;
/// - an unused import found by ruff, flake8 or pyflakes (F401) is removed.
///
/// Deterministic, and needs no network. It answers with text like any other source.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct Rules;

impl Rules {
    /// The plan for a failure that printed `log`, in the project of `tree`.
    ///
    /// # Errors
    /// [`AdapterErrorKind::NothingToPropose`] when no rule fits the log.
    pub fn plan_for(&self, log: &Log, tree: &dyn SourceTree) -> Result<FixPlan, AdapterError> {
        let missing = log.missing_modules();
        let missing: Vec<_> =
            missing.into_iter().filter(|module| !manifest::is_first_party(&module.name, tree)).collect();
        let plan = match missing.is_empty() {
            false => declare(&missing, tree),
            true => remove(&log.unused_names(), tree),
        };
        plan.ok_or_else(|| {
            let message =
                "the log holds no missing module and no unused import that a rule can place in this repository";
            AdapterError::new(AdapterErrorKind::NothingToPropose, "plan by rules", message)
        })
    }
}

impl PlanSource for Rules {
    async fn propose(&self, request: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        let plan = self.plan_for(&request.failure.log, request.tree)?;
        Ok(RawPlan::new("rules", plan.to_json()))
    }
}

/// A plan that declares what is missing.
fn declare(missing: &[MissingModule], tree: &dyn SourceTree) -> Option<FixPlan> {
    let manifest = manifest::find(tree)?;
    let mut operations: Vec<Operation> = Vec::new();
    let mut modules = Vec::new();
    for module in missing {
        let distribution = distributions::of(&module.name)?;
        let dependency = Dependency::new(distribution.parse().ok()?, VersionSpec::any());
        let action = Action::AddDependency(dependency);
        if operations.len() == OPERATIONS_MAX || operations.iter().any(|operation| operation.action == action) {
            continue;
        }
        let rationale = match distribution == module.name {
            true => format!("declare {distribution}, which the code imports"),
            false => format!("declare {distribution}, which brings the module {}", module.name),
        };
        operations.push(Operation::new(manifest.clone(), action, text(&rationale)?, evidence(&module.evidence)));
        modules.push(module.name.as_str());
    }
    let root_cause = format!("The code imports {}, which {manifest} does not declare.", modules.join(", "));
    // Sure of names that are known, in a manifest that is there. Another name may be the project's
    // own, misspelt, or a stranger's: a person must look.
    let known = missing.iter().all(|module| distributions::is_known(&module.name));
    let confidence = if known && tree.exists(&manifest).unwrap_or(false) { 0.9 } else { 0.4 };
    plan(&root_cause, Category::PythonMissingDependency, confidence, operations)
}

/// A plan that removes what is unused.
fn remove(unused: &[UnusedName], tree: &dyn SourceTree) -> Option<FixPlan> {
    let mut operations: Vec<Operation> = Vec::new();
    for name in unused {
        let Some((file, target, line)) = locate(name, tree) else { continue };
        let mut locator = ImportLocator::default();
        locator.line = std::num::NonZeroU32::new(line);
        let action = Action::RemoveUnused(UnusedImport::new(target.clone()).with_locator(locator));
        let there = operations.iter().any(|operation| operation.file == file && operation.action == action);
        if operations.len() == OPERATIONS_MAX || there {
            continue;
        }
        operations.push(Operation::new(
            file,
            action,
            text(&format!("`{target}` is not used"))?,
            evidence(&name.evidence),
        ));
    }
    let files = operations.iter().map(|operation| &operation.file).collect::<std::collections::BTreeSet<_>>().len();
    let found = unused.len();
    let root_cause = match operations.len() {
        all if all == found => format!("The linter finds {found} unused import(s) in {files} file(s)."),
        some => {
            format!("The linter finds {found} unused import(s); this plan removes {some} of them, in {files} file(s).")
        }
    };
    plan(&root_cause, Category::LintFormat, 0.95, operations)
}

fn plan(root_cause: &str, category: Category, confidence: f64, operations: Vec<Operation>) -> Option<FixPlan> {
    let mut files: Vec<RepoPath> = operations.iter().map(|operation| operation.file.clone()).collect();
    files.sort();
    files.dedup();
    FixPlan::new(text(root_cause)?, category, Confidence::new(confidence)?, files, operations).ok()
}

/// The file of the repository, the binding and its line. A linter prints `a.b` for `import a.b` and
/// for `from a import b`, and paths as it likes: the file itself says which it is.
fn locate(name: &UnusedName, tree: &dyn SourceTree) -> Option<(RepoPath, ImportTarget, u32)> {
    let file = manifest::in_tree(&name.path, tree)?;
    let source = String::from_utf8(tree.read(&file).ok()?.bytes).ok()?;
    let found = imports::imports_in(&source).ok()?;
    let fits = |import: &&imports::ImportedName| printed(&import.target).contains(&name.binding);
    let near = |import: &&imports::ImportedName| {
        import.line.abs_diff(name.line).min(import.statement_line.abs_diff(name.line))
    };
    let best = found.iter().filter(fits).min_by_key(near)?;
    Some((file, best.target.clone(), best.line))
}

/// How linters spell a binding.
fn printed(target: &ImportTarget) -> Vec<String> {
    let (full, alias) = match target {
        ImportTarget::Import { module, alias } => (module.to_string(), alias),
        ImportTarget::From { module, name, alias } => {
            let dot = if module.module().is_some() { "." } else { "" };
            (format!("{module}{dot}{name}"), alias)
        }
    };
    match alias {
        Some(alias) => vec![format!("{full} as {alias}"), full],
        None => vec![full],
    }
}

fn text(text: &str) -> Option<DisplayText> {
    DisplayText::new(text, TEXT_BYTES_MAX).ok()
}

fn evidence(line: &str) -> Vec<DisplayText> {
    DisplayText::new(line, EVIDENCE_LINE_BYTES_MAX).into_iter().collect()
}
