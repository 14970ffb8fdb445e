#!/usr/bin/env bash
# Installs the programs it is given, nginx and caddy if none, with apt-get if one
# of them is missing, without starting them. Not as root it needs sudo without a
# password; with all of them there it needs nothing.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin

declare -A package=([nginx]=nginx-light [promtool]=prometheus)
[ $# -gt 0 ] || set -- nginx caddy
missing=()
for name; do command -v "$name" >/dev/null || missing+=("${package[$name]:-$name}"); done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || { echo "install these first: ${missing[*]}" >&2; exit 1; }
root=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null && sudo -n true 2>/dev/null ||
		{ echo "install these first, as root: apt-get install --no-install-recommends ${missing[*]}" >&2; exit 1; }
	root=(sudo -n)
fi

# Debian's way to say that an installation starts no service.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '"${root[@]}" rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
	"${root[@]}" chmod 755 $policy
fi
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" >/dev/null; }
apt update || true # a list that is a day old will do
apt install --no-install-recommends "${missing[@]}"
