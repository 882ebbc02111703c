//! Diffs that try to get past the default policy: each is denied, and for the reason that it should be.
//!
//! `hostile/NAME.diff` is the diff, and `hostile/CODES` has the codes that deny it, one diff a line: under
//! the default policy, and under one that allows all that a policy can. Bless with `FIX_BLESS=1`, and read
//! what changed.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "the test reads its cases, and fails without them")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use fix_policy::{PolicyEngine, SafetyPolicy, Severity};

fn cases() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile"));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "diff"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    cases.sort();
    cases
}

/// Allows all that a policy can allow.
const GENEROUS: &str = "
version = 1
paths.forbidden = []
limits = { files_max = 1000, lines_added_max = 1000, lines_removed_max = 1000, diff_bytes_max = 1_000_000 }
changes = { create = true, delete = true, rename = true, mode = true, binary = true }
secrets.enabled = false
";

#[test]
fn every_hostile_diff_is_denied_for_its_reason() {
    let default = PolicyEngine::default();
    let generous = PolicyEngine::new(SafetyPolicy::from_toml(GENEROUS).unwrap()).unwrap();
    let codes = |engine: &PolicyEngine, diff: &[u8]| {
        let violations = engine.evaluate_patch(diff).violations.into_iter();
        let mut codes: Vec<_> =
            violations.filter(|found| found.severity == Severity::Block).map(|found| found.code).collect();
        codes.dedup();
        if codes.is_empty() { "allowed".to_owned() } else { codes.join(" ") }
    };
    let mut found = String::new();
    for (name, diff) in cases() {
        assert!(!default.evaluate_patch(&diff).allowed, "{name} is allowed");
        writeln!(found, "{name}: {} / {}", codes(&default, &diff), codes(&generous, &diff)).unwrap();
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile/CODES");
    if std::env::var("FIX_BLESS").is_ok() {
        fs::write(golden, &found).unwrap();
    }
    assert_eq!(fs::read_to_string(golden).unwrap_or_default(), found);
}

#[test]
fn a_link_or_a_submodule_needs_no_mode_to_be_seen() {
    let none = "\\ No newline at end of file\n";
    let allowed = |header: &str, old: &str, new: &str| {
        let diff = format!("diff --git a/x b/x\n{header}--- a/x\n+++ b/x\n@@ -1 +1 @@\n-{old}\n+{new}");
        PolicyEngine::default().evaluate_patch(diff.as_bytes()).allowed
    };
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    for header in ["", "index 1..2 100644\n"] {
        let (old, new) = (format!("Subproject commit {one}"), format!("Subproject commit {two}\n"));
        assert!(!allowed(header, &old, &new) && !allowed(header, "x", &new) && !allowed(header, &old, "x\n"));
    }
    assert!(
        allowed("", "safe", "/etc/passwd\n") && !allowed("", &format!("safe\n{}", none.trim_end()), "/etc/passwd\n")
    );
    assert!(!allowed("", "safe", &format!("/etc/passwd\n{none}")));
    assert!(allowed("index 1..2 100644\n", "safe", &format!("/etc/passwd\n{none}")));
}
