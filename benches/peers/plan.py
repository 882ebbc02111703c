"""Times pydantic and our parser on the same two plans, in turn, and prints the ratio of the medians."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Details(Strict):
    name: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$")
    spec: str = Field(max_length=128)
    extras: list[str] | None = None
    marker: str | None = None
    section: str | None = None


class Operation(Strict):
    type: Literal["add_dependency", "pin_dependency", "remove_unused", "update_config", "modify_code"]
    file: str = Field(min_length=1, max_length=1024)
    details: Details
    rationale: str = Field(min_length=1, max_length=8192)
    evidence: list[str] = Field(max_length=50)


class Plan(Strict):
    root_cause: str = Field(min_length=1, max_length=8192)
    category: str
    confidence: float = Field(ge=0, le=1)
    files: list[str] = Field(min_length=1, max_length=10)
    operations: list[Operation] = Field(min_length=1, max_length=10)


def plan(operations):
    return json.dumps({
        "root_cause": "tests import what is not declared",
        "category": "python_missing_dependency",
        "confidence": 0.92,
        "files": ["pyproject.toml"],
        "operations": [{
            "type": "add_dependency",
            "file": "pyproject.toml",
            "details": {"name": f"package{n}", "spec": ">=2.31,<3"},
            "rationale": "declare the missing dependency",
            "evidence": [f"ModuleNotFoundError: No module named 'package{n}'"],
        } for n in range(operations)],
    }, separators=(",", ":"))


def pydantic_us(text, rounds=20_000):
    validate = Plan.model_validate_json
    start = time.perf_counter()
    for _ in range(rounds):
        validate(text)
    return (time.perf_counter() - start) / rounds * 1e6


def ours_us(program, path):
    return float(subprocess.run([program, path], check=True, capture_output=True, text=True).stdout)


ratios = []
print(f"{'operations':>10} {'bytes':>6} {'pydantic µs':>12} {'fix-plan µs':>12} {'times as fast':>14}")
for operations in (1, 10):
    text = plan(operations)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(text)
        file.flush()
        pairs = [(pydantic_us(text), ours_us(sys.argv[1], file.name)) for _ in range(5)]
    theirs, ours = (statistics.median(column) for column in zip(*pairs))
    ratios.append(theirs / ours)
    print(f"{operations:>10} {len(text):>6} {theirs:>12.2f} {ours:>12.2f} {ratios[-1]:>14.2f}")
print(f"ratio plan: {min(ratios):.2f}")
