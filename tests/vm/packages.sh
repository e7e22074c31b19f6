#!/usr/bin/env bash
# Fetches what a virtual machine is made of: Debian's packages, unpacked into a cache and not installed.
#
# usage: packages.sh CACHE [--refresh|--ready]    prints the directory of this release in it, as the last line
#                                                 --ready: only if everything is there; 1 if it is not
#
# CACHE/CODENAME/tools    QEMU, busybox, cpio, kmod and the file system tools, in so far as this machine has none
# CACHE/CODENAME/kernel/NAME, CACHE/CODENAME/hyperv-daemons    unpacked packages
#
# The machine's own package lists, sources and installed packages are not touched, and root is not needed: apt-get
# works on a private set of lists, whose sources are derived from the machine's. What is there is not fetched again.
#
# Exit code 10: this machine cannot have them, and the last line says why.

set -euo pipefail

cache=$1
refresh=${2:-}

say() { printf 'vm: %s\n' "$*" >&2; }
cannot() { printf '%s\n' "$*"; exit 10; }

# shellcheck source=/dev/null
. /etc/os-release
codename=${VERSION_CODENAME:-unknown}
[ "$(uname -m)" = x86_64 ] || cannot "the virtual machine is x86-64, this machine is $(uname -m)"
for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || cannot "this machine has no $program: only Debian's packages are used"
done

# Which suites, and what from them. A kernel is NAME=PACKAGE-PATTERN@SUITE. The cloud's kernels are small and have no f2fs:
# for that there is a general one.
case "${ID:-}:$codename" in
    debian:bookworm)
        suites="bookworm bookworm-updates bookworm-security bookworm-backports"
        from=bookworm-backports
        kernels="6.12=linux-image-6.12[^,]*-cloud-amd64@bookworm-backports 6.1=linux-image-6.1.0-[^,]*-cloud-amd64@bookworm"
        kernels="$kernels general=linux-image-6.12[^,]*-amd64@bookworm-backports"
        ;;
    debian:trixie)
        suites="trixie trixie-updates trixie-security"
        from=trixie
        kernels="6.12=linux-image-6.12[^,]*-cloud-amd64@trixie general=linux-image-6.12[^,]*-amd64@trixie"
        ;;
    *)
        cannot "no packages are known for ${PRETTY_NAME:-this system}: Debian 12 with backports and Debian 13 are"
        ;;
esac

# QEMU is needed as it is of a known version; of the rest any version will do.
tools="qemu-system-x86 seabios busybox-static cpio kmod xz-utils zstd e2fsprogs xfsprogs btrfs-progs f2fs-tools dbus-daemon
strace mawk iproute2 qemu-guest-agent chrony"

here=$(cd "$(dirname "$0")" && pwd)
top=$cache/$codename
recipe=$( (echo "$suites|$kernels|$tools"; cat "$here/packages.sh") | sha256sum | cut -c1-16)
if [ "$refresh" != --refresh ] && [ "$(head -n 1 "$top/complete" 2>/dev/null)" = "$recipe" ]; then
    printf '%s\n' "$top"
    exit 0
fi
[ "$refresh" != --ready ] || exit 1

mkdir -p "$top"
rm -rf "$top/new"
work=$top/new
mkdir -p "$work"/{apt/lists/partial,apt/archives/partial,tools,kernel}

# --- sources: the machine's own entries of this release, and the backports beside them
entries() {
    # shellcheck disable=SC2016 # apt-get's own variables
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(SIGNED_BY)' 'Created-By: Packages' 2>/dev/null | sort -u
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
    [ -z "$uri" ] || printf 'deb [arch=amd64 signed-by=%s] %s %s main\n' "$key" "$uri" "$suite"
done >"$work/apt/sources.list"

apt=(-q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=-
    -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt" -o Dir::Cache::archives="$work/apt/archives"
    -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none -o APT::Install-Recommends=0
    -o Dpkg::Use-Pty=0)
log=$top/packages.log
attempt() { "$@" >>"$log" 2>&1; }
: >"$log"

say "package lists of ${suites// /, } (private; the machine's own are not touched)"
# Without that mode apt-get is content with the lists it has got, be it none.
attempt apt-get "${apt[@]}" -o Acquire::Retries=3 -o APT::Update::Error-Mode=any update \
    || { why=$(sed -n 's/^[EW]: Failed to fetch //p' "$log" | head -n 1)
         tail -n 5 "$log" >&2; cannot "package lists cannot be had (${why:-apt-get update fails}): see $log"; }

# unpack PACKAGE TREE: bin, sbin and lib are links into usr there, so that files are found under either name. Some releases
# have them in one place and some in the other.
unpack() {
    local directory
    for directory in bin sbin lib lib64; do
        mkdir -p "$2/usr/$directory"
        [ -e "$2/$directory" ] || ln -s "usr/$directory" "$2/$directory"
    done
    dpkg-deb --fsys-tarfile "$1" | tar -xp --no-same-owner --keep-directory-symlink -C "$2"
}

# fetch NAME…: their packages, without what is installed here already, into the private archive
fetch() {
    attempt apt-get "${apt[@]}" -o Acquire::Retries=3 -y --download-only --reinstall -t "$from" install "$@"
}

say "fetching QEMU and tools"
# shellcheck disable=SC2086 # a list
fetch $tools || { tail -n 5 "$log" >&2; cannot "packages cannot be had: see $log"; }
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
rm -rf "$top/tools" "$top/kernel" "$top/hyperv-daemons"
mv "$work"/* "$top/"
rmdir "$work"
# Images are made anew when any of this changes.
printf '%s\n%s\n' "$recipe" "$fetched" >"$top/complete"
printf '%s\n' "$top"
