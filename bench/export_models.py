#!/usr/bin/env python3
"""Exports classifiers with random weights, and PyTorch's gradients of them.

Writes into a folder, for each model and exporter, MODEL.EXPORTER.onnx with the
input "input" and the output "logits", and for each model a batch of random
images with PyTorch's logits and gradients in float32 and float64, as raw
little-endian numbers. index.json lists them; see Export. The weights follow
from the seed, so that network() makes the same model again.
"""

import argparse
import functools
import json
import pathlib
import typing
import warnings

import timm
import torch
import torchvision

SEED = 6
OPSET = 18
CLASSES = 1000
EXPORTERS = ("legacy", "dynamo")


class Network(typing.NamedTuple):
    """A way to make a network, and whether its gradient is continuous.

    It is not where there are ReLUs, their relatives or maxima: a rounding error
    then changes which side of a kink a unit is on.
    """

    make: typing.Callable[[], torch.nn.Module]
    smooth: bool
    size: int = 224


class Export(typing.NamedTuple):
    """An entry of index.json."""

    model: str
    exporter: str
    smooth: bool
    shape: list[int]
    error: str  # the exporter's, "" where it wrote the file


def of_torchvision(name, **options):
    return functools.partial(torchvision.models.get_model, name, weights=None, **options)


def of_timm(name):
    return functools.partial(timm.create_model, name, pretrained=False, num_classes=CLASSES)


NETWORKS = {
    "alexnet": Network(of_torchvision("alexnet"), smooth=False),
    "beit_base": Network(of_timm("beit_base_patch16_224"), smooth=True),
    "convnext_tiny": Network(of_torchvision("convnext_tiny"), smooth=True),
    "convnextv2_atto": Network(of_timm("convnextv2_atto"), smooth=True),
    "deit_tiny": Network(of_timm("deit_tiny_patch16_224"), smooth=True),
    "densenet121": Network(of_torchvision("densenet121"), smooth=False),
    "efficientnet_b0": Network(of_torchvision("efficientnet_b0"), smooth=True),
    "efficientnet_lite0": Network(of_timm("efficientnet_lite0"), smooth=False),
    "eva02_tiny": Network(of_timm("eva02_tiny_patch14_224"), smooth=True),
    "fastvit_t8": Network(of_timm("fastvit_t8"), smooth=True),
    "ghostnet": Network(of_timm("ghostnet_100"), smooth=False),
    "googlenet": Network(of_torchvision("googlenet", init_weights=True, aux_logits=False), smooth=False),
    "hiera_tiny": Network(of_timm("hiera_tiny_224"), smooth=False),
    "inception_v3": Network(of_timm("inception_v3"), smooth=False, size=299),
    "maxvit_tiny": Network(of_timm("maxvit_tiny_tf_224"), smooth=True),
    "mixer_s32": Network(of_timm("mixer_s32_224"), smooth=True),
    "mnasnet": Network(of_torchvision("mnasnet0_5"), smooth=False),
    "mobilenet_v2": Network(of_torchvision("mobilenet_v2"), smooth=False),
    "mobilenet_v3_small": Network(of_torchvision("mobilenet_v3_small"), smooth=False),
    "mobilevit_xxs": Network(of_timm("mobilevit_xxs"), smooth=True, size=256),
    "poolformer_s12": Network(of_timm("poolformer_s12"), smooth=True),
    "regnet_y_400mf": Network(of_torchvision("regnet_y_400mf"), smooth=False),
    "resnet18": Network(of_torchvision("resnet18"), smooth=False),
    "resnet50": Network(of_torchvision("resnet50"), smooth=False),
    "resnetv2_50": Network(of_timm("resnetv2_50"), smooth=False),
    "shufflenet_v2": Network(of_torchvision("shufflenet_v2_x1_0"), smooth=False),
    "squeezenet1_1": Network(of_torchvision("squeezenet1_1"), smooth=False),
    "swin_t": Network(of_torchvision("swin_t"), smooth=True),
    "vgg11_bn": Network(of_torchvision("vgg11_bn"), smooth=False),
    "vit_tiny": Network(of_timm("vit_tiny_patch16_224"), smooth=True),
    "xcit_nano": Network(of_timm("xcit_nano_12_p16_224"), smooth=True),
}


def network(name):
    """Returns the network in evaluation mode; its weights take no gradient."""
    torch.manual_seed(SEED)
    with warnings.catch_warnings(action="ignore"):
        made = NETWORKS[name].make().eval().requires_grad_(False)
    for weights in made.parameters():
        if weights.ndim > 1 and not weights.any():
            # As some heads begin, which leaves no gradient to compare.
            torch.nn.init.normal_(weights, std=0.02)
    return made


def batch(name, images):
    """Returns random images and labels."""
    size = NETWORKS[name].size
    numbers = torch.Generator().manual_seed(SEED)
    x = torch.randn(images, 3, size, size, generator=numbers)
    return x, torch.randint(CLASSES, (images,), generator=numbers)


def gradient(model, x, labels):
    """Returns the logits, and the gradient of the sum of the cross entropies."""
    x = x.clone().requires_grad_()
    logits = model(x)
    loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    return logits.detach(), torch.autograd.grad(loss, x)[0]


def write_reference(folder, name, images):
    model = network(name)
    x, labels = batch(name, images)
    logits, single = gradient(model, x, labels)
    double = gradient(model.double(), x.double(), labels)[1]
    arrays = {"images": x, "labels": labels, "logits": logits, "gradient32": single, "gradient64": double}
    for what, array in arrays.items():
        array.numpy().tofile(folder / f"{name}.{what}")


def export(folder, name, exporter, images):
    if exporter == "dynamo":
        options = {"dynamo": True, "external_data": False, "verbose": False}
    else:
        options = {"dynamo": False, "dynamic_axes": {"input": {0: "batch"}, "logits": {0: "batch"}}}
    torch.onnx.export(
        network(name),
        (batch(name, images)[0],),
        folder / f"{name}.{exporter}.onnx",
        input_names=["input"],
        output_names=["logits"],
        opset_version=OPSET,
        **options,
    )


def tried(folder, name, exporter, images):
    """Exports and returns the entry for it, with the error if there was one."""
    error = ""
    try:
        with warnings.catch_warnings(action="ignore"):
            export(folder, name, exporter, images)
    except Exception as e:  # the exporters raise whatever their parts do
        while e.__cause__:
            e = e.__cause__
        error = f"{type(e).__name__}: {e}".splitlines()[0]
    size = NETWORKS[name].size
    return Export(name, exporter, NETWORKS[name].smooth, [images, 3, size, size], error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--batch", type=int, default=2, help="images in the batch, which the files fix")
    parser.add_argument("--exporters", nargs="+", choices=EXPORTERS, default=EXPORTERS)
    parser.add_argument("--models", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="MODEL")
    args = parser.parse_args()

    args.folder.mkdir(parents=True, exist_ok=True)
    index = []
    for name in args.models:
        write_reference(args.folder, name, args.batch)
        for exporter in args.exporters:
            index.append(tried(args.folder, name, exporter, args.batch))
            print(f"{name}.{exporter}: {index[-1].error or 'exported'}", flush=True)
    entries = [entry._asdict() for entry in index]
    (args.folder / "index.json").write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main()
