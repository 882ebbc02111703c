//! Text to plan: every rule of the contract, every violation at once.

mod between;
mod details;
mod field;

use std::borrow::Cow;
use std::str::FromStr;

pub(crate) use self::between::not_found;
use self::between::{Draft, Files};
use self::field::Field;
use crate::limits::{
    EVIDENCE_LINE_BYTES_MAX, EVIDENCE_LINES_MAX, FILES_MAX, OPERATIONS_MAX, PATH_BYTES_MAX, TEXT_BYTES_MAX,
};
use crate::log::{Log, Quotes};
use crate::operation::{Action, ActionKind};
use crate::path::RepoPath;
use crate::plan::{Category, Confidence, FixPlan};
use crate::slip::is_slip;
use crate::text::DisplayText;
use crate::violation::{PlanError, Violation, ViolationCode, Violations};
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
    /// write instead; at most
    /// [`VIOLATIONS_MAX`](crate::limits::VIOLATIONS_MAX) of them. What lies between two values is
    /// judged as far as both of them are valid. A text that is no JSON gives the one
    /// violation that says why.
    pub fn parse(text: &[u8]) -> Result<Self, PlanError> {
        Parser { violations: Violations::default(), quotes: None }.parse(text)
    }

    /// The same for the answer to a question about `log`: evidence must
    /// [quote](Log::quotes) it.
    ///
    /// ```
    /// use fix_plan::{FixPlan, Log, ViolationCode};
    /// let answer = br#"{"root_cause": "x", "category": "lint_format", "confidence": 2, "files": ["a.py"], "operations":
    ///     [{"type": "remove_unused", "file": "b.py", "details": {"import": "os"}, "rationale": "r", "evidence": ["invented"]}]}"#;
    /// let error = FixPlan::parse_for(answer, &Log::from("a.py:1:8: F401 `os` imported but unused")).unwrap_err();
    /// let codes: Vec<_> = error.violations().iter().map(|v| v.code).collect();
    /// assert_eq!(codes, [ViolationCode::ConfidenceOutOfRange, ViolationCode::EvidenceNotFound, ViolationCode::FileNotListed]);
    /// ```
    ///
    /// # Errors
    /// As [`FixPlan::parse`], and a violation `evidence_not_found` for each entry that the log does
    /// not hold.
    pub fn parse_for(text: &[u8], log: &Log) -> Result<Self, PlanError> {
        Parser { violations: Violations::default(), quotes: Some(Quotes::new(log)) }.parse(text)
    }
}

impl FromStr for FixPlan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        Self::parse(text.as_bytes())
    }
}

/// Collects violations; a `None` means that one was added.
struct Parser<'l> {
    violations: Violations,
    /// The log that evidence must quote.
    quotes: Option<Quotes<'l>>,
}

