//! Hostile and benign input, row by row.

use std::path::Path;

use fix_patch::{MemoryTree, PatchGenerator, PatchOptions};
use fix_plan::{Dialogue, Finish, FixPlan, Log, Next, PathProfile, Redactor, RepoPath, ViolationCode, normalize_name};
use fix_policy::PolicyEngine;
use fix_tests::corpus::{Tally, folder, lines};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn hostile_paths_are_refused() {
    let Some(folder) = folder("security") else { return };
    let mut tally = Tally::new("hostile paths");
    for line in lines(&folder, "hostile_paths.txt") {
        let mut fields = line.split('\t');
        let (path, class, profile) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        let refused = match path.strip_prefix("b64:") {
            // Text is UTF-8 by its type: the raw bytes can only come inside a plan.
            Some(raw) => refuses_raw_path(&decoded(raw)),
            None => {
                let path: String = serde_json::from_str(path).unwrap();
                let unix_too = profile == "any" && RepoPath::parse(&path, PathProfile::Unix).is_ok();
                path.parse::<RepoPath>().is_err() && !unix_too
            }
        };
        tally.count(class, refused, || path.to_owned());
    }
    tally.assert_all_right();
}

fn refuses_raw_path(path: &[u8]) -> bool {
    let plan =
        br#"{"root_cause": "x", "category": "lint_format", "confidence": 1, "files": ["PATH"], "operations": []}"#;
    let at = plan.windows(4).position(|window| window == b"PATH").unwrap();
    let text = [&plan[..at], path, &plan[at + 4..]].concat();
    FixPlan::parse(&text).is_err_and(|error| error.violations()[0].code == ViolationCode::NotUtf8)
}

/// git's own checks, with those of macOS and Windows on, find nothing in what we accept.
#[test]
fn git_accepts_every_path_that_is_accepted() {
    let options =
        gix_validate::path::component::Options { protect_windows: true, protect_hfs: true, protect_ntfs: true };
    let pieces = [
        "a",
        "B",
        ".",
        "..",
        "/",
        "\\",
        ":",
        "~",
        "~1",
        "git",
        ".git",
        ".GIT",
        "gitmodules",
        " ",
        "con",
        "nul",
        "\u{200c}",
        "é",
        "-",
        "*",
        "lpt1",
        ".txt",
        "GITMOD",
        "::$INDEX_ALLOCATION",
    ];
    let path =
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 1..6).prop_map(|pieces| pieces.concat());
    let config = ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(text in path)| {
        if let Ok(path) = text.parse::<RepoPath>() {
            for component in path.components() {
                prop_assert!(gix_validate::path::component(component.into(), None, options).is_ok(), "{text:?}");
            }
        }
    });
}

#[test]
fn benign_paths_are_accepted() {
    let Some(folder) = folder("security") else { return };
    let mut tally = Tally::new("benign paths");
    for line in lines(&folder, "benign_paths.txt") {
        let (path, why) = line.split_once('\t').unwrap();
        let path: String = serde_json::from_str(path).unwrap();
        tally.count(why, path.parse::<RepoPath>().is_ok(), || path.clone());
    }
    tally.assert_all_right();
}

/// Stage `parse` must fail in the parser; stage `plan` in the parser or by the default policy.
#[test]
fn hostile_plans_are_stopped_in_time() {
    let Some(folder) = folder("security") else { return };
    let engine = PolicyEngine::default();
    let mut tally = Tally::new("hostile plans");
    for row in plans(&folder) {
        let (expect, raw) = (row.expect.as_str(), row.raw.as_slice());
        let right = match (expect, row.stage.as_deref()) {
            ("accept", _) => FixPlan::parse(raw).is_ok_and(|plan| engine.evaluate_plan(&plan).allowed),
            ("reject", Some("plan")) => !engine.evaluate_plan_text(raw).allowed,
            _ => FixPlan::parse(raw).is_err(),
        };
        tally.count(&format!("{expect} {}", row.code), right, || {
            format!("{} {:?}", row.id, FixPlan::parse(raw).map_err(|error| error.to_string()))
        });
    }
    tally.assert_all_right();
}

/// A slip is asked about again, an attempt is not.
#[test]
fn only_slips_are_asked_about_again() {
    let Some(folder) = folder("security") else { return };
    let mut tally = Tally::new("questions again");
    for row in plans(&folder) {
        let Ok(text) = std::str::from_utf8(&row.raw) else { continue };
        // What honest models get wrong too: a file that is not listed, a wrong type, an empty string.
        let honest = ["extras-nonstr", "extras-empty", "linecontains-list"];
        if row.code == "op_file_not_in_files" || honest.contains(&row.id.as_str()) {
            continue;
        }
        let mut dialogue = Dialogue::default();
        let next = dialogue.answer(text, Finish::Complete, &Log::from(text));
        let right = match (row.expect.as_str(), row.retry_ok) {
            ("repairable", _) => matches!(next, Next::Repair(_)),
            ("reject", false) => !matches!(next, Next::Repair(_)),
            _ => continue,
        };
        tally.count(&format!("{} {}", row.expect, row.code), right, || format!("{} {next:?}", row.id));
    }
    tally.assert_all_right();
}

struct PlanRow {
    id: String,
    raw: Vec<u8>,
    expect: String,
    code: String,
    stage: Option<String>,
    retry_ok: bool,
}

fn plans(folder: &Path) -> Vec<PlanRow> {
    let mut rows = Vec::new();
    for line in lines(folder, "hostile_plans.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        if row["needs_index"] == true {
            continue;
        }
        let text = |key: &str| row[key].as_str().map(ToOwned::to_owned);
        let raw = match text("raw") {
            // In these rows `details.module` is what a plan calls `from`.
            Some(raw) => raw.replace("\"module\"", "\"from\"").into_bytes(),
            None => decoded(row["raw_b64"].as_str().unwrap()),
        };
        rows.push(PlanRow {
            id: text("id").unwrap(),
            raw,
            expect: text("expect").unwrap(),
            code: text("code").unwrap(),
            stage: text("stage"),
            retry_ok: row["retry_ok"] == true,
        });
    }
    rows
}

/// What must go is gone, and what is no secret is not touched.
#[test]
fn secrets_are_redacted_from_logs() {
    let Some(folder) = folder("security") else { return };
    let redactor = Redactor::default();
    let (mut secrets, mut negatives) = (Tally::new("secrets in logs"), Tally::new("no secrets in logs"));
    for line in lines(&folder, "secrets_in_logs.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        let (text, class) = (row["text"].as_str().unwrap(), row["kind"].as_str().unwrap_or("other"));
        let redacted = redactor.redact(Log::from(text).as_str()).into_owned();
        for secret in row["must_redact"].as_array().unwrap().iter().map(|secret| secret.as_str().unwrap()) {
            let gone = !redacted.contains(secret) && !redactor.redact(text).contains(secret);
            secrets.count(class, gone, || format!("{}: {redacted}", row["id"]));
        }
        for keep in row["must_keep"].as_array().into_iter().flatten() {
            negatives.count(class, redacted.contains(keep.as_str().unwrap()), || format!("{}: {redacted}", row["id"]));
        }
    }
    secrets.assert_all_right();
    negatives.assert_all_right();
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

fn set_up(root: &Path, step: &Value) {
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
