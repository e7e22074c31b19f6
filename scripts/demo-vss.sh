#!/bin/sh
# The part of the demo in which the host takes a production checkpoint. As root: a filesystem in a file, mounted where only
# this script and what it starts see it, is frozen and thawed. As anybody else: what would be frozen on a made-up machine.
#
# usage: unshare --mount scripts/demo-vss.sh PROGRAMS DIRECTORY BUS      (root; scripts/demo.sh calls it)
#        scripts/demo-vss.sh PROGRAMS DIRECTORY BUS                      (anybody)
#
# No filesystem of this machine is ever frozen: `include` names the one in the file alone, and the made-up machine is some
# files that say what it has. Ends with 0 if all was as it should be, with 77 where no filesystem in a file can be made
# and mounted.

set -eu

programs=$1 dir=$2 bus=$3
patience=${HV_DEMO_PATIENCE:-60}
PATH=$PATH:/usr/sbin:/sbin
mount=$dir/data
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
    if mountpoint -q "$mount" 2>/dev/null; then
        # Nothing to do for it, unless hv-vssd did not do its work; then who writes there is not waited for in vain.
        fsfreeze --unfreeze "$mount" 2>/dev/null || true
        wait
        fsfreeze --unfreeze "$mount" 2>/dev/null || true
        umount "$mount" || umount --lazy "$mount"
    fi
    wait
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

start() {
    name=$1
    shift
    "$programs/$name" "$@" </dev/null >"$dir/$name.log" 2>&1 &
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

start_vssd() {
    start hv-vssd --config "$dir/vss.toml" --channel "sim:$dir/vss.sock" --bus "$bus" --run-dir "$dir/run" \
        --state-dir "$dir/state" --log-format text "$@"
    until_true "hv-vssd is not on the bus" hvctl vss status
}

state_is() { hvctl vss status | grep -qx "state: $1.*"; }
# A busy machine may look only when it is over. That there was a freeze is told by the host, and by the history, in any case.
frozen_or_over() { state_is frozen || [ -s "$dir/checkpoint.ended" ]; }

# ---- anybody: a plan ----------------------------------------------------------------------------------------------------

made_up_plan() {
    mkdir -p "$dir/proc/self" "$dir/proc/sys/kernel/random" "$dir/sys"
    cp /proc/sys/kernel/random/boot_id "$dir/proc/sys/kernel/random/"
    cat >"$dir/proc/self/mountinfo" <<'MOUNTS'
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
23 22 8:1 / /boot/efi rw,relatime shared:2 - vfat /dev/sda1 rw
24 22 0:21 / /proc rw,nosuid shared:3 - proc proc rw
25 22 8:16 / /srv/data rw,relatime shared:4 - xfs /dev/sdb rw
26 22 0:45 / /mnt/share rw,relatime shared:5 - nfs4 server:/export rw
27 22 8:32 / /media/archive ro,relatime shared:6 - ext4 /dev/sdc ro
MOUNTS
    : >"$dir/vss.toml"
    start_vssd --proc-root "$dir/proc" --sysfs-root "$dir/sys"
    say "guest\$ hvctl vss plan"
    hvctl vss plan >"$dir/plan"
    indented <"$dir/plan"
    grep -q '/srv/data .* freeze' "$dir/plan"
    grep -q '/mnt/share .* skip' "$dir/plan"
    say "(of a made-up machine; to freeze something, even a filesystem in a file, needs root)"
}

# ---- root: a checkpoint -------------------------------------------------------------------------------------------------

one_filesystem() {
    for program in mkfs.ext4 fsfreeze mountpoint; do
        command -v "$program" >/dev/null || exit 77
    done
    mkdir "$mount" "$dir/hooks"
    truncate -s 64M "$dir/disk"
    mkfs.ext4 -q "$dir/disk"
    mount -o loop "$dir/disk" "$mount" 2>"$dir/mount.log" || exit 77
    cat >"$dir/vss.toml" <<TOML
[vss]
include = ["$mount"]
hooks-dir = "$dir/hooks"
hook-runner = "direct"
TOML
    # Called freeze before, and thaw after it.
    # shellcheck disable=SC2016 # the program's own $1
    printf '#!/bin/sh\necho "asked to $1"\n' >"$dir/hooks/50-database"
    chmod 0755 "$dir/hooks/50-database"
}

checkpoint() {
    start hv-testhost --sim "$dir" --ic vss --control "$dir/control"
    until_true "the simulated host does not listen" test -S "$dir/control"
    start_vssd
    until_true "hv-vssd and the host have not agreed on a version" host wait-guest vss

    say "guest\$ hvctl vss plan | grep -v skip"
    hvctl vss plan >"$dir/plan"
    grep -v ' skip ' "$dir/plan" | indented
    # Nothing but the one in the file, or nothing at all is done.
    [ "$(grep -c ' freeze ' "$dir/plan")" = 1 ]
    grep -q "^1 .*$mount .* freeze" "$dir/plan"

    say "(a small program, the hook 50-database, stands for a database that prepares)"
    say "host\$  hv-testhost checkpoint-vm --hold 1 &"
    (
        code=0
        host checkpoint-vm --hold 1 >"$dir/checkpoint" 2>&1 || code=$?
        echo ended >"$dir/checkpoint.ended"
        exit "$code"
    ) &
    checkpoint=$!
    until_true "nothing was frozen" frozen_or_over
    say "guest\$ echo hello >$mount/file &"
    (echo hello >"$mount/file" && echo written >"$dir/written") &
    writer=$!
    say "guest\$ hvctl vss status | head -n 2"
    hvctl vss status | head -n 2 | indented
    wait "$checkpoint" || { indented <"$dir/checkpoint"; exit 1; }
    say "(a second later, on the host:)"
    indented <"$dir/checkpoint"
    wait "$writer"
    say "(and now the line above is in the file)"
    say "guest\$ hvctl vss history --last"
    until_true "the freeze is not in the history" hvctl vss history --last
    until_true "it is not thawed" state_is thawed
    hvctl vss history --last >"$dir/history"
    indented <"$dir/history"
    grep -q 'thawed by the host$' "$dir/history"
    grep -q '^50-database  *thaw .*ok$' "$dir/history"
}

if [ "$(id -u)" = 0 ]; then
    one_filesystem
    checkpoint
else
    made_up_plan
fi
