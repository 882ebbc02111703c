//! Imports that nobody reads and that stay all the same, unless the embedder allows it.

use super::python::Module;
use super::scopes::last_name;
use super::statements::{Branch, Import, Statements};
use super::suppressed;
use super::usage::Usage;
use crate::strategy::Allowance;
use fix_plan::RepoPath;
use ruff_python_ast::{ExceptHandler, Expr, Stmt};

/// Why an import stays: the first reason that `allowed` does not waive.
pub(super) fn reason(
    module: &Module<'_>,
    statements: &Statements<'_>,
    usage: &Usage<'_>,
    path: &RepoPath,
    import: &Import<'_>,
    name: usize,
    allowed: impl Fn(Allowance) -> bool,
) -> Option<(Allowance, String)> {
    let checks: [(Allowance, &dyn Fn() -> Option<String>); 4] = [
        (Allowance::Reexport, &|| reexport(path, usage, import, name)),
        (Allowance::AvailabilityCheck, &|| availability_check(statements, import)),
        (Allowance::Conditional, &|| conditional(module, statements, usage, import, name)),
        (Allowance::Suppressed, &|| suppressed::reason(module, statements, import, name)),
    ];
    checks
        .into_iter()
        .filter(|(allowance, _)| !allowed(*allowance))
        .find_map(|(allowance, check)| check().map(|message| (allowance, message)))
}

fn reexport(path: &RepoPath, usage: &Usage<'_>, import: &Import<'_>, name: usize) -> Option<String> {
    let alias = import.names.get(name)?;
    if alias.asname.as_ref().is_some_and(|asname| asname.as_str() == alias.name.as_str()) {
        return Some("an alias that repeats the name says that others import it from here".to_owned());
    }
    if usage.is_class_attribute(import, name) {
        return Some("an import in the body of a class is an attribute that others may read".to_owned());
    }
    let file = path.file_name();
    if file == "__init__.py" || file == "__init__.pyi" {
        return Some("imports of a package's `__init__` may be what others import from it".to_owned());
    }
    let is_stub = file.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("pyi"));
    is_stub.then(|| "imports of a stub may be what others import from it".to_owned())
}

/// Whether the import is what a `try` tests, or `contextlib.suppress`.
fn availability_check(statements: &Statements<'_>, import: &Import<'_>) -> Option<String> {
    for block in statements.around(import) {
        match (block.branch, block.owner) {
            (branch, _) if branch.is_scope() => return None,
            (Branch::Try, Some(Stmt::Try(r#try))) if r#try.handlers.iter().any(catches_import_failure) => {
                return Some("a `try` tests whether the import works".to_owned());
            }
            (Branch::Body, Some(Stmt::With(with)))
                if with.items.iter().any(|item| expects_import_failure(&item.context_expr)) =>
            {
                return Some("a `with` expects that the import may fail".to_owned());
            }
            _ => {}
        }
    }
    None
}

fn catches_import_failure(handler: &ExceptHandler) -> bool {
    let ExceptHandler::ExceptHandler(handler) = handler;
    handler.type_.as_deref().is_none_or(is_import_failure)
}

/// `suppress(ImportError)`, and what tests write: `pytest.raises(ImportError)`.
fn expects_import_failure(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => {
            matches!(last_name(&call.func), "suppress" | "raises" | "assertRaises" | "assertRaisesRegex")
                && call.arguments.args.iter().any(is_import_failure)
        }
        _ => false,
    }
}

/// Whether one of the errors is what a failed import raises.
fn is_import_failure(expr: &Expr) -> bool {
    match expr {
        Expr::Tuple(errors) => errors.elts.iter().any(is_import_failure),
        Expr::BinOp(sum) => is_import_failure(&sum.left) || is_import_failure(&sum.right),
        Expr::Starred(errors) => is_import_failure(&errors.value),
        error => matches!(last_name(error), "ImportError" | "ModuleNotFoundError" | "Exception" | "BaseException"),
    }
}

/// Whether another branch of a statement around binds the same name.
fn conditional(
    module: &Module<'_>,
    statements: &Statements<'_>,
    usage: &Usage<'_>,
    import: &Import<'_>,
    name: usize,
) -> Option<String> {
    let mut others = usage.other_bindings(import, name);
    others.sort_unstable();
    if others.is_empty() {
        return None;
    }
    for index in statements.indexes_around(import) {
        let block = statements.blocks.get(index).filter(|block| !block.branch.is_scope())?;
        let mut alternatives = statements.siblings(index).filter(|other| are_alternatives(block.branch, other.branch));
        let binding = alternatives.find_map(|other| {
            let first = others.partition_point(|at| *at < other.range.start);
            others.get(first).filter(|at| **at < other.range.end)
        });
        if let Some(at) = binding {
            return Some(format!("another branch binds the same name on line {}", module.lines().line(*at)));
        }
    }
    None
}

fn are_alternatives(a: Branch, b: Branch) -> bool {
    match (a, b) {
        (Branch::If(a), Branch::If(b))
        | (Branch::Case(a), Branch::Case(b))
        | (Branch::Handler(a), Branch::Handler(b)) => a != b,
        (Branch::Try | Branch::TryElse, Branch::Handler(_)) | (Branch::Handler(_), Branch::Try | Branch::TryElse) => {
            true
        }
        _ => false,
    }
}
