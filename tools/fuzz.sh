#!/bin/sh
# Usage: fuzz.sh TIME [GO_TEST_OPTION...]
# Runs every fuzz target of the module for so long, one after the other.
set -eu

time=$1
shift

# go test lists the targets of a package before the line "ok <package>".
targets=$(go test "$@" -list '^Fuzz' ./... | awk '
	/^Fuzz/ { names[++n] = $1 }
	$1 == "ok" { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }')

echo "$targets" | while read -r package target; do
	[ -n "$target" ] || continue
	echo "fuzzing $package $target for $time"
	go test "$@" -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
done
