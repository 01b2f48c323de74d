#!/bin/sh
# Looks for a headless Chromium, which the tests of the HTML report drive, and
# installs that of Debian where apt-get and the rights are there. Without one
# those tests are skipped.
#
# The version is the distribution's: it keeps no other for long.
#
# Makes .cache/browser, so that one attempt is enough: a browser that is
# installed later is found by the tests themselves.
. "$(dirname "$0")/fetch.sh"

stamp=$cache/browser

# The names are those that the tests look for.
has_browser() {
	[ -n "${CHROMIUM:-}" ] && return
	for name in chromium-headless-shell chromium chromium-browser google-chrome; do
		command -v "$name" >/dev/null && return
	done
	return 1
}

has_browser || apt_install chromium-headless-shell
has_browser || say "no Chromium, so the tests of the HTML report in a browser are skipped; install one, or set CHROMIUM to its path"
touch "$stamp"
