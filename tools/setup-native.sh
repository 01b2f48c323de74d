#!/bin/sh
# Looks for what the Go build needs from the system: a C compiler, and
# libjpeg-turbo by pkg-config. The compiler is needed; without the library the
# build takes the decoder written in Go (build tag nojpegturbo).
#
# Makes .cache/native, so that one attempt is enough: a library that is
# installed later is found by the build itself.
. "$(dirname "$0")/fetch.sh"

stamp=$cache/native

has_jpeg() {
	pkg-config --exists libjpeg 2>/dev/null
}

compiler=$(go env CC)
command -v "$compiler" >/dev/null ||
	die "no C compiler ($compiler), which onnxruntime's binding needs; install one (Debian: apt-get install build-essential, macOS: xcode-select --install)"

if has_jpeg; then
	touch "$stamp"
	exit
fi

# libjpeg-dev is libjpeg62-turbo-dev on Debian and libjpeg-turbo8-dev on Ubuntu.
apt_install pkg-config libjpeg-dev

touch "$stamp"
has_jpeg && exit

cat >&2 <<'END'

libjpeg-turbo was not found by pkg-config. The build goes on with the JPEG
decoder written in Go (build tag nojpegturbo), which is slower and now and
then differs from Pillow by a few levels. To have the library:

    Debian, Ubuntu   sudo apt-get install pkg-config libjpeg-dev
    Fedora           sudo dnf install pkgconf-pkg-config libjpeg-turbo-devel
    macOS            brew install pkg-config jpeg-turbo
                     export PKG_CONFIG_PATH="$(brew --prefix jpeg-turbo)/lib/pkgconfig"

END
