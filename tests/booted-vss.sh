# hv-vssd under a real systemd: the part of tests/booted.sh that is about it. Sourced there: by the machine to make ready what
# the container needs (vss_prepare, vss_clean_up), and in the container to look (vss_probe).
#
# What is frozen is a loop file of its own, and the daemon's configuration includes nothing else.
# shellcheck shell=sh

# vss_prepare DIRECTORY ROOT UNITS: false where there are no loop devices; then nothing is looked at.
vss_prepare() {
    mkdir "$1/disk" || return 1
    truncate -s 32M "$1/image" && mkfs.ext4 -q "$1/image" && mount -o loop "$1/image" "$1/disk" || return 1
    mkdir -p "$3/hv-vssd.service.d" "$2/etc/hv-utils/hv-utils.toml.d" "$2/etc/hv-utils/vss.d"
    cat >"$3/hv-vssd.service.d/test.conf" <<'UNIT'
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/usr/libexec/hv-utils/hv-vssd --channel sim:/run/hvtest/vss.sock --log-level debug
UNIT
    printf '[vss]\ninclude = ["/mnt/vss"]\nhook-timeout-secs = 5\n' >"$2/etc/hv-utils/hv-utils.toml.d/50-vss.toml"
    cat >"$2/etc/hv-utils/vss.d/10-says" <<'HOOK'
#!/bin/sh
echo "$1 in $(sed 's,.*/,,' /proc/self/cgroup) with $(sed -n 's/^CapEff:\t*//p' /proc/self/status)"
[ ! -e /run/hook-hangs ] || [ "$1" != freeze ] || sleep 60
HOOK
    chmod 0755 "$2/etc/hv-utils/vss.d/10-says"
    # In place of the preset.
    ln -sf /usr/lib/systemd/system/hv-vssd.service "$3/dbus-org.hvutils.Vss1.service"
    cp tests/booted-vss.sh "$2/booted-vss.sh"
}

# vss_clean_up DIRECTORY: whatever has happened.
vss_clean_up() {
    fsfreeze -u "$1/disk" 2>/dev/null
    umount "$1/disk" 2>/dev/null
}

vss_show() { systemctl show hv-vssd --value -p "$1"; }
vss_state() { hvctl --json vss status; }
# In the background and bounded: a write to what is frozen cannot be killed.
vss_writes() { timeout 20 sh -c 'echo x >/mnt/vss/written' & wait $!; }

# In the container, with its functions expect, host and as_nobody.
vss_probe() {
    expect "a call on the bus starts hv-vssd" "/mnt/vss.*freeze" as_nobody hvctl vss plan
    expect "with two capabilities" "CapEff:.*0000000000200004$" grep ^CapEff "/proc/$(vss_show MainPID)/status"
    expect "with a filter for system calls" "2$" grep ^Seccomp: "/proc/$(vss_show MainPID)/status"
    expect "and the machine's own mounts" "^mnt:.$(readlink /proc/1/ns/mnt | tr -dc 0-9).$" \
        readlink "/proc/$(vss_show MainPID)/ns/mnt"
    expect "the host has a guest" "exit 0" host wait-guest vss
    expect "the host takes a checkpoint" "exit 0" host checkpoint-vm --hold 0.2
    expect "the hook ran in a unit of its own, outside the sandbox" "freeze in hv-vss-hook-.*service with 0000[0-9a-f]*fff" \
        hvctl --json vss history
    expect "and nothing of it is left" "^0$" sh -c 'systemctl list-units --all "hv-vss-hook-*" --plain --no-legend | wc -l'
    expect "nobody else may freeze" "exit 77" as_nobody hvctl vss freeze
    expect "root may" "exit 0" hvctl vss freeze --time 60
    expect "everybody sees it" '"state": *"frozen"' as_nobody hvctl --json vss status
    expect "the watchdog waits longer" "min" vss_show WatchdogUSec
    expect "nobody else may thaw" "exit 77" as_nobody hvctl vss thaw
    expect "root thaws" "exit 0" hvctl vss thaw
    expect "all is thawed, and the hooks are done" '"state": *"thawed"' vss_state
    expect "the watchdog is as before" "^3min$" vss_show WatchdogUSec

    expect "frozen again" "exit 0" hvctl vss freeze --time 60
    kill -9 "$(vss_show MainPID)"
    expect "killed while frozen: thawed" "exit 0" vss_writes
    expect "it is started again" "^1$" vss_show NRestarts
    expect "and tells what happened" "the daemon ended during the freeze" hvctl --json vss history
    expect "and is ready for the next" '"state": *"thawed"' vss_state

    expect "frozen again" "exit 0" hvctl vss freeze --time 60
    systemctl kill -s KILL hv-vssd
    expect "daemon and guardian killed: thawed by the unit" "exit 0" vss_writes
    expect "it is started again" "^2$" vss_show NRestarts
    expect "and is ready for the next" '"state": *"thawed"' vss_state

    expect "frozen again" "exit 0" hvctl vss freeze --time 60
    expect "stopped while frozen: it ends well" "exit 0" systemctl stop hv-vssd
    expect "cleanly" "^success$" vss_show Result
    expect "and thawed" "exit 0" vss_writes

    touch /run/hook-hangs
    expect "a hook that hangs ends the freeze" "exit 1" hvctl vss freeze
    expect "and says so" "longer than 5 s" hvctl --json vss history
    expect "its unit is gone" "^0$" sh -c 'systemctl list-units --all "hv-vss-hook-*" --plain --no-legend | wc -l'
    rm /run/hook-hangs
    expect "it reloads" "exit 0" systemctl reload hv-vssd
    expect "root's history is on the disk" "^644 root$" owner /var/lib/hv-utils/hv-vssd/history.json
    # shellcheck disable=SC2154 # booted.sh counts
    [ "$failed" = 0 ] || journalctl -u hv-vssd --no-pager -o cat
}
