//! Removing an unused import, beside a bare parse of the same file by the same parser.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use fix_patch::{Generated, MemoryTree, PatchGenerator, PatchOptions};
use fix_plan::FixPlan;

/// Sizes of the modules, in bytes.
const SIZES: [usize; 3] = [3_000, 30_000, 300_000];

fn main() {
    divan::main();
}

/// A module as people write them: imports, constants, a class of methods with docstrings, comments and types.
fn module(size: usize) -> String {
    let mut text = r#""""Reads orders, and tells what they cost."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

DEFAULT_CURRENCY = "EUR"
RETRIES = {"connect": 3, "read": 5, "write": 5}  # per request
"#
    .to_owned();
    let mut n = 0;
    while text.len() < size {
        n += 1;
        text.push_str(&format!(
            r#"

@dataclass(frozen=True)
class Order{n}:
    """One order of a customer.

    Attributes:
        lines: what was ordered, by article number
        currency: the three letters of ISO 4217
    """

    number: int
    customer: str
    lines: Mapping[str, int] = field(default_factory=dict)
    currency: str = DEFAULT_CURRENCY

    @classmethod
    def read(cls, path: Path, *, strict: bool = False) -> Order{n} | None:
        """Reads an order from a JSON file."""
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            if strict:
                raise RuntimeError(f"{{path}} is no order: {{error!r}}") from error
            logger.warning("skipped %s: %s", path, error)
            return None
        # Old files have no currency.
        currency = raw.get("currency") or DEFAULT_CURRENCY
        return cls(raw["number"], raw["customer"].strip(), dict(raw["lines"]), currency=currency)

    def total(self, prices: Mapping[str, float], discount: float = 0.{n}) -> float:
        total = sum(prices[article] * count for article, count in self.lines.items() if count > 0)
        if self.customer.startswith("vip-") and not self.is_empty():
            total -= total * min(discount, 0.5)
        return round(total, 2)

    def is_empty(self) -> bool:
        return all(count == 0 for count in self.lines.values())


def report_{n}(orders: Iterable[Order{n}], prices: Mapping[str, float]) -> dict[str, Any]:
    """Sums the orders up, by currency."""
    sums: dict[str, float] = {{}}
    for order in orders:
        if order.is_empty():
            continue
        sums[order.currency] = sums.get(order.currency, 0.0) + order.total(prices)
    lines = [f"{{currency:>8}}: {{value:10.2f}}" for currency, value in sorted(sums.items())]
    return {{"sums": sums, "text": "\n".join(lines), "retries": RETRIES["read"] + {n}}}
"#
        ));
    }
    text
}

fn plan() -> FixPlan {
    r#"{"root_cause": "x", "category": "lint_format", "confidence": 1, "files": ["a.py"],
        "operations": [{"type": "remove_unused", "file": "a.py", "details": {"import": "os"},
                        "rationale": "r", "evidence": []}]}"#
        .parse()
        .expect("a valid plan")
}

#[divan::bench(args = SIZES)]
fn bare_parse(bencher: Bencher<'_, '_>, size: usize) {
    let text = module(size);
    bencher.counter(BytesCount::of_str(&text)).bench(|| {
        let parsed = ruff_python_parser::parse_module(black_box(&text));
        assert!(parsed.is_ok());
    });
}

fn generate(bencher: Bencher<'_, '_>, size: usize, tidy: bool) {
    let text = module(size);
    let plan = plan();
    let tree = MemoryTree::from_iter([(plan.files()[0].clone(), text.as_str().into())]);
    let generator = PatchGenerator::default();
    let mut options = PatchOptions::default();
    options.tidy = tidy;
    bencher.counter(BytesCount::of_str(&text)).bench(|| {
        let generated = generator.generate(black_box(&plan), &tree, &options);
        assert!(matches!(generated, Ok(Generated::Patch(_))));
    });
}

#[divan::bench(args = SIZES)]
fn generate_with_proof(bencher: Bencher<'_, '_>, size: usize) {
    generate(bencher, size, false);
}

#[divan::bench(args = SIZES)]
fn generate_with_proof_and_tidy(bencher: Bencher<'_, '_>, size: usize) {
    generate(bencher, size, true);
}
