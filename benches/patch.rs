//! Generating a patch.

use divan::{Bencher, black_box};
use fix_patch::{Generated, MemoryTree, PatchGenerator, PatchOptions};
use fix_plan::FixPlan;

fn main() {
    divan::main();
}

fn plan(category: &str, kind: &str, file: &str, details: &str) -> FixPlan {
    let text = format!(
        r#"{{"root_cause":"x","category":"{category}","confidence":1,"files":["{file}"],"operations":[{{"type":"{kind}","file":"{file}","details":{details},"rationale":"r","evidence":[]}}]}}"#
    );
    text.parse().expect("a valid plan")
}

fn module(functions: usize) -> String {
    let body = (0..functions).map(|n| format!("\n\ndef f{n}(a, b):\n    \"\"\"Adds.\"\"\"\n    total = a + b * {n}\n    return [total for _ in range({n})]\n"));
    "import json\nimport os\nfrom typing import Dict, List\n".to_owned()
        + &body.collect::<String>()
        + "\nprint(json.dumps({}))\n"
}

fn generate(bencher: Bencher<'_, '_>, plan: &FixPlan, text: String) {
    let tree = MemoryTree::from_iter([(plan.files()[0].clone(), text.as_str().into())]);
    let generator = PatchGenerator::default();
    bencher.counter(divan::counter::BytesCount::of_str(&text)).bench(|| {
        let generated = generator.generate(black_box(plan), &tree, &PatchOptions::default());
        assert!(matches!(generated, Ok(Generated::Patch(_))));
    });
}

#[divan::bench(args = [10, 100, 1_000])]
fn remove_import(bencher: Bencher<'_, '_>, functions: usize) {
    generate(bencher, &plan("lint_format", "remove_unused", "a.py", r#"{"import":"os"}"#), module(functions));
}

#[divan::bench(args = [10, 100, 1_000])]
fn pin_in_requirements(bencher: Bencher<'_, '_>, lines: usize) {
    let text: String = (0..lines).map(|n| format!("package{n}==1.{n}  # why\n")).collect();
    let plan = plan(
        "python_missing_dependency",
        "pin_dependency",
        "requirements.txt",
        r#"{"name":"package5","spec":"==2.0"}"#,
    );
    generate(bencher, &plan, text);
}
