//! What `__all__` lists.

use ruff_python_ast::{Expr, Operator, Stmt};
use ruff_text_size::Ranged;

use super::python::Module;
use super::usage::Reason;

/// The names asked about that `__all__` lists.
#[derive(Debug, Default)]
pub(super) struct Exports {
    listed: Vec<(String, usize)>,
    /// Where `__all__` is computed, so that nobody knows what it lists.
    computed: Option<usize>,
}

impl Exports {
    pub(super) fn of(module: &Module<'_>, names: &[String]) -> Self {
        let mut exports = Self::default();
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
                    _ => {}
                }
            }
        }
        exports
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
            Stmt::Assign(assign) if assign.targets.iter().any(is_all) => self.list(&assign.value, names),
            Stmt::AnnAssign(assign) if is_all(&assign.target) => {
                if let Some(value) = &assign.value {
                    self.list(value, names);
                }
            }
            Stmt::AugAssign(assign) if is_all(&assign.target) => self.list(&assign.value, names),
            Stmt::Expr(expr) => {
                if let Expr::Call(call) = &*expr.value
                    && let Expr::Attribute(method) = &*call.func
                    && is_all(&method.value)
                {
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

/// Whether the expression is `__all__`.
fn is_all(expr: &Expr) -> bool {
    matches!(expr, Expr::Name(name) if name.id.as_str() == "__all__")
}
