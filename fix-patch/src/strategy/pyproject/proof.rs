//! The proof that exactly one entry came, or exactly one version changed.

use fix_plan::{Action, Dependency, Operation, normalize_name};
use toml_edit::{Item, TableLike, Value};

use super::poetry;
use super::target::Target;
use super::toml::Toml;
use crate::strategy::requirement::Requirement;

/// Checks that `after` is `before` with the one change that `operation` asks for.
pub(super) fn prove(before: &Toml, after: &Toml, operation: &Operation) -> Result<(), String> {
    let (dependency, is_pin) = match &operation.action {
        Action::AddDependency(dependency) => (dependency, false),
        Action::PinDependency(dependency) => (dependency, true),
        _ => return Err("the operation is no dependency".to_owned()),
    };
    let target = Target::of(before, dependency).map_err(|located| located.message)?;
    let mut differences = Vec::new();
    compare(Some(before.root()), Some(after.root()), &mut Vec::new(), &mut differences);
    let [Difference { path, old, new }] = differences.as_slice() else {
        return Err(format!("{} things differ where one should", differences.len()));
    };
    let list: Vec<&str> = target.path.iter().map(String::as_str).collect();
    if target.is_poetry {
        let inside = path.get(list.len()).is_some_and(|key| normalize_name(key) == dependency.name.normalized());
        return match (is_pin, old, new) {
            (true, Some(old), Some(new)) if path.starts_with(&list) && inside => {
                let is_version =
                    path.len() == list.len() + 1 || path.len() == list.len() + 2 && path.last() == Some(&"version");
                let changed = old.as_str().is_some() && new.as_str() == Some(dependency.spec.as_str());
                let entry = path.get(..=list.len()).and_then(|entry| before.get(entry));
                let is_meant =
                    dependency.marker.is_none() || poetry::has_marker(entry.and_then(Item::as_table_like), dependency);
                if is_version && changed && is_meant { Ok(()) } else { Err(format!("{} changed", path.join("."))) }
            }
            (false, None, Some(new)) => {
                let added = dig(new, path, &list);
                let entry = added.and_then(|table| {
                    let table = table.as_table_like();
                    match table {
                        Some(table) if path.len() <= list.len() => only(table),
                        _ => path.last().map(|key| (*key, *new)),
                    }
                });
                match entry {
                    Some((key, value)) if poetry::is_wanted(key, value, dependency) => Ok(()),
                    _ => Err(format!("what came is not {}", dependency.name)),
                }
            }
            _ => Err(format!("{} changed", path.join("."))),
        };
    }
    match (old.and_then(|item| item.as_array()), new) {
        (Some(old), Some(new)) if *path == list => {
            let new = new.as_array().ok_or("the list is no list any more")?;
            check_lists(&super::array::strings(old), &super::array::strings(new), dependency, is_pin)?;
            // What is no string stays as it is.
            let others = |array: &'_ toml_edit::Array| {
                array.iter().filter(|value| value.as_str().is_none()).cloned().collect::<Vec<_>>()
            };
            let (old, new) = (others(old), others(new));
            let same = old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| same_value(a, b));
            if same { Ok(()) } else { Err("an entry that is no requirement changed".to_owned()) }
        }
        (None, Some(new)) if !is_pin => {
            let added = dig(new, path, &list).and_then(Item::as_array).ok_or("what came is no list")?;
            check_lists(&[], &super::array::strings(added), dependency, false)
        }
        _ => Err(format!("{} changed", path.join("."))),
    }
}

/// One place where two documents differ.
struct Difference<'d> {
    path: Vec<&'d str>,
    old: Option<&'d Item>,
    new: Option<&'d Item>,
}

fn compare<'d>(old: Option<&'d Item>, new: Option<&'d Item>, path: &mut Vec<&'d str>, found: &mut Vec<Difference<'d>>) {
    if let (Some(a), Some(b)) = (old.and_then(Item::as_table_like), new.and_then(Item::as_table_like)) {
        for (key, item) in a.iter() {
            path.push(key);
            compare(Some(item), b.get(key), path, found);
            path.pop();
        }
        for (key, item) in b.iter() {
            if !a.contains_key(key) {
                path.push(key);
                found.push(Difference { path: path.clone(), old: None, new: Some(item) });
                path.pop();
            }
        }
        return;
    }
    let same = match (old, new) {
        (Some(Item::Value(a)), Some(Item::Value(b))) => same_value(a, b),
        (Some(Item::ArrayOfTables(a)), Some(Item::ArrayOfTables(b))) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    let mut inside = Vec::new();
                    compare_tables(a, b, &mut inside);
                    inside.is_empty()
                })
        }
        (None, None) => true,
        _ => false,
    };
    if !same {
        found.push(Difference { path: path.clone(), old, new });
    }
}

