//! What to say of a dependency that is not where the plan looks for it.

use fix_plan::{Dependency, normalize_name};
use toml_edit::{Item, TableLike};

use super::Located;
use super::target::Target;
use super::toml::Toml;
use crate::refusal::RefusalCode;
use crate::strategy::in_turn::message;
use crate::strategy::requirement::{is_spelling_of, name_at_start, near_names};

/// The list is there, the entry is not; `known` are the names of its entries, and where they stand.
pub(super) fn no_entry<'d>(
    toml: &'d Toml,
    dependency: &Dependency,
    known: impl Iterator<Item = (usize, &'d str)>,
) -> Located {
    let near = near_names(dependency.name.normalized(), known);
    elsewhere(toml, dependency).unwrap_or_else(|| Located::new(RefusalCode::Absent, message::absent(dependency), near))
}

/// The list itself is not there.
pub(super) fn no_list(toml: &Toml, target: &Target, dependency: &Dependency) -> Located {
    let list = target.path.join(".");
    let message = format!("{} is not declared here: there is no `{list}`", dependency.name);
    let Some((parents, group)) = &target.group else {
        return elsewhere(toml, dependency).unwrap_or_else(|| Located::bare(RefusalCode::Absent, message));
    };
    let groups = toml.get(parents).and_then(Item::as_table_like);
    let near = near_names(group, groups.into_iter().flat_map(keys));
    elsewhere(toml, dependency).unwrap_or_else(|| Located::new(RefusalCode::Absent, message, near))
}

/// The refusal that names the lists of this file which declare the dependency; none when no list does.
fn elsewhere(toml: &Toml, dependency: &Dependency) -> Option<Located> {
    let wanted = dependency.name.normalized();
    let mut found: Vec<(usize, String)> = Vec::new();
    for (list, item) in lists(toml) {
        let entries: Vec<(usize, &str)> = match item {
            Item::Value(value) => value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|value| Some((value.span()?.start, name_at_start(value.as_str()?))))
                .filter(|(_, name)| is_spelling_of(name, wanted))
                .collect(),
            _ => Vec::new(),
        };
        let table = item.as_table_like().into_iter().flat_map(keys).filter(|(_, key)| normalize_name(key) == wanted);
        found.extend(entries.into_iter().chain(table).map(|(at, _)| (at, list.clone())));
    }
    let sections: Vec<&str> = found.iter().map(|(_, list)| list.as_str()).collect();
    let first = sections.first()?;
    let message =
        format!("{} is not declared in this list but in `{first}`; name that as its section", dependency.name);
    Some(Located::new(RefusalCode::Absent, message, found.iter().map(|(at, list)| (*at, list.as_str()))))
}

/// Every list and table of dependencies, under the section that a plan would name.
fn lists(toml: &Toml) -> Vec<(String, &Item)> {
    let single = [
        "project.dependencies",
        "tool.poetry.dependencies",
        "tool.poetry.dev-dependencies",
        "tool.uv.dev-dependencies",
    ];
    let groups = [
        ("project.optional-dependencies", ""),
        ("dependency-groups", ""),
        ("tool.poetry.group", ".dependencies"),
        ("tool.pdm.dev-dependencies", ""),
    ];
    let at = |path: &str| toml.get(&path.split('.').collect::<Vec<_>>());
    let mut lists: Vec<(String, &Item)> =
        single.iter().filter_map(|path| Some(((*path).to_owned(), at(path)?))).collect();
    for (parents, last) in groups {
        let Some(table) = at(parents).and_then(Item::as_table_like) else { continue };
        for (group, item) in table.iter() {
            let list = match last {
                "" => Some(item),
                _ => item.as_table_like().and_then(|table| table.get("dependencies")),
            };
            lists.extend(list.map(|list| (format!("{parents}.{group}{last}"), list)));
        }
    }
    lists
}

/// The keys of a table, and where they stand.
pub(super) fn keys(table: &dyn TableLike) -> impl Iterator<Item = (usize, &str)> {
    table.iter().filter_map(|(key, _)| Some((table.key(key)?.span()?.start, key)))
}
