#!/usr/bin/env python3
"""Compares the time of our gradient graphs with that of PyTorch.

Both take a batch of 4 images through the same network with the same random
weights, forward and back to the images, on one core and on two. Two cores are
two threads that share a batch for PyTorch, and for ours a batch on each core, as
in a run; the time is that for one batch. The weights take no gradient in PyTorch
either. Each round runs one after the other, so that
a neighbour's load hits both; what counts is the fastest of the runs of a round,
and the table has the medians over the rounds. Ours is BenchmarkExports of
internal/autodiff.

With --accuracy it compares the gradients instead, over all networks of
export_models.py and both of PyTorch's exporters.
"""

import argparse
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import torch

import export_models

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
PACKAGE = ROOT / "internal/autodiff"
SCRATCH = ROOT / ".bench"
BINARY = SCRATCH / "autodiff.test"
MODELS = ["resnet50", "mobilenet_v2", "efficientnet_lite0", "vit_tiny", "convnext_tiny", "densenet121"]
BATCH = 4
THREADS = (1, 2)


def build(tags):
    SCRATCH.mkdir(exist_ok=True)
    go = os.environ.get("GO", "go")
    subprocess.run([go, "test", "-c", "-tags", tags, "-o", BINARY, "./internal/autodiff"], cwd=ROOT, check=True)


def exported(folder, *options):
    """Returns the folder with the exported models, which it makes once."""
    if not (folder / "index.json").exists():
        command = [sys.executable, BENCH / "export_models.py", folder, *options]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return folder


def run_binary(folder, *options, **keywords):
    environment = os.environ | {"QUBA_EXPORTED_MODELS": str(folder)}
    return subprocess.run([BINARY, *options], cwd=PACKAGE, env=environment, text=True, **keywords)


def run_ours(folder, model, runs):
    """Returns the milliseconds by pass and cores."""
    chosen = ["-test.run", "^$", "-test.bench", f"Exports/^{model}[.]", "-test.benchtime", f"{runs}x"]
    output = run_binary(folder, *chosen, check=True, stdout=subprocess.PIPE).stdout
    found = re.findall(r"/(forward|gradient)/(\d+)\S*\s.*?([\d.e+]+) fastest-ns", output)
    return {(what, int(threads)): float(ns) / 1e6 for what, threads, ns in found}


def fastest_ms(work, runs):
    work()  # fills the caches
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def run_torch(model, runs):
    """Returns the same of PyTorch."""
    network = export_models.network(model)
    x, labels = export_models.batch(model, BATCH)

    def forward():
        with torch.inference_mode():
            network(x)

    times = {}
    for threads in THREADS:
        torch.set_num_threads(threads)
        times["forward", threads] = fastest_ms(forward, runs)
        times["gradient", threads] = fastest_ms(lambda: export_models.gradient(network, x, labels), runs)
    return times


def medians(rounds):
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def print_row(model, threads, ours, theirs, ratios):
    forward, gradient = ours["forward", threads], ours["gradient", threads]
    print(
        f"{model:<20} {threads:7} {forward:9.0f} {gradient:9.0f} {gradient / forward:6.2f}"
        f" {theirs['forward', threads]:9.0f} {theirs['gradient', threads]:9.0f}"
        f" {statistics.median(ratios):7.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )


def compare_speed(models, rounds, runs):
    folder = exported(SCRATCH / "gradients", "--batch", str(BATCH), "--exporters", "legacy", "--models", *MODELS)
    head = f"{'':<28} {'ours, ms':>9} {'':9} {'':6} {'PyTorch':>9}"
    columns = f"{'model':<20} {'cores':>7} {'forward':>9} {'gradient':>9} {'times':>6} {'forward':>9} {'gradient':>9}"
    print(f"batch {BATCH}, {rounds} rounds\n{head}\n{columns} {'speed-up':>8}")
    speedups = {threads: [] for threads in THREADS}
    for model in models:
        pairs = [(run_ours(folder, model, runs), run_torch(model, runs)) for _ in range(rounds)]
        ours, theirs = (medians(side) for side in zip(*pairs, strict=True))
        for threads in THREADS:
            ratios = [b["gradient", threads] / a["gradient", threads] for a, b in pairs]
            print_row(model, threads, ours, theirs, ratios)
            speedups[threads].append(statistics.median(ratios))
    for threads, ratios in speedups.items():
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        print(f"geometric mean of the speed-ups, {threads} cores: {mean:.2f}, lowest {min(ratios):.2f}")


def compare_accuracy():
    folder = exported(SCRATCH / "gradients-accuracy")
    return run_binary(folder, "-test.run", "^TestExports$", "-test.v").returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5, help="runs in a round, of which the fastest counts")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, metavar="MODEL")
    parser.add_argument("--accuracy", action="store_true", help="compare the gradients, not the time")
    parser.add_argument("--tags", default="", help="build tags of our program")
    args = parser.parse_args()

    build(args.tags)
    if args.accuracy:
        return compare_accuracy()
    compare_speed(args.models, args.rounds, args.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