impl Parser<'_> {
    fn parse(mut self, text: &[u8]) -> Result<FixPlan, PlanError> {
        let document = document::read(text, &mut self.violations)?;
        let plan = self.plan(document);
        self.violations.or(plan).and_then(|plan| {
            // Every `None` has added a violation.
            plan.ok_or_else(|| {
                PlanError::one("", ViolationCode::InvalidJson, "is no plan; answer with one JSON object")
            })
        })
    }

    fn plan(&mut self, document: Node<'_>) -> Option<FixPlan> {
        let known = ["root_cause", "category", "confidence", "files", "operations"];
        if let Some(key) = wrapper(&document, &known) {
            let message = "holds the plan; answer with the object inside of it alone";
            self.add(&At::Root.key(key), ViolationCode::UnknownField, message.to_owned());
            return None;
        }
        let [root_cause, category, confidence, files, operations] = self.fields(&At::Root, document, known)?;
        let root_cause = self.text(root_cause, TEXT_BYTES_MAX);
        let category = self.required_value::<Category>(category, ViolationCode::InvalidCategory);
        let confidence = self.confidence(confidence);
        let files = self.files(files);
        let operations = self.operations(operations, files.as_ref());
        between::check(category.as_ref(), files.as_ref(), operations.as_deref(), &mut self.violations);
        if !self.violations.is_empty() {
            return None;
        }
        let operations = operations?.into_iter().map(Draft::finish).collect::<Option<Vec<_>>>()?;
        Some(FixPlan::canonical(root_cause?, category?, confidence?, files?.valid, operations))
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

    fn files(&mut self, field: Field<'_, '_>) -> Option<Files> {
        let (at, items) = self.array(field)?;
        if items.is_empty() || items.len() > FILES_MAX {
            let message = format!("lists {} files; list between 1 and {FILES_MAX}", items.len());
            self.add(&at, ViolationCode::FileCount, message);
            return None;
        }
        let mut files = Files { valid: Vec::with_capacity(items.len()), indices: Vec::new(), is_complete: true };
        for (index, item) in items.into_iter().enumerate() {
            match self.path(&at.index(index), item, None) {
                Some(path) => {
                    files.valid.push(path);
                    files.indices.push(index);
                }
                None => files.is_complete = false,
            }
        }
        Some(files)
    }

    fn operations(&mut self, field: Field<'_, '_>, files: Option<&Files>) -> Option<Vec<Draft>> {
        let (at, items) = self.array(field)?;
        if items.is_empty() || items.len() > OPERATIONS_MAX {
            let message = format!("holds {} operations; write between 1 and {OPERATIONS_MAX}", items.len());
            self.add(&at, ViolationCode::OperationCount, message);
            return None;
        }
        Some(items.into_iter().enumerate().map(|(index, item)| self.operation(&at.index(index), item, files)).collect())
    }

    fn operation(&mut self, at: &At<'_>, node: Node<'_>, files: Option<&Files>) -> Draft {
        let known = ["type", "file", "details", "rationale", "evidence"];
        let Some([kind, file, details, rationale, evidence]) = self.fields(at, node, known) else {
            return Draft::default();
        };
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
        Draft { kind, file, action, rationale, evidence }
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
        self.each(&at, items, |parser, at, item| {
            let line = parser.display_text(at, item, EVIDENCE_LINE_BYTES_MAX)?;
            if line.as_str().as_bytes().contains(&b'\n') {
                let message = "holds a line break; write each line of the log as an entry of its own";
                parser.add(at, ViolationCode::InvalidText, message.to_owned());
                return None;
            }
            if parser.quotes.as_ref().is_some_and(|quotes| !quotes.holds(line.as_str())) {
                parser.violations.push(not_found(at.to_string(), &line));
            }
            Some(line)
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

    /// A path; one that is among the `checked` is not checked again.
    fn path(&mut self, at: &At<'_>, node: Node<'_>, checked: Option<&Files>) -> Option<RepoPath> {
        let text = self.string(at, node)?;
        let checked = checked.and_then(|files| files.valid.iter().find(|path| path.as_str() == text));
        if checked.is_some() {
            return checked.cloned();
        }
        // The one rewriting there is, and only here: forward slashes, and no leading `./`, which
        // counts as a part of what was written.
        let slashed = if text.contains('\\') { Cow::Owned(text.replace('\\', "/")) } else { Cow::Borrowed(&*text) };
        let path = if text.len() > PATH_BYTES_MAX { &slashed } else { slashed.strip_prefix("./").unwrap_or(&slashed) };
        match path.parse::<RepoPath>() {
            Ok(path) => Some(path),
            Err(error) => {
                let code = ViolationCode::InvalidPath;
                let violation = Violation::new(at.to_string(), code, error.to_string());
                self.violations.push(if is_slip(code, path) { violation } else { violation.suspicious() });
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
}

/// The key under which an object with no field of a plan has the plan.
fn wrapper<'d>(document: &'d Node<'_>, known: &[&str]) -> Option<&'d str> {
    let Node::Object(entries) = document else { return None };
    if entries.iter().any(|(key, _)| known.contains(&key.as_ref())) {
        return None;
    }
    let is_plan = |node: &Node<'_>| matches!(node, Node::Object(inner) if inner.iter().any(|(key, _)| key == "operations" || key == "root_cause"));
    entries.iter().find(|(_, node)| is_plan(node)).map(|(key, _)| key.as_ref())
}

#[cfg(test)]
mod tests;