fn compare_tables<'d>(a: &'d dyn TableLike, b: &'d dyn TableLike, found: &mut Vec<Difference<'d>>) {
    let mut path = Vec::new();
    for (key, item) in a.iter() {
        compare(Some(item), b.get(key), &mut path, found);
    }
    for (key, item) in b.iter() {
        if !a.contains_key(key) {
            found.push(Difference { path: vec![key], old: None, new: Some(item) });
        }
    }
}

fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.value() == b.value(),
        (Value::Integer(a), Value::Integer(b)) => a.value() == b.value(),
        (Value::Float(a), Value::Float(b)) => a.value().to_bits() == b.value().to_bits(),
        (Value::Boolean(a), Value::Boolean(b)) => a.value() == b.value(),
        (Value::Datetime(a), Value::Datetime(b)) => a.value() == b.value(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b)),
        (Value::InlineTable(a), Value::InlineTable(b)) => {
            let mut inside = Vec::new();
            compare_tables(a, b, &mut inside);
            inside.is_empty()
        }
        _ => false,
    }
}

/// Follows `list` below `item`, which stands at `path`, through tables that hold one key each.
fn dig<'d>(item: &'d Item, path: &[&str], list: &[&str]) -> Option<&'d Item> {
    if path.len() > list.len() {
        return path.starts_with(list).then_some(item);
    }
    if !list.starts_with(path) {
        return None;
    }
    list.get(path.len()..)?.iter().try_fold(item, |item, key| {
        let (only, inner) = only(item.as_table_like()?)?;
        (only == *key).then_some(inner)
    })
}

fn only(table: &dyn TableLike) -> Option<(&str, &Item)> {
    let mut entries = table.iter();
    let first = entries.next()?;
    entries.next().is_none().then_some(first)
}

fn check_lists(
    old: &[Option<&str>],
    new: &[Option<&str>],
    dependency: &Dependency,
    is_pin: bool,
) -> Result<(), String> {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = if is_pin { same + 1 } else { same };
    if !old.iter().skip(rest).eq(new.iter().skip(same + 1)) || new.len() != old.len() + usize::from(!is_pin) {
        return Err("more than one entry of the list differs".to_owned());
    }
    let entry = new.get(same).copied().flatten().ok_or("the new entry is no string")?;
    let requirement = Requirement::parse(entry).ok_or_else(|| format!("{entry:?} is no requirement"))?;
    if requirement.is_direct() || requirement.normalized() != dependency.name.normalized() {
        return Err(format!("the entry is {entry:?}"));
    }
    let is_wanted = if is_pin {
        let was =
            old.get(same).copied().flatten().and_then(Requirement::parse).ok_or("the old entry is no requirement")?;
        let is_meant = dependency.marker.as_ref().is_none_or(|marker| was.has_marker(Some(marker)));
        is_meant && was.besides_spec() == requirement.besides_spec() && requirement.spec() == dependency.spec.as_str()
    } else {
        requirement.has_spec(&dependency.spec)
            && requirement.has_extras(dependency)
            && requirement.has_marker(dependency.marker.as_ref())
    };
    if is_wanted { Ok(()) } else { Err(format!("the entry is {entry:?}")) }
}

#[cfg(test)]
mod tests {
    use fix_plan::FixPlan;

    use super::*;

    const BEFORE: &str = "[project]\nname = \"x\"\ndependencies = [\"a>=1\", \"c; os_name == 'nt'\"]\n\
        [[project.authors]]\nname = \"n\"\n[dependency-groups]\ndev = [{include-group = \"t\"}, \"a>=1\"]\nt = []\n[tool.x]\ny = 1\n";

