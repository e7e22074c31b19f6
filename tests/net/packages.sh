#!/usr/bin/env bash
# Fetches the network managers of this release: Debian's packages, unpacked into a cache and not installed.
#
# usage: packages.sh CACHE [--refresh|--ready]    prints the directory of the unpacked tree, as the last line
#                                                 --ready: only if everything is there; 1 if it is not
#
# CACHE/CODENAME/net/tree    the packages, and what of their dependencies this machine lacks: lab.sh lays it over /usr, /etc
#
# How: tests/net/unpack.sh.
#
# Exit code 10: this machine cannot have them, and the last line says why.

set -euo pipefail

cache=$1
mode=${2:-}

say() { printf 'net: %s\n' "$*" >&2; }
cannot() { printf '%s\n' "$*"; exit 10; }

# shellcheck source=/dev/null
. /etc/os-release
codename=${VERSION_CODENAME:-unknown}
for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || cannot "this machine has no $program: only Debian's packages are used"
done

# Named as well are those that have to be of the same version as another one of the list: who has them installed may have
# another version tomorrow.
managers="network-manager systemd libsystemd-shared systemd-resolved netplan.io ifupdown"
tools="isc-dhcp-client dnsmasq-base dbus-daemon iproute2 iputils-ping"
case "${ID:-}:$codename" in
    debian:bookworm) managers="$managers libnetplan0" ;;
    debian:trixie) managers="$managers netplan-generator libnetplan1 python3-netplan" ;;
    *) cannot "no packages are known for ${PRETTY_NAME:-this system}: Debian 12 and 13 are" ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/net/unpack.sh
. "$here/unpack.sh"
# shellcheck disable=SC2086 # lists
unpack "$mode" "$cache/$codename/net" "NetworkManager, systemd, netplan, ifupdown" $managers $tools
