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
        (Allowance::Reexport, &|| reexport(path, import, name)),
        (Allowance::AvailabilityCheck, &|| availability_check(statements, import)),
        (Allowance::Conditional, &|| conditional(module, statements, usage, import, name)),
        (Allowance::Suppressed, &|| suppressed::reason(module, statements, import, name)),
    ];
    checks
        .into_iter()
        .filter(|(allowance, _)| !allowed(*allowance))
        .find_map(|(allowance, check)| check().map(|message| (allowance, message)))
}

fn reexport(path: &RepoPath, import: &Import<'_>, name: usize) -> Option<String> {
    let alias = import.names.get(name)?;
    if alias.asname.as_ref().is_some_and(|asname| asname.as_str() == alias.name.as_str()) {
        return Some("an alias that repeats the name says that others import it from here".to_owned());
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
            (Branch::Function | Branch::Class | Branch::Module, _) => return None,
            (Branch::Try, Some(Stmt::Try(r#try))) if r#try.handlers.iter().any(catches_import_failure) => {
                return Some("a `try` tests whether the import works".to_owned());
            }
            (Branch::Body, Some(Stmt::With(with))) => {
                let suppresses = |expr: &Expr| match expr {
                    Expr::Call(call) => {
                        last_name(&call.func) == "suppress" && call.arguments.args.iter().any(is_import_failure)
                    }
                    _ => false,
                };
                if with.items.iter().any(|item| suppresses(&item.context_expr)) {
                    return Some("a `with suppress(…)` lets the import fail".to_owned());
                }
            }
            _ => {}
        }
    }
    None
}

fn catches_import_failure(handler: &ExceptHandler) -> bool {
    let ExceptHandler::ExceptHandler(handler) = handler;
    match handler.type_.as_deref() {
        None => true,
        Some(Expr::Tuple(types)) => types.elts.iter().any(is_import_failure),
        Some(type_) => is_import_failure(type_),
    }
}

fn is_import_failure(expr: &Expr) -> bool {
    matches!(last_name(expr), "ImportError" | "ModuleNotFoundError" | "Exception" | "BaseException")
}

/// Whether another branch of a statement around binds the same name.
fn conditional(
    module: &Module<'_>,
    statements: &Statements<'_>,
    usage: &Usage<'_>,
    import: &Import<'_>,
    name: usize,
) -> Option<String> {
    let others = usage.other_bindings(import, name);
    if others.is_empty() {
        return None;
    }
    for block in statements.around(import) {
        if matches!(block.branch, Branch::Function | Branch::Class | Branch::Module) {
            return None;
        }
        let owner = block.owner?;
        let alternatives = statements.blocks.iter().filter(|other| {
            other.owner.is_some_and(|other| std::ptr::eq(other, owner)) && are_alternatives(block.branch, other.branch)
        });
        for alternative in alternatives {
            let range = alternative.range();
            if let Some(at) = others.iter().find(|at| range.contains(at)) {
                let line = module.lines().line(*at);
                return Some(format!("another branch binds the same name on line {line}"));
            }
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
