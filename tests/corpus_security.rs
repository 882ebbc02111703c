//! Hostile and benign input, row by row.

use std::collections::BTreeMap;

use fix_patch::{MemoryTree, PatchGenerator, PatchOptions};
use fix_plan::{FixPlan, Log, PathProfile, Redactor, RepoPath, normalize_name};
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

/// What must go is gone, and what is no secret is not touched.
#[test]
fn secrets_are_redacted_from_logs() {
    let Some(folder) = folder("security") else { return };
    let redactor = Redactor::default();
    let (mut secrets, mut missed, mut harmed) = (0, Vec::new(), Vec::new());
    for line in lines(&folder, "secrets_in_logs.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        let text = row["text"].as_str().unwrap();
        let cleaned = Log::from(text);
        let redacted = redactor.redact(cleaned.as_str());
        for secret in row["must_redact"].as_array().unwrap().iter().map(|secret| secret.as_str().unwrap()) {
            secrets += 1;
            if redacted.contains(secret) || redactor.redact(text).contains(secret) {
                missed.push(format!("{}: {redacted}", row["id"]));
            }
        }
        let keep = row["must_keep"].as_array().cloned().unwrap_or_default();
        if keep.iter().any(|keep| !redacted.contains(keep.as_str().unwrap())) {
            harmed.push(format!("{}: {redacted}", row["id"]));
        }
    }
    eprintln!("secrets in logs: {} of {secrets} redacted, {} negatives changed", secrets - missed.len(), harmed.len());
    assert!(harmed.is_empty(), "{harmed:#?}");
    assert!(missed.is_empty(), "{missed:#?}");
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

/// No byte is read outside of the directory, whatever stands at the path; text keeps its bytes.
#[test]
fn hostile_directories_are_read_safely() {
    let Some(folder) = folder("security") else { return };
    let mut wrong = Vec::new();
    for line in lines(&folder, "trees.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        let root = tempfile::tempdir().unwrap();
        let steps = row["setup"].as_array().unwrap();
        // A race needs a second process, and a setting of git a repository: neither is about one read.
        if steps.iter().any(|step| step[0] == "race" || step[0] == "gitconfig") {
            continue;
        }
        for step in steps {
            set_up(root.path(), step);
        }
        let generated = row["plan_file"].as_str().unwrap().parse::<RepoPath>().ok().map(|path| {
            let tree = fix_adapters::repository::DirTree::open(root.path()).unwrap();
            let plan = serde_json::json!({"root_cause": "x", "category": "python_missing_dependency", "confidence": 1, "files": [path.as_str()],
                "operations": [{"type": "add_dependency", "file": path.as_str(), "details": {"name": "zzz", "spec": ""}, "rationale": "r", "evidence": []}]});
            let plan = FixPlan::parse(plan.to_string().as_bytes()).unwrap();
            PatchGenerator::default().generate(&plan, &tree, &PatchOptions::default())
        });
        let refused = !matches!(generated, Some(Ok(_)));
        let expect = row["expect"].as_str().unwrap();
        if refused != expect.starts_with("reject") {
            wrong.push(format!("{}: {expect}, but {generated:?}", row["id"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn set_up(root: &std::path::Path, step: &Value) {
    let text = |index: usize| step[index].as_str().unwrap_or_default();
    let path = root.join(text(1));
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).unwrap();
    }
    match text(0) {
        "symlink" => std::os::unix::fs::symlink(text(2), path).unwrap(),
        "dir" | "gitlink" => std::fs::create_dir_all(path).unwrap(),
        "gitinit" => std::fs::create_dir_all(path.join(".git")).unwrap(),
        "file" => std::fs::write(path, text(2)).unwrap(),
        "b64" => std::fs::write(path, decoded(text(2))).unwrap(),
        other => panic!("unknown step {other}"),
    }
}

/// Base 64, as these few rows need it.
fn decoded(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = text.bytes().filter_map(|byte| alphabet.iter().position(|&letter| letter == byte));
    let (mut bytes, mut held, mut buffer) = (Vec::new(), 0, 0_u32);
    for six in bits {
        buffer = buffer << 6 | u32::try_from(six).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(buffer >> held & 0xff).unwrap());
        }
    }
    bytes
}
