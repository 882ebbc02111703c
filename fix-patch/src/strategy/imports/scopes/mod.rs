//! Where names are bound and read, by Python's scopes.
//!
//! Only the names asked about are followed; everything else is walked past.

mod walk;

use std::borrow::Cow;

use ruff_python_ast::{Expr, Stmt};

use super::python::Module;

/// The scopes of a module, and what happens in them to the names asked about.
#[derive(Debug)]
pub(super) struct Scopes<'n> {
    names: &'n [String],
    scopes: Vec<Scope>,
    uses: Vec<Use>,
    /// The names that are read as attributes, each with the byte of the first.
    attributes: Vec<(usize, usize)>,
    /// The bytes of bindings that `global` or `nonlocal` moved to another scope.
    moved: Vec<usize>,
}

/// One place where a name is read, or deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    name: usize,
    scope: usize,
    /// The byte where it stands.
    pub(super) offset: usize,
    /// Whether it may happen later than what stands behind it: in an annotation, a string, a generator.
    pub(super) is_deferred: bool,
}

#[derive(Debug)]
struct Scope {
    parent: Option<usize>,
    kind: Kind,
    globals: Vec<usize>,
    nonlocals: Vec<usize>,
    /// The names bound here, and where.
    binds: Vec<(usize, usize)>,
    /// The names bound here, each once.
    bound: Vec<Bound>,
    /// The bytes it spans.
    start: usize,
}

/// A name of a scope.
#[derive(Clone, Copy, Debug)]
struct Bound {
    name: usize,
    /// Where the first statement ends that binds it in any case.
    surely_from: usize,
    /// Whether it may be unbound again.
    is_deleted: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Module,
    Class,
    /// A function or a lambda: its body runs later.
    Function,
    Comprehension,
    /// It sees what the class around it binds, where there is one.
    TypeParameters,
}

impl Scope {
    fn new(parent: Option<usize>, kind: Kind, start: usize) -> Self {
        Self { parent, kind, globals: Vec::new(), nonlocals: Vec::new(), binds: Vec::new(), bound: Vec::new(), start }
    }

    /// The name as this scope binds it itself.
    fn binds(&self, name: usize) -> Option<&Bound> {
        self.bound.iter().find(|bound| bound.name == name && !self.nonlocals.contains(&name))
    }
}

impl<'n> Scopes<'n> {
    pub(super) fn of(module: &Module<'_>, names: &'n [String]) -> Self {
        walk::scopes_of(module, names)
    }

    /// The scope that a binding of `name` at byte `offset` belongs to.
    pub(super) fn scope_of_binding(&self, name: &str, offset: usize) -> Option<usize> {
        let name = self.index(name)?;
        self.scopes.iter().position(|scope| scope.binds.contains(&(name, offset)))
    }

    /// Whether `global` or `nonlocal` moved the binding at byte `offset` to another scope.
    pub(super) fn is_moved(&self, offset: usize) -> bool {
        self.moved.contains(&offset)
    }

    /// Whether `scope` is the body of a class.
    pub(super) fn is_class(&self, scope: usize) -> bool {
        self.scopes.get(scope).is_some_and(|scope| scope.kind == Kind::Class)
    }

    /// Where `name` is read as an attribute of anything.
    pub(super) fn attribute(&self, name: &str) -> Option<usize> {
        let name = self.index(name)?;
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, offset)| *offset)
    }

    /// Whether `scope` is the module's own.
    pub(super) fn is_module(scope: usize) -> bool {
        scope == 0
    }

    /// Where else `name` is bound in `scope`.
    pub(super) fn bindings(&self, name: &str, scope: usize) -> Vec<usize> {
        let (Some(name), Some(scope)) = (self.index(name), self.scopes.get(scope)) else { return Vec::new() };
        scope.binds.iter().filter(|(bound, _)| *bound == name).map(|(_, offset)| *offset).collect()
    }

    /// The reads of `name` that see the bindings of `scope`, each with the start of the outermost function
    /// that runs it later; none when it runs in `scope` itself.
    pub(super) fn reads(&self, name: &str, scope: usize) -> impl Iterator<Item = (&Use, Option<usize>)> {
        let name = self.index(name);
        let views = name.map(|name| self.views(name, scope)).unwrap_or_default();
        let reads = self.uses.iter().filter(move |read| Some(read.name) == name);
        reads.filter_map(move |read| {
            let view = views.get(read.scope)?;
            self.sees(read, scope, &views).then_some((read, view.later))
        })
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    /// What a function in each scope sees of what `wanted` binds. A scope stands behind the one around it.
    fn views(&self, name: usize, wanted: usize) -> Vec<View> {
        let mut views: Vec<View> = Vec::with_capacity(self.scopes.len());
        for (at, scope) in self.scopes.iter().enumerate() {
            let around = scope.parent.and_then(|parent| views.get(parent)).copied().unwrap_or_default();
            let is_own = scope.kind != Kind::Class && scope.binds(name).is_some();
            let sees = if scope.globals.contains(&name) {
                wanted == 0
            } else if is_own {
                at == wanted
            } else {
                around.sees
            };
            let later = match around.later {
                _ if at == wanted => None,
                None if scope.kind == Kind::Function => Some(scope.start),
                later => later,
            };
            views.push(View { sees, later });
        }
        views
    }

    /// Whether `read` can see what `wanted` binds.
    fn sees(&self, read: &Use, wanted: usize, views: &[View]) -> bool {
        let mut at = read.scope;
        // A class is seen from its own statements only, and through type parameters.
        while let Some(scope) = self.scopes.get(at)
            && matches!(scope.kind, Kind::Class | Kind::TypeParameters)
        {
            if scope.globals.contains(&read.name) {
                return wanted == 0;
            }
            if let Some(bound) = scope.binds(read.name) {
                // A class body reads outside as long as it has not bound the name itself: `a = a`.
                let falls_through = scope.kind == Kind::Class
                    && (bound.surely_from > read.offset || bound.is_deleted || read.is_deferred);
                if at == wanted || !falls_through {
                    return at == wanted;
                }
            }
            let Some(parent) = scope.parent else { return false };
            at = parent;
            if scope.kind == Kind::Class {
                break;
            }
        }
        views.get(at).is_some_and(|view| view.sees)
    }
}

/// How a scope looks at what another binds.
#[derive(Clone, Copy, Debug, Default)]
struct View {
    sees: bool,
    /// Where the outermost function starts that is between them.
    later: Option<usize>,
}

/// The last name of `a.b.c`; empty for anything else.
pub(super) fn last_name(expr: &Expr) -> &str {
    match expr {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => "",
    }
}

/// The names in `text`, those behind a dot aside, as the parser gives them.
pub(super) fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut before = None;
    text.split_inclusive(move |c| !is_part(c)).filter_map(move |piece| {
        let word = piece.trim_end_matches(|c| !is_part(c));
        let is_attribute = before == Some('.');
        before = piece.chars().next_back();
        (!word.is_empty() && !is_attribute).then(|| if word.is_ascii() { word.into() } else { normalized(word).into() })
    })
}

/// Python compares identifiers after NFKC, and the parser gives them so.
pub(super) fn normalized(name: &str) -> String {
    if name.is_ascii() {
        return name.to_owned();
    }
    let text = format!("import {name}\n");
    let parsed = Module::parse(&text);
    let first = parsed.as_ref().ok().and_then(|module| match module.body() {
        [Stmt::Import(import)] => import.names.first(),
        _ => None,
    });
    first.map_or_else(|| name.to_owned(), |alias| alias.name.as_str().to_owned())
}
