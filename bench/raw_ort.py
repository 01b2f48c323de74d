#!/usr/bin/env python3
"""The ceiling: onnxruntime alone, on tensors that are ready.

Prints one JSON object. Two intra-op threads and batches of 32, as in
python_baseline.py; loading the model and a first batch are not counted.
"""

import argparse
import json
import pathlib
import time

import numpy as np

from python_baseline import BATCH, open_session


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=pathlib.Path, help="an .onnx file with a .json side-car")
    parser.add_argument("--images", type=int, default=512, help="rounded up to whole batches")
    args = parser.parse_args()

    card = json.loads(args.model.with_suffix(".json").read_text())
    shape = [BATCH, *card["input"]["shape"][1:]]
    tensor = np.random.default_rng(0).standard_normal(shape, np.float32)
    inputs = {card["input"]["name"]: tensor}
    session = open_session(args.model)
    session.run(None, inputs)

    batches = -(-args.images // BATCH)
    start, start_cpu = time.perf_counter(), time.process_time()
    for _ in range(batches):
        session.run(None, inputs)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu

    images = batches * BATCH
    print(
        json.dumps(
            {
                "images": images,
                "seconds": seconds,
                "images_per_second": images / seconds,
                "cpu_seconds_per_image": cpu / images,
            }
        )
    )


if __name__ == "__main__":
    main()
