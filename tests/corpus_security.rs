//! Hostile and benign input, row by row.

use std::collections::BTreeMap;

use fix_patch::MemoryTree;
use fix_plan::{FixPlan, Log, PathProfile, RepoPath, normalize_name};
use fix_policy::PolicyEngine;
use fix_tests::corpus::{folder, lines};
use serde_json::Value;

#[test]
fn hostile_paths_are_refused() {
    let Some(folder) = folder("security") else { return };
    let mut missed = Vec::new();
    let mut rows = 0;
    for line in lines(&folder, "hostile_paths.txt") {
        let mut fields = line.split('\t');
        let (path, code, profile) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        // Plan JSON mends these two spellings before the check.
        if path.starts_with("b64:") || code.ends_with("_strict") {
            continue;
        }
        rows += 1;
        let path: String = serde_json::from_str(path).unwrap_or_default();
        let unix_too = profile == "any" && RepoPath::parse(&path, PathProfile::Unix).is_ok();
        if path.parse::<RepoPath>().is_ok() || unix_too {
            missed.push(format!("{code} {path:?}"));
        }
    }
    eprintln!("hostile paths: {} of {rows} refused", rows - missed.len());
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn benign_paths_are_accepted() {
    let Some(folder) = folder("security") else { return };
    let lines = lines(&folder, "benign_paths.txt");
    let paths = lines.iter().map(|line| serde_json::from_str::<String>(line.split('\t').next().unwrap()).unwrap());
    let refused: Vec<_> =
        paths.filter_map(|path| path.parse::<RepoPath>().err()).map(|error| error.to_string()).collect();
    eprintln!("benign paths: {} of {} accepted", lines.len() - refused.len(), lines.len());
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Stage `parse` must fail in the parser; stage `plan` in the parser or by the default policy.
#[test]
fn hostile_plans_are_stopped_in_time() {
    let Some(folder) = folder("security") else { return };
    let engine = PolicyEngine::default();
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for line in lines(&folder, "hostile_plans.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        let Some(raw) = row["raw"].as_str() else { continue };
        if row["needs_index"] == true {
            continue;
        }
        // In these rows `details.module` is what a plan calls `from`.
        let raw = raw.replace("\"module\"", "\"from\"");
        let plan = FixPlan::parse(raw.as_bytes());
        let expect = row["expect"].as_str().unwrap();
        let right = match (expect, row["stage"].as_str()) {
            ("accept", _) => plan.as_ref().is_ok_and(|plan| engine.evaluate_plan(plan).allowed),
            ("reject", Some("plan")) => !engine.evaluate_plan_text(raw.as_bytes()).allowed,
            _ => plan.is_err(),
        };
        *counts.entry(format!("{expect} {}", if right { "right" } else { "WRONG" })).or_default() += 1;
        if !right {
            wrong.push(format!("{} {} {:?}", row["id"], row["code"], plan.err().map(|error| error.to_string())));
        }
    }
    eprintln!("hostile plans: {counts:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_default_policy_decides_about_paths() {
    let Some(folder) = folder("security") else { return };
    let engine = PolicyEngine::default();
    let mut wrong = Vec::new();
    for line in lines(&folder, "policy_paths.tsv") {
        let mut fields = line.split('\t');
        let path: String = serde_json::from_str(fields.next().unwrap()).unwrap();
        let expected = fields.next().unwrap() == "allow";
        let diff = format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n");
        if engine.evaluate_patch(diff.as_bytes()).allowed != expected {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn modules_are_declared_by_their_distribution() {
    let Some(folder) = folder("security") else { return };
    let tree = MemoryTree::from_iter([("requirements.txt".parse().unwrap(), "".into())]);
    let mut wrong = Vec::new();
    for line in lines(&folder, "import_to_dist.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        let (module, distribution) = (row["import_name"].as_str().unwrap(), row["dist"].as_str().unwrap());
        let log = Log::from(format!("ModuleNotFoundError: No module named '{module}'\n").as_str());
        let plan = fix_adapters::plan_source::Rules.plan_for(&log, &tree);
        let named = plan.ok().map(|plan| match &plan.operations()[0].action {
            fix_plan::Action::AddDependency(dependency) => dependency.name.normalized().to_owned(),
            other => format!("{other:?}"),
        });
        if named.as_deref() != Some(&normalize_name(distribution)) {
            wrong.push(format!("{module}: {named:?} instead of {distribution}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
