//! The shape that is written, and published as a schema.

use std::num::NonZeroU32;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::operation::{Action, Dependency, Operation};
use crate::plan::FixPlan;
use crate::python::ImportTarget;

/// The canonical JSON of a plan.
pub(crate) fn plan_json(plan: &FixPlan) -> String {
    to_json(&WirePlan::from(plan))
}

/// The canonical JSON of one operation.
pub(crate) fn operation_json(operation: &Operation) -> String {
    to_json(&WireOperation::from(operation))
}

fn to_json(value: &impl Serialize) -> String {
    // Strings, finite numbers and string keys only: there is nothing here that can't be written.
    serde_json::to_string(value).unwrap_or_default()
}

/// A plan to mend one failure of a CI job.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "FixPlan", deny_unknown_fields))]
pub(crate) struct WirePlan {
    /// Why the job fails, in a sentence or two.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 8192)))]
    root_cause: String,
    /// The kind of failure: python_missing_dependency or lint_format; others are understood and stopped early.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z][a-z0-9_]{0,63}$")))]
    category: String,
    /// How sure you are, from 0 to 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 1.0)))]
    confidence: f64,
    /// Every file that an operation changes: relative to the root of the repository, with forward slashes.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10), inner(length(min = 1, max = 1024))))]
    files: Vec<String>,
    /// What to change.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10)))]
    operations: Vec<WireOperation>,
}

impl From<&FixPlan> for WirePlan {
    fn from(plan: &FixPlan) -> Self {
        Self {
            root_cause: plan.root_cause().to_string(),
            category: plan.category().to_string(),
            confidence: plan.confidence().get(),
            files: plan.files().iter().map(ToString::to_string).collect(),
            operations: plan.operations().iter().map(WireOperation::from).collect(),
        }
    }
}

/// One change of one file.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Operation"))]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireOperation {
    /// Declare a dependency that is not there yet.
    AddDependency(Step<DependencyDetails>),
    /// Replace the version specifier of a dependency that is there.
    PinDependency(Step<DependencyDetails>),
    /// Remove one unused Python import.
    RemoveUnused(Step<RemoveDetails>),
    /// Change a configuration file (no built-in generator).
    UpdateConfig(Step<Map<String, Value>>),
    /// Change code (no built-in generator).
    ModifyCode(Step<Map<String, Value>>),
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline, deny_unknown_fields))]
struct Step<D> {
    /// The file to change, one of `files`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    file: String,
    /// What exactly to do.
    details: D,
    /// Why, in a sentence.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 8192)))]
    rationale: String,
    /// Lines of the log that show it, one an entry, whole and word for word.
    #[cfg_attr(feature = "schema", schemars(length(max = 50), inner(length(min = 1, max = 2048))))]
    evidence: Vec<String>,
}

impl From<&Operation> for WireOperation {
    fn from(operation: &Operation) -> Self {
        fn step<D>(operation: &Operation, details: D) -> Step<D> {
            Step {
                file: operation.file.to_string(),
                details,
                rationale: operation.rationale.to_string(),
                evidence: operation.evidence.iter().map(ToString::to_string).collect(),
            }
        }
        match &operation.action {
            Action::AddDependency(dependency) => Self::AddDependency(step(operation, dependency.into())),
            Action::PinDependency(dependency) => Self::PinDependency(step(operation, dependency.into())),
            Action::RemoveUnused(import) => {
                let details = RemoveDetails {
                    line: import.locator.line,
                    line_contains: import.locator.line_contains.clone(),
                    ..(&import.target).into()
                };
                Self::RemoveUnused(step(operation, details))
            }
            Action::UpdateConfig(details) => Self::UpdateConfig(step(operation, details.as_object().clone())),
            Action::ModifyCode(details) => Self::ModifyCode(step(operation, details.as_object().clone())),
        }
    }
}

/// The dependency to declare or to pin.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
struct DependencyDetails {
    /// The name of the distribution, which may differ from the module that is imported.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$")))]
    name: String,
    /// PEP 440 clauses such as `>=2.31,<3`; empty for any version, which only an addition may ask for.
    #[cfg_attr(feature = "schema", schemars(length(max = 128)))]
    spec: String,
    /// The extras, such as `socks` in `requests[socks]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 16)))]
    extras: Option<Vec<String>>,
    /// The environment marker under which it is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    marker: Option<String>,
    /// The dotted path of the list meant, such as `dependency-groups.dev`; leave it out for the file's main list.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<String>,
}

impl From<&Dependency> for DependencyDetails {
    fn from(dependency: &Dependency) -> Self {
        let extras: Vec<_> = dependency.extras.iter().map(ToString::to_string).collect();
        Self {
            name: dependency.name.to_string(),
            spec: dependency.spec.to_string(),
            extras: (!extras.is_empty()).then_some(extras),
            marker: dependency.marker.as_ref().map(ToString::to_string),
            section: dependency.section.as_ref().map(ToString::to_string),
        }
    }
}

/// The import to remove: `import`, or `from` and `name`.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[cfg_attr(feature = "schema", schemars(extend("anyOf" = [{"required": ["import"]}, {"required": ["name"]}])))]
struct RemoveDetails {
    /// For `import a.b`: the module, `a.b`.
    #[serde(rename = "import", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 255)))]
    module: Option<String>,
    /// For `from a import b`: what stands after `from`, with its dots.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 287)))]
    from: Option<String>,
    /// For `from a import b`: the name, `b`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 255)))]
    name: Option<String>,
    /// The name after `as`, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 128)))]
    alias: Option<String>,
    /// The line of the name or of its statement, 1-based.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<NonZeroU32>,
    /// Text that the statement holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 2048)))]
    line_contains: Option<String>,
}

impl From<&ImportTarget> for RemoveDetails {
    fn from(target: &ImportTarget) -> Self {
        match target {
            ImportTarget::Import { module, alias } => Self {
                module: Some(module.to_string()),
                alias: alias.as_ref().map(ToString::to_string),
                ..Self::default()
            },
            ImportTarget::From { module, name, alias } => Self {
                from: Some(module.to_string()),
                name: Some(name.to_string()),
                alias: alias.as_ref().map(ToString::to_string),
                ..Self::default()
            },
        }
    }
}
