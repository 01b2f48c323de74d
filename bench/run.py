#!/usr/bin/env python3
"""Compares pipeline run with a Python baseline and with onnxruntime alone.

The three run in turn, so that a neighbour's load hits all of them, and the
medians over the rounds are printed. pipeline run and the Python baseline are
charged for their whole processes: start, loading of the model, writing of what
they write. The baseline's own clock, which leaves its start and loading out, is
shown beside it (python_baseline.py).

The photographs and the model are those of ../shared where it is there, else
those of make setup; they are repeated when more images are wanted.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import typing

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
SCRATCH = ROOT / ".bench"
SHARED = ROOT.parent / "shared"
CORES = 2


class Round(typing.NamedTuple):
    """One run of a contestant."""

    images_per_second: float
    cpu_seconds: float  # user and system
    wall_seconds: float
    peak_rss: int  # bytes, of the largest process


def model_and_photographs():
    """Returns the model and the folder of photographs to use."""
    shared = SHARED / "models/efficientnet_lite0.onnx", SHARED / "data/imagenet-sample/val"
    if all(path.exists() for path in shared):
        return shared
    return ROOT / ".cache/models/efficientnet_lite0.onnx", ROOT / ".cache/data/imagenet20"


def repeated(folder, count):
    """Returns a folder with so many images, repeated or left out as needed."""
    photographs = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(photographs) == count:
        return folder
    target = SCRATCH / f"images-{count}"
    shutil.rmtree(target, ignore_errors=True)
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        copy = target / photograph.parent.name / f"{number:06d}{photograph.suffix}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        link(photograph, copy)
    return target


def link(source, target):
    """Makes a hard link, or a copy where the file system cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def measured(command):
    """Runs a command and returns its output, CPU seconds, wall time and peak."""
    start = time.perf_counter()
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with exit code {process.returncode}")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return output, usage.ru_utime + usage.ru_stime, wall, peak


def write_config(model, folder):
    """Writes the config of the run; JSON is YAML."""
    sinks = [{"type": "predictions"}]
    for metric in ("accuracy", "calibration_error", "class_balance"):
        sinks.append({"type": "scores", "metric": metric, "on": {"clean": "clean"}})
    config = {
        "models": [{"name": model.stem, "path": str(model)}],
        "pipelines": [{"name": "clean", "source": {"type": "image_folder", "root": str(folder), "labels": "imagenet"}}],
        "sinks": sinks,
    }
    path = SCRATCH / "config.yaml"
    path.write_text(json.dumps(config, indent=2) + "\n")
    return path


def run_pipeline(config, images):
    """Runs our command; returns the round and its run.json."""
    out = SCRATCH / "result"
    shutil.rmtree(out, ignore_errors=True)
    command = [ROOT / "bin/pipeline", "run", config, "--out", out, "--workers", CORES, "--format", "json"]
    _, cpu, wall, peak = measured(command)
    return Round(images / wall, cpu, wall, peak), json.loads((out / "run.json").read_text())


def run_script(*command):
    """Runs a script of this folder, which clocks itself."""
    output, cpu, wall, peak = measured([sys.executable, *command])
    return Round(json.loads(output)["images_per_second"], cpu, wall, peak)


def whole_process(rounds, images):
    """Returns the rounds with the speed of the whole process."""
    return [r._replace(images_per_second=images / r.wall_seconds) for r in rounds]


def median(rounds, value):
    return statistics.median(value(r) for r in rounds)


def print_contestant(name, rounds):
    speeds = [r.images_per_second for r in rounds]
    use = median(rounds, lambda r: r.cpu_seconds / r.wall_seconds)
    peak = median(rounds, lambda r: r.peak_rss) / 1e6
    print(
        f"{name:<18} {statistics.median(speeds):8.1f} images/s ({min(speeds):.1f} to {max(speeds):.1f})"
        f"   {use:4.2f} cores   peak {peak:6.0f} MB"
    )


def print_ratio(name, ratios):
    print(f"{name:<44} {statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def speed_ratios(over, under):
    return [a.images_per_second / b.images_per_second for a, b in zip(over, under, strict=True)]


def bound_shares(rounds, reports):
    """Returns the shares of the speed at which nothing but the work takes time.

    The work is reading, decoding, resizing and inference, on all the cores.
    """
    parts = ("read_s", "decode_s", "stages_s", "transform_s", "infer_s")
    work = [sum(report["cpu"][part] for part in parts) for report in reports]
    return [cpu / CORES / r.wall_seconds for cpu, r in zip(work, rounds, strict=True)]


def print_processor_time(reports):
    """Prints where the processor time of our runs went."""

    def share(part):
        return statistics.median(report["cpu"][part] / report["cpu"]["process_s"] for report in reports)

    parts = {"read": "read_s", "decode": "decode_s", "resize": "transform_s", "inference": "infer_s"}
    shares = {name: share(part) for name, part in parts.items()}
    shares["everything else"] = 1 - sum(shares.values())
    print("processor time: " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in shares.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=500)
    args = parser.parse_args()

    SCRATCH.mkdir(exist_ok=True)
    model, photographs = model_and_photographs()
    folder = repeated(photographs, args.images)
    config = write_config(model, folder)
    print(f"{model.stem}, {args.images} images, {args.rounds} rounds")

    ours, baseline, ceiling, reports = [], [], [], []
    for number in range(args.rounds):
        result, report = run_pipeline(config, args.images)
        ours.append(result)
        reports.append(report)
        baseline.append(run_script(BENCH / "python_baseline.py", model, folder))
        ceiling.append(run_script(BENCH / "raw_ort.py", model))
        last = (rounds[-1].images_per_second for rounds in (ours, baseline, ceiling))
        print(f"round {number + 1}:", ", ".join(f"{speed:.1f}" for speed in last), "images/s", file=sys.stderr)

    process = whole_process(baseline, args.images)
    print_contestant("pipeline run", ours)
    print_contestant("Python baseline", process)
    print_contestant("  without its start", baseline)
    print_contestant("onnxruntime alone", ceiling)
    print_ratio("pipeline run / Python baseline", speed_ratios(ours, process))
    print_ratio("pipeline run / baseline without its start", speed_ratios(ours, baseline))
    print_ratio("pipeline run / onnxruntime alone", speed_ratios(ours, ceiling))
    print_ratio("Python baseline / onnxruntime alone", speed_ratios(baseline, ceiling))
    print_ratio(f"pipeline run / bound of {CORES} cores", bound_shares(ours, reports))
    print_processor_time(reports)


if __name__ == "__main__":
    main()
