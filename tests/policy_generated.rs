//! Patches that Fix makes are patches that its default policy allows.

use std::fs;
use std::path::Path;

use fix_patch::{Allowance, Generated, MemoryTree, PatchGenerator, PatchOptions};
use fix_plan::{FixPlan, RepoPath};
use fix_policy::{PatchText, PolicyEngine, Severity};

/// Cases whose patch a policy must deny, and why.
const DENIED: [(&str, &str); 3] = [
    ("requirements_pin_continued", "the version has a line of its own, and what it belongs to stands above"),
    ("requirements_line_behind_a_form_feed", "what reads as a comment is a line for pip"),
    ("requirements_carriage_returns_alone", "the whole file is one line of the diff"),
];

fn files(folder: &Path, below: &str, found: &mut Vec<(RepoPath, Vec<u8>)>) {
    for entry in fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            files(folder, &format!("{name}/"), found);
        } else {
            found.push((name.parse().unwrap(), fs::read(entry.path()).unwrap()));
        }
    }
}

#[test]
fn the_default_policy_allows_what_the_generator_makes() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fix-patch/tests/cases"));
    let engine = PolicyEngine::default();
    let mut options = PatchOptions::default();
    options.allow.extend(Allowance::ALL);
    let (mut judged, mut wrong) = (0, Vec::new());
    for case in fs::read_dir(root).unwrap() {
        let case = case.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let plan = FixPlan::parse(&fs::read(case.join("plan.json")).unwrap()).unwrap();
        let mut found = Vec::new();
        files(&case.join("in"), "", &mut found);
        let tree: MemoryTree = found.into_iter().map(|(path, bytes)| (path, bytes.into())).collect();
        let Ok(Generated::Patch(patch)) = PatchGenerator::default().generate(&plan, &tree, &options) else { continue };
        judged += 1;
        let diff = patch.diff().as_bytes();
        let decision = engine.evaluate_patch_text(PatchText { diff, plan: Some(&plan), stale_lock_files: &[] });
        let blocked = decision.violations.iter().filter(|found| found.severity == Severity::Block);
        let blocked: Vec<String> = blocked.map(|found| format!("{}: {}", found.code, found.message)).collect();
        if blocked.is_empty() == DENIED.iter().any(|(denied, _)| *denied == name) {
            wrong.push(format!("{name}: {blocked:?}\n{}", patch.diff()));
        }
    }
    eprintln!("{judged} patches judged, {} of them denied as they must be", DENIED.len());
    assert!(judged > 200, "{judged}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
