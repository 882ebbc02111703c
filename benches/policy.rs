//! Deciding about diffs and plans under the default policy: every rule on, secrets included.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use fix_plan::FixPlan;
use fix_policy::{DEFAULT_POLICY_TOML, PolicyEngine, SafetyPolicy};

fn main() {
    divan::main();
}

const IMPORT: &str = "diff --git a/src/shop/prices.py b/src/shop/prices.py\n--- a/src/shop/prices.py\n+++ b/src/shop/prices.py\n\
    @@ -1,6 +1,5 @@\n \"\"\"Prices.\"\"\"\n \n-import os\n import sys\n \n from decimal import Decimal\n";
const DEPENDENCY: &str = "diff --git a/pyproject.toml b/pyproject.toml\n--- a/pyproject.toml\n+++ b/pyproject.toml\n\
    @@ -4,5 +4,6 @@\n requires-python = \">=3.11\"\n dependencies = [\n     \"httpx>=0.27\",\n+    \"requests>=2.31,<3\",\n     \"rich\",\n ]\n";

/// A usual patch: one file, a few lines.
#[divan::bench(args = ["import", "dependency"])]
fn usual_patch(bencher: Bencher<'_, '_>, what: &str) {
    let diff = if what == "import" { IMPORT } else { DEPENDENCY };
    let engine = PolicyEngine::default();
    assert!(engine.evaluate_patch(diff.as_bytes()).allowed);
    bencher.counter(ItemsCount::new(1_u32)).bench(|| engine.evaluate_patch(black_box(diff.as_bytes())));
}

#[divan::bench]
fn usual_plan(bencher: Bencher<'_, '_>) {
    let text = r#"{"root_cause":"x","category":"lint_format","confidence":1,"files":["src/a.py"],"operations":[{"type":"remove_unused","file":"src/a.py","details":{"import":"os"},"rationale":"r","evidence":[]}]}"#;
    let plan: FixPlan = text.parse().expect("a valid plan");
    let engine = PolicyEngine::default();
    bencher.counter(ItemsCount::new(1_u32)).bench(|| engine.evaluate_plan(black_box(&plan)));
}

/// A diff of 200 kB: code that comes, or code that goes, or a bit of both.
#[divan::bench(args = ["added", "removed", "mixed"])]
fn large_patch(bencher: Bencher<'_, '_>, what: &str) {
    let diff = large(what, 200_000);
    let engine = PolicyEngine::default();
    bencher.counter(BytesCount::of_str(&diff)).bench(|| engine.evaluate_patch(black_box(diff.as_bytes())));
}

fn large(what: &str, bytes: usize) -> String {
    const CODE: [&str; 10] = [
        "def total(self, prices, discount=0.5):",
        "    \"\"\"What an order costs, without tax.\"\"\"",
        "    lines = [line for line in self.lines if line.count > 0]",
        "",
        "    logger.warning(\"skipped %s: %s\", path, error)",
        "    return round(sum(prices[line.article] * line.count for line in lines), 2)",
        "    # Old files have no customer; see the migration of last year.",
        "    raw = json.loads(path.read_text(encoding=\"utf-8\"))",
        "    if self.customer.startswith(\"vip-\"):",
        "        assign_task(signal, tokens, risk=self.basket.disk)",
    ];
    let (mut text, mut counts) = (String::new(), [0, 0]);
    for index in 0.. {
        let sign = match (what, index % 4) {
            ("added", _) | ("mixed", 0 | 3) => '+',
            ("removed", _) | ("mixed", 1) => '-',
            _ => ' ',
        };
        counts[0] += usize::from(sign != '+');
        counts[1] += usize::from(sign != '-');
        text.push(sign);
        text += CODE[index % CODE.len()];
        text.push('\n');
        if text.len() > bytes {
            break;
        }
    }
    let start = |count: usize| usize::from(count > 0);
    let [old, new] = counts;
    let head = "diff --git a/src/a.py b/src/a.py\n--- a/src/a.py\n+++ b/src/a.py\n";
    format!("{head}@@ -{},{old} +{},{new} @@\n{text}", start(old), start(new))
}

#[divan::bench]
fn compile_the_default_policy(bencher: Bencher<'_, '_>) {
    bencher.bench(|| PolicyEngine::from_policy_or_deny(SafetyPolicy::from_toml(black_box(DEFAULT_POLICY_TOML))));
}
