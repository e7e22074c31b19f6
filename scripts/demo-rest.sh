#!/bin/sh
# The parts of the demo in which the host looks how the guest is, copies a file into it, and has it go down.
#
# usage: scripts/demo-rest.sh PROGRAMS DIRECTORY BUS heartbeat|copy|shutdown      (scripts/demo.sh calls it)
#
# Nothing is powered off: on the simulated link hv-shutdownd says what it would do. Files go below the directory alone.
# Ends with 0 if all was as it should be.

set -eu

programs=$1 dir=$2 bus=$3 part=$4
patience=${HV_DEMO_PATIENCE:-60}
pids=""

say() { printf '   %s\n' "$*"; }
indented() { sed '/./s/^/     /'; }
host() { "$programs/hv-testhost" --control "$dir/control" --timeout "$patience" "$@"; }
hvctl() { "$programs/hvctl" --bus "$bus" "$@"; }

clean_up() {
    code=$?
    trap - EXIT INT TERM HUP
    # shellcheck disable=SC2086 # numbers
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    wait
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# start LOG COMMAND…: its process is the last of $pids, and $started.
start() {
    log=$1
    shift
    "$@" </dev/null >"$dir/$log.log" 2>&1 &
    started=$!
    pids="$pids $started"
}

failed() {
    say "$1"
    tail -n 5 "$dir"/*.log
    exit 1
}

# until_true WHAT COMMAND…
until_true() {
    what=$1
    shift
    deadline=$(($(date +%s) + patience))
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$deadline" ] || failed "waited $patience s: $what"
        sleep 0.05
    done
}

# serve DAEMON IC: the host, and the daemon that answers it.
serve() {
    start testhost "$programs/hv-testhost" --sim "$dir" --ic "$2" --vm-name web1 --control "$dir/control"
    start "$1" "$programs/$1" --config "$dir/hv-utils.toml" --channel "sim:$dir/$2.sock" --bus "$bus" \
        --etc-root "$dir/etc" --run-dir "$dir/run" --state-dir "$dir/state" --log-format text
    until_true "the simulated host does not listen" test -S "$dir/control"
    until_true "$1 and the host have not agreed on a version" host wait-guest "$2"
}

# on_host TEXT ARGUMENTS…: the command has to work, and what it prints to hold TEXT.
on_host() {
    wanted=$1
    shift
    say "host\$  hv-testhost $*"
    host "$@" >"$dir/said" 2>&1 || failed "hv-testhost $* ended with exit code $?: $(cat "$dir/said")"
    indented <"$dir/said"
    grep -q -e "$wanted" "$dir/said" || failed "expected to see '$wanted'"
}

# refused STATUS ARGUMENTS…: the guest has to say no, with this status.
refused() {
    wanted=$1
    shift
    say "host\$  hv-testhost $*"
    if host "$@" >"$dir/said" 2>&1; then failed "hv-testhost $* was not refused"; fi
    indented <"$dir/said"
    grep -qi -e "$wanted" "$dir/said" || failed "expected to see '$wanted'"
}

# on_guest TEXT ARGUMENTS…
on_guest() {
    wanted=$1
    shift
    say "guest\$ hvctl $*"
    hvctl "$@" >"$dir/said" 2>&1 || failed "hvctl $* ended with exit code $?: $(cat "$dir/said")"
    indented <"$dir/said"
    grep -q -e "$wanted" "$dir/said" || failed "expected to see '$wanted'"
}

sees() { host get-vm | grep -q "$1"; }

heartbeat() {
    serve hv-heartbeatd heartbeat
    until_true "no heartbeat was answered" sees OkApplicationsUnknown
    on_host OkApplicationsUnknown get-vm
    say "guest\$ hvctl heartbeat report healthy --why '3 of 3 workers' sleep 60 &"
    start report "$programs/hvctl" --bus "$bus" heartbeat report healthy --why '3 of 3 workers' sleep 60
    until_true "the host does not see that all is well" sees OkApplicationsHealthy
    on_guest '3 of 3 workers' heartbeat status
    on_host OkApplicationsHealthy get-vm
    say "guest\$ kill %1"
    kill "$started"
    until_true "what a program has said outlives it" sees OkApplicationsUnknown
    on_host OkApplicationsUnknown get-vm
}

same() { [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]; }

copy() {
    printf '[file-copy]\nenabled = true\nroots = ["%s"]\n' "$dir/incoming" >"$dir/hv-utils.toml"
    mkdir "$dir/incoming"
    # A name with more than ASCII in it, and 300 KB that nobody could guess.
    file="$dir/Überblick.dat"
    head -c 300000 /dev/urandom >"$file"
    serve hv-fcopyd fcopy
    on_host . copy-vmfile "$file" "$dir/incoming/"
    same "$file" "$dir/incoming/Überblick.dat" || failed "it is not the same file"
    say "(and both have the same SHA-256)"
    refused 0x80070050 copy-vmfile "$file" "$dir/incoming/"
    refused 0x80070005 copy-vmfile "$file" /etc/
    say "(there is one already; and nothing gets out of the directory that was named)"
    on_guest 'Überblick.dat.*ok' copy history
}

status_says() { hvctl shutdown status | grep -q "$1"; }
inhibited() { hvctl shutdown status | grep -q '^INHIBITOR'; }

shutdown() {
    serve hv-shutdownd shutdown
    say "guest\$ hvctl shutdown inhibit --who upgrade --why 'in the middle of it' sleep 60 &"
    start inhibit "$programs/hvctl" --bus "$bus" shutdown inhibit --who upgrade --why 'in the middle of it' sleep 60
    until_true "nobody inhibits it" inhibited
    refused 0x800704f7 stop-vm
    on_guest refused shutdown status
    say "guest\$ kill %1"
    kill "$started"
    wait "$started" 2>/dev/null || true
    until_true "the inhibitor outlives its program" status_says 'inhibitors: none'
    on_host . stop-vm
    until_true "it is not known what became of it" status_says 'would power off'
    on_guest 'would power off' shutdown status
}

mkdir -p "$dir/etc"
: >"$dir/hv-utils.toml"
case $part in
    heartbeat | copy | shutdown) $part ;;
    *) failed "no such part: $part" ;;
esac
