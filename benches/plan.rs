//! Parsing a plan, beside bare typed decoding of the same text by `serde_json`.

use divan::{Bencher, black_box};
use fix_plan::{FixPlan, Redactor, RepoPath};
use serde::Deserialize;

fn main() {
    divan::main();
}

/// The same shape, without a single rule.
#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, never read")]
struct Bare {
    root_cause: String,
    category: String,
    confidence: f64,
    files: Vec<String>,
    operations: Vec<BareOperation>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, never read")]
struct BareOperation {
    r#type: String,
    file: String,
    details: BareDetails,
    rationale: String,
    evidence: Vec<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, never read")]
struct BareDetails {
    name: String,
    spec: String,
}

fn plan(operations: usize) -> String {
    let operation = |n: usize| {
        format!(
            r#"{{"type":"add_dependency","file":"pyproject.toml","details":{{"name":"package{n}","spec":">=2.31,<3"}},"rationale":"declare the missing dependency","evidence":["ModuleNotFoundError: No module named 'package{n}'"]}}"#
        )
    };
    let operations: Vec<String> = (0..operations).map(operation).collect();
    format!(
        r#"{{"root_cause":"tests import what is not declared","category":"python_missing_dependency","confidence":0.92,"files":["pyproject.toml"],"operations":[{}]}}"#,
        operations.join(",")
    )
}

#[divan::bench(args = [1, 10])]
fn parse(bencher: Bencher<'_, '_>, operations: usize) {
    let text = plan(operations);
    bencher.bench(|| FixPlan::parse(black_box(text.as_bytes())).is_ok());
}

#[divan::bench(args = [1, 10])]
fn parse_bare_serde_json(bencher: Bencher<'_, '_>, operations: usize) {
    let text = plan(operations);
    bencher.bench(|| serde_json::from_str::<Bare>(black_box(&text)).is_ok());
}

#[divan::bench]
fn path() -> bool {
    black_box("services/api/src/app.py").parse::<RepoPath>().is_ok()
}

/// An ordinary log: time stamps, test names, versions, no secrets.
#[divan::bench]
fn redact(bencher: Bencher<'_, '_>) {
    let line = "2026-03-02T09:14:07.1183021Z tests/test_module.py::test_something_ordinary PASSED [ 42%] in 0.031 s on python 3.11\n";
    let log = line.repeat(2_000);
    let redactor = Redactor::default();
    bencher.counter(divan::counter::BytesCount::of_str(&log)).bench(|| redactor.redact(black_box(&log)).len());
}
