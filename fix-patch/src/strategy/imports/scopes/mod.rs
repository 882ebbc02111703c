//! Where names are bound and read, by Python's scopes.
//!
//! Only the names asked about are followed; everything else is walked past.

mod walk;

use ruff_python_ast::Expr;

use super::python::Module;

/// The scopes of a module, and what happens in them to the names asked about.
#[derive(Debug)]
pub(super) struct Scopes<'n> {
    names: &'n [String],
    scopes: Vec<Scope>,
    uses: Vec<Use>,
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
}

#[derive(Debug)]
struct Scope {
    parent: Option<usize>,
    kind: Kind,
    globals: Vec<usize>,
    nonlocals: Vec<usize>,
    /// The names bound here, and where.
    binds: Vec<(usize, usize)>,
    /// The names bound here, each once, and where the first statement ends that binds them.
    first: Vec<(usize, usize)>,
    /// The bytes it spans.
    start: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Module,
    Class,
    /// A function or a lambda: its body runs later.
    Function,
    /// A comprehension, or type parameters: runs now, or is seen through.
    Inner,
}

impl Scope {
    fn new(parent: Option<usize>, kind: Kind, start: usize) -> Self {
        Self { parent, kind, globals: Vec::new(), nonlocals: Vec::new(), binds: Vec::new(), first: Vec::new(), start }
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

    /// Whether `scope` is the module's own.
    pub(super) fn is_module(scope: usize) -> bool {
        scope == 0
    }

    /// Where else `name` is bound in `scope`.
    pub(super) fn bindings(&self, name: &str, scope: usize) -> Vec<usize> {
        let (Some(name), Some(scope)) = (self.index(name), self.scopes.get(scope)) else { return Vec::new() };
        scope.binds.iter().filter(|(bound, _)| *bound == name).map(|(_, offset)| *offset).collect()
    }

    /// The reads of `name` that see the bindings of `scope`.
    pub(super) fn reads(&self, name: &str, scope: usize) -> Vec<Use> {
        let Some(name) = self.index(name) else { return Vec::new() };
        self.uses.iter().filter(|read| read.name == name && self.sees(read, scope)).copied().collect()
    }

    /// Where the function that runs `read` later starts; none when it runs in `scope` itself.
    pub(super) fn deferred_from(&self, read: &Use, scope: usize) -> Option<usize> {
        let mut at = read.scope;
        let mut outermost = None;
        while at != scope {
            let here = self.scopes.get(at)?;
            if here.kind == Kind::Function {
                outermost = Some(here.start);
            }
            at = here.parent?;
        }
        outermost
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Whether `read` can see what `wanted` binds.
    fn sees(&self, read: &Use, wanted: usize) -> bool {
        let mut at = read.scope;
        // A class is seen from its own statements only, not from the functions in it.
        let mut own = true;
        while let Some(scope) = self.scopes.get(at) {
            if scope.globals.contains(&read.name) {
                return wanted == 0;
            }
            let first = scope.first.iter().find(|(name, _)| *name == read.name).map(|(_, offset)| *offset);
            let visible = scope.kind != Kind::Class || own;
            if let Some(first) = first
                && visible
                && !scope.nonlocals.contains(&read.name)
            {
                if at == wanted {
                    return true;
                }
                // A class body reads outside as long as it has not bound the name itself: `a = a`.
                let falls_through = scope.kind == Kind::Class && first > read.offset;
                if !falls_through {
                    return false;
                }
            }
            own &= scope.kind == Kind::Inner;
            let Some(parent) = scope.parent else { return false };
            at = parent;
        }
        false
    }
}

/// The last name of `a.b.c`; empty for anything else.
pub(super) fn last_name(expr: &Expr) -> &str {
    match expr {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => "",
    }
}

/// Whether `word` stands in `text` as a name of its own, not behind a dot.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|c| part(c) || c == '.') && !after.is_some_and(part)
    })
}
