#!/bin/sh
# Puts the chart libraries of the HTML report into ranking/html/third_party,
# from packages of npm at pinned versions. With the argument "check" it says
# whether the files there are those of the packages, and changes nothing.
. "$(dirname "$0")/fetch.sh"

folder=$root/ranking/html/third_party

# package NAME VERSION INTEGRITY: has the unpacked package in $scratch/package.
# The integrity is that of npm: sha512 in base64.
package() {
	archive=$(cd "$scratch" && npm pack --silent "$1@$2")
	sum=$(openssl dgst -sha512 -binary "$scratch/$archive" | openssl base64 -A)
	[ "$sum" = "$3" ] || die "$1 $2 has the sha512 $sum, not $3"
	rm -rf "$scratch/package"
	tar -xzf "$scratch/$archive" -C "$scratch"
}

# place MEMBER NAME
place() {
	if [ "$mode" = check ]; then
		cmp "$scratch/package/$1" "$folder/$2" || die "$folder/$2 differs; run it without check"
		return
	fi
	cp "$scratch/package/$1" "$folder/$2"
	chmod 644 "$folder/$2"
}

mode=${1:-vendor}
mkdir -p "$folder"

package d3 7.9.0 e1U46jVP+w7Iut8Jt8ri1YsPOvFpg46k+K8TpCb0P+zjCkjkPnV7WzfDJzMHy1LnA+wj5pLT1wjO901gLXeEhA==
place dist/d3.min.js d3.min.js
place LICENSE d3.LICENSE

package @observablehq/plot 0.6.17 /qaXP/7mc4MUS0s4cPPFASDRjtsWp85/TbfsciqDgU1HwYixbSbbytNuInD8AcTYC3xaxACgVX06agdfQy9W+g==
place dist/plot.umd.min.js plot.min.js
place LICENSE plot.LICENSE

# What Observable Plot's file has inside: only the licences are taken.
package interval-tree-1d 1.0.4 wY8QJH+6wNI0uh4pDQzMvl+478Qh7Rl4qLmqiluxALlNvl+I+o5x38Pw3/z7mDPTPS1dQalZJXsmbvxx5gclhQ==
place LICENSE interval-tree-1d.LICENSE

package binary-search-bounds 2.0.5 H0ea4Fd3lS1+sTEB2TgcLoK21lLhwEJzlQv3IN47pJS976Gx4zoWe0ak3q+uYh60ppQxg9F16Ri4tS1sfD4+jA==
place LICENSE binary-search-bounds.LICENSE

package isoformat 0.2.1 tFLRAygk9NqrRPhJSnNGh7g7oaVWDwR0wKh/GM2LgmPa50Eg4UfyaCO4I8k6EqJHl1/uh2RAD6g06n5ygEnrjQ==
place LICENSE isoformat.LICENSE
