# hv-shutdownd, hv-heartbeatd and hv-fcopyd under a real systemd: the part of tests/booted.sh that is about them. Sourced there:
# by the machine to make ready what the container needs (rest_prepare) and to see how it went down (rest_verdict), and in the
# container to look (rest_probe) and to be shut down by its host (rest_goes_down, rest_is_back).
#
# In the container --act real is real: its own logind, its own systemd and its own process 1 are all that can be reached from
# in there. What hands devices back before a hibernation works on a sysfs of files. The container goes down twice: it is
# restarted as an administrator of its host would ask for it, and then powered off by force, with a service that would not
# stop for a quarter of an hour.
# shellcheck shell=sh

# rest_prepare ROOT UNITS
rest_prepare() {
    mkdir -p "$1/etc/hv-utils/hv-utils.toml.d" "$1/etc/hv-utils/shutdown.d" "$1/srv/in" "$1/srv/closed" \
        "$2/hv-fcopyd.service.d"
    for pair in hv-heartbeatd:heartbeat hv-fcopyd:fcopy hv-shutdownd:shutdown; do
        name=${pair%:*} ic=${pair#*:} act=
        [ "$ic" != shutdown ] || act=--act=real
        mkdir -p "$2/$name.service.d"
        cat >"$2/$name.service.d/test.conf" <<UNIT
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/usr/libexec/hv-utils/$name --channel sim:/run/hvtest/$ic.sock $act --log-level debug
UNIT
        # In place of the preset.
        alias=$(sed -n 's/^Alias=//p' "systemd/$name.service")
        ln -sf "/usr/lib/systemd/system/$name.service" "$2/$alias"
    done
    # In place of udev, as early as that would.
    ln -sf /usr/lib/systemd/system/hv-heartbeatd.service "$2/sysinit.target.wants/hv-heartbeatd.service"
    ln -sf /usr/lib/systemd/system/hv-shutdownd.service "$2/sysinit.target.wants/hv-shutdownd.service"
    # That it is started, with the right name; whether it does its work is looked at elsewhere.
    mkdir -p "$2/hv-driver-release@.service.d"
    cat >"$2/hv-driver-release@.service.d/test.conf" <<'UNIT'
[Unit]
ConditionVirtualization=
ConditionPathExists=
[Service]
ExecStart=
ExecStart=/bin/sh -c 'echo %i >/run/hv-utils/released'
UNIT
    # One root of the administrator's is named in the unit as well, the other one is not.
    printf '[Service]\nReadWritePaths=/srv/in\n' >"$2/hv-fcopyd.service.d/root.conf"
    cat >"$1/etc/hv-utils/hv-utils.toml.d/60-rest.toml" <<'TOML'
[shutdown]
force-escalation-secs = 5
[heartbeat]
units = ["worker.service"]
[file-copy]
enabled = true
roots = ["/var/lib/hv-utils/incoming", "/srv/in", "/srv/closed"]
mode = "0640"
owner = "nobody"
TOML
    cat >"$2/worker.service" <<'UNIT'
[Service]
ExecStart=/bin/sh -c '[ ! -e /run/worker-fails ] && exec sleep 100000'
UNIT
    # Writes down that it was stopped, as at an orderly shutdown; the other one does not stop.
    cat >"$2/witness.service" <<'UNIT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'echo stopped >>/witness'
UNIT
    cat >"$2/stubborn.service" <<'UNIT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'echo asked to stop >>/stubborn; exec sleep 900'
TimeoutStopSec=900
UNIT
    cat >"$1/etc/hv-utils/shutdown.d/10-says" <<'HOOK'
#!/bin/sh
echo "$1 in $(grep -o 'hv-[^/]*service' /proc/self/cgroup | head -n 1) with $(sed -n 's/^CapEff:\t*//p' /proc/self/status)" >>/hook
HOOK
    chmod 0755 "$1/etc/hv-utils/shutdown.d/10-says"
    cp tests/booted-rest.sh "$1/booted-rest.sh"
    # The real program in its real sandbox, on a sysfs of files (rest_sleep).
    mkdir -p "$2/hv-utils-sleep.service.d"
    cat >"$2/hv-utils-sleep.service.d/test.conf" <<'UNIT'
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/usr/libexec/hv-utils/hv-driver sleep --sysfs-root /run/sleepsys --dev-root /run/sleepdev
ExecStopPost=
ExecStopPost=/usr/libexec/hv-utils/hv-driver wake --sysfs-root /run/sleepsys --dev-root /run/sleepdev
ReadWritePaths=/run/sleepsys
UNIT
    # In place of systemd-hibernate.service, which is looked at in booted-sleep.sh.
    cat >"$2/night.service" <<'UNIT'
[Unit]
Requires=hv-utils-sleep.service
After=hv-utils-sleep.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'basename "$(readlink /run/sleepsys/bus/vmbus/devices/*/driver)" >/run/night'
UNIT
    cat >"$1/fakekernel.sh" <<'KERNEL'
# Does to one device what the kernel does when it is told to: usage: fakekernel.sh SYSFS INSTANCE
cd "$1/bus/vmbus" || exit 1
device=devices/$2
# told FILE: something was written to it; it is taken out.
told() { [ -s "$1" ] && : >"$1"; }
give() { [ -e "$device/driver" ] || ln -s "../../drivers/$1" "$device/driver"; }
while sleep 0.02; do
    for driver in hv_utils uio_hv_generic; do
        if told drivers/$driver/unbind; then rm -f "$device/driver"; fi
        if told drivers/$driver/bind; then give $driver; fi
    done
    if told drivers_probe; then
        wanted=$(cat "$device/driver_override")
        give "${wanted:-hv_utils}"
    fi
done
KERNEL
}

rest_show() { systemctl show "$1" --value -p "$2"; }
rest_process() { grep "^$2" "/proc/$(rest_show "$1" MainPID)/status"; }
rest_log() { journalctl -u "$1" --no-pager -o cat; }

# In the container, with its functions expect, owner, host and as_nobody.
rest_probe() {
    for pair in hv-heartbeatd:0000000000000000 hv-shutdownd:0000000000400000; do
        expect "${pair%:*} is active" "^active$" rest_show "${pair%:*}" ActiveState
        expect "it was ready before the bus was there" "the system bus is not there" rest_log "${pair%:*}"
        expect "with no more capabilities than it needs" "CapEff:.${pair#*:}$" rest_process "${pair%:*}" CapEff
        expect "with a filter for system calls" "2$" rest_process "${pair%:*}" Seccomp:
        # shellcheck disable=SC2154 # booted.sh counts
        [ "$failed" = 0 ] || return
    done
    rest_heartbeat
    rest_copy
    rest_shutdown
    # shellcheck disable=SC2154
    [ "$failed" = 0 ] || journalctl -u hv-shutdownd -u hv-heartbeatd -u hv-fcopyd -u hv-utils-sleep --no-pager -o cat
}

rest_heartbeat() {
    expect "it runs as its own user" "$(id -u hv-heartbeatd)" rest_process hv-heartbeatd Uid
    expect "its lock is its own" "^600 hv-heartbeatd$" owner /run/hv-utils/hv-heartbeatd.lock
    expect "the host has a guest" "exit 0" host wait-guest heartbeat
    expect "a unit that does not run" "worker.service.*stopped" as_nobody hvctl heartbeat status
    expect "it starts" "exit 0" systemctl start worker
    expect "and the host sees that all is well" OkApplicationsHealthy host get-vm
    touch /run/worker-fails
    systemctl kill -s KILL worker 2>/dev/null
    expect "it fails, and the host sees that" OkApplicationsCritical host get-vm
    expect "and anybody can see why" "worker.service.*critical" as_nobody hvctl heartbeat status
    rm /run/worker-fails
    expect "it is started again" "exit 0" systemctl start worker
    expect "and well" OkApplicationsHealthy host get-vm
    expect "nobody else may report" "exit 77" as_nobody hvctl heartbeat report critical true
    hvctl heartbeat report critical --why 'disk failing' sleep 10000 &
    report=$!
    expect "root may" OkApplicationsCritical host get-vm
    expect "with the reason" "disk failing" as_nobody hvctl heartbeat status
    kill -9 $report
    expect "and what was reported ends with who has reported it" OkApplicationsHealthy host get-vm
    systemctl restart dbus
    expect "after a restart of the bus units are seen as before" "worker.service.*healthy" hvctl heartbeat status
    expect "it reloads" "exit 0" systemctl reload hv-heartbeatd
    kill -9 "$(rest_show hv-heartbeatd MainPID)"
    expect "it is started again after kill -9" "^1$" rest_show hv-heartbeatd NRestarts
    expect "and the host sees it" OkApplicationsHealthy host get-vm
    printf '[heartbeat]\nunits = ["*"]\n' >/etc/hv-utils/hv-utils.toml.d/70-wrong.toml
    systemctl restart hv-heartbeatd 2>/dev/null
    expect "if it fails for good, its device goes back to the kernel" "^heartbeat$" cat /run/hv-utils/released
    rm /etc/hv-utils/hv-utils.toml.d/70-wrong.toml
    expect "it can be started again" "exit 0" systemctl restart hv-heartbeatd
}

rest_copy() {
    head -c 100000 /dev/urandom >/run/from-the-host
    expect "a call on the bus starts hv-fcopyd" "/srv/in" as_nobody hvctl copy status
    expect "with three capabilities" "CapEff:.000000000000000b$" rest_process hv-fcopyd CapEff
    expect "with a filter for system calls" "2$" rest_process hv-fcopyd Seccomp:
    expect "the host has a guest" "exit 0" host wait-guest fcopy
    expect "a file goes where files go by default" "exit 0" host copy-vmfile /run/from-the-host /var/lib/hv-utils/incoming/
    expect "whole" "exit 0" cmp /run/from-the-host /var/lib/hv-utils/incoming/from-the-host
    expect "with the mode and the owner that the configuration says" "^640 nobody$" \
        owner /var/lib/hv-utils/incoming/from-the-host
    expect "in a directory of root's alone" "^750 root$" owner /var/lib/hv-utils/incoming
    expect "another root, which the unit opens" "exit 0" host copy-vmfile /run/from-the-host /srv/in/deep/er/ --create-full-path
    expect "with directories that are made" "exit 0" cmp /run/from-the-host /srv/in/deep/er/from-the-host
    expect "one that the unit does not open" "0x80070013" host copy-vmfile /run/from-the-host /srv/closed/
    expect "what is no root" "0x80070005" host copy-vmfile /run/from-the-host /etc/
    expect "and nothing is there" "exit 2" ls /etc/from-the-host /srv/closed/from-the-host
    expect "anybody can look what came" "/srv/in/deep/er/from-the-host" as_nobody hvctl copy history
    expect "it reloads" "exit 0" systemctl reload hv-fcopyd
    rest_sleep
    expect "it stops cleanly" "exit 0" systemctl stop hv-fcopyd
    expect "and well" "^success$" rest_show hv-fcopyd Result
}

# The sandbox of hv-utils-sleep.service lets hv-driver do what it has to: write to sysfs, keep a record, ask daemons on the bus.
rest_sleep() {
    vmbus=/run/sleepsys/bus/vmbus instance=fd149e91-82e0-4a7d-afa6-2a4166cbd7c0
    device=$vmbus/devices/$instance
    mkdir -p "$device/uio/uio7" $vmbus/drivers/hv_utils $vmbus/drivers/uio_hv_generic /run/sleepdev
    echo '{57164f39-9115-4e78-ab55-382f3bd5422d}' >"$device/class_id"
    echo 9 >"$device/id"
    for file in "$device/driver_override" $vmbus/drivers_autoprobe $vmbus/drivers_probe $vmbus/drivers/hv_utils/bind \
        $vmbus/drivers/hv_utils/unbind $vmbus/drivers/uio_hv_generic/bind $vmbus/drivers/uio_hv_generic/unbind; do
        : >"$file"
    done
    ln -s ../../drivers/uio_hv_generic "$device/driver"
    sh /fakekernel.sh /run/sleepsys $instance &
    kernel=$!
    expect "the night passes" "exit 0" systemctl start night
    expect "in it the kernel had the device" "^hv_utils$" cat /run/night
    expect "and after it, it is on raw VMBus again" "uio_hv_generic$" readlink "$device/driver"
    expect "with no record left" "exit 2" ls /run/hv-utils/hv-driver.asleep
    expect "the unit is gone by itself" "^inactive$" rest_show hv-utils-sleep ActiveState
    host copy-vmfile /run/from-the-host /var/lib/hv-utils/incoming/slow --cut-after 50000 >/dev/null
    rm /run/night
    expect "no night while a file arrives" "exit 1" systemctl start night
    expect "for that reason" "cannot hibernate now: a file is being copied" rest_log hv-utils-sleep
    expect "nothing slept" "exit 2" ls /run/night
    expect "and nothing was moved" "uio_hv_generic$" readlink "$device/driver"
    kill $kernel
}

rest_shutdown() {
    expect "the host has a guest" "exit 0" host wait-guest shutdown
    expect "nobody else may hold the host up" "exit 77" as_nobody hvctl shutdown inhibit true
    hvctl shutdown inhibit --who probe --why 'not yet' sleep 10000 &
    inhibit=$!
    expect "root may" "not yet" as_nobody hvctl shutdown status
    expect "and the host is told so" "0x800704f7" host stop-vm
    kill -9 $inhibit
    expect "until who holds it is gone" "^inhibitors: none$" hvctl shutdown status
    systemd-run --quiet --unit=holder systemd-inhibit --what=shutdown --mode=block --who=probe --why='logind is asked' sleep 10000
    expect "an inhibitor of logind's" "logind is asked" systemd-inhibit --list
    expect "counts as well" "0x800704f7" host stop-vm
    expect "by name" "refused.*probe" hvctl shutdown status
    systemctl stop holder
    expect "until it is gone" "exit 1" sh -c "systemd-inhibit --list | grep 'logind is asked'"
}

# The last thing in the container's first life.
rest_goes_down() {
    systemctl start witness
    touch /going-down
    expect "the host has it restarted" "exit 0" host restart-vm
    # systemd ends this script.
    sleep 300
    echo "not so: the container was not restarted"
    rest_log hv-shutdownd
    failed=1
    rm /going-down
}

# In the second one: what became of the first; and then the other way down.
rest_is_back() {
    rm /going-down
    expect "its services were stopped in order" "^stopped$" cat /witness
    expect "hooks had run, in units of their own and outside the sandbox" "^reboot in hv-.*service with 0000[0-9a-f]*fff" cat /hook
    expect "the daemon knows what it did before the restart" "reboot.*begun by logind" hvctl shutdown status
    expect "the host has a guest" "exit 0" host wait-guest shutdown
    systemctl start witness stubborn
    hvctl shutdown inhibit --why 'force overrides it' sleep 10000 &
    expect "somebody holds the host up" "force overrides it" hvctl shutdown status
    # shellcheck disable=SC2154
    [ "$failed" = 0 ] || rest_log hv-shutdownd
    echo "probe ended: $failed"
    [ "$failed" = 0 ] || return
    touch /going-down
    expect "who powers it off by force" "exit 0" host stop-vm --force
    sleep 300
    echo "not so: the container was not powered off"
    rest_log hv-shutdownd
    rm /going-down
}

# rest_verdict ROOT: how the second life ended.
rest_verdict() {
    [ "$(cat "$1/stubborn" 2>/dev/null)" = "asked to stop" ] || { echo "not so: the service that hangs was asked to stop" && return 1; }
    [ "$(grep -c '^stopped$' "$1/witness")" = 2 ] || { echo "not so: the witness was stopped in both lives" && return 1; }
    grep -q poweroff "$1/hook" || { echo "not so: hooks had run before the machine was powered off" && return 1; }
    grep -q '"poweroff"' "$1/var/lib/hv-utils/hv-shutdownd/history.json" || { echo "not so: it is in the history" && return 1; }
}
