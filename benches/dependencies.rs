//! Editing dependencies, beside a bare parse of the same file by the same parser.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use fix_patch::{Generated, MemoryTree, PatchGenerator, PatchOptions};
use fix_plan::FixPlan;

/// Sizes of the files, in bytes.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

fn main() {
    divan::main();
}

/// A project as people write them: its dependencies, and much configuration of tools.
fn pyproject(size: usize) -> String {
    let mut text = r#"[build-system]
requires = ["hatchling>=1.21"]
build-backend = "hatchling.build"

[project]
name = "orders"
version = "1.4.0"
description = "Reads orders, and tells what they cost"
requires-python = ">=3.10"
dependencies = [
    "anyio>=4,<5",
    "httpx[http2]>=0.27",  # the client
    "pydantic>=2.6",
    "typer>=0.12; python_version >= '3.10'",
]

[project.optional-dependencies]
test = ["pytest>=8", "pytest-cov"]

[tool.ruff]
line-length = 120
"#
    .to_owned();
    let mut n = 0;
    while text.len() < size {
        n += 1;
        text.push_str(&format!(
            r#"
# Settings of step {n}.
[tool.steps.step-{n}]
command = "python -m orders.step_{n} --verbose"
inputs = ["data/in/*.json", "data/ref/*.csv"]
retries = {n}
timeout = 30.5
enabled = true
environment = {{ LANG = "C.UTF-8", STEP = "{n}" }}
"#
        ));
    }
    text
}

fn requirements(size: usize) -> String {
    let mut text = "-r base.txt\n--index-url https://index.example/simple\n\n".to_owned();
    let mut n = 0;
    while text.len() < size {
        n += 1;
        text.push_str(&format!(
            "package-{n}>=1.{n},<2  # step {n}\nother_{n}[extra]==0.{n}.1 ; python_version >= \"3.9\"\n"
        ));
    }
    text
}

fn plan(kind: &str, file: &str, details: &str) -> FixPlan {
    format!(
        r#"{{"root_cause": "x", "category": "python_missing_dependency", "confidence": 1, "files": ["{file}"],
            "operations": [{{"type": "{kind}", "file": "{file}", "details": {details}, "rationale": "r", "evidence": []}}]}}"#
    )
    .parse()
    .expect("a valid plan")
}

fn generate(bencher: Bencher<'_, '_>, plan: &FixPlan, text: &str) {
    let tree = MemoryTree::from_iter([(plan.files()[0].clone(), text.into())]);
    let generator = PatchGenerator::default();
    bencher.counter(BytesCount::of_str(text)).bench(|| {
        let generated = generator.generate(black_box(plan), &tree, &PatchOptions::default());
        assert!(matches!(generated, Ok(Generated::Patch(_))));
    });
}

#[divan::bench(args = SIZES)]
fn bare_parse_of_pyproject(bencher: Bencher<'_, '_>, size: usize) {
    let text = pyproject(size);
    bencher.counter(BytesCount::of_str(&text)).bench(|| {
        let parsed = toml_edit::Document::parse(black_box(text.as_str()));
        assert!(parsed.is_ok());
    });
}

#[divan::bench(args = SIZES)]
fn add_to_pyproject(bencher: Bencher<'_, '_>, size: usize) {
    let plan = plan("add_dependency", "pyproject.toml", r#"{"name": "rich", "spec": ">=13"}"#);
    generate(bencher, &plan, &pyproject(size));
}

#[divan::bench(args = SIZES)]
fn pin_in_pyproject(bencher: Bencher<'_, '_>, size: usize) {
    let plan = plan("pin_dependency", "pyproject.toml", r#"{"name": "pydantic", "spec": "==2.7.1"}"#);
    generate(bencher, &plan, &pyproject(size));
}

/// One scan and nothing else: what is to be added is there already.
#[divan::bench(args = SIZES)]
fn scan_of_requirements(bencher: Bencher<'_, '_>, size: usize) {
    let plan = plan("add_dependency", "requirements.txt", r#"{"name": "package-7", "spec": ">=1.7,<2"}"#);
    let text = requirements(size);
    let tree = MemoryTree::from_iter([(plan.files()[0].clone(), text.as_str().into())]);
    let generator = PatchGenerator::default();
    bencher.counter(BytesCount::of_str(&text)).bench(|| {
        let generated = generator.generate(black_box(&plan), &tree, &PatchOptions::default());
        assert!(matches!(generated, Ok(Generated::NoChange(_))));
    });
}

#[divan::bench(args = SIZES)]
fn add_to_requirements(bencher: Bencher<'_, '_>, size: usize) {
    let plan = plan("add_dependency", "requirements.txt", r#"{"name": "rich", "spec": ">=13"}"#);
    generate(bencher, &plan, &requirements(size));
}

#[divan::bench(args = SIZES)]
fn pin_in_requirements(bencher: Bencher<'_, '_>, size: usize) {
    let plan = plan("pin_dependency", "requirements.txt", r#"{"name": "package-7", "spec": "==2.0"}"#);
    generate(bencher, &plan, &requirements(size));
}
