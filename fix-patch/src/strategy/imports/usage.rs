//! Whether an imported name is read anywhere it could be seen.

use ruff_python_ast::{Alias, Expr, Stmt};
use ruff_text_size::Ranged;

use super::exports::Exports;
use super::python::{Module, bytes};
use super::scopes::{Scopes, words};
use super::statements::{From, Import, Statements, bound};

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
        if let Some((offset, _)) = self.type_comments.iter().find(|(_, text)| names_type(text, bound)) {
            return Some(Reason { offset: Some(*offset), how: "is named in a type comment" });
        }
        // A function that binds a name outside itself may do so at any time.
        let moved = self.scopes.is_moved(offset);
        let in_loop = moved || is_in_loop(statements, import);
        let rebound = rebinding(statements, import, name, bound).filter(|_| !moved);
        let mut reads = self.scopes.reads(bound, scope).filter(|(read, later)| match later {
            // A function may run as soon as it is defined: one that stands before the new binding sees the old one.
            Some(start) => rebound.is_none_or(|(rebound, _)| *start < rebound),
            None if read.is_deferred => rebound.is_none_or(|(rebound, _)| read.offset < rebound),
            None if read.offset < offset && !in_loop => false,
            None => rebound.is_none_or(|(_, end)| read.offset < end),
        });
        if let Some((read, _)) = reads.next() {
            return Some(Reason { offset: Some(read.offset), how: "is used" });
        }
        if self.scopes.is_class(scope)
            && let Some(offset) = self.scopes.attribute(bound)
        {
            return Some(Reason { offset: Some(offset), how: "is an attribute of its class, and may be read as one" });
        }
        self.package_use(statements, import, alias)
    }

    /// Where the package of a sub-module is read that another import binds, under whatever name.
    fn package_use(&self, statements: &Statements<'_>, import: &Import<'_>, alias: &Alias) -> Option<Reason> {
        if !loads_submodule(import, alias) {
            return None;
        }
        let others = statements.imports.iter().flat_map(|import| import.names.iter().map(move |alias| (import, alias)));
        let mut packages =
            others.filter(|(import, other)| !std::ptr::eq(*other, alias) && binds_package(import, other, alias));
        packages.find_map(|(import, other)| {
            let bound = import.bound(other)?;
            let scope = self.scopes.scope_of_binding(bound, other.start().to_usize())?;
            let (read, _) = self.scopes.reads(bound, scope).next()?;
            Some(Reason { offset: Some(read.offset), how: "loads a sub-module of a package that is used" })
        })
    }

    /// Whether the binding is an attribute of a class, which others may read.
    pub(super) fn is_class_attribute(&self, import: &Import<'_>, name: usize) -> bool {
        let Some(alias) = import.names.get(name) else { return false };
        let scope = import.bound(alias).and_then(|bound| self.scopes.scope_of_binding(bound, alias.start().to_usize()));
        scope.is_some_and(|scope| self.scopes.is_class(scope))
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

/// Whether the import loads a sub-module, and binds the package that it is in.
fn loads_submodule(import: &Import<'_>, alias: &Alias) -> bool {
    import.from.is_none() && alias.asname.is_none() && alias.name.as_str().contains('.')
}

/// Whether an import binds one of the packages that the module of `alias` is in.
fn binds_package(import: &Import<'_>, other: &Alias, alias: &Alias) -> bool {
    let path = alias.name.as_str();
    let holds = |package: &str| path.strip_prefix(package).is_some_and(|rest| rest.starts_with('.'));
    match import.from {
        None if other.asname.is_some() => holds(other.name.as_str()),
        None => path.split('.').next() == other.name.as_str().split('.').next(),
        Some(From { level: 0, module: Some(module) }) => holds(&format!("{module}.{}", other.name.as_str())),
        Some(_) => false,
    }
}

/// The names that have to be known to tell whether `import`'s name number `name` is used.
pub(super) fn names_for(statements: &Statements<'_>, import: &Import<'_>, name: usize) -> Vec<String> {
    let Some(alias) = import.names.get(name) else { return Vec::new() };
    let mut names: Vec<String> = import.bound(alias).into_iter().map(str::to_owned).collect();
    if loads_submodule(import, alias) {
        let others = statements.imports.iter().flat_map(|import| import.names.iter().map(move |alias| (import, alias)));
        let packages = others.filter(|(import, other)| binds_package(import, other, alias));
        names.extend(packages.filter_map(|(import, other)| import.bound(other)).map(str::to_owned));
    }
    names
}

/// Whether `name` stands in a type comment that can be read as one.
fn names_type(comment: &str, name: &str) -> bool {
    let types = comment.split('#').next().unwrap_or_default();
    let is_prose = || !types.contains("->") && Module::parse(&format!("({types}\n)\n")).is_err();
    words(types).any(|word| word == name) && !is_prose()
}

/// Whether a loop of the import's own scope may run it again.
fn is_in_loop(statements: &Statements<'_>, import: &Import<'_>) -> bool {
    statements
        .around(import)
        .take_while(|block| !block.branch.is_scope())
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
    // What is left of a block early may be read behind it.
    let mut around = statements.around(import).take_while(|block| !block.branch.is_scope());
    if around.any(|block| matches!(block.owner, Some(Stmt::Try(_) | Stmt::With(_)))) {
        return None;
    }
    if imports_again(import.stmt, own) {
        return Some((own, bytes(import.stmt).end));
    }
    let block = statements.blocks.get(import.block)?;
    let whole_scope = block.branch.is_scope();
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
