#!/bin/sh
# The part of the demo in which the host tells the time: to a guest whose clock is an hour behind.
#
# usage: scripts/demo-time.sh PROGRAMS DIRECTORY BUS      (scripts/demo.sh calls it)
#
# The clock of this machine is never touched: on the simulated link hv-timesyncd gets one of its own, which obeys as the kernel's
# does; --clock has it begin an hour behind.
# Ends with 0 if all was as it should be.

set -eu

programs=$1 dir=$2 bus=$3
patience=${HV_DEMO_PATIENCE:-60}
pids=""

say() { printf '   %s\n' "$*"; }
indented() { sed '/./s/^/     /'; }
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

# start LOG COMMAND…
start() {
    log=$1
    shift
    "$@" </dev/null >"$dir/$log.log" 2>&1 &
    pids="$pids $!"
}

# until_true WHAT COMMAND…
until_true() {
    what=$1
    shift
    deadline=$(($(date +%s) + patience))
    until "$@" >/dev/null 2>&1; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            say "waited $patience s: $what"
            tail -n 5 "$dir"/*.log
            exit 1
        fi
        sleep 0.05
    done
}

# The step, and a sample after it: on a busy machine not always the first, which may have come late.
followed() { sed '1,/ stepped/d' "$dir/watched.log" | grep -q ' sampled .*: used$'; }
# Fifteen times that were used: by then it is known how late messages are.
fifteen() { [ "$(hvctl time samples | grep -c ' used$')" -ge 15 ]; }

: >"$dir/time.toml"
say "guest\$ hv-timesyncd --clock imitated:-3600000 …"
start timesyncd "$programs/hv-timesyncd" --config "$dir/time.toml" --channel "sim:$dir/timesync.sock" --bus "$bus" \
    --clock imitated:-3600000 --run-dir "$dir/run" --state-dir "$dir/state" --log-format text
until_true "hv-timesyncd is not on the bus" hvctl time status
say "guest\$ hvctl time watch &"
start watched "$programs/hvctl" --bus "$bus" time watch
until_true "hvctl time watch is not ready" grep -q '^ready' "$dir/watched.log"

say "host\$  hv-testhost --sim … --ic timesync --sample-period 200"
start host "$programs/hv-testhost" --sim "$dir" --ic timesync --sample-period 200 --control "$dir/control"
# The first message is late by as much as this machine is busy.
until_true "the clock was not stepped by an hour" grep -q ' stepped by +3\(60\|59\)[0-9]\.' "$dir/watched.log"
until_true "no sample was used after the step" followed
grep -A 1 ' stepped' "$dir/watched.log" | indented

until_true "the host's time is not followed" fifteen
say "(three seconds later)"
say "guest\$ hvctl time status"
hvctl time status >"$dir/status"
indented <"$dir/status"
grep -q '^clock: kept by hv-timesyncd' "$dir/status"
# Less than a second, however busy this machine is.
grep -q '^offset: .*[0-9] \(ns\|µs\|ms\)' "$dir/status"
say "guest\$ hvctl time samples --last 3"
hvctl time samples --last 3 >"$dir/samples"
indented <"$dir/samples"
