//! Where strings are types.

use ruff_python_ast::visitor::Visitor as _;
use ruff_python_ast::{Arguments, Expr};

use super::Walker;
use crate::strategy::imports::scopes::last_name;

impl Walker<'_> {
    /// The name of `expr` as `typing` has it.
    pub(super) fn typing_name(&self, expr: &Expr) -> String {
        let name = last_name(expr);
        let renamed = self.renamed.iter().find(|(known, _)| known == name);
        renamed.map_or(name, |(_, original)| original).to_owned()
    }

    pub(super) fn arguments(&mut self, function: &Expr, arguments: &Arguments) {
        let name = self.typing_name(function);
        let name = name.as_str();
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
    pub(super) fn subscript(&mut self, value: &Expr, slice: &Expr) {
        let name = self.typing_name(value);
        match name.as_str() {
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
                let is_type = self.in_type || is_generic(&name);
                self.as_type(is_type, |walker| walker.visit_expr(slice));
            }
        }
    }
}

/// Whether strings given to what has this name in `typing` are types.
pub(super) fn is_special(name: &str) -> bool {
    matches!(
        name,
        "cast" | "assert_type" | "TypeVar" | "NewType" | "NamedTuple" | "TypedDict" | "TypeAliasType" | "ParamSpec"
    ) || matches!(name, "TypeVarTuple" | "TypeAlias" | "Annotated" | "Literal")
        || is_generic(name)
}

/// Whether strings in the brackets behind `name` are types by convention: `List["T"]`, `type["T"]`.
fn is_generic(name: &str) -> bool {
    let camel = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.contains(|c: char| c.is_ascii_lowercase());
    let other = matches!(name, "ref" | "partial" | "partialmethod" | "cached_property" | "array");
    camel || other || matches!(name, "list" | "dict" | "set" | "frozenset" | "tuple" | "type" | "deque" | "defaultdict")
}
