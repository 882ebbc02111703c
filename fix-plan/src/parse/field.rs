//! Fields of objects, and the values in them.

use std::borrow::Cow;
use std::str::FromStr;

use super::Parser;
use crate::package::ValueError;
use crate::slip::{is_slip, is_unknown_field_slip};
use crate::violation::{Violation, ViolationCode};
use crate::wire::document::Node;
use crate::wire::pointer::At;

/// One known field of an object: its place, and what stands there.
pub(super) struct Field<'t, 'p> {
    pub(super) at: At<'p>,
    pub(super) node: Option<Node<'t>>,
}

impl<'t> Field<'t, '_> {
    /// What stands there, unless it is absent or null.
    pub(super) fn optional(&mut self) -> Option<Node<'t>> {
        self.node.take().filter(|node| !matches!(node, Node::Null))
    }
}

impl Parser<'_> {
    pub(super) fn value<T: FromStr<Err = ValueError>>(
        &mut self,
        at: &At<'_>,
        code: ViolationCode,
        text: &str,
    ) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let violation = Violation::new(at.to_string(), code, error.to_string());
                self.violations.push(if is_slip(code, text) { violation } else { violation.suspicious() });
                None
            }
        }
    }

    pub(super) fn required_value<T: FromStr<Err = ValueError>>(
        &mut self,
        field: Field<'_, '_>,
        code: ViolationCode,
    ) -> Option<T> {
        let (at, node) = self.required(field)?;
        let text = self.string(&at, node)?;
        self.value(&at, code, &text)
    }

    /// The outer `None` is a violation, the inner one an absent field.
    pub(super) fn optional_value<T: FromStr<Err = ValueError>>(
        &mut self,
        mut field: Field<'_, '_>,
        code: ViolationCode,
    ) -> Option<Option<T>> {
        match field.optional() {
            None => Some(None),
            Some(node) => {
                let text = self.string(&field.at, node)?;
                self.value(&field.at, code, &text).map(Some)
            }
        }
    }

    /// The fields of an object, in the order of `known`; what `known` does not name is a violation each.
    pub(super) fn fields<'t, 'p, const N: usize>(
        &mut self,
        at: &'p At<'p>,
        node: Node<'t>,
        known: [&'p str; N],
    ) -> Option<[Field<'t, 'p>; N]> {
        let Node::Object(entries) = node else {
            return self.wrong_type(at, &node, "an object");
        };
        let mut fields = known.map(|key| Field { at: at.key(key), node: None });
        // Most texts have the fields in our order: the next one is looked for first.
        let mut next = 0;
        for (key, node) in entries {
            let ahead = known.iter().skip(next).position(|known| *known == key).map(|at| next + at);
            let place = ahead.or_else(|| known.iter().position(|known| *known == key));
            match place.and_then(|place| Some((place, fields.get_mut(place)?))) {
                Some((place, field)) => {
                    field.node = Some(node);
                    next = place + 1;
                }
                None => {
                    let message = format!("is not a field here; the fields are {}", known.join(", "));
                    let violation = Violation::new(at.key(&key).to_string(), ViolationCode::UnknownField, message);
                    let slip = is_unknown_field_slip(at, &key);
                    self.violations.push(if slip { violation } else { violation.suspicious() });
                }
            }
        }
        Some(fields)
    }

    pub(super) fn required<'t, 'p>(&mut self, field: Field<'t, 'p>) -> Option<(At<'p>, Node<'t>)> {
        let Field { at, node } = field;
        if node.is_none() {
            self.add(&at, ViolationCode::MissingField, "is missing; it must be there".to_owned());
        }
        node.map(|node| (at, node))
    }

    pub(super) fn string<'t>(&mut self, at: &At<'_>, node: Node<'t>) -> Option<Cow<'t, str>> {
        match node {
            Node::String(text) => Some(text),
            node => self.wrong_type(at, &node, "a string"),
        }
    }

    pub(super) fn array<'t, 'p>(&mut self, field: Field<'t, 'p>) -> Option<(At<'p>, Vec<Node<'t>>)> {
        let (at, node) = self.required(field)?;
        match node {
            Node::Array(items) => Some((at, items)),
            node => self.wrong_type(&at, &node, "an array"),
        }
    }

    /// Every item, or `None` when one of them is invalid; all are looked at.
    pub(super) fn each<'t, T>(
        &mut self,
        at: &At<'_>,
        items: Vec<Node<'t>>,
        mut item: impl FnMut(&mut Self, &At<'_>, Node<'t>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = items.len();
        let values: Vec<T> =
            items.into_iter().enumerate().filter_map(|(index, node)| item(self, &at.index(index), node)).collect();
        (values.len() == count).then_some(values)
    }

    pub(super) fn wrong_type<T>(&mut self, at: &At<'_>, node: &Node<'_>, wanted: &str) -> Option<T> {
        self.add(at, ViolationCode::WrongType, format!("is {}; write {wanted}", node.kind()));
        None
    }

    pub(super) fn add(&mut self, at: &At<'_>, code: ViolationCode, message: String) {
        self.violations.push(Violation::new(at.to_string(), code, message));
    }
}
