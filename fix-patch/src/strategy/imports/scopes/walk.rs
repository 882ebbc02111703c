//! The walk that finds the scopes.

mod types;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Decorator, ExceptHandler, Expr, ExprContext, Parameters, Pattern, Stmt, TypeParam, TypeParams};
use ruff_text_size::Ranged;

use self::types::is_special;
use super::{Bound, Kind, Scope, Scopes, Use, words};
use crate::strategy::imports::python::Module;
use crate::strategy::imports::statements::bound;

/// Walks the module once, for all `names`.
pub(super) fn scopes_of<'n>(module: &Module<'_>, names: &'n [String]) -> Scopes<'n> {
    let mut walker = Walker {
        scopes: Scopes {
            names,
            scopes: vec![Scope::new(None, Kind::Module, 0)],
            uses: Vec::new(),
            attributes: Vec::new(),
            moved: Vec::new(),
        },
        current: 0,
        in_type: false,
        is_deferred: false,
        statement_end: 0,
        runs_always: true,
        binds_surely: false,
        renamed: Vec::new(),
    };
    walker.visit_body(module.body());
    walker.scopes
}

struct Walker<'n> {
    scopes: Scopes<'n>,
    current: usize,
    /// Whether strings are read as types.
    in_type: bool,
    /// Whether what is read may be read later than what stands behind it.
    is_deferred: bool,
    /// Where the innermost statement around ends.
    statement_end: usize,
    /// Whether the statements that are walked stand in the body of their scope itself.
    runs_always: bool,
    /// Whether the innermost statement around binds its names in any case.
    binds_surely: bool,
    /// Other names of what `typing` exports: `from typing import cast as c`.
    renamed: Vec<(String, String)>,
}

