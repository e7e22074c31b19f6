#!/usr/bin/env bash
# Fetches the databases of this release: Debian's packages, unpacked into a cache and not installed.
#
# usage: packages.sh CACHE [--refresh|--ready]    prints the directory of the unpacked tree, as the last line
#                                                 --ready: only if everything is there; 1 if it is not
#
# CACHE/CODENAME/db/tree    the packages, and what of their dependencies this machine lacks: world.sh lays it over /usr, /etc
#
# As tests/net/packages.sh does it, and for the same reasons in a text of its own: a change of one cache is none of the
# other. The machine's own package lists, sources and installed packages are not touched, and root is not needed.
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
suites="$codename $codename-updates $codename-security"
architecture=$(dpkg --print-architecture)

here=$(cd "$(dirname "$0")" && pwd)
top=$cache/$codename/db
recipe=$( (echo "$architecture"; cat "$here/packages.sh") | sha256sum | cut -c1-16)
if [ "$mode" != --refresh ] && [ "$(head -n 1 "$top/complete" 2>/dev/null)" = "$recipe" ]; then
    printf '%s\n' "$top/tree"
    exit 0
fi
[ "$mode" != --ready ] || exit 1

work=$top/new
rm -rf "$work"
mkdir -p "$work"/{apt/lists/partial,apt/archives/partial,tree}

# The machine's own sources, of this release only.
# shellcheck disable=SC2016 # apt-get's own variables
sources=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null | sort -u)
uri() { awk -v suite="$1" '$2 == suite {print $1; exit}' <<<"$sources"; }
[ -n "$(uri "$codename")" ] || cannot "this machine's package sources do not list $codename"
key=
for file in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
    [ ! -e "$file" ] || key=$file
done
[ -n "$key" ] || cannot "this machine has no /usr/share/keyrings/debian-archive-keyring.*: install debian-archive-keyring"
for suite in $suites; do
    case $suite in
        *-security) from=$(uri "$suite") ;;
        *) from=$(uri "$codename") ;;
    esac
    [ -z "$from" ] || printf 'deb [arch=%s signed-by=%s] %s %s main\n' "$architecture" "$key" "$from" "$suite"
done >"$work/apt/sources.list"

apt=(-q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=-
    -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt" -o Dir::Cache::archives="$work/apt/archives"
    -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none -o APT::Install-Recommends=0
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
log=$top/packages.log
attempt() { "$@" >>"$log" 2>&1; }
: >"$log"

say "fetching PostgreSQL $postgresql, MariaDB and what they need"
# Without that mode apt-get is content with the lists it has got, be it none.
attempt apt-get "${apt[@]}" -o APT::Update::Error-Mode=any update \
    || { tail -n 5 "$log" >&2; cannot "package lists cannot be had: see $log"; }
# shellcheck disable=SC2086 # a list
attempt apt-get "${apt[@]}" -y --download-only --reinstall install $packages \
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
