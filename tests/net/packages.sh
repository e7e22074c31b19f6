#!/usr/bin/env bash
# Fetches the network managers of this release: Debian's packages, unpacked into a cache and not installed.
#
# usage: packages.sh CACHE [--refresh|--ready]    prints the directory of the unpacked tree, as the last line
#                                                 --ready: only if everything is there; 1 if it is not
#
# CACHE/CODENAME/net/tree    the packages, and what of their dependencies this machine lacks: lab.sh lays it over /usr, /etc
# CACHE/CODENAME/net/complete    what it was made by, then the packages
#
# As in tests/vm/packages.sh, the machine's own package lists, sources and installed packages are not touched, and root is
# not needed. (That script shares no code with this one: its text is part of its recipe, and its cache 100 MB.)
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
architecture=$(dpkg --print-architecture)

# Named as well are those that have to be of the same version as another one of the list: who has them installed may have
# another version tomorrow.
managers="network-manager systemd libsystemd-shared systemd-resolved netplan.io ifupdown"
tools="isc-dhcp-client dnsmasq-base dbus-daemon iproute2 iputils-ping"
case "${ID:-}:$codename" in
    debian:bookworm) managers="$managers libnetplan0" ;;
    debian:trixie) managers="$managers netplan-generator libnetplan1 python3-netplan" ;;
    *) cannot "no packages are known for ${PRETTY_NAME:-this system}: Debian 12 and 13 are" ;;
esac
suites="$codename $codename-updates $codename-security"

here=$(cd "$(dirname "$0")" && pwd)
top=$cache/$codename/net
recipe=$( (echo "$architecture"; cat "$here/packages.sh") | sha256sum | cut -c1-16)
if [ "$mode" != --refresh ] && [ "$(head -n 1 "$top/complete" 2>/dev/null)" = "$recipe" ]; then
    printf '%s\n' "$top/tree"
    exit 0
fi
[ "$mode" != --ready ] || exit 1

work=$top/new
rm -rf "$work"
mkdir -p "$work"/{apt/lists/partial,apt/archives/partial,tree}

# --- sources: the machine's own entries of this release
entries() {
    # shellcheck disable=SC2016 # apt-get's own variables
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null | sort -u
}
archive=$(entries | awk -v suite="$codename" '$2 == suite {print $1; exit}')
security=$(entries | awk -v suite="$codename-security" '$2 == suite {print $1; exit}')
[ -n "$archive" ] || cannot "this machine's package sources do not list $codename"
key=
for file in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
    [ ! -e "$file" ] || key=$file
done
[ -n "$key" ] || cannot "this machine has no /usr/share/keyrings/debian-archive-keyring.*: install debian-archive-keyring"
for suite in $suites; do
    case $suite in
        *-security) uri=$security ;;
        *) uri=$archive ;;
    esac
    [ -z "$uri" ] || printf 'deb [arch=%s signed-by=%s] %s %s main\n' "$architecture" "$key" "$uri" "$suite"
done >"$work/apt/sources.list"

apt=(-q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=-
    -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt" -o Dir::Cache::archives="$work/apt/archives"
    -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none -o APT::Install-Recommends=0
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
log=$top/packages.log
attempt() { "$@" >>"$log" 2>&1; }
: >"$log"

say "package lists of ${suites// /, } (private; the machine's own are not touched)"
# Without that mode apt-get is content with the lists it has got, be it none.
attempt apt-get "${apt[@]}" -o APT::Update::Error-Mode=any update \
    || { why=$(sed -n 's/^[EW]: Failed to fetch //p' "$log" | head -n 1)
         tail -n 5 "$log" >&2; cannot "package lists cannot be had (${why:-apt-get update fails}): see $log"; }

say "fetching NetworkManager, systemd, netplan, ifupdown and what they need"
# shellcheck disable=SC2086 # lists
attempt apt-get "${apt[@]}" -y --download-only --reinstall install $managers $tools \
    || { tail -n 5 "$log" >&2; cannot "packages cannot be had: see $log"; }

# Links of the root lead into usr, so that what a package has in /lib is found in /usr/lib, as where it is installed.
for directory in bin sbin lib lib64; do
    mkdir -p "$work/tree/usr/$directory"
    ln -s "usr/$directory" "$work/tree/$directory"
done
for package in "$work"/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -xp --no-same-owner --keep-directory-symlink -C "$work/tree"
    basename "$package" >>"$work/fetched"
done
rm -rf "$work/tree/usr/share/"{doc,man,locale,lintian} "$work/apt"

# What was there until now serves until here.
rm -rf "$top/complete" "$top/tree"
mv "$work/tree" "$top/tree"
(echo "$recipe"; cat "$work/fetched") >"$work/complete"
mv "$work/complete" "$top/complete"
rm -rf "$work"
printf '%s\n' "$top/tree"
