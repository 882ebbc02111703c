"""Times pydantic and our parser on the same two plans, in turn, and prints the ratio of the medians.

The model holds the rules that both check: no unknown fields, bounds, paths that stay in the
repository, names and specifiers by their grammar, text that people can see, files listed once, and
operations on listed files only. Ours also finds repeated keys, and clashes of names and files.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from typing import Annotated, Literal

from packaging.specifiers import SpecifierSet
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")


def check_path(path):
    path = path.replace("\\", "/").removeprefix("./")
    if path.startswith(("/", "-", "~")) or re.search(r'[\x00-\x1f\x7f:<>"|?*]', path):
        raise ValueError("not a repository path")
    for part in path.split("/"):
        if part in ("", ".", "..") or part.lower().rstrip(". ") == ".git" or part.endswith((".", " ")) or DEVICES.match(part):
            raise ValueError("not a repository path")
    return path


def check_text(text):
    if not text.strip() or any(unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs") and c not in "\n\t" for c in text):
        raise ValueError("not text that people can see")
    return text


def check_spec(spec):
    SpecifierSet(spec)
    return spec


Path = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(check_path)]
Text = Annotated[str, Field(min_length=1, max_length=8192), AfterValidator(check_text)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Details(Strict):
    name: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$")
    spec: Annotated[str, Field(max_length=128), AfterValidator(check_spec)]
    extras: list[str] | None = None
    marker: str | None = None
    section: str | None = None


class Operation(Strict):
    type: Literal["add_dependency", "pin_dependency", "remove_unused", "update_config", "modify_code"]
    file: Path
    details: Details
    rationale: Text
    evidence: list[Text] = Field(max_length=50)


class Plan(Strict):
    root_cause: Text
    category: Literal["python_missing_dependency", "lint_format"]
    confidence: float = Field(ge=0, le=1)
    files: list[Path] = Field(min_length=1, max_length=10)
    operations: list[Operation] = Field(min_length=1, max_length=10)

    @model_validator(mode="after")
    def check_files(self):
        if len({file.casefold() for file in self.files}) != len(self.files):
            raise ValueError("a file is listed twice")
        if any(operation.file not in self.files for operation in self.operations):
            raise ValueError("a file is not listed")
        return self


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
