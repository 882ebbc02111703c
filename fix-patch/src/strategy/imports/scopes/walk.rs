//! The walk that finds the scopes.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Arguments, Decorator, ExceptHandler, Expr, ExprContext, Parameters, Pattern, Stmt, TypeParam, TypeParams,
};
use ruff_text_size::Ranged;

use super::{Kind, Scope, Scopes, Use, has_word, last_name};
use crate::strategy::imports::python::Module;
use crate::strategy::imports::statements::bound;

/// Walks the module once, for all `names`.
pub(super) fn scopes_of<'n>(module: &Module<'_>, names: &'n [String]) -> Scopes<'n> {
    let mut walker = Walker {
        scopes: Scopes { names, scopes: vec![Scope::new(None, Kind::Module, 0)], uses: Vec::new(), moved: Vec::new() },
        current: 0,
        in_type: false,
        statement_end: 0,
    };
    walker.visit_body(module.body());
    walker.scopes
}

struct Walker<'n> {
    scopes: Scopes<'n>,
    current: usize,
    /// Whether strings are read as types.
    in_type: bool,
    /// Where the innermost statement around ends.
    statement_end: usize,
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
                    scope.kind == Kind::Function && scope.first.iter().any(|(bound, _)| *bound == name)
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
        let end = self.statement_end;
        if let Some(scope) = self.scopes.scopes.get_mut(at) {
            scope.binds.push((name, offset));
            match scope.first.iter_mut().find(|(bound, _)| *bound == name) {
                Some((_, first)) => *first = end.min(*first),
                None => scope.first.push((name, end)),
            }
        }
    }

    fn read(&mut self, name: &str, offset: usize) {
        if let Some(name) = self.scopes.index(name) {
            self.scopes.uses.push(Use { name, scope: self.current, offset });
        }
    }

    /// Reads every name asked about that is a word of `text`.
    fn read_words(&mut self, text: &str, offset: usize) {
        for name in 0..self.scopes.names.len() {
            if self.scopes.names.get(name).is_some_and(|name| has_word(text, name)) {
                self.scopes.uses.push(Use { name, scope: self.current, offset });
            }
        }
    }

    fn inside(&mut self, kind: Kind, start: usize, walk: impl FnOnce(&mut Self)) {
        let outer = self.current;
        self.scopes.scopes.push(Scope::new(Some(outer), kind, start));
        self.current = self.scopes.scopes.len() - 1;
        walk(self);
        self.current = outer;
    }

    fn as_type(&mut self, in_type: bool, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.in_type, in_type);
        walk(self);
        self.in_type = outer;
    }

    /// Walks `walk` inside the scope of type parameters, where there are any.
    fn with_type_params(&mut self, params: Option<&TypeParams>, start: usize, walk: impl FnOnce(&mut Self)) {
        match params {
            Some(params) => self.inside(Kind::Inner, start, |walker| {
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
        self.inside(Kind::Inner, expr.start().to_usize(), |walker| {
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
    }

    /// The scope that `:=` binds in: the nearest that is no comprehension.
    fn walrus_scope(&self) -> usize {
        let mut at = self.current;
        while let Some(scope) = self.scopes.scopes.get(at)
            && scope.kind == Kind::Inner
            && let Some(parent) = scope.parent
        {
            at = parent;
        }
        at
    }

    fn arguments(&mut self, function: &Expr, arguments: &Arguments) {
        let name = last_name(function);
        for (n, argument) in arguments.args.iter().enumerate() {
            // typing.cast("T", x), TypeVar("T", "A", "B"), NewType("N", "A"), …
            let is_type = match name {
                "cast" | "assert_type" => n == usize::from(name == "assert_type"),
                "TypeVar" | "NewType" | "NamedTuple" | "TypedDict" | "TypeAliasType" => n > 0,
                _ => self.in_type,
            };
            self.as_type(is_type, |walker| walker.visit_expr(argument));
        }
        for keyword in &arguments.keywords {
            let is_type = match name {
                "TypeVar" | "NamedTuple" | "TypedDict" | "TypeAliasType" | "ParamSpec" | "TypeVarTuple" => true,
                "cast" => keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == "typ"),
                _ => self.in_type,
            };
            self.as_type(is_type, |walker| walker.visit_expr(&keyword.value));
        }
    }

    /// The part in brackets: of `List["T"]` a type, of `Literal["t"]` none.
    fn subscript(&mut self, value: &Expr, slice: &Expr) {
        let name = last_name(value);
        match name {
            "Literal" => self.as_type(false, |walker| walker.visit_expr(slice)),
            "Annotated" => match slice {
                Expr::Tuple(tuple) => {
                    for (n, element) in tuple.elts.iter().enumerate() {
                        self.as_type(n == 0, |walker| walker.visit_expr(element));
                    }
                }
                other => self.as_type(true, |walker| walker.visit_expr(other)),
            },
            _ => {
                let is_type = self.in_type || is_generic(name);
                self.as_type(is_type, |walker| walker.visit_expr(slice));
            }
        }
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
                    if let Some(arguments) = &class.arguments {
                        visitor::walk_arguments(walker, arguments);
                    }
                    walker.inside(Kind::Class, start, |walker| walker.visit_body(&class.body));
                });
            }
            Stmt::TypeAlias(alias) => {
                self.visit_expr(&alias.name);
                self.with_type_params(alias.type_params.as_deref(), stmt.start().to_usize(), |walker| {
                    walker.as_type(true, |walker| walker.visit_expr(&alias.value));
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
                }
            }
            Stmt::Global(names) => {
                for name in &names.names {
                    if let (Some(name), Some(scope)) =
                        (self.scopes.index(name.as_str()), self.scopes.scopes.get_mut(self.current))
                        && scope.kind != Kind::Module
                    {
                        scope.globals.push(name);
                    }
                }
            }
            Stmt::Nonlocal(names) => {
                for name in &names.names {
                    if let (Some(name), Some(scope)) =
                        (self.scopes.index(name.as_str()), self.scopes.scopes.get_mut(self.current))
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
                let is_alias = last_name(&assign.annotation) == "TypeAlias";
                if let Some(value) = &assign.value {
                    self.as_type(is_alias, |walker| walker.visit_expr(value));
                }
                self.visit_annotation(&assign.annotation);
                self.visit_expr(&assign.target);
            }
            // A string alone is a docstring or a note.
            Stmt::Expr(expr) if expr.value.is_string_literal_expr() => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }
}

impl<'a> Visitor<'a> for Walker<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let outer = std::mem::replace(&mut self.statement_end, stmt.end().to_usize());
        self.statement(stmt);
        self.statement_end = outer;
    }
    fn visit_annotation(&mut self, expr: &'a Expr) {
        self.as_type(true, |walker| walker.visit_expr(expr));
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
                }
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
                    self.bind_in(self.walrus_scope(), index, name.start().to_usize());
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
        self.as_type(true, |walker| visitor::walk_type_param(walker, param));
    }
}

/// Whether strings in the brackets behind `name` are types by convention: `List["T"]`, `type["T"]`.
fn is_generic(name: &str) -> bool {
    let camel = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.contains(|c: char| c.is_ascii_lowercase());
    camel || matches!(name, "list" | "dict" | "set" | "frozenset" | "tuple" | "type" | "deque" | "defaultdict")
}
