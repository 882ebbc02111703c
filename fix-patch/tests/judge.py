"""Reads files before and after a change with `tomllib` and `packaging`, and prints what is not as it was meant.

One JSON object a line on standard input: kind, name, spec, extras, marker, section, before, after.
"""

import copy
import json
import re
import sys
import tomllib

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name


def requirement(text):
    found = Requirement(text)
    marker = str(found.marker) if found.marker else None
    return [canonicalize_name(found.name), sorted(found.extras), str(found.specifier), marker, found.url]


def wanted(case):
    marker = str(Marker(case["marker"])) if case["marker"] else None
    return [canonicalize_name(case["name"]), sorted(case["extras"]), str(SpecifierSet(case["spec"])), marker, None]


def requirements(text):
    """The logical lines, as pip joins them: requirements read, all else as text."""
    lines = []
    joined = ""
    physical = text.removeprefix("\ufeff").splitlines()
    for number, line in enumerate(physical, 1):
        if line.endswith("\\") and not re.match(r"\s*#", line):
            joined += line[:-1]
            if number < len(physical):
                continue
            line = ""
        joined += (" " if re.match(r"\s*#", line) else "") + line
        line, joined = re.sub(r"(^|\s+)#.*$", "", joined).strip(), ""
        if not line:
            continue
        try:
            head, *options = re.split(r"\s+(?=--)", line)
            lines.append([requirement(head), options])
        except InvalidRequirement:
            lines.append(line)
    return lines


def changed(before, after, case, read):
    """Whether one entry of a list came, or one got another version."""
    if case["kind"] == "add_dependency":
        places = [at for at in range(len(after)) if after[:at] + after[at + 1 :] == before]
        return any(read(after[at]) == wanted(case) for at in places)
    differing = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    if len(differing) != 1:
        return False
    old, new = read(before[differing[0]]), read(after[differing[0]])
    old[2] = str(SpecifierSet(case["spec"]))
    return old == new and canonicalize_name(case["name"]) == new[0]


def poetry_version(entry):
    return entry["version"] if isinstance(entry, dict) else entry


def poetry_changed(before, after, case):
    keys = [key for key in after if canonicalize_name(key) == canonicalize_name(case["name"])]
    if len(keys) != 1 or poetry_version(after[keys[0]]) != (case["spec"] or "*"):
        return False
    entry, rest = after[keys[0]], {key: after[key] for key in after if key != keys[0]}
    if case["kind"] == "add_dependency":
        details = entry if isinstance(entry, dict) else {}
        # A marker has its canonical quotes, whichever it came with.
        marker = case["marker"] and case["marker"].replace('"', "'")
        same = (sorted(details.get("extras", [])), details.get("markers")) == (sorted(case["extras"]), marker)
        return same and rest == before
    if isinstance(entry, dict):
        entry = {**entry, "version": before[keys[0]]["version"]}
    else:
        entry = before[keys[0]]
    return {**rest, keys[0]: entry} == before


def table_of(document, section):
    """The table that holds the list of `section`, and its key there."""
    *parents, key = section.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    return document, key


def judge(case):
    if case["section"] == "requirements":
        before, after = requirements(case["before"]), requirements(case["after"])
        return changed(before, after, case, lambda line: list(line[0]))
    before, after = tomllib.loads(case["before"].removeprefix("\ufeff")), tomllib.loads(case["after"].removeprefix("\ufeff"))
    rest = copy.deepcopy(after)
    (old, key), (new, _) = table_of(before, case["section"]), table_of(rest, case["section"])
    if "poetry" in case["section"]:
        same = poetry_changed(old.get(key, {}), new[key], case)
    else:
        same = changed(old.get(key, []), new[key], case, requirement)
    new[key] = old[key] = None
    return same and before == rest


for line in sys.stdin:
    case = json.loads(line)
    try:
        verdict = judge(case)
    except Exception as error:
        verdict = error
    if verdict is not True:
        print(f"{verdict}: {json.dumps(case, indent=1)}")
