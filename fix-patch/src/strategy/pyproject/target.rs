//! Which list or table a section means in a document.

use fix_plan::{Dependency, GroupName, Section, normalize_name};
use toml_edit::Item;

use super::Located;
use super::toml::Toml;
use crate::refusal::RefusalCode;

/// The list or table that is edited.
pub(super) struct Target {
    pub(super) path: Vec<String>,
    /// Whether it is one of Poetry's tables, and not a list.
    pub(super) is_poetry: bool,
    section: Section,
}

impl Target {
    pub(super) fn of(toml: &Toml, dependency: &Dependency) -> Result<Self, Located> {
        let section = match &dependency.section {
            Some(section) => section.clone(),
            None => main_list(toml)?,
        };
        let (parents, group, last): (&[&str], Option<&GroupName>, &[&str]) = match &section {
            Section::Requirements => {
                let message = "`requirements` is the section of requirements files; name a list of this file, or none";
                return Err(Located::bare(RefusalCode::WrongSection, message));
            }
            Section::Project => (&["project", "dependencies"], None, &[]),
            Section::ProjectOptional(group) => (&["project", "optional-dependencies"], Some(group), &[]),
            Section::Group(group) => (&["dependency-groups"], Some(group), &[]),
            Section::Poetry => (&["tool", "poetry", "dependencies"], None, &[]),
            Section::PoetryGroup(group) => (&["tool", "poetry", "group"], Some(group), &["dependencies"]),
            Section::PoetryDev => (&["tool", "poetry", "dev-dependencies"], None, &[]),
            Section::UvDev => (&["tool", "uv", "dev-dependencies"], None, &[]),
            Section::PdmDev(group) => (&["tool", "pdm", "dev-dependencies"], Some(group), &[]),
        };
        let mut path: Vec<String> = parents.iter().map(|key| (*key).to_owned()).collect();
        if let Some(group) = group {
            path.push(spelling(toml, parents, group)?);
        }
        path.extend(last.iter().map(|key| (*key).to_owned()));
        let is_poetry = matches!(section, Section::Poetry | Section::PoetryGroup(_) | Section::PoetryDev);
        Ok(Self { path, is_poetry, section })
    }

    /// Refuses an addition where the list is computed, or where it would declare nothing.
    pub(super) fn refuse_addition(&self, toml: &Toml, dependency: &Dependency) -> Result<(), Located> {
        let needs_project = matches!(self.section, Section::Project | Section::ProjectOptional(_));
        if needs_project && toml.get(&["project"]).is_none() {
            let message = "the file has no [project] table, and one is not made up";
            return Err(Located::bare(RefusalCode::NoProject, message));
        }
        if self.is_poetry && toml.get(&["tool", "poetry"]).is_none() {
            let message = "the file has no [tool.poetry] table, and one is not made up";
            return Err(Located::bare(RefusalCode::NoProject, message));
        }
        let field = match self.section {
            Section::Project => Some("dependencies"),
            Section::ProjectOptional(_) => Some("optional-dependencies"),
            _ => None,
        };
        if let Some(field) = field.filter(|field| is_dynamic(toml, field)) {
            let message = format!("the project declares its {field} dynamic: a build step computes them");
            return Err(Located::bare(RefusalCode::Dynamic, message));
        }
        let is_static = toml.get(&["project", "dependencies"]).is_some() && !is_dynamic(toml, "dependencies");
        if self.section == Section::Poetry && is_static {
            let message = format!(
                "the project declares its dependencies in `project.dependencies`, which this table only enriches; add {} there",
                dependency.name
            );
            return Err(Located::bare(RefusalCode::PoetryEnrichment, message));
        }
        Ok(())
    }
}

fn main_list(toml: &Toml) -> Result<Section, Located> {
    let has_poetry = toml.get(&["tool", "poetry", "dependencies"]).is_some();
    if toml.get(&["project", "dependencies"]).is_some() {
        return Ok(Section::Project);
    }
    if toml.get(&["project"]).is_some() && !(has_poetry && is_dynamic(toml, "dependencies")) {
        return Ok(Section::Project);
    }
    if toml.get(&["tool", "poetry"]).is_some() {
        return Ok(Section::Poetry);
    }
    let message = "the file has neither [project] nor [tool.poetry], and neither is made up";
    Err(Located::bare(RefusalCode::NoProject, message))
}

fn is_dynamic(toml: &Toml, field: &str) -> bool {
    toml.get(&["project", "dynamic"])
        .and_then(Item::as_array)
        .is_some_and(|list| list.iter().any(|value| value.as_str() == Some(field)))
}

/// The group as the file spells it; as the plan does when it is not there.
fn spelling(toml: &Toml, parents: &[&str], group: &GroupName) -> Result<String, Located> {
    let Some(table) = toml.get(parents).and_then(Item::as_table_like) else { return Ok(group.to_string()) };
    if table.contains_key(group.as_str()) {
        return Ok(group.to_string());
    }
    let same: Vec<&str> =
        table.iter().map(|(key, _)| key).filter(|key| normalize_name(key) == group.normalized()).collect();
    match same.as_slice() {
        [] => Ok(group.to_string()),
        [one] => Ok((*one).to_owned()),
        several => {
            let at = |key: &str| table.key(key).and_then(|key| key.span()).map_or(0, |span| span.start);
            let found = several.iter().map(|key| (at(key), *key));
            Err(Located::new(RefusalCode::Ambiguous, format!("the group {group} is there more than once"), found))
        }
    }
}
