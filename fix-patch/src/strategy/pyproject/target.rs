//! Which list or table a section means in a document.

use std::collections::BTreeSet;

use fix_plan::{Dependency, GroupName, Section, normalize_name};
use toml_edit::Item;

use super::Located;
use super::toml::Toml;
use crate::refusal::RefusalCode;
use crate::strategy::requirement::Requirement;

/// The list or table that is edited.
pub(super) struct Target {
    pub(super) path: Vec<String>,
    /// Whether it is one of Poetry's tables, and not a list.
    pub(super) is_poetry: bool,
    /// The group, normalised, and where it stands among its siblings; none for lists that are no group.
    pub(super) group: Option<(&'static [&'static str], String)>,
    section: Section,
}

impl Target {
    pub(super) fn of(toml: &Toml, dependency: &Dependency) -> Result<Self, Located> {
        let section = match &dependency.section {
            Some(section) => section.clone(),
            None => main_list(toml)?,
        };
        let (parents, group, last): (&'static [&'static str], Option<&GroupName>, &[&str]) = match &section {
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
        let group = group.map(|group| (parents, group.normalized().to_owned()));
        Ok(Self { path, is_poetry, group, section })
    }

    /// Whether the group gets the dependency from a group that it includes.
    pub(super) fn is_included(&self, toml: &Toml, dependency: &Dependency) -> bool {
        let Section::Group(group) = &self.section else { return false };
        let Some(groups) = toml.get(&["dependency-groups"]).and_then(Item::as_table_like) else { return false };
        let mut seen = BTreeSet::new();
        let mut open = vec![group.normalized().to_owned()];
        while let Some(name) = open.pop() {
            let list = groups.iter().find(|(key, _)| normalize_name(key) == name).and_then(|(_, item)| item.as_array());
            for entry in list.into_iter().flatten().filter(|_| !seen.contains(&name)) {
                let requirement = entry.as_str().and_then(Requirement::parse);
                if requirement.is_some_and(|requirement| requirement.declares(dependency)) {
                    return true;
                }
                let included = entry.as_inline_table().and_then(|table| table.get("include-group")?.as_str());
                open.extend(included.map(normalize_name));
            }
            seen.insert(name);
        }
        false
    }

    /// Refuses what is computed elsewhere: by a build step.
    pub(super) fn refuse_dynamic(&self, toml: &Toml) -> Result<(), Located> {
        let field = match self.section {
            Section::Project => "dependencies",
            Section::ProjectOptional(_) => "optional-dependencies",
            _ => return Ok(()),
        };
        let Some(at) = dynamic(toml, field) else { return Ok(()) };
        let message = format!("the project declares its {field} dynamic: a build step computes them");
        Err(Located::new(RefusalCode::Dynamic, message, [(at, "")]))
    }

    /// Refuses an addition where the list is computed, or where it would declare nothing.
    pub(super) fn refuse_addition(&self, toml: &Toml, dependency: &Dependency) -> Result<(), Located> {
        let project = &["project"][..];
        let poetry = &["tool", "poetry"][..];
        let list: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let is_there = toml.get(&list).is_some();
        let missing = match self.section {
            Section::Project | Section::ProjectOptional(_) if !is_declared(toml, project) => Some("[project]"),
            Section::Poetry | Section::PoetryDev if !is_there && !is_declared(toml, poetry) => Some("[tool.poetry]"),
            Section::PoetryGroup(_) if toml.get(poetry).is_none() => Some("[tool.poetry]"),
            _ => None,
        };
        if let Some(table) = missing {
            let message = format!("the file has no {table} table, and one is not made up");
            return Err(Located::bare(RefusalCode::NoProject, message));
        }
        self.refuse_dynamic(toml)?;
        let name = &dependency.name;
        let own = toml.get(&["project", "dependencies"]);
        if let (Section::Poetry, Some(own), None) = (&self.section, own, dynamic(toml, "dependencies")) {
            let message = format!(
                "the project declares its dependencies in `project.dependencies`, which this table only enriches; add {name} there"
            );
            return Err(Located::new(RefusalCode::PoetryEnrichment, message, own.span().map(|span| (span.start, ""))));
        }
        if let (Section::Project, None, Some(at)) = (&self.section, own, poetry_list(toml)) {
            // With a list of its own, Poetry would take the versions of its table no longer.
            let message = format!(
                "the project declares its dependencies in `tool.poetry.dependencies`, which a first entry here would take the place of; add {name} there"
            );
            return Err(Located::new(RefusalCode::PoetryEnrichment, message, [(at, "")]));
        }
        Ok(())
    }
}

fn main_list(toml: &Toml) -> Result<Section, Located> {
    if toml.get(&["project", "dependencies"]).is_some() {
        return Ok(Section::Project);
    }
    let is_project = is_declared(toml, &["project"]);
    let is_poetry = match toml.get(&["tool", "poetry", "dependencies"]) {
        Some(_) => poetry_list(toml).is_some() || dynamic(toml, "dependencies").is_some(),
        None => false,
    };
    if is_poetry || !is_project && toml.get(&["tool", "poetry"]).is_some() {
        return Ok(Section::Poetry);
    }
    if is_project {
        return Ok(Section::Project);
    }
    let message = "the file has neither [project] nor [tool.poetry], and neither is made up";
    Err(Located::bare(RefusalCode::NoProject, message))
}

/// Whether a table is there itself, and not only for a table below it.
fn is_declared(toml: &Toml, path: &[&str]) -> bool {
    toml.get(path).is_some_and(|item| match item {
        Item::Table(table) => !table.is_implicit() || table.iter().any(|(_, item)| item.is_value()),
        item => item.is_table_like(),
    })
}

/// Where Poetry's main table has an entry besides `python`.
fn poetry_list(toml: &Toml) -> Option<usize> {
    let table = toml.get(&["tool", "poetry", "dependencies"])?.as_table_like()?;
    let first = table.iter().map(|(key, _)| key).find(|key| *key != "python")?;
    Some(table.key(first).and_then(|key| key.span()).map_or(0, |span| span.start))
}

/// Where the project declares a field dynamic.
fn dynamic(toml: &Toml, field: &str) -> Option<usize> {
    let list = toml.get(&["project", "dynamic"])?.as_array()?;
    let found = list.iter().find(|value| value.as_str() == Some(field))?;
    Some(found.span().map_or(0, |span| span.start))
}

/// The group as the file spells it; as the plan does when it is not there.
fn spelling(toml: &Toml, parents: &[&str], group: &GroupName) -> Result<String, Located> {
    let Some(table) = toml.get(parents).and_then(Item::as_table_like) else { return Ok(group.to_string()) };
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
