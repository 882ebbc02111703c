//! Golden cases: a plan and files, and the diff or the refusal that comes of them.
//!
//! `tests/cases/NAME/` holds `plan.json`, the files in `in/`, and `patch.diff`, or `error.txt` for a
//! refusal and for what needs no change. `FIX_BLESS=1` writes what comes now; look at it before it is kept.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads cases and starts git; the library does not"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fix_patch::{Allowance, Generated, MemoryTree, Patch, PatchError, PatchGenerator, PatchOptions};
use fix_plan::{FixPlan, RepoPath};
use support::git;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() > 300, "the cases are there");
    cases
}

fn files(dir: &Path) -> BTreeMap<RepoPath, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(at) = dirs.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().replace('\\', "/");
                found.insert(name.parse().unwrap(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn options(case: &Path) -> PatchOptions {
    let mut options = PatchOptions::default();
    if let Ok(text) = fs::read_to_string(case.join("options.json")) {
        let wanted: serde_json::Value = serde_json::from_str(&text).unwrap();
        options.tidy = wanted.get("tidy").is_none_or(|tidy| tidy == true);
        let allowed = wanted.get("allow").and_then(|list| list.as_array()).cloned().unwrap_or_default();
        options.allow.extend(Allowance::ALL.into_iter().filter(|a| allowed.iter().any(|name| name == a.as_str())));
    }
    options
}

fn plan(case: &Path) -> FixPlan {
    FixPlan::parse(&fs::read(case.join("plan.json")).unwrap()).unwrap()
}

fn generate(case: &Path, plan: &FixPlan, files: &BTreeMap<RepoPath, Vec<u8>>) -> Result<Patch, String> {
    let tree: MemoryTree = files.iter().map(|(path, bytes)| (path.clone(), bytes.clone().into())).collect();
    match PatchGenerator::default().generate(plan, &tree, &options(case)) {
        Ok(Generated::Patch(patch)) => Ok(patch),
        Ok(Generated::NoChange(reasons)) => Err(format!("no change\n{}\n", reasons.join("\n"))),
        Err(PatchError::Refused(refusal)) => {
            let candidates: String = refusal.candidates.iter().map(|text| format!("  there is: {text}\n")).collect();
            Err(format!("{refusal}\n{candidates}"))
        }
        Err(error) => Err(format!("a bug: {error}: {:?}\n", std::error::Error::source(&error))),
    }
}

#[test]
fn every_case_gives_what_is_kept() {
    let bless = std::env::var_os("FIX_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let (name, text) = match generate(&case, &plan(&case), &files(&case.join("in"))) {
            Ok(patch) => ("patch.diff", patch.diff().to_owned()),
            Err(text) => ("error.txt", text),
        };
        if bless {
            for other in ["patch.diff", "error.txt"] {
                let _ = fs::remove_file(case.join(other));
            }
            fs::write(case.join(name), &text).unwrap();
        }
        let kept = fs::read_to_string(case.join(name)).unwrap_or_else(|_| format!("no {name}"));
        if kept != text {
            wrong.push(format!("{}\n--- kept\n{kept}--- now\n{text}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_case_shows_a_bug() {
    for case in cases() {
        if let Err(text) = generate(&case, &plan(&case), &files(&case.join("in"))) {
            assert!(!text.starts_with("a bug"), "{}: {text}", case.display());
        }
    }
}

#[test]
fn git_applies_every_diff_to_the_same_bytes() {
    for case in cases() {
        let before = files(&case.join("in"));
        let Ok(patch) = generate(&case, &plan(&case), &before) else { continue };
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in &before {
            let path = dir.path().join(path.as_str());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let diff = dir.path().join("the.diff");
        fs::write(&diff, patch.diff()).unwrap();
        git(dir.path(), &["init", "-q"]);
        git(dir.path(), &["apply", "--check", "--whitespace=nowarn", "the.diff"]);
        git(dir.path(), &["apply", "--whitespace=nowarn", "the.diff"]);
        for file in patch.files() {
            let after = fs::read(dir.path().join(file.path().as_str())).unwrap();
            assert_eq!(after, file.after().as_bytes(), "{}", case.display());
        }
        let read = fix_patch::diff::parse(patch.diff().as_bytes()).unwrap();
        assert_eq!(read.files.len(), patch.files().len(), "{}", case.display());
    }
}

#[test]
fn the_order_of_operations_does_not_show() {
    for case in cases() {
        let before = files(&case.join("in"));
        let plan = plan(&case);
        let mut operations = plan.operations().to_vec();
        operations.reverse();
        let reversed = FixPlan::new(
            plan.root_cause().clone(),
            plan.category().clone(),
            plan.confidence(),
            plan.files().to_vec(),
            operations,
        )
        .unwrap();
        let diff = |plan: &FixPlan| generate(&case, plan, &before).map(|patch| patch.diff().to_owned());
        assert_eq!(diff(&plan), diff(&reversed), "{}", case.display());
    }
}

#[test]
fn what_is_done_is_not_done_again() {
    for case in cases() {
        let mut files = files(&case.join("in"));
        let plan = plan(&case);
        let Ok(patch) = generate(&case, &plan, &files) else { continue };
        for file in patch.files() {
            files.insert(file.path().clone(), file.after().as_bytes().to_vec());
        }
        // Dependencies are as the plan wants them; an import is not there, or another one of its name is used.
        let again = generate(&case, &plan, &files).map(|patch| patch.diff().to_owned());
        let answer = again.expect_err("a second patch");
        let fits = ["no change", "[not_found]", "[still_used]"].iter().any(|code| answer.contains(code));
        assert!(fits, "{}: {answer}", case.display());
    }
}
