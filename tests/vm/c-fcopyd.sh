#!/usr/bin/env bash
# Builds the kernel's own file copy daemon (tools/hv/hv_fcopy_uio_daemon.c), which no Debian package has, for the figures.
#
# usage: c-fcopyd.sh PACKAGES OUT        PACKAGES is what packages.sh printed; the program is OUT
#
# It comes from Debian's linux-source package in the very version of the guest's kernel 6.12. What is kept of that is
# PACKAGES/linux-source/VERSION, the directory tools/hv. Ends with 10, and why on standard output, where it cannot be had.

set -euo pipefail

packages=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/apt.sh
. "$here/apt.sh"

command -v gcc >/dev/null || cannot "no gcc here"
image=$(sed -n 's/^linux-image-6\.12[^_]*_\(.*\)_amd64\.deb$/\1/p' "$packages/complete" | head -n 1)
version=${image//%3a/:}
[ -n "$version" ] || cannot "no kernel 6.12 among the packages"
sources=$packages/linux-source/$version

mkdir -p "$packages/linux-source"
exec 7>"$packages/linux-source/lock"
flock 7
if [ ! -e "$sources/hv_fcopy_uio_daemon.c" ]; then
    work=$packages/linux-source/new
    rm -rf "$work"
    mkdir -p "$work"
    trap 'rm -rf "$work"' EXIT
    private_apt "$work/apt" "$packages/linux-source/packages.log"
    say "linux-source-6.12 $version (some 150 MB)"
    (cd "$work" && attempt apt-get "${apt[@]}" -o Acquire::Retries=3 download "linux-source-6.12=$version") \
        || cannot "linux-source-6.12 $version cannot be had: $(tail -n 1 "$log")"
    # The package holds an archive of the sources: both are read on the way, and nothing of them is written but tools/hv.
    dpkg-deb --fsys-tarfile "$work"/linux-source-*.deb | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' \
        | LD_LIBRARY_PATH=$packages/tools/lib/x86_64-linux-gnu:$packages/tools/usr/lib/x86_64-linux-gnu \
            "$packages/tools/usr/bin/xz" -dc | tar -x -C "$work" --strip-components=3 --wildcards '*/tools/hv/*'
    [ -e "$work/hv_fcopy_uio_daemon.c" ] || cannot "linux-source-6.12 $version has no tools/hv/hv_fcopy_uio_daemon.c"
    rm -rf "$work/apt" "$work"/*.deb "$sources"
    mv "$work" "$sources"
fi
# As the kernel's own Makefile does.
gcc -O2 -Wall -D_GNU_SOURCE -I "$sources" -o "$out" "$sources/hv_fcopy_uio_daemon.c" "$sources/vmbus_bufring.c" 2>"$out.log" \
    || cannot "it does not compile: see $out.log"
