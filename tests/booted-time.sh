# hv-timesyncd under a real systemd: the part of tests/booted.sh that is about it. Sourced there: by the machine to make ready
# what the container needs (time_prepare), and in the container to look (time_probe).
#
# A container has the machine's clock. Nothing in it may set that: systemd-nspawn leaves CAP_SYS_TIME out, which is looked at
# first; the daemon keeps a clock of its own, and its unit, which gives it that capability, is told not to.
# shellcheck shell=sh

# time_prepare ROOT UNITS
time_prepare() {
    mkdir -p "$2/hv-timesyncd.service.d" "$2/hv-timesync-counter.service.d" "$2/hv-timesync-counter.path.d"
    cat >"$2/hv-timesyncd.service.d/test.conf" <<'UNIT'
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/usr/libexec/hv-utils/hv-timesyncd --channel sim:/run/hvtest/timesync.sock --clock imitated:-3600000 --log-level debug
AmbientCapabilities=
CapabilityBoundingSet=
UNIT
    printf '[Unit]\nConditionVirtualization=\n' >"$2/hv-timesync-counter.path.d/test.conf"
    # There is no counter here to be read. What can be seen is that the unit may write where it has to, and that the program
    # runs within its limits as far as to say so.
    cat >"$2/hv-timesync-counter.service.d/test.conf" <<'UNIT'
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/bin/sh -c 'echo asked >/run/hv-utils/counter-was-asked'
ExecStart=/usr/libexec/hv-utils/hv-timesync-counter
UNIT
    # A client by its name, and nothing else.
    printf '[Service]\nExecStart=/bin/sleep 1000\n' >"$2/chrony.service"
    # In place of udev, as early as that would; and of the preset.
    ln -sf /usr/lib/systemd/system/hv-timesyncd.service "$2/sysinit.target.wants/hv-timesyncd.service"
    ln -sf /usr/lib/systemd/system/hv-timesyncd.service "$2/dbus-org.hvutils.TimeSync1.service"
    cp tests/booted-time.sh "$1/booted-time.sh"
}

time_show() { systemctl show hv-timesyncd --value -p "$1"; }
time_process() { grep "^$1" "/proc/$(time_show MainPID)/status"; }
counter_show() { systemctl show hv-timesync-counter --value -p "$1"; }
counter_log() { journalctl -u hv-timesync-counter --no-pager -o cat; }
time_log() { journalctl -u hv-timesyncd --no-pager -o cat; }

# In the container, with its functions expect, owner and as_nobody.
time_probe() {
    # CAP_SYS_TIME is bit 25.
    expect "nobody in here may set the clock" "[014589cd][0-9a-f]\{6\}$" grep ^CapBnd: /proc/1/status
    # shellcheck disable=SC2154 # booted.sh counts
    [ "$failed" = 0 ] || return
    expect "hv-timesyncd's unit is active" "^active$" time_show ActiveState
    [ "$failed" = 0 ] || return
    expect "it was ready before the bus was there" "the system bus is not there" time_log
    expect "it runs as its own user" "$(id -u hv-timesyncd)" time_process Uid
    expect "with a filter for system calls" "2$" time_process Seccomp:
    expect "its lock is its own" "^600 hv-timesyncd$" owner /run/hv-utils/hv-timesyncd.lock
    expect "its directory, too" "^755 hv-timesyncd$" owner /run/hv-utils/hv-timesyncd
    expect "and the one that outlives a boot" "^755 hv-timesyncd$" owner /var/lib/hv-utils/hv-timesyncd
    expect "the host has a guest" "exit 0" host wait-guest timesync
    expect "it keeps the clock" "^clock: kept by hv-timesyncd" as_nobody hvctl time status
    expect "which was an hour behind" "+3\(60\|59\)[0-9]\..* sync .* used" as_nobody hvctl time samples
    expect "and follows the host's" "^last action: .* slew by" as_nobody hvctl time status
    expect "the counter is measured when it asks" "^asked$" cat /run/hv-utils/counter-was-asked
    expect "by a program for which there is no counter here" "^\(69\|77\)$" counter_show ExecMainStatus
    expect "which says so" "^hv-timesync-counter: " counter_log
    expect "an NTP client starts" "exit 0" systemctl start chrony
    expect "and has the clock" "^clock: kept by chrony" hvctl time status
    expect "it ends" "exit 0" systemctl stop chrony
    expect "and no longer has it" "^clock: kept by hv-timesyncd" hvctl time status
    expect "the log level can be changed" "exit 0" systemctl service-log-level hv-timesyncd info
    expect "it reloads" "exit 0" systemctl reload hv-timesyncd
    kill -9 "$(time_show MainPID)"
    expect "it is started again after kill -9" "^1$" time_show NRestarts
    expect "and keeps the clock again" "^clock: kept by hv-timesyncd" hvctl time status
    systemctl stop hv-timesyncd
    expect "it stops cleanly" "^success$" time_show Result
    expect "what holds until the next boot stays" "^755 hv-timesyncd$" owner /run/hv-utils/hv-timesyncd
    expect "a call on the bus starts it" "^clock: kept by" as_nobody hvctl time status
    [ "$failed" = 0 ] || { time_log && systemctl status --no-pager hv-timesync-counter.path hv-timesync-counter.service; }
}
