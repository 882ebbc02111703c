//! How many patches a second, proof included, on files of a few sizes; beside the rates that an
//! implementation in Python had on files of the same number of lines.

use std::time::{Duration, Instant};

use fix_patch::{Generated, MemoryTree, PatchGenerator, PatchOptions};
use fix_plan::FixPlan;

/// How long one rate is measured, and how long each of the runs is of which the best counts.
const TIME: Duration = Duration::from_secs(3);
const RUN: Duration = Duration::from_millis(10);

fn main() {
    println!("{:44}{:>10}{:>12}{:>10}", "patches a second", "ours", "in Python", "ratio");
    let rich = r#"{"name": "rich", "spec": ">=13"}"#;
    let package_7 = r#"{"name": "package-7", "spec": "==2.0"}"#;
    let os = r#"{"import": "os"}"#;
    rate(
        "a dependency added, pyproject of 90 lines",
        4_068.0,
        &plan("add_dependency", "pyproject.toml", rich),
        &pyproject(90),
    );
    rate(
        "a version pinned, requirements of 200 lines",
        1_558.0,
        &plan("pin_dependency", "requirements.txt", package_7),
        &requirements(200),
    );
    rate("an import removed, module of 93 lines", 2_105.0, &plan("remove_unused", "a.py", os), &module(93));
    rate("an import removed, module of 1,329 lines", 355.0, &plan("remove_unused", "a.py", os), &module(1_329));
}

/// Generates the patch again and again for a while, and prints how often.
fn rate(what: &str, in_python: f64, plan: &FixPlan, text: &str) {
    let tree = MemoryTree::from_iter([(plan.files()[0].clone(), text.into())]);
    let generator = PatchGenerator::default();
    let mut best = 0.0_f64;
    let all = Instant::now();
    while all.elapsed() < TIME {
        let mut count = 0.0;
        let start = Instant::now();
        while start.elapsed() < RUN {
            let generated = generator.generate(plan, &tree, &PatchOptions::default());
            assert!(matches!(generated, Ok(Generated::Patch(_))));
            count += 1.0;
        }
        best = best.max(count / start.elapsed().as_secs_f64());
    }
    println!("{what:44}{best:>10.0}{in_python:>12.0}{:>10.1}", best / in_python);
}

fn plan(kind: &str, file: &str, details: &str) -> FixPlan {
    let category = if kind == "remove_unused" { "lint_format" } else { "python_missing_dependency" };
    format!(
        r#"{{"root_cause": "x", "category": "{category}", "confidence": 1, "files": ["{file}"],
            "operations": [{{"type": "{kind}", "file": "{file}", "details": {details}, "rationale": "r", "evidence": []}}]}}"#
    )
    .parse()
    .expect("a valid plan")
}

/// The first `lines` of a text that repeats `part`, numbered, behind `head`.
fn text(head: &str, part: impl Fn(usize) -> String, lines: usize) -> String {
    let parts = (0..).map(part).flat_map(|part| part.lines().map(ToOwned::to_owned).collect::<Vec<_>>());
    head.lines().map(ToOwned::to_owned).chain(parts).take(lines).map(|line| line + "\n").collect()
}

fn pyproject(lines: usize) -> String {
    let head = "[build-system]\nrequires = [\"hatchling>=1.21\"]\nbuild-backend = \"hatchling.build\"\n\n[project]\n\
        name = \"orders\"\nversion = \"1.4.0\"\nrequires-python = \">=3.10\"\ndependencies = [\n    \"anyio>=4,<5\",\n    \
        \"httpx[http2]>=0.27\",  # the client\n    \"pydantic>=2.6\",\n]\n\n[project.optional-dependencies]\n\
        test = [\"pytest>=8\", \"pytest-cov\"]\n";
    let part = |n| {
        format!(
            "\n[tool.steps.step-{n}]\ncommand = \"python -m orders.step_{n}\"\nretries = {n}\ninputs = [\"a\", \"b\"]"
        )
    };
    text(head, part, lines)
}

fn requirements(lines: usize) -> String {
    text(
        "-r base.txt\n",
        |n| format!("package-{n}>=1.{n},<2  # step {n}\nother_{n}[extra]==0.{n}.1 ; python_version >= \"3.9\""),
        lines,
    )
}

fn module(lines: usize) -> String {
    let head = "\"\"\"Reads orders.\"\"\"\n\nimport json\nimport os\nfrom pathlib import Path\n";
    let part = |n| {
        format!(
            "\n\ndef read_{n}(path: Path, *, strict: bool = False) -> dict | None:\n    \"\"\"Reads an order.\"\"\"\n    \
             try:\n        raw = json.loads(path.read_text(encoding=\"utf-8\"))\n    except ValueError as error:\n        \
             if strict:\n            raise RuntimeError(f\"{{path}} is no order: {{error!r}}\") from error\n        \
             return None\n    total = sum(price * count for price, count in raw[\"lines\"] if count > {n})\n    \
             return {{\"number\": raw[\"number\"], \"total\": round(total, 2)}}"
        )
    };
    text(head, part, lines)
}
