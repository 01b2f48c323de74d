#!/bin/sh
# Renews the lock files: pins every package of GROUP.in with the checksums of
# all its wheels. Needs uv, and the network.
#
# test and bench leave out what demo already pins: the groups are installed
# into one environment, demo first.
set -eu

cd "$(dirname "$0")"

lock() {
	group=$1
	python=$2
	shift 2
	uv pip compile --quiet --universal --python-version "$python" --only-binary :all: \
		--generate-hashes --no-annotate --custom-compile-command tools/python/lock.sh \
		"$@" "$group.in" --output-file "$group.txt"
}

lock demo 3.10
shared='--constraint demo.txt'
packages=$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' demo.txt | sort -u)
for package in $packages; do
	shared="$shared --no-emit-package $package"
done
# shellcheck disable=SC2086 # a list of options
lock test 3.10 $shared
# shellcheck disable=SC2086
lock bench 3.11 $shared
# imagecorruptions asks for opencv-python, whose headless build is enough.
lock corruptions 3.11 --no-emit-package opencv-python
lock gradients 3.11
