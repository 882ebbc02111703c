//! What `__all__` lists.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprContext, Operator, Stmt};
use ruff_text_size::{Ranged, TextSize};

use super::python::Module;
use super::statements::bound;
use super::usage::Reason;

/// The names asked about that `__all__` lists.
#[derive(Debug, Default)]
pub(super) struct Exports {
    listed: Vec<(String, usize)>,
    /// Where `__all__` is computed, so that nobody knows what it lists.
    computed: Option<usize>,
    /// Where `__all__` stands in a form that is understood.
    understood: Vec<TextSize>,
}

impl Exports {
    pub(super) fn of(module: &Module<'_>, names: &[String]) -> Self {
        let mut exports = Self::default();
        if !module.text.contains("__all__") {
            return exports;
        }
        // Only code of the module's own scope can change `__all__` in a way that counts.
        let mut blocks = vec![module.body()];
        while let Some(block) = blocks.pop() {
            for stmt in block {
                exports.look_at(stmt, names);
                match stmt {
                    Stmt::If(r#if) => {
                        blocks.push(&r#if.body);
                        blocks.extend(r#if.elif_else_clauses.iter().map(|clause| &*clause.body));
                    }
                    Stmt::Try(r#try) => {
                        blocks.extend([&*r#try.body, &*r#try.orelse, &*r#try.finalbody]);
                        blocks.extend(r#try.handlers.iter().map(|handler| {
                            let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                            &*handler.body
                        }));
                    }
                    Stmt::With(with) => blocks.push(&with.body),
                    Stmt::For(r#for) => blocks.extend([&*r#for.body, &*r#for.orelse]),
                    Stmt::While(r#while) => blocks.extend([&*r#while.body, &*r#while.orelse]),
                    Stmt::Match(r#match) => blocks.extend(r#match.cases.iter().map(|case| &*case.body)),
                    _ => {}
                }
            }
        }
        let mut others = Others { exports, is_local: false };
        others.visit_body(module.body());
        others.exports
    }

    /// Why `name` has to stay, if it has.
    pub(super) fn reason(&self, name: &str) -> Option<Reason> {
        if let Some((_, offset)) = self.listed.iter().find(|(listed, _)| listed == name) {
            return Some(Reason { offset: Some(*offset), how: "is listed in `__all__`" });
        }
        self.computed
            .map(|offset| Reason { offset: Some(offset), how: "may be listed in `__all__`, which is computed" })
    }

    fn look_at(&mut self, stmt: &Stmt, names: &[String]) {
        match stmt {
            Stmt::Assign(assign) if assign.targets.iter().any(is_all) => {
                self.understood.extend(assign.targets.iter().filter(|target| is_all(target)).map(Ranged::start));
                self.list(&assign.value, names);
            }
            Stmt::AnnAssign(assign) if is_all(&assign.target) => {
                self.understood.push(assign.target.start());
                if let Some(value) = &assign.value {
                    self.list(value, names);
                }
            }
            Stmt::AugAssign(assign) if is_all(&assign.target) => {
                self.understood.push(assign.target.start());
                self.list(&assign.value, names);
            }
            Stmt::Expr(expr) => {
                if let Expr::Call(call) = &*expr.value
                    && let Expr::Attribute(method) = &*call.func
                    && is_all(&method.value)
                {
                    self.understood.push(method.start());
                    match (method.attr.as_str(), &*call.arguments.args) {
                        ("append", [Expr::StringLiteral(name)]) => self.add(name.value.to_str(), expr, names),
                        ("insert", [_, Expr::StringLiteral(name)]) => self.add(name.value.to_str(), expr, names),
                        ("extend", [list]) => self.list(list, names),
                        ("sort" | "reverse", []) | ("remove", [_]) => {}
                        _ => self.compute(expr),
                    }
                }
            }
            _ => {}
        }
    }

    /// Adds what a list, a tuple, a set or a sum of them holds.
    fn list(&mut self, value: &Expr, names: &[String]) {
        let mut parts = vec![value];
        while let Some(part) = parts.pop() {
            match part {
                Expr::List(list) => parts.extend(&list.elts),
                Expr::Tuple(tuple) => parts.extend(&tuple.elts),
                Expr::Set(set) => parts.extend(&set.elts),
                Expr::BinOp(sum) if sum.op == Operator::Add => parts.extend([&*sum.left, &*sum.right]),
                Expr::Starred(starred) => parts.push(&starred.value),
                Expr::Call(call)
                    if call.arguments.keywords.is_empty()
                        && matches!(super::scopes::last_name(&call.func), "list" | "tuple" | "sorted" | "set") =>
                {
                    parts.extend(&*call.arguments.args);
                }
                Expr::StringLiteral(name) => self.add(name.value.to_str(), part, names),
                other if is_all(other) => {}
                other => self.compute(other),
            }
        }
    }

    fn add(&mut self, name: &str, at: impl Ranged, names: &[String]) {
        if names.iter().any(|known| known == name) {
            self.listed.push((name.to_owned(), at.start().to_usize()));
        }
    }

    fn compute(&mut self, at: impl Ranged) {
        self.computed.get_or_insert(at.start().to_usize());
    }
}

/// Looks for what else is done to `__all__`: nobody knows what it lists then.
struct Others {
    exports: Exports,
    /// Whether the names that are bound are those of a function or a class.
    is_local: bool,
}

impl Others {
    fn found(&mut self, at: impl Ranged) {
        if !self.exports.understood.contains(&at.start()) {
            self.exports.compute(at);
        }
    }
}

impl<'a> Visitor<'a> for Others {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            // In a function they bind a name of its own.
            Stmt::Import(import) if !self.is_local => {
                import.names.iter().filter(|alias| bound(alias, false) == Some("__all__")).for_each(|a| self.found(a));
            }
            Stmt::ImportFrom(import) if !self.is_local => {
                import.names.iter().filter(|alias| bound(alias, true) == Some("__all__")).for_each(|a| self.found(a));
            }
            Stmt::Global(names) if names.names.iter().any(|name| name.as_str() == "__all__") => self.found(stmt),
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {
                let outer = std::mem::replace(&mut self.is_local, true);
                visitor::walk_stmt(self, stmt);
                self.is_local = outer;
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if is_all(expr) && name.ctx != ExprContext::Load && !self.is_local => self.found(expr),
            // A method that changes it, wherever it is called.
            Expr::Attribute(method) if is_all(&method.value) => self.found(expr),
            Expr::Subscript(item) if is_all(&item.value) && item.ctx != ExprContext::Load => self.found(expr),
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// Whether the expression is `__all__`.
fn is_all(expr: &Expr) -> bool {
    matches!(expr, Expr::Name(name) if name.id.as_str() == "__all__")
}