    fn verdict(before: &str, after: &str, kind: &str, section: &str) -> Result<(), String> {
        let plan: FixPlan = format!(
            r#"{{"root_cause": "x", "category": "python_missing_dependency", "confidence": 1,
                "files": ["pyproject.toml"], "operations": [{{"type": "{kind}", "file": "pyproject.toml",
                "details": {{"name": "a", "spec": "==2", "section": "{section}"}}, "rationale": "r", "evidence": []}}]}}"#
        )
        .parse()
        .unwrap();
        prove(&Toml::parse(before).unwrap(), &Toml::parse(after).unwrap(), &plan.operations()[0])
    }

    #[test]
    fn only_the_pin_is_proven() {
        let right = BEFORE.replacen("a>=1", "a==2", 1);
        let pin = |after: &str| verdict(BEFORE, after, "pin_dependency", "project.dependencies");
        assert_eq!(pin(&right), Ok(()));
        for (wrong, what) in [
            (BEFORE.to_owned(), "nothing changed"),
            (BEFORE.replacen("a>=1", "a==3", 1), "another version"),
            (BEFORE.replacen("a>=1", "a[x]==2", 1), "an extra came"),
            (BEFORE.replacen("a>=1", "a==2; os_name == 'nt'", 1), "a marker came"),
            (BEFORE.replacen("a>=1", "b==2", 1), "another name"),
            (BEFORE.replace("a>=1", "a==2"), "another list changed, too"),
            (right.replace("c;", "c>1;"), "another entry changed, too"),
            (right.replace("y = 1", "y = 2"), "another table changed, too"),
            (right.replace("\"n\"", "\"m\""), "a table of a list changed, too"),
            (right.replace("\"n\"", "\"n\"\nemail = \"e\""), "a table of a list got a key, too"),
            (right.replace("name = \"n\"", ""), "a table of a list lost a key, too"),
            (right.replace("[[project", "[[project.authors]]\n[[project"), "a table came to a list, too"),
            (right.replace("y = 1", ""), "a key went"),
            (right + "z = 1\n", "a key came"),
        ] {
            assert!(pin(&wrong).is_err(), "{what}");
        }
    }

    const POETRY: &str = "[tool.poetry.dependencies]\npython = \"^3\"\nb = {version = \"1\", optional = true}\n\
        c = \"1\"\nx = {n = [1, 2.5, true, 1979-05-27, {k = \"v\"}]}\n";

    #[test]
    fn only_the_entry_of_poetry_is_proven() {
        let section = "tool.poetry.dependencies";
        let add = |line: &str| verdict(POETRY, &(POETRY.to_owned() + line), "add_dependency", section);
        assert_eq!(add("a = \"==2\"\n"), Ok(()));
        assert_eq!(add("a = {version = \"==2\"}\n"), Ok(()));
        for wrong in [
            "",
            "a = \"==3\"\n",
            "d = \"==2\"\n",
            "a = [\"==2\"]\n",
            "a = {version = \"==2\", extras = [\"x\"]}\n",
            "a = {version = \"==2\", markers = \"os_name == 'nt'\"}\n",
            "a = {version = \"==2\", optional = true}\n",
            "a = {git = \"==2\"}\n",
            "a = \"==2\"\nd = \"1\"\n",
            "[tool.other]\na = \"==2\"\n",
        ] {
            assert!(add(wrong).is_err(), "{wrong}");
        }
        let with = POETRY.replace("c = \"1\"", "a = \"1\"");
        let pin = |old: &str, after: &str| verdict(old, after, "pin_dependency", section);
        assert_eq!(pin(&with, &with.replace("a = \"1\"", "a = \"==2\"")), Ok(()));
        let inline = with.replace("a = \"1\"", "a = {version = \"1\", markers = \"m\"}");
        let right = inline.replace("\"1\", m", "\"==2\", m");
        assert_eq!(pin(&inline, &right), Ok(()));
        for (old, new) in [
            (&with, with.clone()),
            (&with, with.replace("a = \"1\"", "a = \"2\"")),
            (&with, with.replace("a = \"1\"", "a = {version = \"==2\"}")),
            (&with, with.replace("\"^3\"", "\"==2\"")),
            (&inline, inline.replace("\"m\"", "\"==2\"")),
            (&inline, right.replace(", markers = \"m\"", "")),
            (&inline, right.replace("true}", "false}")),
            (&inline, right.replace("[1,", "[2,")),
            (&inline, right.replace("2.5", "2.6")),
            (&inline, right.replace("true,", "false,")),
            (&inline, right.replace("1979", "1980")),
            (&inline, right.replace("\"v\"", "\"w\"")),
            (&inline, right.replace("\"v\"", "1")),
            (&inline, right.replace("2.5, ", "")),
        ] {
            assert!(pin(old, &new).is_err(), "{new}");
        }
    }

    #[test]
    fn only_the_addition_is_proven() {
        let before = BEFORE.replace("\"a>=1\"", "\"b\"");
        let right = before.replacen("\"b\"]", "\"b\", \"a==2\"]", 1);
        let add = |after: &str| verdict(&before, after, "add_dependency", "dependency-groups.dev");
        assert_eq!(add(&right), Ok(()));
        for (wrong, what) in [
            (before.clone(), "nothing came"),
            (right.replace("a==2", "a==3"), "another version came"),
            (right.replace("a==2", "d==2"), "another name came"),
            (right.replace("a==2", "a==2; os_name == 'nt'"), "a marker came, too"),
            (right.replace("a==2", "a[x]==2"), "an extra came, too"),
            (right.replace("a==2", "a @ https://example.com/a"), "a direct reference came"),
            (right.replace("\"a==2\"", "\"a==2\", \"d\""), "two came"),
            (right.replace("\"b\", \"a==2\"", "\"a==2\""), "one went"),
            (right.replace("\"t\"}", "\"s\"}"), "an include changed"),
            (before.replacen("\"b\",", "\"b\", \"a==2\",", 1), "it came to another list"),
        ] {
            assert!(add(&wrong).is_err(), "{what}");
        }
    }
}
