//! Whether an imported name is read anywhere it could be seen.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use super::exports::Exports;
use super::python::{Module, bytes};
use super::scopes::{Scopes, Use, has_word};
use super::statements::{Branch, Import, Statements, bound};

/// What is known about the names that an operation is about.
#[derive(Debug)]
pub(super) struct Usage<'n> {
    scopes: Scopes<'n>,
    exports: Exports,
    /// The `# type:` comments: where, and their text.
    type_comments: Vec<(usize, String)>,
}

/// Why an import can't go: where it is used, and how.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Reason {
    pub(super) offset: Option<usize>,
    pub(super) how: &'static str,
}

impl<'n> Usage<'n> {
    /// Looks at the module once, for all `names`.
    pub(super) fn of(module: &Module<'_>, names: &'n [String]) -> Self {
        let type_comments = module
            .comments()
            .filter_map(|range| {
                let text = module.slice(range).trim_start_matches('#').trim_start();
                let declared = text.strip_prefix("type:")?.trim_start();
                let ignores = declared.starts_with("ignore");
                (!ignores).then(|| (range.start().to_usize(), declared.to_owned()))
            })
            .collect();
        Self { scopes: Scopes::of(module, names), exports: Exports::of(module, names), type_comments }
    }

    /// Why the binding of `import`'s name number `name` has to stay, if it has.
    pub(super) fn reason(&self, statements: &Statements<'_>, import: &Import<'_>, name: usize) -> Option<Reason> {
        let alias = import.names.get(name)?;
        let bound = import.bound(alias)?;
        let offset = alias.start().to_usize();
        let Some(scope) = self.scopes.scope_of_binding(bound, offset) else {
            return Some(Reason { offset: None, how: "is bound in another scope" });
        };
        if Scopes::is_module(scope)
            && let Some(reason) = self.exports.reason(bound)
        {
            return Some(reason);
        }
        if let Some((offset, _)) = self.type_comments.iter().find(|(_, text)| has_word(text, bound)) {
            return Some(Reason { offset: Some(*offset), how: "is named in a type comment" });
        }
        // A function that binds a name outside itself may do so at any time.
        let moved = self.scopes.is_moved(offset);
        let in_loop = moved || is_in_loop(statements, import);
        let rebound = rebinding(statements, import, name, bound).filter(|_| !moved);
        let seen = |read: &Use| match self.scopes.deferred_from(read, scope) {
            // A function may run as soon as it is defined: one that stands before the new binding sees the old one.
            Some(start) => rebound.is_none_or(|(rebound, _)| start < rebound),
            None if read.offset < offset && !in_loop => false,
            None => rebound.is_none_or(|(_, end)| read.offset < end),
        };
        let read = self.scopes.reads(bound, scope).into_iter().find(seen)?;
        Some(Reason { offset: Some(read.offset), how: "is used" })
    }

    /// Where else the bound name of `import` is bound in the same scope.
    pub(super) fn other_bindings(&self, import: &Import<'_>, name: usize) -> Vec<usize> {
        let Some(alias) = import.names.get(name) else { return Vec::new() };
        let Some(bound) = import.bound(alias) else { return Vec::new() };
        let offset = alias.start().to_usize();
        match self.scopes.scope_of_binding(bound, offset) {
            Some(scope) => self.scopes.bindings(bound, scope).into_iter().filter(|other| *other != offset).collect(),
            None => Vec::new(),
        }
    }
}

/// Whether a loop of the import's own scope may run it again.
fn is_in_loop(statements: &Statements<'_>, import: &Import<'_>) -> bool {
    statements
        .around(import)
        .take_while(|block| !matches!(block.branch, Branch::Function | Branch::Class | Branch::Module))
        .any(|block| matches!(block.owner, Some(Stmt::For(_) | Stmt::While(_))))
}

/// The bytes of the next statement that surely binds `name` again before anything else can run.
fn rebinding(
    statements: &Statements<'_>,
    import: &Import<'_>,
    name: usize,
    bound_name: &str,
) -> Option<(usize, usize)> {
    let dotted = import.from.is_none()
        && import.names.get(name).is_some_and(|alias| alias.asname.is_none() && alias.name.as_str().contains('.'));
    // Another import of the package does not replace it: `import a.b` also loads the sub-module.
    let imports_again = |stmt: &Stmt, after: usize| match stmt {
        Stmt::Import(again) => again.names.iter().any(|alias| {
            alias.start().to_usize() > after
                && bound(alias, false) == Some(bound_name)
                && !(dotted && alias.asname.is_none())
        }),
        Stmt::ImportFrom(again) => {
            again.names.iter().any(|alias| alias.start().to_usize() > after && bound(alias, true) == Some(bound_name))
        }
        _ => false,
    };
    let own = import.names.get(name)?.start().to_usize();
    if imports_again(import.stmt, own) {
        return Some((own, bytes(import.stmt).end));
    }
    let block = statements.blocks.get(import.block)?;
    let whole_scope = matches!(block.branch, Branch::Module | Branch::Function | Branch::Class);
    for stmt in block.body.get(import.index + 1..)? {
        let binds = match stmt {
            Stmt::Import(_) | Stmt::ImportFrom(_) => imports_again(stmt, own),
            Stmt::FunctionDef(function) => function.name.as_str() == bound_name,
            Stmt::ClassDef(class) => class.name.as_str() == bound_name,
            Stmt::Assign(assign) => assign.targets.iter().any(|target| is_name(target, bound_name)),
            Stmt::AnnAssign(assign) => assign.value.is_some() && is_name(&assign.target, bound_name),
            _ => false,
        };
        if binds {
            let range = bytes(stmt);
            return Some((range.start, range.end));
        }
        // Elsewhere than at the top of the scope, what stands between may leave the block early.
        if !whole_scope && !matches!(stmt, Stmt::Import(_) | Stmt::ImportFrom(_)) {
            return None;
        }
    }
    None
}

fn is_name(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Name(found) if found.id.as_str() == name)
}
