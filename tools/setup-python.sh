#!/bin/sh
# Usage: setup-python.sh GROUP...
# Installs the packages that python/GROUP.txt pins into .cache/venv.
#
# pip of the user's Python does the work with --target, so that neither
# ensurepip nor a recent pip is needed.
. "$(dirname "$0")/fetch.sh"

venv=$cache/venv
minor='import sys; print("%d.%d" % sys.version_info[:2])'

version=$("$python" -c "$minor") ||
	die "$python does not run; install Python 3.10 or newer, or set PYTHON"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
	die "Python 3.10 or newer is needed, $python is $version; set PYTHON to another"
"$python" -m pip --version >/dev/null 2>&1 ||
	die "$python has no pip; install it (Debian: apt-get install python3-pip) or run $python -m ensurepip"

if [ "$("$venv/bin/python" -c "$minor" 2>/dev/null)" != "$version" ]; then
	rm -rf "$venv"
	"$python" -m venv --without-pip "$venv"
fi
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# install LOCK: installs from the wheels that are there, without the network.
install() {
	"$python" -m pip install --quiet --no-deps --require-hashes --no-index \
		--find-links "$wheels" --upgrade --target "$site" --requirement "$1"
}

for group; do
	lock=$root/tools/python/$group.txt
	stamp=$venv/$group.txt
	if cmp -s "$lock" "$stamp"; then
		touch "$stamp"
		continue
	fi
	say "installing the Python packages of '$group' into .cache/venv"
	if ! install "$lock" 2>/dev/null; then
		"$python" -m pip download --quiet --no-deps --require-hashes --only-binary=:all: \
			--dest "$wheels" --requirement "$lock"
		install "$lock"
	fi
	cp "$lock" "$scratch/stamp"
	mv "$scratch/stamp" "$stamp"
done
