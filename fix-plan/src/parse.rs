//! Text to plan: every rule of the contract, every violation at once.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::limits::{
    EVIDENCE_LINE_BYTES_MAX, EVIDENCE_LINES_MAX, EXTRAS_MAX, FILES_MAX, OPERATIONS_MAX, TEXT_BYTES_MAX, VIOLATIONS_MAX,
};
use crate::operation::{Action, ActionKind, Dependency, FreeForm, Operation, Section, UnusedImport};
use crate::package::{ExtraName, Marker, PackageName, ValueError, VersionSpec};
use crate::path::RepoPath;
use crate::plan::{Category, Confidence, FixPlan};
use crate::python::{DottedName, FromModule, Identifier, ImportLocator, ImportTarget};
use crate::slip::{is_slip, is_unknown_field_slip};
use crate::text::DisplayText;
use crate::violation::{PlanError, Violation, ViolationCode};
use crate::wire::document::{self, Node};
use crate::wire::pointer::At;

impl FixPlan {
    /// Parses the text of a model, a rule or a file, strictly: one JSON object in
    /// UTF-8, the known keys and no others, each value by the grammar of its place.
    ///
    /// Nothing is guessed: a Markdown fence, prose around the object or a cut answer
    /// is an error that says so.
    ///
    /// ```
    /// use fix_plan::{FixPlan, ViolationCode};
    /// let error = FixPlan::parse(br#"{"root_cause": "x", "confidence": 2}"#).unwrap_err();
    /// assert!(error.violations().iter().any(|v| v.code == ViolationCode::ConfidenceOutOfRange));
    /// assert!(error.violations().iter().any(|v| v.pointer == "/files"));
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong, each with a JSON pointer, a stable code and what to
    /// write instead; at most [`VIOLATIONS_MAX`] of them. A text that is no JSON
    /// gives the one violation that says why.
    pub fn parse(text: &[u8]) -> Result<Self, PlanError> {
        let mut parser = Parser::default();
        let document = document::read(text, &mut parser.violations)?;
        match parser.plan(document) {
            Some(plan) if parser.violations.is_empty() => Ok(plan),
            _ => {
                parser.violations.truncate(VIOLATIONS_MAX);
                Err(PlanError::new(parser.violations))
            }
        }
    }
}

impl FromStr for FixPlan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        Self::parse(text.as_bytes())
    }
}

/// Collects violations; a `None` means that one was added.
#[derive(Default)]
struct Parser {
    violations: Vec<Violation>,
}

/// One known field of an object: its place, and what stands there.
struct Field<'t, 'p> {
    at: At<'p>,
    node: Option<Node<'t>>,
}

impl<'t> Field<'t, '_> {
    /// What stands there, unless it is absent or null.
    fn optional(&mut self) -> Option<Node<'t>> {
        self.node.take().filter(|node| !matches!(node, Node::Null))
    }
}

impl Parser {
    fn plan(&mut self, document: Node<'_>) -> Option<FixPlan> {
        let known = ["root_cause", "category", "confidence", "files", "operations"];
        let [root_cause, category, confidence, files, operations] = self.fields(&At::Root, document, known)?;
        let root_cause = self.text(root_cause, TEXT_BYTES_MAX);
        let category = self.required_value::<Category>(category, ViolationCode::InvalidCategory);
        let confidence = self.confidence(confidence);
        let files = self.files(files);
        let operations = self.operations(operations, files.as_deref().unwrap_or_default());
        match FixPlan::new(root_cause?, category?, confidence?, files?, operations?) {
            Ok(plan) => Some(plan),
            Err(error) => {
                self.violations.extend_from_slice(error.violations());
                None
            }
        }
    }

    fn confidence(&mut self, field: Field<'_, '_>) -> Option<Confidence> {
        let (at, node) = self.required(field)?;
        let Node::Number(number) = node else {
            return self.wrong_type(&at, &node, "a number from 0 to 1");
        };
        let confidence = number.as_f64().and_then(Confidence::new);
        if confidence.is_none() {
            self.add(&at, ViolationCode::ConfidenceOutOfRange, format!("is {number}; write a number from 0 to 1"));
        }
        confidence
    }

