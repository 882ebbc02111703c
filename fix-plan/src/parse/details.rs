//! The details of each operation.

use std::num::NonZeroU32;

use super::Parser;
use super::field::Field;
use crate::limits::{EVIDENCE_LINE_BYTES_MAX, EXTRAS_MAX};
use crate::operation::{Dependency, FreeForm, Section, UnusedImport};
use crate::package::{ExtraName, Marker, PackageName, VersionSpec};
use crate::python::{DottedName, FromModule, Identifier, ImportLocator, ImportTarget};
use crate::text::{DisplayText, TextError};
use crate::violation::{Violation, ViolationCode};
use crate::wire::document::Node;
use crate::wire::pointer::At;

impl Parser<'_> {
    pub(super) fn dependency(&mut self, at: &At<'_>, node: Node<'_>) -> Option<Dependency> {
        let known = ["name", "spec", "extras", "marker", "section"];
        let [name, spec, extras, marker, section] = self.fields(at, node, known)?;
        let name = self.required_value::<PackageName>(name, ViolationCode::InvalidName);
        let spec = self.required_value::<VersionSpec>(spec, ViolationCode::InvalidSpec);
        let extras = self.extras(extras);
        let marker = self.optional_value::<Marker>(marker, ViolationCode::InvalidMarker);
        let section = self.optional_value::<Section>(section, ViolationCode::InvalidSection);
        let (extras, marker, section) = (extras?, marker?, section?);
        let dependency = Dependency { name: name?, spec: spec?, extras: Vec::new(), marker, section };
        Some(if extras.is_empty() { dependency } else { dependency.with_extras(extras) })
    }

    fn extras(&mut self, mut field: Field<'_, '_>) -> Option<Vec<ExtraName>> {
        let Some(node) = field.optional() else {
            return Some(Vec::new());
        };
        let (at, items) = self.array(Field { node: Some(node), ..field })?;
        if items.len() > EXTRAS_MAX {
            self.add(&at, ViolationCode::InvalidName, format!("lists {} extras; at most {EXTRAS_MAX}", items.len()));
            return None;
        }
        self.each(&at, items, |parser, at, item| {
            let name = parser.string(at, item)?;
            parser.value::<ExtraName>(at, ViolationCode::InvalidName, &name)
        })
    }

    pub(super) fn unused_import(&mut self, at: &At<'_>, node: Node<'_>) -> Option<UnusedImport> {
        let known = ["import", "from", "name", "alias", "line", "line_contains"];
        let [import, from, name, alias, mut line, mut line_contains] = self.fields(at, node, known)?;
        let name_at = name.at;
        let import = self.optional_value::<DottedName>(import, ViolationCode::InvalidImport);
        let from = self.optional_value::<FromModule>(from, ViolationCode::InvalidImport);
        // `name` is one identifier after `from`, and a dotted module without it.
        let name = self.optional_value::<DottedName>(name, ViolationCode::InvalidImport);
        let alias = self.optional_value::<Identifier>(alias, ViolationCode::InvalidImport);
        let line = match line.optional() {
            None => Some(None),
            Some(node) => self.line(&line.at, &node).map(Some),
        };
        let line_contains = match line_contains.optional() {
            None => Some(None),
            Some(node) => self.locator_text(&line_contains.at, node).map(Some),
        };
        let (import, from, name, alias) = (import?, from?, name?, alias?);
        let target = match (import, from, name) {
            (Some(module), None, None) | (None, None, Some(module)) => ImportTarget::Import { module, alias },
            (None, Some(module), Some(name)) => {
                let name = self.value::<Identifier>(&name_at, ViolationCode::InvalidImport, name.as_str())?;
                ImportTarget::From { module, name, alias }
            }
            _ => {
                let message =
                    "names no import; write `import` for `import a.b`, or `from` and `name` for `from a import b`";
                self.add(at, ViolationCode::ImportForm, message.to_owned());
                return None;
            }
        };
        let locator = ImportLocator { line: line?, line_contains: line_contains?.map(|text| text.as_str().to_owned()) };
        Some(UnusedImport::new(target).with_locator(locator))
    }

    fn line(&mut self, at: &At<'_>, node: &Node<'_>) -> Option<NonZeroU32> {
        let Node::Number(number) = node else {
            return self.wrong_type(at, node, "a line number");
        };
        // `3.0` is a whole number, for JSON Schema as for us.
        let whole = number.as_f64().filter(|line| line.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(line));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and in the range")]
        let line = whole.and_then(|line| NonZeroU32::new(line as u32));
        if line.is_none() {
            self.add(at, ViolationCode::InvalidLine, format!("is {number}; lines are whole numbers from 1"));
        }
        line
    }

    /// Text of a locator, which is compared with a file: what can't be seen there is no slip.
    fn locator_text(&mut self, at: &At<'_>, node: Node<'_>) -> Option<DisplayText> {
        let text = self.string(at, node)?;
        match DisplayText::new(text, EVIDENCE_LINE_BYTES_MAX) {
            Ok(text) => Some(text),
            Err(error) => {
                let violation = Violation::new(at.to_string(), ViolationCode::InvalidText, error.to_string());
                let is_slip = !matches!(error, TextError::Invisible { .. });
                self.violations.push(if is_slip { violation } else { violation.suspicious() });
                None
            }
        }
    }

    pub(super) fn free_form(&mut self, at: &At<'_>, node: Node<'_>) -> Option<FreeForm> {
        match node.into_value() {
            serde_json::Value::Object(object) => Some(FreeForm::bounded(object)),
            _ => {
                self.add(at, ViolationCode::WrongType, "must be an object".to_owned());
                None
            }
        }
    }
}
