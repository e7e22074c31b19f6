#!/usr/bin/env bash
# Fetches the databases of this release: Debian's packages, unpacked into a cache and not installed.
#
# usage: packages.sh CACHE [--refresh|--ready]    prints the directory of the unpacked tree, as the last line
#                                                 --ready: only if everything is there; 1 if it is not
#
# CACHE/CODENAME/db/tree    the packages, and what of their dependencies this machine lacks: world.sh lays it over /usr, /etc
#
# How: tests/net/unpack.sh.
# Exit code 10: this machine cannot have them, and the last line says why.

set -euo pipefail

cache=$1
mode=${2:-}

say() { printf 'db: %s\n' "$*" >&2; }
cannot() { printf '%s\n' "$*"; exit 10; }

# shellcheck source=/dev/null
. /etc/os-release
codename=${VERSION_CODENAME:-unknown}
for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || cannot "this machine has no $program: only Debian's packages are used"
done
case "${ID:-}:$codename" in
    debian:bookworm) postgresql=15 ;;
    debian:trixie) postgresql=17 ;;
    *) cannot "no packages are known for ${PRETTY_NAME:-this system}: Debian 12 and 13 are" ;;
esac
# No server packages: what those add are scripts for an installation, and their users.
packages="postgresql-$postgresql postgresql-client-$postgresql mariadb-server-core mariadb-client-core mariadb-common"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/net/unpack.sh
. "$here/../net/unpack.sh"
# shellcheck disable=SC2086 # a list
unpack "$mode" "$cache/$codename/db" "PostgreSQL $postgresql, MariaDB" $packages