    fn files(&mut self, field: Field<'_, '_>) -> Option<Vec<RepoPath>> {
        let (at, items) = self.array(field)?;
        if items.len() > FILES_MAX {
            let message = format!("lists {} files; list between 1 and {FILES_MAX}", items.len());
            self.add(&at, ViolationCode::FileCount, message);
            return None;
        }
        self.each(&at, items, |parser, at, item| parser.path(at, item, &[]))
    }

    fn operations(&mut self, field: Field<'_, '_>, files: &[RepoPath]) -> Option<Vec<Operation>> {
        let (at, items) = self.array(field)?;
        if items.len() > OPERATIONS_MAX {
            let message = format!("holds {} operations; write between 1 and {OPERATIONS_MAX}", items.len());
            self.add(&at, ViolationCode::OperationCount, message);
            return None;
        }
        self.each(&at, items, |parser, at, item| parser.operation(at, item, files))
    }

    fn operation(&mut self, at: &At<'_>, node: Node<'_>, files: &[RepoPath]) -> Option<Operation> {
        let known = ["type", "file", "details", "rationale", "evidence"];
        let [kind, file, details, rationale, evidence] = self.fields(at, node, known)?;
        let kind = self.required(kind).and_then(|(at, node)| self.kind(&at, node));
        let file = self.required(file).and_then(|(at, node)| self.path(&at, node, files));
        let details = self.required(details);
        let rationale = self.text(rationale, TEXT_BYTES_MAX);
        let evidence = self.evidence(evidence);
        // Details can only be read by a known type.
        let action = match (kind, details) {
            (Some(kind), Some((at, node))) => self.action(kind, &at, node),
            _ => None,
        };
        Some(Operation::new(file?, action?, rationale?, evidence?))
    }

    fn kind(&mut self, at: &At<'_>, node: Node<'_>) -> Option<ActionKind> {
        let name = self.string(at, node)?;
        let kind = ActionKind::ALL.into_iter().find(|kind| kind.as_str() == name);
        if kind.is_none() {
            let names = ActionKind::ALL.map(ActionKind::as_str).join(", ");
            self.add(at, ViolationCode::UnknownOperation, format!("is no operation type; write one of {names}"));
        }
        kind
    }

    fn evidence(&mut self, field: Field<'_, '_>) -> Option<Vec<DisplayText>> {
        let (at, items) = self.array(field)?;
        if items.len() > EVIDENCE_LINES_MAX {
            let message = format!("holds {} lines; quote at most {EVIDENCE_LINES_MAX}", items.len());
            self.add(&at, ViolationCode::EvidenceCount, message);
            return None;
        }
        self.each(&at, items, |parser, at, item| parser.display_text(at, item, EVIDENCE_LINE_BYTES_MAX))
    }

    fn action(&mut self, kind: ActionKind, at: &At<'_>, node: Node<'_>) -> Option<Action> {
        match kind {
            ActionKind::AddDependency => self.dependency(at, node).map(Action::AddDependency),
            ActionKind::PinDependency => self.dependency(at, node).map(Action::PinDependency),
            ActionKind::RemoveUnused => self.unused_import(at, node).map(Action::RemoveUnused),
            ActionKind::UpdateConfig => self.free_form(at, node).map(Action::UpdateConfig),
            ActionKind::ModifyCode => self.free_form(at, node).map(Action::ModifyCode),
        }
    }

