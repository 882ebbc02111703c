//! What holds for every addition and pin, tried on generated manifests.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test starts git; the library does not"
)]

mod support;

use std::fs;

use fix_patch::{Generated, MemoryTree, Patch, PatchError, PatchGenerator, PatchOptions};
use fix_plan::FixPlan;
use proptest::prelude::*;
use serde_json::Value;
use support::manifests::{change, poetry_project, project, requirements_file, samples};
use support::{git, operation, plan};

/// A manifest: its path, its text, and changes of its section.
type Case = (&'static str, String, Vec<Value>);

fn case() -> impl Strategy<Value = Case> {
    let of = |poetry: bool| prop::collection::vec(change(poetry), 1..4);
    let operations = |changes: Vec<Value>, section: &str| {
        let details = |mut change: Value| {
            change["section"] = section.into();
            let kind = change.as_object_mut().unwrap().remove("kind").unwrap();
            operation(kind.as_str().unwrap(), change)
        };
        changes.into_iter().map(details).collect::<Vec<_>>()
    };
    prop_oneof![
        (requirements_file(), of(false)).prop_map(move |(text, changes)| (
            "requirements.txt",
            text,
            operations(changes, "requirements")
        )),
        (project(), of(false)).prop_map(move |((text, section), changes)| (
            "pyproject.toml",
            text,
            operations(changes, section)
        )),
        (poetry_project(), of(true)).prop_map(move |((text, section), changes)| (
            "pyproject.toml",
            text,
            operations(changes, section)
        )),
    ]
}

/// The patch; none where nothing has to change, the code of the refusal where it can't.
fn generate(path: &str, text: &str, plan: &FixPlan) -> Result<Option<Patch>, &'static str> {
    let tree = MemoryTree::from_iter([(path.parse().unwrap(), text.into())]);
    match PatchGenerator::default().generate(plan, &tree, &PatchOptions::default()) {
        Ok(Generated::Patch(patch)) => Ok(Some(patch)),
        Ok(Generated::NoChange(_)) => Ok(None),
        Err(PatchError::Refused(refusal)) => Err(refusal.code.as_str()),
        Err(error) => unreachable!("{error}: {:?}\n{text}", std::error::Error::source(&error)),
    }
}

/// So many cases whose operations make a plan.
fn cases(count: usize) -> impl Iterator<Item = (Case, FixPlan)> {
    samples(count, case()).into_iter().filter_map(|case| {
        let plan = plan(case.0, &case.2).ok()?;
        Some((case, plan))
    })
}

#[test]
fn the_order_of_changes_does_not_show_and_they_are_done_once() {
    let (mut patches, mut refusals) = (0, 0);
    for ((path, text, mut operations), plan) in cases(3_000) {
        let result = generate(path, &text, &plan);
        operations.reverse();
        let reversed = support::plan(path, &operations).unwrap();
        assert_eq!(generate(path, &text, &reversed), result, "{text}");
        match result {
            Ok(Some(patch)) => {
                patches += 1;
                let after = patch.files()[0].after();
                assert_eq!(generate(path, after, &plan), Ok(None), "{text}\n{after}");
            }
            Ok(None) => {}
            Err(_) => refusals += 1,
        }
    }
    assert!(patches > 500 && refusals > 500, "{patches} patches, {refusals} refusals");
}

/// How many lines a diff takes out and puts in.
fn changed_lines(diff: &str) -> (usize, usize) {
    let lines = || diff.lines().skip_while(|line| !line.starts_with("@@"));
    (lines().filter(|line| line.starts_with('-')).count(), lines().filter(|line| line.starts_with('+')).count())
}

/// What stands in `after` at one place, and perhaps a comma before or behind it, that `before` has not.
fn inserted<'t>(before: &str, after: &'t str) -> Option<&'t str> {
    let start = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let rest = before.len().min(after.len()) - start;
    let end = before.bytes().rev().zip(after.bytes().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (gone, new) = (before.get(start..before.len() - end)?, after.get(start..after.len() - end)?);
    let with_comma = new.strip_prefix(',').and_then(|new| new.strip_prefix(gone));
    if gone.is_empty() { Some(new) } else { with_comma }
}

#[test]
fn a_change_is_as_small_as_it_can_be() {
    let mut seen = [0; 4];
    for ((path, text, operations), _) in cases(4_000) {
        let one = plan(path, &operations[..1]).unwrap();
        let Ok(Some(patch)) = generate(path, &text, &one) else { continue };
        let after = patch.files()[0].after();
        let (removed, added) = changed_lines(patch.diff());
        let context = format!("{}\n{}", operations[0], patch.diff());
        if operations[0]["type"] == "pin_dependency" {
            // A specifier over several lines becomes one.
            assert!(added == 1 && removed >= 1, "{context}");
            assert!(removed == 1 || text.contains("\\"), "{context}");
            assert_eq!(text.lines().count() - after.lines().count(), removed - 1, "{context}");
            seen[0] += 1;
            continue;
        }
        let new = inserted(&text, after).unwrap_or_else(|| unreachable!("no insertion: {context}"));
        let name = operations[0]["details"]["name"].as_str().unwrap();
        assert!(new.contains(name), "{context}");
        // On its line: that line changes. On a new one: nothing else does but for a comma or a line end before it.
        let new_lines = after.lines().count() - text.lines().count();
        let touches = usize::from(new_lines == 0 || removed == 1);
        let is_first = !new.contains('[') || new_lines <= 1;
        assert_eq!((removed, added), (touches, new_lines + touches), "{context}");
        assert!(if is_first { new_lines <= 1 } else { new_lines <= 3 }, "{context}");
        seen[1 + new_lines.min(2)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 30), "each kind is there: {seen:?}");
}

#[test]
fn git_applies_the_diffs_to_the_planned_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut diffs = String::new();
    let mut planned = Vec::new();
    for (index, ((path, text, operations), _)) in cases(600).enumerate() {
        let path = format!("d{index}/{path}");
        let plan = plan(&path, &operations).unwrap();
        let Ok(Some(patch)) = generate(&path, &text, &plan) else { continue };
        let file = dir.path().join(&path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &text).unwrap();
        diffs.push_str(patch.diff());
        planned.push((file, patch.files()[0].after().to_owned()));
    }
    assert!(planned.len() > 100, "{}", planned.len());
    fs::write(dir.path().join("the.diff"), &diffs).unwrap();
    git(dir.path(), &["init", "-q"]);
    git(dir.path(), &["apply", "--whitespace=nowarn", "the.diff"]);
    for (file, after) in planned {
        assert_eq!(fs::read_to_string(&file).unwrap(), after, "{}", file.display());
    }
}
