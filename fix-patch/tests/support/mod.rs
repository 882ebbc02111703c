//! What the test programs share: running operations on one file, and Python packages to compare with.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test starts programs and may fail; the library does not"
)]

pub mod manifests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fix_patch::{Generated, MemoryTree, PatchError, PatchGenerator, PatchOptions, Refusal};
use fix_plan::FixPlan;
use serde_json::{Value, json};

/// The plan of `operations`, each an object of `type` and `details`, on one file.
pub fn plan(path: &str, operations: &[Value]) -> Result<FixPlan, fix_plan::PlanError> {
    let kind = operations.first().and_then(|operation| operation["type"].as_str()).unwrap_or_default();
    let category = if kind == "remove_unused" { "lint_format" } else { "python_missing_dependency" };
    let operations: Vec<Value> = operations
        .iter()
        .map(|operation| {
            json!({"type": operation["type"], "file": path, "details": operation["details"],
                "rationale": "r", "evidence": []})
        })
        .collect();
    let plan = json!({"root_cause": "r", "category": category, "confidence": 1, "files": [path],
        "operations": operations});
    FixPlan::parse(plan.to_string().as_bytes())
}

/// The text after `operations`: the same for no change.
///
/// # Panics
/// When the proof of a strategy fails, which is a bug.
pub fn run(path: &str, text: &str, operations: &[Value]) -> Result<String, Refusal> {
    let plan = plan(path, operations).unwrap();
    let tree = MemoryTree::from_iter([(path.parse().unwrap(), text.into())]);
    let mut options = PatchOptions::default();
    options.tidy = false;
    match PatchGenerator::default().generate(&plan, &tree, &options) {
        Ok(Generated::Patch(patch)) => Ok(patch.files().first().unwrap().after().to_owned()),
        Ok(Generated::NoChange(_)) => Ok(text.to_owned()),
        Err(PatchError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error}: {:?}\n{text}", std::error::Error::source(&error)),
    }
}

/// An operation, for [`run`].
pub fn operation(kind: &str, details: Value) -> Value {
    json!({"type": kind, "details": details})
}

/// Runs git in `folder`, without the configuration of user and system.
///
/// # Panics
/// When it fails.
pub fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "core.autocrlf=false", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: git {arguments:?}: {said}", folder.display());
}

/// The folder of the programs of a Python that has `package`, installed once beside the build.
/// Without it the caller's test is skipped, visibly.
pub fn python_with(package: &str) -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{package}"));
    let programs = home.join("bin");
    if programs.exists() {
        return Some(programs);
    }
    // Several test programs may want it at once: made aside, and moved to its place when it is whole.
    let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(fresh.path()))
        && run(Command::new(fresh.path().join("bin/python")).args(["-m", "pip", "install", "-q", package]));
    if !made {
        println!("skipped: the Python package {package} can't be installed");
        return None;
    }
    let _ = fs::rename(fresh.path(), &home);
    programs.exists().then_some(programs)
}
