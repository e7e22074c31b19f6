# Debian's packages by an apt-get of our own: which suites, and what from them. For packages.sh and c-fcopyd.sh, which read it.
#
# The machine's own package lists, sources and installed packages are not touched, and root is not needed. No host is named
# here: the machine's own sources say where Debian is.

# shellcheck shell=bash
# shellcheck disable=SC2034 # read by those who read this

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

# private_apt DIRECTORY LOG: `apt` is the command's arguments from now on, with lists of its own in that directory.
private_apt() {
    local directory=$1 archive security key file suite uri why
    log=$2
    mkdir -p "$directory"/{lists/partial,archives/partial}
    # Read to the end: a reader that ends before its writer ends that as well, and with it this script.
    archive=$(entries | awk -v suite="$codename" '$2 == suite && !found++ {print $1}')
    security=$(entries | awk -v suite="$codename-security" '$2 == suite && !found++ {print $1}')
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
    done >"$directory/sources.list"

    apt=(-q -o Dir::Etc::sourcelist="$directory/sources.list" -o Dir::Etc::sourceparts=-
        -o Dir::State::lists="$directory/lists" -o Dir::Cache="$directory" -o Dir::Cache::archives="$directory/archives"
        -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none -o APT::Install-Recommends=0
        -o Dpkg::Use-Pty=0)
    : >"$log"

    say "package lists of ${suites// /, } (private; the machine's own are not touched)"
    # Without that mode apt-get is content with the lists it has got, be it none.
    attempt apt-get "${apt[@]}" -o Acquire::Retries=3 -o APT::Update::Error-Mode=any update \
        || { why=$(sed -n 's/^[EW]: Failed to fetch //p' "$log" | head -n 1)
             tail -n 5 "$log" >&2; cannot "package lists cannot be had (${why:-apt-get update fails}): see $log"; }
}

attempt() { "$@" >>"$log" 2>&1; }

# The machine's own entries of this release.
entries() {
    # shellcheck disable=SC2016 # apt-get's own variables
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(SIGNED_BY)' 'Created-By: Packages' 2>/dev/null | sort -u
}

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
