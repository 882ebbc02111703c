"""Counts what a run of cargo-mutants caught, by strategy; the last line is the score, and so is the exit status."""

import collections
import json
import sys

SCORE_MIN = 90.0


def strategy(mutant):
    parts = mutant["file"].removeprefix("fix-patch/src/").removeprefix("strategy/").split("/")
    return parts[0] if len(parts) > 1 else {"tidy.rs": "imports"}.get(parts[0], "shared")


def score(counts):
    caught = counts["CaughtMutant"] + counts["Timeout"]
    judged = caught + counts["MissedMutant"]
    return (100 * caught / judged if judged else 0.0), caught, judged


with open(sys.argv[1], encoding="utf-8") as file:
    outcomes = json.load(file)["outcomes"]
by_strategy = collections.defaultdict(collections.Counter)
for outcome in outcomes:
    if outcome["scenario"] == "Baseline":
        continue
    by_strategy[strategy(outcome["scenario"]["Mutant"])][outcome["summary"]] += 1
total = collections.Counter()
for name, counts in sorted(by_strategy.items()):
    total += counts
    percent, caught, judged = score(counts)
    print(f"mutants {name}: {percent:.1f} % caught ({caught} of {judged})")
percent, caught, judged = score(total)
print(f"mutants: {percent:.1f} % caught ({caught} of {judged}, shard {sys.argv[2]}; at least {SCORE_MIN:.0f} %)")
sys.exit(percent < SCORE_MIN)
