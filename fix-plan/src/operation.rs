//! What one step of a plan does to one file.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::package::{ExtraName, GroupName, Marker, PackageName, ValueError, VersionSpec};
use crate::path::RepoPath;
use crate::python::{ImportLocator, ImportTarget};
use crate::text::DisplayText;
use crate::violation::Violations;
use crate::wire::document::Node;

/// One step: an action on one file, with the reason and the log lines it rests on.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Operation {
    /// The file that is changed; no other is.
    pub file: RepoPath,
    /// What happens to it.
    pub action: Action,
    /// Why, for the reviewer.
    pub rationale: DisplayText,
    /// Lines of the log that show it, sorted and unique.
    pub evidence: Vec<DisplayText>,
}

impl Operation {
    /// An operation; evidence is sorted and duplicates are dropped.
    #[must_use]
    pub fn new(file: RepoPath, action: Action, rationale: DisplayText, mut evidence: Vec<DisplayText>) -> Self {
        evidence.sort();
        evidence.dedup();
        Self { file, action, rationale, evidence }
    }
}

/// What an operation does.
///
/// Closed on purpose: a new action must break every `match`, so that none slips through a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a new action must be handled everywhere")]
pub enum Action {
    /// Declare a dependency that is not there yet.
    AddDependency(Dependency),
    /// Replace the version specifier of a dependency that is there.
    PinDependency(Dependency),
    /// Remove one unused import.
    RemoveUnused(UnusedImport),
    /// Change a configuration file; no built-in generator.
    UpdateConfig(FreeForm),
    /// Change code; no built-in generator.
    ModifyCode(FreeForm),
}

impl Action {
    /// The kind, without the details.
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::AddDependency(_) => ActionKind::AddDependency,
            Self::PinDependency(_) => ActionKind::PinDependency,
            Self::RemoveUnused(_) => ActionKind::RemoveUnused,
            Self::UpdateConfig(_) => ActionKind::UpdateConfig,
            Self::ModifyCode(_) => ActionKind::ModifyCode,
        }
    }
}

/// The kind of an [`Action`]: the `type` of the plan's JSON.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a new action must be handled everywhere")]
pub enum ActionKind {
    /// `add_dependency`
    AddDependency,
    /// `pin_dependency`
    PinDependency,
    /// `remove_unused`
    RemoveUnused,
    /// `update_config`
    UpdateConfig,
    /// `modify_code`
    ModifyCode,
}

impl ActionKind {
    /// Every kind, in the order of the schema.
    pub const ALL: [Self; 5] =
        [Self::AddDependency, Self::PinDependency, Self::RemoveUnused, Self::UpdateConfig, Self::ModifyCode];

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AddDependency => "add_dependency",
            Self::PinDependency => "pin_dependency",
            Self::RemoveUnused => "remove_unused",
            Self::UpdateConfig => "update_config",
            Self::ModifyCode => "modify_code",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A dependency to add, or to pin.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Dependency {
    /// The distribution.
    pub name: PackageName,
    /// Its version specifier; never empty for a pin.
    pub spec: VersionSpec,
    /// Its extras, sorted and unique.
    pub extras: Vec<ExtraName>,
    /// The marker under which it is wanted; for a pin, it tells two entries of one name apart.
    pub marker: Option<Marker>,
    /// The list that is meant; absent: the file's main list.
    pub section: Option<Section>,
}

impl Dependency {
    /// A dependency on `name` in the versions of `spec`, in the file's main list.
    #[must_use]
    pub fn new(name: PackageName, spec: VersionSpec) -> Self {
        Self { name, spec, extras: Vec::new(), marker: None, section: None }
    }

    /// The same, with these extras (sorted, duplicates dropped).
    #[must_use]
    pub fn with_extras(mut self, mut extras: Vec<ExtraName>) -> Self {
        // By the spelling, too: which of two spellings stays must not hang on their order.
        extras.sort_by(|a, b| a.cmp(b).then_with(|| a.as_str().cmp(b.as_str())));
        extras.dedup();
        self.extras = extras;
        self
    }

    /// The same, under this marker.
    #[must_use]
    pub fn with_marker(mut self, marker: Option<Marker>) -> Self {
        self.marker = marker;
        self
    }

