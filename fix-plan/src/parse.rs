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

/// The members of one object, taken out by name.
struct Members<'t, 'p> {
    at: &'p At<'p>,
    entries: Vec<(Cow<'t, str>, Node<'t>)>,
}

impl<'t> Members<'t, '_> {
    fn take(&mut self, key: &str) -> Option<Node<'t>> {
        let index = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.swap_remove(index).1)
    }
}

impl Parser {
    fn plan(&mut self, document: Node<'_>) -> Option<FixPlan> {
        let known = ["root_cause", "category", "confidence", "files", "operations"];
        let mut members = self.members(&At::Root, document, &known)?;
        let root_cause = self.text(&mut members, "root_cause", TEXT_BYTES_MAX);
        let category = self.required_value::<Category>(&mut members, "category", ViolationCode::InvalidCategory);
        let confidence = self.confidence(&mut members);
        let files = self.files(&mut members);
        let operations = self.operations(&mut members);
        match FixPlan::new(root_cause?, category?, confidence?, files?, operations?) {
            Ok(plan) => Some(plan),
            Err(error) => {
                self.violations.extend_from_slice(error.violations());
                None
            }
        }
    }

    fn confidence(&mut self, members: &mut Members<'_, '_>) -> Option<Confidence> {
        let at = members.at.key("confidence");
        let node = self.required(members, "confidence")?;
        let Node::Number(number) = node else {
            return self.wrong_type(&at, &node, "a number from 0 to 1");
        };
        let confidence = number.as_f64().and_then(Confidence::new);
        if confidence.is_none() {
            self.add(&at, ViolationCode::ConfidenceOutOfRange, format!("is {number}; write a number from 0 to 1"));
        }
        confidence
    }

    fn files(&mut self, members: &mut Members<'_, '_>) -> Option<Vec<RepoPath>> {
        let at = members.at.key("files");
        let node = self.required(members, "files")?;
        let items = self.array(&at, node)?;
        if items.len() > FILES_MAX {
            self.add(
                &at,
                ViolationCode::FileCount,
                format!("lists {} files; list between 1 and {FILES_MAX}", items.len()),
            );
            return None;
        }
        self.each(&at, items, |parser, at, item| parser.path(at, item))
    }

    fn operations(&mut self, members: &mut Members<'_, '_>) -> Option<Vec<Operation>> {
        let at = members.at.key("operations");
        let node = self.required(members, "operations")?;
        let items = self.array(&at, node)?;
        if items.len() > OPERATIONS_MAX {
            let message = format!("holds {} operations; write between 1 and {OPERATIONS_MAX}", items.len());
            self.add(&at, ViolationCode::OperationCount, message);
            return None;
        }
        self.each(&at, items, |parser, at, item| parser.operation(at, item))
    }

