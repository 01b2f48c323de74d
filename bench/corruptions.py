#!/usr/bin/env python3
"""Compares the time of each corruption with that of the Python reference.

Both corrupt the same 224x224 picture at severity 3 on one thread, in turn, so
that a neighbour's load hits both. A round gives our mean and the reference's
median over calls in the steady state; the table has the medians over the
rounds. Ours are the benchmarks of internal/corruption; python_corruptions.py
says what the reference is. For frost ours takes the textures that it makes, and
the reference reads the originals from disk each time.

Without the packages of tools/python/corruptions.txt, which pip may not have for
a Python as old or new as yours, the table has our times only.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
PACKAGE = ROOT / "internal/corruption"
IMAGE = PACKAGE / "testdata/procedural/inputs/dog.png"
REFERENCE = ROOT / ".cache/imagecorruptions"
BINARY = ROOT / ".bench/corruption.test"
EXTRA = {"speckle_noise", "gaussian_blur", "spatter", "saturate"}
SET = "the 15 in turn"
RELEASED_GLASS = "glass_blur as released"

# Makes glibc keep what NumPy frees: without it, page faults take up to half of
# the reference's time.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "100000000", "MALLOC_TRIM_THRESHOLD_": "1000000000"}


def build(tags):
    BINARY.parent.mkdir(exist_ok=True)
    go = os.environ.get("GO", "go")
    subprocess.run([go, "test", "-c", "-tags", tags, "-o", BINARY, "./internal/corruption"], cwd=ROOT, check=True)


def run_ours():
    """Returns the milliseconds of each benchmark."""
    command = [BINARY, "-test.run", "^$", "-test.bench", "Corruption|Set", "-test.benchtime", "40x", "-test.cpu", "1"]
    output = subprocess.run(command, cwd=PACKAGE, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.findall(r"^Benchmark(?:Corruption/)?(\w+)\s.*?([\d.]+) ns/op", output, re.MULTILINE)
    return {SET if name == "Set" else name: float(ns) / 1e6 for name, ns in found}


def run_reference():
    """Returns the milliseconds of each corruption of the reference."""
    environment = os.environ | KEEP_MEMORY | {"PYTHONPATH": str(REFERENCE)}
    command = [sys.executable, BENCH / "python_corruptions.py", IMAGE]
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def medians(rounds):
    return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}


def print_row(name, ours, reference):
    row = f"{name:<24} {ours:8.2f}"
    if reference is not None:
        row += f" {reference:10.2f} {reference / ours:8.1f}"
    print(row)


def print_table(ours, reference):
    """Prints the medians; reference is None where it is not installed."""

    def of_reference(names):
        return None if reference is None else sum(reference[name] for name in names)

    benchmark = [name for name in ours if name not in EXTRA | {SET}]
    print(f"{'corruption':<24} {'ours ms':>8}" + ("" if reference is None else f" {'Python ms':>10} {'ratio':>8}"))
    for name in [*benchmark, *sorted(EXTRA)]:
        print_row(name, ours[name], of_reference([name]))
    print_row("sum of the benchmark's 15", sum(ours[name] for name in benchmark), of_reference(benchmark))
    print_row(SET, ours[SET], of_reference(benchmark))
    if reference is not None:
        print(f"Python's {RELEASED_GLASS}, without numba: {reference[RELEASED_GLASS]:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tags", default="", help="build tags of our program")
    args = parser.parse_args()

    installed = (REFERENCE / "corruptions.txt").exists()
    if not installed:
        print("the Python reference is not installed (make bench-corruptions does it): our times only", file=sys.stderr)
    build(args.tags)
    ours, reference = [], []
    for number in range(args.rounds):
        ours.append(run_ours())
        if installed:
            reference.append(run_reference())
        print(f"round {number + 1}: ours {ours[-1][SET]:.1f} ms for the set", file=sys.stderr)
    print(f"224x224, severity 3, one thread, {args.rounds} rounds")
    print_table(medians(ours), medians(reference) if installed else None)


if __name__ == "__main__":
    main()