    /// The same, in this section.
    #[must_use]
    pub fn with_section(mut self, section: Option<Section>) -> Self {
        self.section = section;
        self
    }
}

/// A list or table of dependencies, written as its dotted path.
///
/// ```
/// use fix_plan::Section;
/// let section: Section = "dependency-groups.dev".parse()?;
/// assert_eq!(section.to_string(), "dependency-groups.dev");
/// # Ok::<(), fix_plan::ValueError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a new section must be handled by every strategy")]
pub enum Section {
    /// The lines of a requirements file: `requirements`.
    Requirements,
    /// `project.dependencies` (PEP 621).
    Project,
    /// `project.optional-dependencies.EXTRA`.
    ProjectOptional(GroupName),
    /// `dependency-groups.GROUP` (PEP 735).
    Group(GroupName),
    /// `tool.poetry.dependencies`.
    Poetry,
    /// `tool.poetry.group.GROUP.dependencies`.
    PoetryGroup(GroupName),
    /// `tool.poetry.dev-dependencies`, Poetry's older spelling of its `dev` group.
    PoetryDev,
    /// `tool.uv.dev-dependencies`, uv's older spelling of the `dev` group.
    UvDev,
    /// `tool.pdm.dev-dependencies.GROUP`, PDM's older spelling of a group.
    PdmDev(GroupName),
}

impl FromStr for Section {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let group =
            |name: &str| name.parse::<GroupName>().map_err(|error| ValueError::new("section", text, error.problem()));
        match text {
            "requirements" => return Ok(Self::Requirements),
            "project.dependencies" => return Ok(Self::Project),
            "tool.poetry.dependencies" => return Ok(Self::Poetry),
            "tool.poetry.dev-dependencies" => return Ok(Self::PoetryDev),
            "tool.uv.dev-dependencies" => return Ok(Self::UvDev),
            _ => {}
        }
        if let Some(name) = text.strip_prefix("project.optional-dependencies.") {
            return Ok(Self::ProjectOptional(group(name)?));
        }
        if let Some(name) = text.strip_prefix("dependency-groups.") {
            return Ok(Self::Group(group(name)?));
        }
        if let Some(name) = text.strip_prefix("tool.pdm.dev-dependencies.") {
            return Ok(Self::PdmDev(group(name)?));
        }
        if let Some(name) = text.strip_prefix("tool.poetry.group.").and_then(|rest| rest.strip_suffix(".dependencies"))
        {
            return Ok(Self::PoetryGroup(group(name)?));
        }
        Err(ValueError::new(
            "section",
            text,
            "names no list of dependencies; write project.dependencies, project.optional-dependencies.EXTRA, dependency-groups.GROUP, \
             tool.poetry.dependencies, tool.poetry.group.GROUP.dependencies, or leave it out for the file's main list",
        ))
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requirements => f.write_str("requirements"),
            Self::Project => f.write_str("project.dependencies"),
            Self::ProjectOptional(name) => write!(f, "project.optional-dependencies.{name}"),
            Self::Group(name) => write!(f, "dependency-groups.{name}"),
            Self::Poetry => f.write_str("tool.poetry.dependencies"),
            Self::PoetryGroup(name) => write!(f, "tool.poetry.group.{name}.dependencies"),
            Self::PoetryDev => f.write_str("tool.poetry.dev-dependencies"),
            Self::UvDev => f.write_str("tool.uv.dev-dependencies"),
            Self::PdmDev(name) => write!(f, "tool.pdm.dev-dependencies.{name}"),
        }
    }
}

/// An unused import: the binding, and where to look for it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UnusedImport {
    /// The binding.
    pub target: ImportTarget,
    /// What tells it apart from others like it.
    pub locator: ImportLocator,
}

impl UnusedImport {
    /// The binding `target`, searched in the whole file.
    #[must_use]
    pub fn new(target: ImportTarget) -> Self {
        Self { target, locator: ImportLocator::default() }
    }

    /// The same, at `locator`.
    #[must_use]
    pub fn with_locator(mut self, locator: ImportLocator) -> Self {
        self.locator = locator;
        self
    }
}

/// Details that only an embedder's own strategy understands: a JSON object, within the
/// [limits](crate::limits) of a plan text.
///
/// ```
/// use fix_plan::FreeForm;
/// let object = serde_json::json!({"setting": "line-length", "value": 120});
/// let details = FreeForm::new(object.as_object().cloned().unwrap_or_default())?;
/// assert_eq!(details.as_object()["value"], 120);
/// # Ok::<(), fix_plan::ValueError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FreeForm(Map<String, Value>);

impl FreeForm {
    /// The details `object`.
    ///
    /// # Errors
    /// Names the limit that the object does not keep.
    pub fn new(object: Map<String, Value>) -> Result<Self, ValueError> {
        let text = Value::Object(object).to_string();
        match crate::wire::document::read(text.as_bytes(), &mut Violations::default()).map(Node::into_value) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Ok(Self::default()),
            Err(error) => Err(ValueError::new("details", &text, error.to_string())),
        }
    }

    /// The details of a plan text, whose limits have been checked.
    pub(crate) fn bounded(object: Map<String, Value>) -> Self {
        Self(object)
    }

    /// The object.
    #[must_use]
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_extra_stays_does_not_hang_on_the_order() {
        let extras = |names: [&str; 3]| {
            let dependency = Dependency::new("a".parse().unwrap(), VersionSpec::any());
            let names = names.iter().map(|name| name.parse().unwrap()).collect();
            dependency.with_extras(names).extras.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(extras(["socks", "SOCKS", "b"]), extras(["SOCKS", "b", "socks"]));
    }

    #[test]
    fn free_form_details_have_the_limits_of_a_text() {
        let object = |value: Value| Map::from_iter([("key".to_owned(), value)]);
        assert!(FreeForm::new(object(serde_json::json!({"b": [1, null], "a": 1.5}))).is_ok());
        let mut deep = Value::Null;
        for _ in 0..40 {
            deep = Value::Array(vec![deep]);
        }
        for bad in [
            deep,
            vec![0; 5_000].into(),
            "x".repeat(300_000).into(),
            Value::Object(Map::from_iter([("k".repeat(129), Value::Null)])),
        ] {
            assert!(FreeForm::new(object(bad)).is_err());
        }
    }

    #[test]
    fn sections_round_trip() {
        for text in [
            "requirements",
            "project.dependencies",
            "project.optional-dependencies.test",
            "dependency-groups.dev",
            "tool.poetry.dependencies",
            "tool.poetry.group.docs.dependencies",
            "tool.poetry.dev-dependencies",
            "tool.uv.dev-dependencies",
            "tool.pdm.dev-dependencies.test",
        ] {
            assert_eq!(text.parse::<Section>().unwrap().to_string(), text);
        }
        for bad in
            ["", "project", "dependency-groups.", "dependency-groups.a]", "tool.poetry.group..dependencies", "tool.x"]
        {
            assert!(bad.parse::<Section>().is_err(), "{bad:?}");
        }
    }
}
