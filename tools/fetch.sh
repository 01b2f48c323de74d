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

# apt_install PACKAGE...: installs packages of Debian where apt-get and the
# rights are there. It asks nothing and ends in minutes where no archive can be
# reached; that is said and is no failure.
apt_install() {
	if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
		return
	fi
	say "installing $*"
	if ! { apt_get 120 update && apt_get 300 install --no-install-recommends "$@"; } </dev/null >&2; then
		say "apt-get failed"
	fi
}

# apt_get SECONDS ARGUMENT...: apt-get with a limit to its time, and shorter
# ones for each connection and for waiting until another apt-get is done.
apt_get() {
	seconds=$1
	shift
	DEBIAN_FRONTEND=noninteractive timeout --kill-after=10 "$seconds" apt-get -qq -y \
		-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=60 "$@"
}

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
