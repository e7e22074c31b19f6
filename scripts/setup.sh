#!/bin/sh
# Installs what building, the demo and the tests need and what is not there yet, and says what it does.
#
# usage: scripts/setup.sh [demo|test|bench]    demo (default): to build and to run; test: also what the checks use;
#                                              bench: also what counts system calls
#
# Debian and Ubuntu: by apt-get, as root or through sudo. Elsewhere it names what is missing. Rust itself is yours to
# install. Without what the demo needs it fails; without a tool of a check it goes on, and the check says so.

set -eu

level=${1:-demo}
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# have PROGRAM: also where an ordinary user's PATH does not lead.
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }

# want PROGRAM PACKAGE: remembers the package if the program is missing.
missing=""
want() {
    have "$1" && return 0
    case " $missing " in *" $2 "*) ;; *) missing="${missing:+$missing }$2" ;; esac
}

rust_version() {
    wanted=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' Cargo.toml)
    have cargo || die "cargo is not in PATH. Install Rust $wanted or newer with rustup, then start again."
    found=$(cargo --version | cut -d' ' -f2)
    lowest=$(printf '%s\n%s\n' "$wanted" "$found" | sort -t. -k1,1n -k2,2n | head -n 1)
    [ "$lowest" = "$wanted" ] || die "Rust $found is too old, $wanted is needed: rustup update stable"
}

# as_root COMMAND…: as root, by sudo if need be; false where neither is to be had.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo && [ -t 0 ]; then
        sudo "$@"
    elif have sudo; then
        sudo -n "$@"
    else
        return 1
    fi
}

# Somebody else's apt-get (a timer's, after a boot) is waited for, and a download that breaks off is begun again.
readonly PATIENCE="-o DPkg::Lock::Timeout=600 -o Acquire::Retries=5"

apt_install() {
    # shellcheck disable=SC2086 # a list of packages, to be split
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $PATIENCE $1
}

# apt_update LOG: waits for the lock of the lists as well, which apt-get itself does not.
apt_update() {
    looks=0
    # shellcheck disable=SC2086 # options
    until as_root apt-get update -q $PATIENCE -o APT::Update::Error-Mode=any >"$1.update" 2>&1; do
        looks=$((looks + 1))
        if ! grep -q 'Could not get lock' "$1.update" || [ $looks = 300 ]; then
            cat "$1.update" >>"$1"
            return 1
        fi
        sleep 2
    done
}

# install_packages PACKAGES: true when all are there now.
install_packages() {
    if ! have apt-get; then
        say "this is not Debian or Ubuntu; please install what these packages hold: $1"
        return 1
    fi
    say "installing by apt-get: $1"
    log=$(mktemp)
    if apt_install "$1" >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    say "the package lists are missing or old: apt-get update"
    # Three times, since what is answered once with an error is mostly answered a moment later. A list of somebody else's that
    # cannot be had need not be one of those that are needed here.
    for try in 1 2 3; do
        apt_update "$log" || say "not all package lists can be had ($try of 3)"
        if apt_install "$1" >>"$log" 2>&1; then
            rm -f "$log" "$log.update"
            return 0
        fi
    done
    tail -n 15 "$log" >&2
    rm -f "$log" "$log.update"
    say "could not install: $1"
    say "as root:  apt-get update && apt-get install $1"
    return 1
}

rust_version

want cc build-essential
want make make
want dbus-daemon dbus
if [ -n "$missing" ]; then
    install_packages "$missing" || die "the demo and the tests cannot do without: $missing"
fi

if [ "$level" = test ]; then
    missing=""
    want mandoc mandoc
    want xmllint libxml2-utils
    want shellcheck shellcheck
    want systemd-analyze systemd
    want systemd-nspawn systemd-container
    want pkcheck polkitd
    want mkfs.xfs xfsprogs
    want mkfs.btrfs btrfs-progs
    want mkfs.f2fs f2fs-tools
    want dmsetup dmsetup
    want mdadm mdadm
    if [ -n "$missing" ]; then
        # Each of these serves one check; a check without its tool is skipped by name. One that cannot be had must not
        # keep the others away.
        install_packages "$missing" || for package in $missing; do
            apt_install "$package" >/dev/null 2>&1 || say "going on without $package"
        done
    fi
fi

if [ "$level" = bench ]; then
    missing=""
    want strace strace
    if [ -n "$missing" ]; then
        install_packages "$missing" || die "the figures cannot do without: $missing"
    fi
fi

say "all there"
