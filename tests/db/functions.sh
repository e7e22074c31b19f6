# shellcheck shell=bash
# What a case with a database says: a host and its guest, load whose acknowledged commits are written down, freezing, copies
# of the disks, and what has to be in them. For bash, sourced; bounded waiting and daemons are tests/net's.
#
# A case sets and exports CASE, its file, and DISKS. A client of the load counts its commits. Each number that the server has acknowledged goes into a file in memory, so what
# the file has at some moment was acknowledged before that moment.

# shellcheck source=/dev/null
. "$LAB/functions.sh"

CLIENTS="1 2 3"

needs hv-vssd hv-testhost

# What has to be a program of its own, and is a function: this runs it. CASE is the case's file.
if ! [ -e /run/lab/in_case ]; then
    # shellcheck disable=SC2016 # that program's own
    printf '#!/bin/bash\n. "$CASE"\n"$@"\n' >/run/lab/in_case
    chmod 755 /run/lab/in_case
fi

host() { hv-testhost --control /run/lab/host.sock "$@"; }

# guest_start HOOK DISK…: hv-vssd with that hook, limited to these disks, and a host
guest_start() {
    local hook=$1 include
    shift
    include=$(printf '"/var/lib/%s", ' "$@")
    mkdir -p /etc/hv-utils/vss.d /run/lab/sim
    install -m 755 "/run/lab/examples/vss.d/$hook" /etc/hv-utils/vss.d/
    printf '[vss]\ninclude = [%s]\n' "${include%, }" >/etc/hv-utils/hv-utils.toml
    daemon_start host hv-testhost --sim /run/lab/sim --ic vss --control /run/lab/host.sock
    daemon_start hv-vssd hv-vssd --channel sim:/run/lab/sim/vss.sock --bus none --log-level debug
    wait_for host wait-guest vss
    host vss-check
}

# ---- load ----------------------------------------------------------------------------------------------------------

# load_start: `insert CLIENT` is the case's: it reads numbers and prints each when its commit is acknowledged
load_start() {
    local client
    for client in $CLIENTS; do daemon_start "client$client" /run/lab/in_case load "$client"; done
}
load() { seq 1000000000 | insert "$1" >>"/run/lab/acked.$1"; }

# acked CLIENT: the last number that was acknowledged. A line may be half written.
acked() { sed -n '/^[0-9]*$/p' "/run/lab/acked.$1" | head -n -1 | tail -n 1 | grep . || echo 0; }

all_acked() { local client; for client in $CLIENTS; do acked "$client"; done | paste -sd ' '; }

# goes_on [FROM]: every client gets answers, to later numbers than those
goes_on() {
    local client more from
    read -ra from <<<"${1:-$(all_acked)}"
    for client in $CLIENTS; do
        more=$((from[client - 1] + 20))
        wait_for reached "$client" "$more"
    done
}

reached() { [ "$(acked "$1")" -ge "$2" ]; }

# ---- disks and their copies ----------------------------------------------------------------------------------------

image() { echo "/run/lab/disks/$1.img"; }

# in_copy COMMAND…: with the copies in the places of the disks, as a machine would find them that was made of them
in_copy() { unshare --mount --propagation private --ipc /run/lab/in_case on_copies "$@"; }
on_copies() {
    local disk
    for disk in $DISKS; do mount -o loop "/run/lab/disks/$disk.copy" "/var/lib/$disk"; done
    "$@"
}

# holds WANTED [LESS_THAN]: what `rows` prints of the copy (a line for each client: count and highest number) is all that was
# acknowledged, without gaps; and, if it is given, not more than one more: what was under way
holds() {
    local client=0 count highest wanted rows
    rows=$(in_copy rows)
    read -ra wanted <<<"$1"
    [ "$(wc -l <<<"$rows")" = "${#wanted[@]}" ] || fail "not a line for each client: $rows"
    while read -r count highest; do
        say "client $((client + 1)): acknowledged ${wanted[client]}, the copy has $count, the highest is $highest"
        [ "$count" = "$highest" ] || fail "there are gaps"
        [ "$highest" -ge "${wanted[client]}" ] || fail "a commit is lost"
        [ -z "${2:-}" ] || [ "$highest" -le $((wanted[client] + 2)) ] || fail "there is more than there was"
        client=$((client + 1))
    done <<<"$rows"
}

# rounds: a checkpoint as a host makes one, then a freeze in steps, for what can be known only while it lasts
rounds() {
    local before snapshots=() disk
    for disk in $DISKS; do snapshots+=(--snapshot "$(image "$disk")=/run/lab/disks/$disk.copy"); done
    goes_on
    say "a production checkpoint"
    before=$(all_acked)
    host checkpoint-vm "${snapshots[@]}"
    goes_on
    holds "$before"

    say "a freeze, a copy, a thaw"
    rm /run/lab/disks/*.copy
    host vss-freeze
    # Nobody gets an answer any more. What is on its way to the file is mostly there when two looks see the same.
    before=""
    until [ "$before" = "$(all_acked)" ]; do before=$(all_acked); sleep 0.2; done
    for disk in $DISKS; do cp --sparse=always "$(image "$disk")" "/run/lab/disks/$disk.copy"; done
    # Looked at after the copy: an answer from before the freeze may be late, as its client may have to wait for a processor, and
    # is in the copy all the same. One to a commit of while all was frozen is not, which is then a commit that is lost.
    before=$(all_acked)
    host vss-thaw
    goes_on "$before"
    holds "$before" and-no-more
}

# hook WANTED_CODE PHASE [DEADLINE]: runs the hook by hand, as hv-vssd does it. A deadline that is to pass is a short one.
hook() {
    local code=0
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HV_VSS_PHASE="$2" HV_VSS_TIMEOUT_SECS=60 HV_VSS_DEADLINE_SECS="${3:-300}" \
        sh -c 'exec "$@"' sh /etc/hv-utils/vss.d/* "$2" </dev/null || code=$?
    same "exit code of the hook, $2" "$1" "$code"
}
