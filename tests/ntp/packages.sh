#!/usr/bin/env bash
# Fetches an NTP daemon of this release: Debian's packages, unpacked into a cache and not installed.
#
# usage: packages.sh CACHE chrony|ntpsec [--refresh|--ready]    prints the directory of the unpacked tree, as the last line
#                                                               --ready: only if everything is there; 1 if it is not
#
# CACHE/CODENAME/NAME/tree    the packages, and what of their dependencies this machine lacks: world.sh lays it over /usr, /etc
#
# One after the other, since Debian's apt-get does not give both at once: no machine has two daemons for its time.
#
# How: tests/net/unpack.sh.
# Exit code 10: this machine cannot have them, and the last line says why.

set -euo pipefail

cache=$1
daemon=$2
mode=${3:-}

say() { printf 'ntp: %s\n' "$*" >&2; }
cannot() { printf '%s\n' "$*"; exit 10; }

# shellcheck source=/dev/null
. /etc/os-release
codename=${VERSION_CODENAME:-unknown}
for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || cannot "this machine has no $program: only Debian's packages are used"
done
case "${ID:-}:$codename" in
    debian:bookworm | debian:trixie) ;;
    *) cannot "no packages are known for ${PRETTY_NAME:-this system}: Debian 12 and 13 are" ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/net/unpack.sh
. "$here/../net/unpack.sh"
# systemd: for systemd-tmpfiles, by which a drop-in of chrony's unit does its work.
case $daemon in
    chrony) unpack "$mode" "$cache/$codename/chrony" chrony chrony systemd libsystemd-shared ;;
    ntpsec) unpack "$mode" "$cache/$codename/ntpsec" NTPsec ntpsec ;;
esac