    fn operation(&mut self, at: &At<'_>, node: Node<'_>) -> Option<Operation> {
        let mut members = self.members(at, node, &["type", "file", "details", "rationale", "evidence"])?;
        let kind = self.required(&mut members, "type").and_then(|node| self.kind(&at.key("type"), node));
        let file = self.required(&mut members, "file").and_then(|node| self.path(&at.key("file"), node));
        let details = self.required(&mut members, "details");
        let rationale = self.text(&mut members, "rationale", TEXT_BYTES_MAX);
        let evidence = self.evidence(&mut members);
        // Details can only be read by a known type.
        let action = match (kind, details) {
            (Some(kind), Some(node)) => self.action(kind, &at.key("details"), node),
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

    fn evidence(&mut self, members: &mut Members<'_, '_>) -> Option<Vec<DisplayText>> {
        let at = members.at.key("evidence");
        let node = self.required(members, "evidence")?;
        let items = self.array(&at, node)?;
        if items.len() > EVIDENCE_LINES_MAX {
            let message = format!("holds {} lines; quote at most {EVIDENCE_LINES_MAX}", items.len());
            self.add(&at, ViolationCode::EvidenceCount, message);
            return None;
        }
        self.each(&at, items, |parser, at, item| {
            let line = parser.string(at, item)?;
            parser.display_text(at, line, EVIDENCE_LINE_BYTES_MAX)
        })
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
        let mut members = self.members(at, node, &["name", "spec", "extras", "marker", "section"])?;
        let name = self.required_value::<PackageName>(&mut members, "name", ViolationCode::InvalidName);
        let spec = self.required_value::<VersionSpec>(&mut members, "spec", ViolationCode::InvalidSpec);
        let extras = match self.optional(&mut members, "extras") {
            None => Some(Vec::new()),
            Some(node) => self.extras(&at.key("extras"), node),
        };
        let marker = self.optional_value::<Marker>(&mut members, "marker", ViolationCode::InvalidMarker);
        let section = self.optional_value::<Section>(&mut members, "section", ViolationCode::InvalidSection);
        Some(Dependency::new(name?, spec?).with_extras(extras?).with_marker(marker?).with_section(section?))
    }

    fn extras(&mut self, at: &At<'_>, node: Node<'_>) -> Option<Vec<ExtraName>> {
        let items = self.array(at, node)?;
        if items.len() > EXTRAS_MAX {
            self.add(at, ViolationCode::InvalidName, format!("lists {} extras; at most {EXTRAS_MAX}", items.len()));
            return None;
        }
        self.each(at, items, |parser, at, item| {
            let name = parser.string(at, item)?;
            parser.value::<ExtraName>(at, ViolationCode::InvalidName, &name)
        })
    }

    fn unused_import(&mut self, at: &At<'_>, node: Node<'_>) -> Option<UnusedImport> {
        let mut members = self.members(at, node, &["import", "from", "name", "alias", "line", "line_contains"])?;
        let import = self.optional_value::<DottedName>(&mut members, "import", ViolationCode::InvalidImport);
        let from = self.optional_value::<FromModule>(&mut members, "from", ViolationCode::InvalidImport);
        // `name` is one identifier after `from`, and a dotted module without it.
        let name = self.optional_value::<DottedName>(&mut members, "name", ViolationCode::InvalidImport);
        let alias = self.optional_value::<Identifier>(&mut members, "alias", ViolationCode::InvalidImport);
        let line = match self.optional(&mut members, "line") {
            None => Some(None),
            Some(node) => self.line(&at.key("line"), &node).map(Some),
        };
        let line_contains = match self.optional(&mut members, "line_contains") {
            None => Some(None),
            Some(node) => {
                let at = at.key("line_contains");
                self.string(&at, node).and_then(|text| self.display_text(&at, text, EVIDENCE_LINE_BYTES_MAX)).map(Some)
            }
        };
        let (import, from, name, alias) = (import?, from?, name?, alias?);
        let target = match (import, from, name) {
            (Some(module), None, None) | (None, None, Some(module)) => ImportTarget::Import { module, alias },
            (None, Some(module), Some(name)) => {
                let at = at.key("name");
                let name = self.value::<Identifier>(&at, ViolationCode::InvalidImport, name.as_str())?;
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

    fn path(&mut self, at: &At<'_>, node: Node<'_>) -> Option<RepoPath> {
        let text = self.string(at, node)?;
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

    fn text(&mut self, members: &mut Members<'_, '_>, key: &str, bytes_max: usize) -> Option<DisplayText> {
        let at = members.at.key(key);
        let node = self.required(members, key)?;
        let text = self.string(&at, node)?;
        self.display_text(&at, text, bytes_max)
    }

    fn display_text(&mut self, at: &At<'_>, text: Cow<'_, str>, bytes_max: usize) -> Option<DisplayText> {
        match DisplayText::new(text, bytes_max) {
            Ok(text) => Some(text),
            Err(error) => {
                self.add(at, ViolationCode::InvalidText, error.to_string());
                None
            }
        }
    }

    fn value<T: FromStr<Err = ValueError>>(&mut self, at: &At<'_>, code: ViolationCode, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(at, code, error.to_string());
                None
            }
        }
    }

    fn required_value<T: FromStr<Err = ValueError>>(
        &mut self,
        members: &mut Members<'_, '_>,
        key: &str,
        code: ViolationCode,
    ) -> Option<T> {
        let node = self.required(members, key)?;
        let at = members.at.key(key);
        let text = self.string(&at, node)?;
        self.value(&at, code, &text)
    }

    /// The outer `None` is a violation, the inner one an absent field.
    fn optional_value<T: FromStr<Err = ValueError>>(
        &mut self,
        members: &mut Members<'_, '_>,
        key: &str,
        code: ViolationCode,
    ) -> Option<Option<T>> {
        match self.optional(members, key) {
            None => Some(None),
            Some(node) => {
                let at = members.at.key(key);
                let text = self.string(&at, node)?;
                self.value(&at, code, &text).map(Some)
            }
        }
    }

    /// The members of an object; what `known` does not name is a violation each.
    fn members<'t, 'p>(&mut self, at: &'p At<'p>, node: Node<'t>, known: &[&str]) -> Option<Members<'t, 'p>> {
        let Node::Object(entries) = node else {
            return self.wrong_type(at, &node, "an object");
        };
        for (key, _) in &entries {
            if !known.contains(&&**key) {
                let message = format!("is not a field here; the fields are {}", known.join(", "));
                self.add(&at.key(key), ViolationCode::UnknownField, message);
            }
        }
        Some(Members { at, entries })
    }

    fn required<'t>(&mut self, members: &mut Members<'t, '_>, key: &str) -> Option<Node<'t>> {
        let node = members.take(key);
        if node.is_none() {
            self.add(&members.at.key(key), ViolationCode::MissingField, "is missing; it must be there".to_owned());
        }
        node
    }

    /// A field that may be absent, or null.
    fn optional<'t>(&mut self, members: &mut Members<'t, '_>, key: &str) -> Option<Node<'t>> {
        members.take(key).filter(|node| !matches!(node, Node::Null))
    }

    fn string<'t>(&mut self, at: &At<'_>, node: Node<'t>) -> Option<Cow<'t, str>> {
        match node {
            Node::String(text) => Some(text),
            node => self.wrong_type(at, &node, "a string"),
        }
    }

    fn array<'t>(&mut self, at: &At<'_>, node: Node<'t>) -> Option<Vec<Node<'t>>> {
        match node {
            Node::Array(items) => Some(items),
            node => self.wrong_type(at, &node, "an array"),
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
