# Packages of this release into a cache, unpacked and not installed. Sourced by the packages.sh of tests/net and tests/db, which
# say what they need; tests/vm has its own, whose text is part of its recipe and whose cache is ten times as large.
#
# The machine's own package lists, sources and installed packages are not touched, and root is not needed. Needs say, cannot
# and, from /etc/os-release, codename.
# shellcheck shell=bash

# unpack MODE TOP WHAT PACKAGES… : prints the directory of the unpacked tree, TOP/tree, as the last line.
# MODE: --refresh: in any case; --ready: only if everything is there, 1 if it is not; else if something is missing.
# TOP/complete: what it was made by, then the packages.
unpack() {
    local mode=$1 top=$2 what=$3 architecture recipe work entries archive security key file suite uri log why directory package
    shift 3
    architecture=$(dpkg --print-architecture)
    recipe=$( (echo "$architecture $*"; cat "${BASH_SOURCE[0]}") | sha256sum | cut -c1-16)
    if [ "$mode" != --refresh ] && [ "$(head -n 1 "$top/complete" 2>/dev/null)" = "$recipe" ]; then
        printf '%s\n' "$top/tree"
        exit 0
    fi
    [ "$mode" != --ready ] || exit 1

    work=$top/new
    rm -rf "$work"
    mkdir -p "$work"/{apt/lists/partial,apt/archives/partial,tree}

    # --- sources: the machine's own entries of this release
    # shellcheck disable=SC2016 # apt-get's own variables
    entries=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null | sort -u)
    # shellcheck disable=SC2154 # the caller's
    archive=$(awk -v suite="$codename" '$2 == suite {print $1; exit}' <<<"$entries")
    security=$(awk -v suite="$codename-security" '$2 == suite {print $1; exit}' <<<"$entries")
    [ -n "$archive" ] || cannot "this machine's package sources do not list $codename"
    key=
    for file in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
        [ ! -e "$file" ] || key=$file
    done
    [ -n "$key" ] || cannot "this machine has no /usr/share/keyrings/debian-archive-keyring.*: install debian-archive-keyring"
    for suite in "$codename" "$codename-updates" "$codename-security"; do
        case $suite in
            *-security) uri=$security ;;
            *) uri=$archive ;;
        esac
        [ -z "$uri" ] || printf 'deb [arch=%s signed-by=%s] %s %s main\n' "$architecture" "$key" "$uri" "$suite"
    done >"$work/apt/sources.list"

    local apt=(-q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=-
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt" -o Dir::Cache::archives="$work/apt/archives"
        -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none -o APT::Install-Recommends=0
        -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
    log=$top/packages.log
    : >"$log"

    say "package lists of $codename (private; the machine's own are not touched)"
    # Without that mode apt-get is content with the lists it has got, be it none.
    apt-get "${apt[@]}" -o APT::Update::Error-Mode=any update >>"$log" 2>&1 \
        || { why=$(sed -n 's/^[EW]: Failed to fetch //p' "$log" | head -n 1)
             tail -n 5 "$log" >&2; cannot "package lists cannot be had (${why:-apt-get update fails}): see $log"; }

    say "fetching $what and what they need"
    apt-get "${apt[@]}" -y --download-only --reinstall install "$@" >>"$log" 2>&1 \
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
}
