#!/usr/bin/env bash
# Fetches what a virtual machine is made of: Debian's packages, unpacked into a cache and not installed.
#
# usage: packages.sh CACHE [--refresh|--ready]    prints the directory of this release in it, as the last line
#                                                 --ready: only if everything is there; 1 if it is not
#
# CACHE/CODENAME/tools    QEMU, busybox, cpio, kmod and the file system tools, in so far as this machine has none
# CACHE/CODENAME/systemd  systemd and what it needs, for guests with a real init
# CACHE/CODENAME/kernel/NAME, CACHE/CODENAME/hyperv-daemons    unpacked packages
#
# The machine's own package lists, sources and installed packages are not touched, and root is not needed: apt-get
# works on a private set of lists, whose sources are derived from the machine's. What is there is not fetched again.
#
# Exit code 10: this machine cannot have them, and the last line says why.

set -euo pipefail

cache=$1
refresh=${2:-}

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/apt.sh
. "$here/apt.sh"

# QEMU is needed as it is of a known version; of the rest any version will do.
tools="qemu-system-x86 seabios busybox-static cpio kmod xz-utils zstd e2fsprogs xfsprogs btrfs-progs f2fs-tools dbus-daemon
strace mawk iproute2 qemu-guest-agent chrony"
# What a guest with a real init is made of, of this release itself.
systemd="systemd libsystemd-shared dbus dbus-daemon dbus-system-bus-common"

top=$cache/$codename
recipe=$( (echo "$suites|$kernels|$tools|$systemd"; cat "$here/packages.sh" "$here/apt.sh") | sha256sum | cut -c1-16)
if [ "$refresh" != --refresh ] && [ "$(head -n 1 "$top/complete" 2>/dev/null)" = "$recipe" ]; then
    printf '%s\n' "$top"
    exit 0
fi
[ "$refresh" != --ready ] || exit 1

mkdir -p "$top"
rm -rf "$top/new"
work=$top/new
mkdir -p "$work"/{tools,kernel,systemd}

private_apt "$work/apt" "$top/packages.log"

# fetch SUITE NAME…: their packages, without what is installed here already, into the private archive
fetch() {
    local suite=$1
    shift
    attempt apt-get "${apt[@]}" -o Acquire::Retries=3 -y --download-only --reinstall -t "$suite" install "$@"
}

say "fetching QEMU and tools"
# shellcheck disable=SC2086 # a list
fetch "$from" $tools || { tail -n 5 "$log" >&2; cannot "packages cannot be had: see $log"; }
for package in "$work"/apt/archives/*.deb; do
    unpack "$package" "$work/tools"
    basename "$package" >>"$work/apt/fetched"
    # 34 MB of firmware, schemas and documents that nothing here reads
    rm -rf "$work/tools/usr/share/"{doc,man,locale,lintian}
done
rm -f "$work"/apt/archives/*.deb
# Links that are meant for the root of a machine (sbin/modprobe → /bin/kmod) lead into the tree.
find "$work/tools" -type l -lname '/*' | while read -r link; do
    target=$work/tools$(readlink "$link")
    [ ! -e "$target" ] || ln -sfr "$target" "$link"
done

say "fetching systemd"
# shellcheck disable=SC2086 # a list
fetch "$codename" $systemd || { tail -n 5 "$log" >&2; cannot "packages cannot be had: see $log"; }
for package in "$work"/apt/archives/*.deb; do
    unpack "$package" "$work/systemd"
    basename "$package" >>"$work/apt/fetched"
    rm -rf "$work/systemd/usr/share/"{doc,man,locale,lintian}
done
rm -f "$work"/apt/archives/*.deb

for kernel in $kernels; do
    name=${kernel%%=*} pattern=${kernel#*=} suite=${kernel##*@}
    pattern=${pattern%@*}
    case $pattern in *-cloud-*) meta=linux-image-cloud-amd64 ;; *) meta=linux-image-amd64 ;; esac
    package=$(apt-cache "${apt[@]}" show -a "$meta" \
        | sed -n "s/^Depends: \($pattern\) .*/\1/p" | head -n 1)
    [ -n "$package" ] || cannot "no $pattern in ${suites// /, }"
    say "kernel $name: $package ($suite)"
    (cd "$work/apt/archives" && attempt apt-get "${apt[@]}" download "$package") \
        || cannot "$package cannot be had: see $log"
    unpack "$work"/apt/archives/linux-image-*.deb "$work/kernel/$name"
    (cd "$work/apt/archives" && echo linux-image-*.deb) >>"$work/apt/fetched"
    rm -f "$work"/apt/archives/*.deb
done

say "Debian's hyperv-daemons"
(cd "$work/apt/archives" && attempt apt-get "${apt[@]}" download -t "$from" hyperv-daemons) \
    || (cd "$work/apt/archives" && attempt apt-get "${apt[@]}" download "hyperv-daemons/$from") \
    || cannot "hyperv-daemons cannot be had: see $log"
dpkg-deb -f "$work"/apt/archives/hyperv-daemons_*.deb Version >"$work/hyperv-daemons.version"
unpack "$work"/apt/archives/hyperv-daemons_*.deb "$work/hyperv-daemons"

(cd "$work/apt/archives" && echo hyperv-daemons_*.deb) >>"$work/apt/fetched"

# What was there until now serves until here.
fetched=$(cat "$work/apt/fetched")
rm -rf "$work/apt" "$top/complete"
rm -rf "$top/tools" "$top/systemd" "$top/kernel" "$top/hyperv-daemons"
mv "$work"/* "$top/"
rmdir "$work"
# Images are made anew when any of this changes.
printf '%s\n%s\n' "$recipe" "$fetched" >"$top/complete"
printf '%s\n' "$top"
