#!/usr/bin/env python3
"""Times each corruption of the Python reference on one thread.

The reference is imagecorruptions 1.1.2 with two changes that its repository
made later: gaussian takes channel_axis, since scikit-image dropped
multichannel, and numba compiles the loop of glass_blur. The loop as released
is timed too. Reads an image; prints one JSON object of median milliseconds.
"""

import argparse
import json
import os
import pathlib
import statistics
import time
import warnings

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
warnings.filterwarnings("ignore")  # of what the release imports

import cv2  # noqa: E402 - these read the variables above
import numba  # noqa: E402
import numpy as np  # noqa: E402
import skimage.filters  # noqa: E402
from imagecorruptions import corrupt, corruption_dict, corruptions, get_corruption_names  # noqa: E402
from PIL import Image  # noqa: E402

cv2.setNumThreads(1)


def gaussian(image, sigma, multichannel=False, **options):
    return skimage.filters.gaussian(image, sigma=sigma, channel_axis=-1 if multichannel else None, **options)


@numba.njit(cache=True)
def shuffle(image, reach, iterations):
    """Moves pixels as glass_blur does; both sides are views, so it copies."""
    height, width = image.shape[:2]
    for _ in range(iterations):
        for h in range(height - reach, reach, -1):
            for w in range(width - reach, reach, -1):
                dx, dy = np.random.randint(-reach, reach, size=(2,))
                image[h, w], image[h + dy, w + dx] = image[h + dy, w + dx], image[h, w]


def compiled_glass_blur(image, severity=1):
    sigma, reach, iterations = [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)][severity - 1]
    blurred = np.uint8(gaussian(np.array(image) / 255.0, sigma, multichannel=True) * 255)
    shuffle(blurred, reach, iterations)
    return np.clip(gaussian(blurred / 255.0, sigma, multichannel=True), 0, 1) * 255


def median_ms(image, severity, name, calls):
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        corrupt(image, severity, name)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("--severity", type=int, default=3)
    parser.add_argument("--calls", type=int, default=20, help="timed calls of each corruption")
    args = parser.parse_args()

    image = np.asarray(Image.open(args.image).convert("RGB"))
    corruptions.gaussian = gaussian
    times = {"glass_blur as released": median_ms(image, args.severity, "glass_blur", 1)}
    corruption_dict["glass_blur"] = compiled_glass_blur
    for name in get_corruption_names("all"):
        median_ms(image, args.severity, name, 3)  # compiles, and fills the caches
        times[name] = median_ms(image, args.severity, name, args.calls)
    print(json.dumps(times))


if __name__ == "__main__":
    main()