impl Walker<'_> {
    fn bind(&mut self, name: &str, offset: usize) {
        if let Some(name) = self.scopes.index(name) {
            self.bind_in(self.current, name, offset);
        }
    }

    fn bind_in(&mut self, scope: usize, name: usize, offset: usize) {
        let mut at = scope;
        if self.scopes.scopes.get(at).is_some_and(|scope| scope.globals.contains(&name)) {
            at = 0;
        } else if self.scopes.scopes.get(at).is_some_and(|scope| scope.nonlocals.contains(&name)) {
            // The nearest function around that binds it; a binding that comes later is not known yet.
            let around =
                std::iter::successors(Some(at), |at| self.scopes.scopes.get(*at).and_then(|scope| scope.parent));
            let binds = |at: &usize| {
                self.scopes.scopes.get(*at).is_some_and(|scope| {
                    scope.kind == Kind::Function && scope.bound.iter().any(|bound| bound.name == name)
                })
            };
            match around.skip(1).find(binds) {
                Some(found) => at = found,
                None => return,
            }
        }
        if at != scope {
            self.scopes.moved.push(offset);
        }
        let surely_from = if self.binds_surely { self.statement_end } else { usize::MAX };
        if let Some(scope) = self.scopes.scopes.get_mut(at) {
            scope.binds.push((name, offset));
            match scope.bound.iter_mut().find(|bound| bound.name == name) {
                Some(bound) => bound.surely_from = surely_from.min(bound.surely_from),
                None => scope.bound.push(Bound { name, surely_from, is_deleted: false }),
            }
        }
    }

    /// Says that a name of the scope may be unbound again.
    fn unbind(&mut self, name: &str) {
        let Some(name) = self.scopes.index(name) else { return };
        let scope = self.scopes.scopes.get_mut(self.current);
        if let Some(bound) = scope.and_then(|scope| scope.bound.iter_mut().find(|bound| bound.name == name)) {
            bound.is_deleted = true;
        }
    }

    fn read(&mut self, name: &str, offset: usize) {
        if let Some(name) = self.scopes.index(name) {
            self.scopes.uses.push(Use { name, scope: self.current, offset, is_deferred: self.is_deferred });
        }
    }

    /// Reads every name asked about that is a word of `text`, which is read as code later, if at all.
    fn read_words(&mut self, text: &str, offset: usize) {
        for name in words(text).filter_map(|word| self.scopes.index(&word)).collect::<Vec<_>>() {
            self.scopes.uses.push(Use { name, scope: self.current, offset, is_deferred: true });
        }
    }

    fn inside(&mut self, kind: Kind, start: usize, walk: impl FnOnce(&mut Self)) {
        let outer = self.current;
        self.scopes.scopes.push(Scope::new(Some(outer), kind, start));
        self.current = self.scopes.scopes.len() - 1;
        let runs_always = std::mem::replace(&mut self.runs_always, true);
        walk(self);
        self.runs_always = runs_always;
        self.current = outer;
    }

    /// Walks what may run later than what stands behind it.
    fn deferred(&mut self, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.is_deferred, true);
        walk(self);
        self.is_deferred = outer;
    }

    fn as_type(&mut self, in_type: bool, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.in_type, in_type);
        walk(self);
        self.in_type = outer;
    }

    /// Walks `walk` inside the scope of type parameters, where there are any.
    fn with_type_params(&mut self, params: Option<&TypeParams>, start: usize, walk: impl FnOnce(&mut Self)) {
        match params {
            Some(params) => self.inside(Kind::TypeParameters, start, |walker| {
                for param in &params.type_params {
                    walker.bind(param.name().as_str(), param.start().to_usize());
                }
                walker.visit_type_params(params);
                walk(walker);
            }),
            None => walk(self),
        }
    }

    fn bind_parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters {
            self.bind(parameter.name().as_str(), parameter.start().to_usize());
        }
    }

    fn defaults(&mut self, parameters: &Parameters) {
        for parameter in parameters.iter_non_variadic_params() {
            if let Some(default) = parameter.default() {
                self.visit_expr(default);
            }
        }
    }

    fn comprehension(&mut self, expr: &Expr, generators: &[ruff_python_ast::Comprehension], elements: &[&Expr]) {
        // The first iterable is evaluated outside.
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        // A generator runs when it is asked for values.
        let is_deferred = self.is_deferred || expr.is_generator_expr();
        let outer = std::mem::replace(&mut self.is_deferred, is_deferred);
        self.inside(Kind::Comprehension, expr.start().to_usize(), |walker| {
            for (n, generator) in generators.iter().enumerate() {
                if n > 0 {
                    walker.visit_expr(&generator.iter);
                }
                walker.visit_expr(&generator.target);
                for condition in &generator.ifs {
                    walker.visit_expr(condition);
                }
            }
            for element in elements {
                walker.visit_expr(element);
            }
        });
        self.is_deferred = outer;
    }

    /// The scope that `:=` binds in: the nearest that is no comprehension.
    fn walrus_scope(&self) -> usize {
        let mut at = self.current;
        while let Some(scope) = self.scopes.scopes.get(at)
            && scope.kind == Kind::Comprehension
            && let Some(parent) = scope.parent
        {
            at = parent;
        }
        at
    }

    fn statement(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => {
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.bind(function.name.as_str(), function.name.start().to_usize());
                let start = stmt.start().to_usize();
                self.defaults(&function.parameters);
                self.with_type_params(function.type_params.as_deref(), start, |walker| {
                    for parameter in &*function.parameters {
                        if let Some(annotation) = parameter.annotation() {
                            walker.visit_annotation(annotation);
                        }
                    }
                    if let Some(returns) = &function.returns {
                        walker.visit_annotation(returns);
                    }
                    walker.inside(Kind::Function, start, |walker| {
                        walker.bind_parameters(&function.parameters);
                        walker.visit_body(&function.body);
                    });
                });
            }
            Stmt::ClassDef(class) => {
                for decorator in &class.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.bind(class.name.as_str(), class.name.start().to_usize());
                let start = stmt.start().to_usize();
                self.with_type_params(class.type_params.as_deref(), start, |walker| {
                    for base in class.bases() {
                        // What stands in the brackets of a base is a type.
                        walker.as_type(base.is_subscript_expr(), |walker| walker.visit_expr(base));
                    }
                    for keyword in class.keywords() {
                        walker.visit_keyword(keyword);
                    }
                    walker.inside(Kind::Class, start, |walker| walker.visit_body(&class.body));
                });
            }
            Stmt::TypeAlias(alias) => {
                self.visit_expr(&alias.name);
                self.with_type_params(alias.type_params.as_deref(), stmt.start().to_usize(), |walker| {
                    walker.deferred(|walker| walker.as_type(true, |walker| walker.visit_expr(&alias.value)));
                });
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    if let Some(name) = bound(alias, false) {
                        self.bind(name, alias.start().to_usize());
                    }
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    if let Some(name) = bound(alias, true) {
                        self.bind(name, alias.start().to_usize());
                    }
                    if let Some(asname) = alias.asname.as_ref().filter(|_| is_special(alias.name.as_str())) {
                        self.renamed.push((asname.as_str().to_owned(), alias.name.as_str().to_owned()));
                    }
                }
            }
            Stmt::Global(names) => {
                for name in &names.names {
                    if let (Some(name), Some(scope)) =
                        (self.scopes.index(name.as_str()), self.scopes.scopes.get_mut(self.current))
                        && scope.kind != Kind::Module
                        && !scope.globals.contains(&name)
                    {
                        scope.globals.push(name);
                    }
                }
            }
            Stmt::Nonlocal(names) => {
                for name in &names.names {
                    if let (Some(name), Some(scope)) =
                        (self.scopes.index(name.as_str()), self.scopes.scopes.get_mut(self.current))
                        && !scope.nonlocals.contains(&name)
                    {
                        scope.nonlocals.push(name);
                    }
                }
            }
            Stmt::AugAssign(assign) => {
                if let Expr::Name(name) = &*assign.target {
                    self.read(name.id.as_str(), name.start().to_usize());
                }
                visitor::walk_stmt(self, stmt);
            }
            Stmt::AnnAssign(assign) => {
                let is_alias = match &*assign.annotation {
                    Expr::StringLiteral(text) => text.value.to_str().ends_with("TypeAlias"),
                    other => self.typing_name(other) == "TypeAlias",
                };
                if let Some(value) = &assign.value {
                    self.as_type(is_alias, |walker| walker.visit_expr(value));
                }
                self.visit_annotation(&assign.annotation);
                // Without a value the name is bound in functions only, and only so that it is theirs.
                let is_function =
                    self.scopes.scopes.get(self.current).is_some_and(|scope| scope.kind == Kind::Function);
                if assign.value.is_some() || is_function || !assign.target.is_name_expr() {
                    self.visit_expr(&assign.target);
                }
            }
            // A string alone is a docstring or a note.
            Stmt::Expr(expr) if expr.value.is_string_literal_expr() => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }
}

