//! The import statements of a module, each with the blocks it stands in.

use std::ops::Range;

use ruff_python_ast::{Alias, ExceptHandler, Stmt};
use ruff_text_size::Ranged;

use super::python::{Module, bytes};

/// Every block of statements and every import statement.
#[derive(Debug)]
pub(super) struct Statements<'m> {
    /// The first is the module's own.
    pub(super) blocks: Vec<Block<'m>>,
    /// In the order of the text.
    pub(super) imports: Vec<Import<'m>>,
}

/// Statements that stand together.
#[derive(Debug)]
pub(super) struct Block<'m> {
    /// The block around it; none for the module's own.
    pub(super) parent: Option<usize>,
    /// The statement that it belongs to.
    pub(super) owner: Option<&'m Stmt>,
    pub(super) branch: Branch,
    pub(super) body: &'m [Stmt],
    /// The bytes of the block and of what opens it: `except E as name:`, `case pattern:`.
    pub(super) range: Range<usize>,
}

/// Which part of its owner a block is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Branch {
    Module,
    Function,
    Class,
    /// Of a loop or a `with`.
    Body,
    /// The n-th of `if`, `elif`, `else`.
    If(usize),
    Try,
    /// The n-th handler.
    Handler(usize),
    TryElse,
    Finally,
    /// The n-th case.
    Case(usize),
}

/// An import statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Import<'m> {
    pub(super) stmt: &'m Stmt,
    pub(super) names: &'m [Alias],
    pub(super) from: Option<From<'m>>,
    /// The block it stands in, and its place there.
    pub(super) block: usize,
    pub(super) index: usize,
}

/// What stands between `from` and `import`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct From<'m> {
    pub(super) level: u32,
    pub(super) module: Option<&'m str>,
}

impl Import<'_> {
    /// The name that `alias` binds; none for a star.
    pub(super) fn bound<'a>(&self, alias: &'a Alias) -> Option<&'a str> {
        bound(alias, self.from.is_some())
    }
}

/// The name that an alias of an import statement binds.
pub(super) fn bound(alias: &Alias, from: bool) -> Option<&str> {
    if let Some(name) = &alias.asname {
        return Some(name.as_str());
    }
    match alias.name.as_str() {
        "*" => None,
        name if from => Some(name),
        name => name.split('.').next(),
    }
}

impl<'m> Statements<'m> {
    pub(super) fn of(module: &'m Module<'_>) -> Self {
        let mut all = Self { blocks: Vec::new(), imports: Vec::new() };
        all.blocks.push(Block {
            parent: None,
            owner: None,
            branch: Branch::Module,
            body: module.body(),
            range: 0..module.text.len(),
        });
        let mut at = 0;
        while let Some(block) = all.blocks.get(at) {
            for (index, stmt) in block.body.iter().enumerate() {
                all.look_at(stmt, at, index);
            }
            at += 1;
        }
        all.imports.sort_by_key(|import| import.stmt.start());
        all
    }

    fn look_at(&mut self, stmt: &'m Stmt, block: usize, index: usize) {
        let mut inside_of = |branch, body: &'m [Stmt], opens: Option<Range<usize>>| {
            if let (Some(first), Some(last)) = (body.first(), body.last()) {
                let range = opens.unwrap_or(bytes(first)).start..bytes(last).end;
                self.blocks.push(Block { parent: Some(block), owner: Some(stmt), branch, body, range });
            }
        };
        let mut inside = |branch, body| inside_of(branch, body, None);
        match stmt {
            Stmt::Import(import) => {
                self.imports.push(Import { stmt, names: &import.names, from: None, block, index });
            }
            Stmt::ImportFrom(import) => {
                let from = From { level: import.level, module: import.module.as_ref().map(|name| name.as_str()) };
                self.imports.push(Import { stmt, names: &import.names, from: Some(from), block, index });
            }
            Stmt::FunctionDef(function) => inside(Branch::Function, &function.body),
            Stmt::ClassDef(class) => inside(Branch::Class, &class.body),
            Stmt::With(with) => inside(Branch::Body, &with.body),
            Stmt::For(r#for) => {
                inside(Branch::Body, &r#for.body);
                inside(Branch::Body, &r#for.orelse);
            }
            Stmt::While(r#while) => {
                inside(Branch::Body, &r#while.body);
                inside(Branch::Body, &r#while.orelse);
            }
            Stmt::If(r#if) => {
                inside(Branch::If(0), &r#if.body);
                for (n, clause) in r#if.elif_else_clauses.iter().enumerate() {
                    inside(Branch::If(n + 1), &clause.body);
                }
            }
            Stmt::Try(r#try) => {
                inside(Branch::Try, &r#try.body);
                for (n, handler) in r#try.handlers.iter().enumerate() {
                    let ExceptHandler::ExceptHandler(handler) = handler;
                    inside_of(Branch::Handler(n), &handler.body, Some(bytes(handler)));
                }
                inside_of(Branch::TryElse, &r#try.orelse, None);
                inside_of(Branch::Finally, &r#try.finalbody, None);
            }
            Stmt::Match(r#match) => {
                for (n, case) in r#match.cases.iter().enumerate() {
                    inside_of(Branch::Case(n), &case.body, Some(bytes(case)));
                }
            }
            _ => {}
        }
    }

    /// The blocks around an import, the innermost first.
    pub(super) fn around(&self, import: &Import<'_>) -> impl Iterator<Item = &Block<'m>> {
        self.indexes_around(import).filter_map(|block| self.blocks.get(block))
    }

    /// Where the blocks around an import stand in the list, the innermost first.
    pub(super) fn indexes_around(&self, import: &Import<'_>) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(import.block), |block| self.blocks.get(*block)?.parent)
    }

    /// The other blocks of the statement that the block number `index` belongs to.
    pub(super) fn siblings(&self, index: usize) -> impl Iterator<Item = &Block<'m>> {
        let owner = self.blocks.get(index).and_then(|block| block.owner);
        let is_sibling = move |block: &&Block<'m>| match (block.owner, owner) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            _ => false,
        };
        // They were found together.
        let before = self.blocks.get(..index).unwrap_or_default().iter().rev().take_while(is_sibling);
        let after = self.blocks.get(index + 1..).unwrap_or_default().iter().take_while(is_sibling);
        before.chain(after)
    }
}

impl Branch {
    /// Whether the block is the body of a scope.
    pub(super) fn is_scope(self) -> bool {
        matches!(self, Self::Module | Self::Function | Self::Class)
    }
}
