#!/usr/bin/env bash
# reproduce.sh DIR VERSION: makes the linux/amd64 archive of DIR once more, from
# a clone at another path, with another clock, time zone, umask and home, and
# with a build cache of its own, and compares the checksums.
set -euo pipefail
dist=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modules=$(go env GOMODCACHE)
git clone -q --no-tags . "$work/a clone"
cd "$work/a clone"
umask 077
mkdir "$work/home"
env TZ=Pacific/Kiritimati HOME="$work/home" GOCACHE="$work/cache" GOMODCACHE="$modules" \
	go run ./internal/release -version "$2" -platform linux/amd64 dist "$work/dist"
file=$(cd "$work/dist" && echo *.tar.gz)
if ! diff <(cd "$work/dist" && sha256sum "$file") <(cd "$dist" && sha256sum "$file"); then
	echo "$file differs between two builds of $(git rev-parse HEAD)" >&2
	exit 1
fi
echo "ok  $file is the same, byte for byte, from another place and a cold cache"