impl<'a> Visitor<'a> for Walker<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let end = std::mem::replace(&mut self.statement_end, stmt.end().to_usize());
        let binds_surely = std::mem::replace(&mut self.binds_surely, self.runs_always && binds_surely(stmt));
        let runs_always = self.runs_always;
        self.runs_always &= !matches!(
            stmt,
            Stmt::If(_) | Stmt::For(_) | Stmt::While(_) | Stmt::Try(_) | Stmt::With(_) | Stmt::Match(_)
        );
        self.statement(stmt);
        self.runs_always = runs_always;
        self.binds_surely = binds_surely;
        self.statement_end = end;
    }

    fn visit_annotation(&mut self, expr: &'a Expr) {
        // From Python 3.14 on, or with the future statement, annotations are evaluated when they are asked for.
        self.deferred(|walker| walker.as_type(true, |walker| walker.visit_expr(expr)));
    }

    fn visit_decorator(&mut self, decorator: &'a Decorator) {
        self.as_type(false, |walker| walker.visit_expr(&decorator.expression));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => {
                let offset = name.start().to_usize();
                match name.ctx {
                    ExprContext::Store => self.bind(name.id.as_str(), offset),
                    ExprContext::Load | ExprContext::Del | ExprContext::Invalid => self.read(name.id.as_str(), offset),
                }
                if name.ctx == ExprContext::Del {
                    // `del` makes the name one of this scope, as an assignment does.
                    self.bind(name.id.as_str(), offset);
                    self.unbind(name.id.as_str());
                }
            }
            Expr::Attribute(attribute) => {
                if let Some(name) = self.scopes.index(attribute.attr.as_str())
                    && !self.scopes.attributes.iter().any(|(known, _)| *known == name)
                {
                    self.scopes.attributes.push((name, attribute.attr.start().to_usize()));
                }
                visitor::walk_expr(self, expr);
            }
            Expr::StringLiteral(literal) => {
                if self.in_type {
                    self.read_words(literal.value.to_str(), expr.start().to_usize());
                }
            }
            Expr::Named(named) => {
                self.visit_expr(&named.value);
                if let Expr::Name(name) = &*named.target
                    && let Some(index) = self.scopes.index(name.id.as_str())
                {
                    let sure = std::mem::replace(&mut self.binds_surely, false);
                    self.bind_in(self.walrus_scope(), index, name.start().to_usize());
                    self.binds_surely = sure;
                }
            }
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.defaults(parameters);
                }
                self.inside(Kind::Function, expr.start().to_usize(), |walker| {
                    if let Some(parameters) = &lambda.parameters {
                        walker.bind_parameters(parameters);
                    }
                    walker.visit_expr(&lambda.body);
                });
            }
            Expr::ListComp(list) => self.comprehension(expr, &list.generators, &[&list.elt]),
            Expr::SetComp(set) => self.comprehension(expr, &set.generators, &[&set.elt]),
            Expr::Generator(generator) => self.comprehension(expr, &generator.generators, &[&generator.elt]),
            Expr::DictComp(dict) => match &dict.key {
                Some(key) => self.comprehension(expr, &dict.generators, &[key, &dict.value]),
                None => self.comprehension(expr, &dict.generators, &[&dict.value]),
            },
            Expr::Subscript(subscript) => {
                self.visit_expr(&subscript.value);
                self.subscript(&subscript.value, &subscript.slice);
            }
            Expr::Call(call) => {
                self.visit_expr(&call.func);
                self.arguments(&call.func, &call.arguments);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bind(name.as_str(), name.start().to_usize());
            self.unbind(name.as_str());
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let captured = match pattern {
            Pattern::MatchAs(pattern) => pattern.name.as_ref(),
            Pattern::MatchStar(pattern) => pattern.name.as_ref(),
            Pattern::MatchMapping(pattern) => pattern.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = captured {
            self.bind(name.as_str(), name.start().to_usize());
        }
        visitor::walk_pattern(self, pattern);
    }

    fn visit_type_param(&mut self, param: &'a TypeParam) {
        self.deferred(|walker| walker.as_type(true, |walker| visitor::walk_type_param(walker, param)));
    }
}

/// Whether a statement binds the names that it stores into, whenever it runs.
fn binds_surely(stmt: &Stmt) -> bool {
    matches!(
        stmt,
        Stmt::Assign(_)
            | Stmt::AnnAssign(_)
            | Stmt::AugAssign(_)
            | Stmt::FunctionDef(_)
            | Stmt::ClassDef(_)
            | Stmt::Import(_)
            | Stmt::ImportFrom(_)
            | Stmt::TypeAlias(_)
    )
}
