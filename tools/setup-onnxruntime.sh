#!/bin/sh
# Puts the onnxruntime shared library into .cache/onnxruntime/lib.
#
# It comes from the Python wheel, which every platform has; the wheel's Python
# version does not matter for the library in it.
. "$(dirname "$0")/fetch.sh"

version=1.32.0
folder=$cache/onnxruntime/lib

case $(uname -s)-$(uname -m) in
Linux-x86_64)
	python_tag=cp311 platform=manylinux_2_28_x86_64
	wheel_sha256=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
	library=libonnxruntime.so.$version link=libonnxruntime.so
	library_sha256=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f
	;;
Linux-aarch64)
	python_tag=cp312 platform=manylinux_2_28_aarch64
	wheel_sha256=e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054
	library=libonnxruntime.so.$version link=libonnxruntime.so
	library_sha256=49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a
	;;
Darwin-arm64)
	python_tag=cp312 platform=macosx_14_0_arm64
	wheel_sha256=d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e
	library=libonnxruntime.$version.dylib link=libonnxruntime.dylib
	library_sha256=fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7
	;;
*)
	die "no onnxruntime is pinned for $(uname -s) $(uname -m); set ONNXRUNTIME_LIB to a shared library of version $version"
	;;
esac

if ! has_sha256 "$folder/$library" "$library_sha256"; then
	wheel=onnxruntime-$version-$python_tag-$python_tag-$platform.whl
	fetch_wheel "$wheel" "$wheel_sha256" --implementation cp \
		--python-version "3.${python_tag#cp3}" --abi "$python_tag" --platform "$platform"
	unpack_wheel "$wheel" "onnxruntime/capi/$library"
	has_sha256 "$scratch/$library" "$library_sha256" ||
		die "$library in $wheel does not have the checksum $library_sha256"
	mkdir -p "$folder"
	mv "$scratch/$library" "$folder/$library"
fi
ln -sf "$library" "$folder/$link"
touch "$folder/$library"
