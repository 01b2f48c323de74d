#!/usr/bin/env python3
"""The straightforward way to measure a classifier in Python.

Two loader processes decode, resize and crop with Pillow; the main process
infers batches of 32 with two intra-op threads of onnxruntime. Reads a model
with its side-car and a folder of images in folders of classes; prints one JSON
object. Its clock starts when the session stands and ends with the last
prediction: starting Python and loading the model are not counted.
"""

import argparse
import json
import multiprocessing
import pathlib
import time

import numpy as np
import onnxruntime
from PIL import Image

BATCH = 32
LOADERS = 2
INTRA_OP_THREADS = 2
PREFETCHED = 2  # batches waiting for each loader, as torch's DataLoader has
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def read_image(path, preprocess):
    """Returns the crop that the model sees, as uint8 rows of RGB."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    side, crop = preprocess["resize_shorter_side"], preprocess["center_crop"]
    shorter = min(width, height)
    if shorter != side:
        size = (side * width // shorter, side * height // shorter)
        image = image.resize(size, FILTERS[preprocess["interpolation"]])
    left, top = (round((length - crop) / 2) for length in image.size)
    return np.asarray(image.crop((left, top, left + crop, top + crop)))


def load(batches, preprocess, queue):
    """Puts the batches into the queue; runs in a process of its own."""
    for batch in batches:
        queue.put(np.stack([read_image(path, preprocess) for path in batch]))


def start_loaders(batches, preprocess):
    """Starts the loaders, which take turns, and returns their queues."""
    queues = []
    for loader in range(LOADERS):
        queue = multiprocessing.Queue(PREFETCHED)
        arguments = (batches[loader::LOADERS], preprocess, queue)
        multiprocessing.Process(target=load, args=arguments, daemon=True).start()
        queues.append(queue)
    return queues


def predict(session, batches, card):
    """Returns the logits of all batches."""
    preprocess = card["preprocess"]
    mean = np.float32(preprocess["mean"])
    std = np.float32(preprocess["std"])
    queues = start_loaders(batches, preprocess)
    logits = []
    for index in range(len(batches)):
        pixels = queues[index % LOADERS].get().astype(np.float32) / 255
        tensor = ((pixels - mean) / std).transpose(0, 3, 1, 2)
        outputs = session.run(None, {card["input"]["name"]: np.ascontiguousarray(tensor)})
        logits.append(outputs[0])
    return np.concatenate(logits)


def open_session(model):
    """Loads the model with two threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = INTRA_OP_THREADS
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def top1(logits, paths, classes):
    """Returns the accuracy, for folders whose names are in the list."""
    index = {wnid: number for number, wnid in enumerate(classes)}
    labels = np.array([index[path.parent.name] for path in paths])
    return float((logits.argmax(1) == labels).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=pathlib.Path, help="an .onnx file with a .json side-car")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--classes", type=pathlib.Path, help="CSV of index,wnid: report the accuracy too")
    args = parser.parse_args()

    card = json.loads(args.model.with_suffix(".json").read_text())
    paths = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    batches = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
    session = open_session(args.model)
    start = time.perf_counter()
    logits = predict(session, batches, card)
    seconds = time.perf_counter() - start

    result = {"images": len(paths), "seconds": seconds, "images_per_second": len(paths) / seconds}
    if args.classes:
        rows = args.classes.read_text().splitlines()[1:]
        result["top1"] = top1(logits, paths, [row.split(",")[1] for row in rows])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
