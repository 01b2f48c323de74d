#!/usr/bin/env python3
"""Compares attacks of pipeline run with those of torchattacks.

Both attack the first photographs of a folder, in pixel space: FGSM and PGD in
the maximum norm with eps 8/255, PGD in 10 steps of 2/255 from a random start.
torchattacks attacks the same network, which onnx2torch makes of the same file,
on the same crops; that both networks have the same logits is checked first. The
random starts differ. Both take batches of 4 and use two cores: pipeline run two
runs side by side of one thread each, PyTorch two threads. The wall time of
pipeline run is that of its whole process, which reads the photographs and
classifies them too; that of torchattacks, and the processor time of both, are
of PGD alone.

The models need a side-car: those of ../shared where it is there, else those of
make setup.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import time
import typing

import numpy as np
import onnx2torch
import onnxruntime
import torch
import torchattacks

from python_baseline import read_image
from run import ROOT, SCRATCH, SHARED, link

EPS, STEP, STEPS = 8, 2, 10  # in 1/255
BATCH = 4
CORES = 2
MODELS = ("efficientnet_lite0", "squeezenet1_0_dc", "mobilenet_v2_1.0_224")


class Attacked(typing.NamedTuple):
    """What one side makes of a model."""

    clean: int  # correct images
    fgsm: int
    pgd: int
    cpu_seconds: float  # of PGD
    seconds: float


class Normalised(torch.nn.Module):
    """Takes pixels in [0, 1], as attacks do, to what the network takes."""

    def __init__(self, network, preprocess):
        super().__init__()
        self.network = network
        for name in ("mean", "std"):
            values = torch.tensor(preprocess[name], dtype=torch.float32)
            self.register_buffer(name, values.view(3, 1, 1))

    def forward(self, pixels):
        return self.network((pixels - self.mean) / self.std)


def first_photographs(count):
    """Returns a folder with the first photographs of the data, in its order."""
    shared = SHARED / "data/imagenet-sample/val"
    data = shared if shared.exists() else ROOT / ".cache/data/imagenet20"
    target = SCRATCH / f"attacked-{count}"
    shutil.rmtree(target, ignore_errors=True)
    for photograph in sorted(path for path in data.rglob("*") if path.is_file())[:count]:
        copy = target / photograph.parent.name / photograph.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        link(photograph, copy)
    return target


def model_file(name):
    shared = SHARED / f"models/{name}.onnx"
    return shared if shared.exists() else ROOT / f".cache/models/{name}.onnx"


def run_ours(model, folder):
    """Returns what pipeline run finds; PGD has a run of its own, to be clocked."""
    clean, fgsm, _, _ = scored(model, folder, {"type": "fgsm", "eps": EPS})
    _, pgd, cpu, seconds = scored(model, folder, {"type": "pgd", "eps": EPS, "steps": STEPS, "step": STEP})
    return Attacked(clean, fgsm, pgd, cpu, seconds)


def scored(model, folder, attack):
    """Runs an attack; returns the correct images before and after, and its time."""
    config = {
        "models": [{"name": model.stem, "path": str(model)}],
        "pipelines": [
            {
                "name": "attacked",
                "source": {"type": "image_folder", "root": str(folder), "labels": "imagenet"},
                "stages": [attack],
            }
        ],
        "sinks": [
            {"type": "predictions"},
            {"type": "scores", "metric": "adversarial_robustness", "on": {attack["type"]: "attacked"}},
        ],
    }
    path, out = SCRATCH / "attacks.yaml", SCRATCH / "attacks"
    path.write_text(json.dumps(config, indent=2) + "\n")  # JSON is YAML
    command = [ROOT / "bin/pipeline", "run", path, "--overwrite", "--out", out]
    command += ["--workers", str(CORES), "--format", "json"]
    ranking = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    report = json.loads((out / "run.json").read_text())
    parts = ranking["models"][0]["dimensions"]["adversarial_robustness"]["parts"]
    counts = (round(parts[f"{attack['type']}/{when}"] * report["images"]) for when in ("before", "after"))
    return *counts, report["cpu"]["attack_s"], report["elapsed_s"]


def crops(folder, preprocess):
    """Returns the crops as float32 pixels [N, 3, H, W], and the labels."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    images = np.stack([read_image(path, preprocess) for path in paths])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().float() / 255
    index = {wnid: number for number, wnid in enumerate(wnids())}
    return pixels, torch.tensor([index[path.parent.name] for path in paths])


def wnids():
    """Returns the synsets of ImageNet in the order of its classes."""
    rows = (ROOT / "internal/imagenet/classes.csv").read_text().splitlines()[1:]
    return [row.split(",")[1] for row in rows]


def same_network(model, card):
    """Returns the network in PyTorch."""
    network = onnx2torch.convert(str(model)).eval().requires_grad_(False)
    return Normalised(network, card["preprocess"]).eval()


def check_logits(network, model, card, pixels):
    """Fails unless the network computes what onnxruntime computes."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    inputs = (pixels - network.mean) / network.std
    want = session.run([card["output"]["name"]], {card["input"]["name"]: inputs.numpy()})[0]
    with torch.inference_mode():
        got = network(pixels).numpy()
    worst = float(np.abs(got - want).max() / np.abs(want).max())
    if worst > 1e-4:
        raise SystemExit(f"{model.stem}: the logits in PyTorch are off by {worst:.1e} of the largest")


def run_torchattacks(model, folder):
    card = json.loads(model.with_suffix(".json").read_text())
    pixels, labels = crops(folder, card["preprocess"])
    network = same_network(model, card)
    check_logits(network, model, card, pixels[:BATCH])
    torch.set_num_threads(CORES)
    torch.manual_seed(0)
    fgsm = torchattacks.FGSM(network, eps=EPS / 255)
    pgd = torchattacks.PGD(network, eps=EPS / 255, alpha=STEP / 255, steps=STEPS, random_start=True)
    correct = {"clean": 0, "fgsm": 0, "pgd": 0}
    seconds, cpu = 0.0, 0.0
    for x, y in zip(pixels.split(BATCH), labels.split(BATCH), strict=True):
        correct["clean"] += count_correct(network, x, y)
        correct["fgsm"] += count_correct(network, fgsm(x, y), y)
        start, start_cpu = time.perf_counter(), time.process_time()
        attacked = pgd(x, y)
        seconds += time.perf_counter() - start
        cpu += time.process_time() - start_cpu
        correct["pgd"] += count_correct(network, attacked, y)
    return Attacked(**correct, cpu_seconds=cpu, seconds=seconds)


def count_correct(network, x, labels):
    with torch.inference_mode():
        return int((network(x).argmax(1) == labels).sum())


def print_row(model, side, images, result):
    print(
        f"{model:<22} {side:<13} {result.clean:6} {result.fgsm:6} {result.pgd:6}"
        f" {images / result.seconds:9.2f} {result.cpu_seconds / images:12.2f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="MODEL")
    args = parser.parse_args()

    SCRATCH.mkdir(exist_ok=True)
    folder = first_photographs(args.images)
    print(f"correct of {args.images} images; PGD with {STEPS} steps, batches of {BATCH}")
    print(f"{'':<22} {'':<13} {'clean':>6} {'FGSM':>6} {'PGD':>6} {'images/s':>9} {'CPU s/image':>12}")
    for name in args.models:
        model = model_file(name)
        print_row(name, "pipeline run", args.images, run_ours(model, folder))
        print_row(name, "torchattacks", args.images, run_torchattacks(model, folder))


if __name__ == "__main__":
    main()
