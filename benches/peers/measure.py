"""Times whole processes, and prints the table of a comparison."""

import os
import statistics
import subprocess
import time

FIX = os.environ["FIX_BINARY"]
BIN = os.environ["PEERS_BIN"]


def median(command, runs, prepare=lambda: None, **options):
    """The median time of `command` in seconds; `prepare` runs before each and is not timed."""
    times = []
    for _ in range(runs):
        prepare()
        start = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, **options)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def version(tool):
    """What the tool says that it is."""
    return subprocess.run([f"{BIN}/{tool}", "--version"], check=True, capture_output=True, text=True).stdout.split("\n")[0]


def table(name, what, rows, peer):
    """Prints `rows` of (label, seconds), ours first; the ratio is that of the row `peer`."""
    ours = rows[0][1]
    print(what)
    print(f"{'':44}{'time':>12}{'over ours':>12}")
    for label, seconds in rows:
        print(f"{label:44}{seconds * 1000:>9.1f} ms{seconds / ours:>12.2f}")
    print(f"ratio {name}: {dict(rows)[peer] / ours:.2f}")
