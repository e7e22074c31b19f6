# shellcheck shell=bash
# What a case with an NTP daemon says: chronyd with a configuration, samples, and what chronyd made of them. For bash, sourced;
# bounded waiting and daemons are tests/net's.

# shellcheck source=/dev/null
. "$LAB/functions.sh"

needs feed
export SOCKET=/run/chrony.hv-timesyncd.sock

# chronyd_start [LINE…]: with these lines of configuration. -x: without control of the clock, which it could not have here.
chronyd_start() {
    printf '%s\n' 'bindcmdaddress /run/chrony/chronyd.sock' 'port 0' 'cmdport 0' 'logdir /var/log/chrony' 'log refclocks' \
        "$@" >/run/lab/chrony.conf
    daemon_start chronyd chronyd -x -d -f /run/lab/chrony.conf
    daemon_ready chronyd chronyc -n activity
    if grep -q "^Cap\(Eff\|Prm\):.*[2367abef]......$" "/proc/$(daemon_pid chronyd)/status"; then fail "chronyd has CAP_SYS_TIME"; fi
}
chronyd_stop() { daemon_stop chronyd; }

# feed_start [--user USER] NAME ARGUMENT…: samples, by default as hv-timesyncd's user, without any power
feed_start() {
    local user=hv-timesyncd name
    if [ "$1" = --user ]; then user=$2; shift 2; fi
    name=$1
    shift
    daemon_start "$name" setpriv --reuid="$user" --regid="$user" --clear-groups --bounding-set=-all --inh-caps=-all feed "$@"
}

# samples: offset and leap second indicator (N, +, -) of each that chronyd took, in seconds
samples() { awk '/^ *[0-9]/ && $4 != "-" {print $7, $5}' /var/log/chrony/refclocks.log; }

# took COUNT OFFSET LEAP: chronyd took at least so many of exactly that kind. The log has seven digits.
took() { [ "$(samples | grep -cxF -e "$2 $3")" -ge "$1" ]; }

# reach REFID: in how many of its last eight polls there was a sample, as a number of eight bits
reach() { echo $((8#$(chronyc -n -c sources | awk -F, -v refid="$1" '$3 == refid {print $6}'))); }
reachable() { [ "$(reach "$1")" -gt 0 ]; }