    fn dependency(&mut self, at: &At<'_>, node: Node<'_>) -> Option<Dependency> {
        let known = ["name", "spec", "extras", "marker", "section"];
        let [name, spec, extras, marker, section] = self.fields(at, node, known)?;
        let name = self.required_value::<PackageName>(name, ViolationCode::InvalidName);
        let spec = self.required_value::<VersionSpec>(spec, ViolationCode::InvalidSpec);
        let extras = self.extras(extras);
        let marker = self.optional_value::<Marker>(marker, ViolationCode::InvalidMarker);
        let section = self.optional_value::<Section>(section, ViolationCode::InvalidSection);
        Some(Dependency::new(name?, spec?).with_extras(extras?).with_marker(marker?).with_section(section?))
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

    fn unused_import(&mut self, at: &At<'_>, node: Node<'_>) -> Option<UnusedImport> {
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
        let line = number.as_u64().and_then(|line| u32::try_from(line).ok()).and_then(NonZeroU32::new);
        if line.is_none() {
            self.add(at, ViolationCode::InvalidLine, format!("is {number}; lines are whole numbers from 1"));
        }
        line
    }

    fn free_form(&mut self, at: &At<'_>, node: Node<'_>) -> Option<FreeForm> {
        match node.into_value() {
            serde_json::Value::Object(object) => Some(FreeForm::new(object)),
            _ => {
                self.add(at, ViolationCode::WrongType, "must be an object".to_owned());
                None
            }
        }
    }

    /// A path; one that is among `checked` is not checked again.
    fn path(&mut self, at: &At<'_>, node: Node<'_>, checked: &[RepoPath]) -> Option<RepoPath> {
        let text = self.string(at, node)?;
        if let Some(path) = checked.iter().find(|path| path.as_str() == text) {
            return Some(path.clone());
        }
        // The one rewriting there is, and only here: forward slashes, and no leading `./`.
        let slashed = if text.contains('\\') { Cow::Owned(text.replace('\\', "/")) } else { text };
        let path = slashed.strip_prefix("./").unwrap_or(&slashed);
        match path.parse::<RepoPath>() {
            Ok(path) => Some(path),
            Err(error) => {
                self.add(at, ViolationCode::InvalidPath, format!("{} [{}]", error, error.reason().code()));
                None
            }
        }
    }

    fn text(&mut self, field: Field<'_, '_>, bytes_max: usize) -> Option<DisplayText> {
        let (at, node) = self.required(field)?;
        self.display_text(&at, node, bytes_max)
    }

    fn display_text(&mut self, at: &At<'_>, node: Node<'_>, bytes_max: usize) -> Option<DisplayText> {
        let text = self.string(at, node)?;
        match DisplayText::new(text, bytes_max) {
            Ok(text) => Some(text),
            Err(error) => {
                self.add(at, ViolationCode::InvalidText, error.to_string());
                None
            }
        }
    }

    /// Text of a locator, which is compared with a file: what can't be seen there is no slip.
    fn locator_text(&mut self, at: &At<'_>, node: Node<'_>) -> Option<DisplayText> {
        let text = self.string(at, node)?;
        match DisplayText::new(text, EVIDENCE_LINE_BYTES_MAX) {
            Ok(text) => Some(text),
            Err(error) => {
                let violation = Violation::new(at.to_string(), ViolationCode::InvalidText, error.to_string());
                self.violations.push(violation.suspicious());
                None
            }
        }
    }

    fn value<T: FromStr<Err = ValueError>>(&mut self, at: &At<'_>, code: ViolationCode, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let violation = Violation::new(at.to_string(), code, error.to_string());
                self.violations.push(if is_slip(code, text) { violation } else { violation.suspicious() });
                None
            }
        }
    }

    fn required_value<T: FromStr<Err = ValueError>>(&mut self, field: Field<'_, '_>, code: ViolationCode) -> Option<T> {
        let (at, node) = self.required(field)?;
        let text = self.string(&at, node)?;
        self.value(&at, code, &text)
    }

    /// The outer `None` is a violation, the inner one an absent field.
    fn optional_value<T: FromStr<Err = ValueError>>(
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
    fn fields<'t, 'p, const N: usize>(
        &mut self,
        at: &'p At<'p>,
        node: Node<'t>,
        known: [&'p str; N],
    ) -> Option<[Field<'t, 'p>; N]> {
        let Node::Object(entries) = node else {
            return self.wrong_type(at, &node, "an object");
        };
        let mut fields = known.map(|key| Field { at: at.key(key), node: None });
        for (key, node) in entries {
            match known.iter().zip(&mut fields).find(|(known, _)| **known == key) {
                Some((_, field)) => field.node = Some(node),
                None => {
                    let message = format!("is not a field here; the fields are {}", known.join(", "));
                    let violation = Violation::new(at.key(&key).to_string(), ViolationCode::UnknownField, message);
                    let slip = is_unknown_field_slip(&violation.pointer, &key);
                    self.violations.push(if slip { violation } else { violation.suspicious() });
                }
            }
        }
        Some(fields)
    }

    fn required<'t, 'p>(&mut self, field: Field<'t, 'p>) -> Option<(At<'p>, Node<'t>)> {
        let Field { at, node } = field;
        if node.is_none() {
            self.add(&at, ViolationCode::MissingField, "is missing; it must be there".to_owned());
        }
        node.map(|node| (at, node))
    }

    fn string<'t>(&mut self, at: &At<'_>, node: Node<'t>) -> Option<Cow<'t, str>> {
        match node {
            Node::String(text) => Some(text),
            node => self.wrong_type(at, &node, "a string"),
        }
    }

    fn array<'t, 'p>(&mut self, field: Field<'t, 'p>) -> Option<(At<'p>, Vec<Node<'t>>)> {
        let (at, node) = self.required(field)?;
        match node {
            Node::Array(items) => Some((at, items)),
            node => self.wrong_type(&at, &node, "an array"),
        }
    }

    /// Every item, or `None` when one of them is invalid; all are looked at.
    fn each<'t, T>(
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

    fn wrong_type<T>(&mut self, at: &At<'_>, node: &Node<'_>, wanted: &str) -> Option<T> {
        self.add(at, ViolationCode::WrongType, format!("is {}; write {wanted}", node.kind()));
        None
    }

    fn add(&mut self, at: &At<'_>, code: ViolationCode, message: String) {
        self.violations.push(Violation::new(at.to_string(), code, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> serde_json::Value {
        serde_json::json!({
            "root_cause": "tests import requests, which is not declared",
            "category": "python_missing_dependency",
            "confidence": 0.92,
            "files": ["pyproject.toml"],
            "operations": [{
                "type": "add_dependency", "file": "pyproject.toml",
                "details": {"name": "requests", "spec": ">=2.31,<3"},
                "rationale": "declare the missing runtime dependency",
                "evidence": ["ModuleNotFoundError: No module named 'requests'"],
            }],
        })
    }

    fn codes(value: &serde_json::Value) -> Vec<(String, ViolationCode)> {
        match FixPlan::parse(value.to_string().as_bytes()) {
            Ok(_) => Vec::new(),
            Err(error) => error.violations().iter().map(|v| (v.pointer.clone(), v.code)).collect(),
        }
    }

    #[test]
    fn canonical_json_parses_to_the_same_plan() {
        let plan = FixPlan::parse(valid().to_string().as_bytes()).unwrap();
        let again: FixPlan = plan.to_json().parse().unwrap();
        assert_eq!(plan, again);
        assert_eq!(plan.digest(), again.digest());
    }

    #[test]
    fn order_and_slashes_do_not_matter() {
        let mut a = valid();
        a["files"] = serde_json::json!(["src/b.py", "a.py"]);
        a["category"] = "lint_format".into();
        let operation = |file: &str| serde_json::json!({"type": "remove_unused", "file": file, "details": {"import": "os"}, "rationale": "r", "evidence": ["y", "x"]});
        a["operations"] = serde_json::json!([operation("src/b.py"), operation("a.py")]);
        let mut b = a.clone();
        b["files"] = serde_json::json!(["./a.py", "src\\b.py"]);
        b["operations"] = serde_json::json!([operation("a.py"), operation("src\\b.py")]);
        let parse = |value: &serde_json::Value| FixPlan::parse(value.to_string().as_bytes()).unwrap();
        assert_eq!(parse(&a).digest(), parse(&b).digest());
    }

    #[test]
    fn every_violation_is_reported_at_once() {
        let mut plan = valid();
        plan["confidence"] = 3.into();
        plan["extra"] = 1.into();
        plan["operations"][0]["details"]["name"] = "a b".into();
        plan["operations"][0]["details"]["index"] = "evil".into();
        plan["operations"][0]["evidence"] = serde_json::json!([1]);
        let found = codes(&plan);
        for expected in [
            ("/confidence", ViolationCode::ConfidenceOutOfRange),
            ("/extra", ViolationCode::UnknownField),
            ("/operations/0/details/name", ViolationCode::InvalidName),
            ("/operations/0/details/index", ViolationCode::UnknownField),
            ("/operations/0/evidence/0", ViolationCode::WrongType),
        ] {
            assert!(found.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} not in {found:?}");
        }
    }

    #[test]
    fn says_what_stands_around_the_json() {
        let code = |text: &str| FixPlan::parse(text.as_bytes()).unwrap_err().violations()[0].code;
        let plan = valid().to_string();
        assert_eq!(code(&format!("```json\n{plan}\n```")), ViolationCode::MarkdownFence);
        assert_eq!(code(&format!("Here you are: {plan}")), ViolationCode::ProseAroundJson);
        assert_eq!(code(&format!("{plan} Hope that helps!")), ViolationCode::ProseAroundJson);
        assert_eq!(code(plan.split_at(40).0), ViolationCode::InvalidJson);
        assert_eq!(code(""), ViolationCode::InvalidJson);
        assert_eq!(code(&"[".repeat(40)), ViolationCode::TooDeep);
        assert_eq!(code(&format!("[{}0]", "0,".repeat(5000))), ViolationCode::TooManyValues);
        assert_eq!(code(&" ".repeat(300_000)), ViolationCode::TooLarge);
        assert_eq!(FixPlan::parse(b"\xff").unwrap_err().violations()[0].code, ViolationCode::NotUtf8);
        assert_eq!(code("[]"), ViolationCode::WrongType);
    }

    #[test]
    fn duplicate_keys_and_positional_arrays_are_refused() {
        let twice = valid().to_string().replacen("\"category\"", "\"confidence\":1,\"category\"", 1);
        let error = FixPlan::parse(twice.as_bytes()).unwrap_err();
        assert_eq!(error.violations()[0].code, ViolationCode::DuplicateKey);
        let mut plan = valid();
        plan["operations"][0] = serde_json::json!(["add_dependency", "pyproject.toml", {}, "r", []]);
        assert_eq!(codes(&plan), [("/operations/0".to_owned(), ViolationCode::WrongType)]);
    }

    #[test]
    fn cross_field_rules_hold() {
        let mut plan = valid();
        plan["operations"][0]["file"] = "other.toml".into();
        assert_eq!(codes(&plan), [("/operations/0/file".to_owned(), ViolationCode::FileNotListed)]);

        let mut plan = valid();
        plan["files"] = serde_json::json!(["pyproject.toml", "PyProject.TOML"]);
        assert_eq!(codes(&plan), [("/files/1".to_owned(), ViolationCode::FilesCollide)]);

        let mut plan = valid();
        plan["category"] = "lint_format".into();
        assert_eq!(codes(&plan), [("/operations/0/type".to_owned(), ViolationCode::CategoryMismatch)]);

        let mut plan = valid();
        let mut second = plan["operations"][0].clone();
        second["details"]["name"] = "Requests".into();
        second["details"]["spec"] = "==1".into();
        plan["operations"].as_array_mut().unwrap().push(second);
        assert_eq!(codes(&plan), [("/operations/1".to_owned(), ViolationCode::ConflictingOperations)]);
    }

    #[test]
    fn imports_are_named_in_one_way() {
        let mut plan = valid();
        plan["category"] = "lint_format".into();
        plan["operations"][0]["type"] = "remove_unused".into();
        let mut with = |details: serde_json::Value| {
            plan["operations"][0]["details"] = details;
            codes(&plan).into_iter().map(|(_, code)| code).collect::<Vec<_>>()
        };
        assert_eq!(with(serde_json::json!({"import": "os.path", "alias": "p", "line": 3})), []);
        assert_eq!(with(serde_json::json!({"from": "..a", "name": "b", "line_contains": "import b"})), []);
        assert_eq!(with(serde_json::json!({"import": "os", "from": null, "name": null})), []);
        assert_eq!(with(serde_json::json!({"from": "a"})), [ViolationCode::ImportForm]);
        assert_eq!(with(serde_json::json!({"import": "os", "from": "a", "name": "b"})), [ViolationCode::ImportForm]);
        assert_eq!(with(serde_json::json!({"from": "a", "name": "*"})), [ViolationCode::InvalidImport]);
        assert_eq!(with(serde_json::json!({"from": "a", "name": "b.c"})), [ViolationCode::InvalidImport]);
        assert_eq!(with(serde_json::json!({"import": "os", "line": 0})), [ViolationCode::InvalidLine]);
    }
}
