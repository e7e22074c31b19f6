#!/bin/sh
# Boots systemd in a container, installs everything into it, and looks whether hv-kvpd does in its unit what it should:
# confined, as its own user, before the bus is there; and hv-driver in its own: started by a call, on a sysfs of files; and
# hv-vssd, that freezes a loop file (booted-vss.sh); and hv-timesyncd, with a clock of its own (booted-time.sh); and the others,
# by which the container goes down in the end (booted-rest.sh).
#
# usage: tests/booted.sh DIRECTORY OF THE PROGRAMS     ends with 0, 1, or 77 where this machine cannot do it
#
# The container is this machine's own root under an overlay in memory, without its network and with nothing started but
# what systemd itself needs: nothing of it stays. Only the way to the host is another (the simulated one), and the
# condition that this is Hyper-V is lifted.

set -u

cd "$(dirname "$0")/.." || exit 1
programs=${1:?usage: tests/booted.sh DIRECTORY OF THE PROGRAMS}

cannot() { printf 'cannot boot a container here: %s\n' "$*" && exit 77; }

[ "$(id -u)" = 0 ] || cannot "needs root"
command -v systemd-nspawn >/dev/null 2>&1 || cannot "no systemd-nspawn (package systemd-container)"
[ -x /lib/systemd/systemd ] || cannot "no systemd"

# shellcheck source=tests/booted-vss.sh
. tests/booted-vss.sh
# shellcheck source=tests/booted-time.sh
. tests/booted-time.sh
# shellcheck source=tests/booted-rest.sh
. tests/booted-rest.sh
dir=$(mktemp -d) || exit 1
root=$dir/root
clean_up() {
    vss_clean_up "$dir"
    umount "$root" 2>/dev/null
    umount "$dir/upper" 2>/dev/null
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
mkdir "$root" "$dir/upper"
mount -t tmpfs -o mode=0755 tmpfs "$dir/upper" || cannot "no tmpfs"
mkdir "$dir/upper/changes" "$dir/upper/work"
mount -t overlay -o "lowerdir=/,upperdir=$dir/upper/changes,workdir=$dir/upper/work" overlay "$root" || cannot "no overlay"

# ---- what is in the container --------------------------------------------------------------------------------------

make -s install FROM="$programs" DESTDIR="$root" PREFIX=/usr >/dev/null || exit 1
units=$root/etc/systemd/system
mkdir -p "$units/hv-kvpd.service.d" "$units/booted.target.wants" "$units/sysinit.target.wants"

cat >"$units/hv-kvpd.service.d/test.conf" <<'EOF'
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/usr/libexec/hv-utils/hv-kvpd --channel sim:/run/hvtest/kvp.sock --sysfs-root /run/fakenet --log-level debug
EOF
mkdir -p "$units/hv-driver.service.d"
cat >"$units/hv-driver.service.d/test.conf" <<'EOF'
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/usr/libexec/hv-utils/hv-driver serve --sysfs-root /run/fakesys --proc-root /run/fakeproc --dev-root /run/fakedev --idle-secs 2
ReadWritePaths=/run/fakesys
EOF
mkdir -p "$units/hv-netapply.service.d" "$units/hv-netapply.socket.d"
printf '[Unit]\nConditionVirtualization=\n' >"$units/hv-netapply.socket.d/test.conf"
cat >"$units/hv-netapply.service.d/test.conf" <<'EOF'
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/usr/libexec/hv-utils/hv-netapply serve --sysfs-root /run/fakenet --idle-secs 2
EOF
cat >"$units/hv-testhost.service" <<'EOF'
[Unit]
DefaultDependencies=no
[Service]
RuntimeDirectory=hvtest
ExecStart=/usr/bin/hv-testhost --sim /run/hvtest --ic kvp,vss,timesync,shutdown,heartbeat,fcopy --sample-period 500 --control /run/hvtest/control.sock
ExecStartPost=/bin/sh -c 'for name in kvp timesync heartbeat; do until [ -S /run/hvtest/$$name.sock ]; do sleep 0.05; done; chmod 0777 /run/hvtest/$$name.sock; done'
EOF
cat >"$units/probe.service" <<'EOF'
[Unit]
Wants=hv-testhost.service dbus.service
After=hv-testhost.service dbus.service
[Service]
Type=oneshot
ExecStart=/bin/sh /probe.sh
# Unless its host has the container go down.
ExecStopPost=/bin/sh -c '[ -e /going-down ] || systemctl poweroff --force --no-block'
EOF
cat >"$units/booted.target" <<'EOF'
[Unit]
Requires=sysinit.target
Wants=probe.service
EOF
# In place of udev, as early as that would.
ln -sf /usr/lib/systemd/system/hv-kvpd.service "$units/sysinit.target.wants/hv-kvpd.service"
# In place of the preset.
ln -sf /usr/lib/systemd/system/hv-kvpd.service "$units/dbus-org.hvutils.Kvp1.service"

if vss_prepare "$dir" "$root" "$units"; then
    disk=--bind=$dir/disk:/mnt/vss
else
    disk=
    echo "no loop devices here: hv-vssd is not looked at"
fi

time_prepare "$root" "$units"
rest_prepare "$root" "$units"

cat >"$root/probe.sh" <<'EOF'
exec >>/probe.out 2>&1
failed=0
# expect WHAT WANTED COMMAND…: its output holds what is wanted, within a minute: only a hang takes longer.
expect() {
    what=$1 wanted=$2 tries=0
    shift 2
    until output=$("$@" 2>&1; echo "exit $?") && printf '%s\n' "$output" | grep -qe "$wanted"; do
        tries=$((tries + 1))
        if [ $tries = 600 ]; then
            printf 'not so: %s\n  %s gave:\n%s\n' "$what" "$*" "$output"
            failed=1
            return
        fi
        sleep 0.1
    done
}
host() { hv-testhost --control /run/hvtest/control.sock "$@"; }
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
show() { systemctl show hv-kvpd --value -p "$1"; }
log() { journalctl -u hv-kvpd --no-pager -o cat; }
process() { grep "^$1" "/proc/$(show MainPID)/status"; }
owner() { stat -c '%a %U' "$1"; }

. /booted-rest.sh
if [ -e /going-down ]; then
    # The container's second life.
    rest_is_back
    exit
fi

expect "the unit is active" "^active$" show ActiveState
expect "it was ready before the bus was there" "the system bus is not there" log
expect "the status says how it stands" "ready" show StatusText
expect "it runs as its own user" "$(id -u hv-kvpd)" process Uid
expect "without capabilities" "0000000000000000$" process CapEff
expect "with a filter for system calls" "2$" process Seccomp:
expect "the host has a guest" "exit 0" host wait-guest kvp
expect "an item of the host is added" "exit 0" host add-kvp Colour blue
expect "and read in the guest" "^blue$" hvctl kvp get external Colour
expect "by any user" "^blue$" as_nobody hvctl kvp get external Colour
expect "who may not write" "exit 77" as_nobody hvctl kvp set guest a b
if [ -d /usr/share/polkit-1/actions ] && command -v pkcheck >/dev/null; then
    # The daemon's question is about somebody else: polkit answers because of the annotation in the action.
    mkdir -p /etc/polkit-1/rules.d
    cat >/etc/polkit-1/rules.d/00-test.rules <<'RULE'
polkit.addRule(function (action, subject) {
    if (action.id == "org.hvutils.kvp.write" && subject.user == "nobody") { return polkit.Result.YES; }
});
RULE
    expect "unless polkit lets them" "exit 0" as_nobody hvctl kvp set guest allowed yes
fi
expect "root may" "exit 0" hvctl kvp set guest a b
expect "and the host sees it" "b" host get-kvp guest a
expect "pools are the daemon's" "^644 hv-kvpd$" owner /var/lib/hyperv/.kvp_pool_1
expect "in a directory of root's" "^755 root$" owner /var/lib/hyperv
hostname changed.example.org
expect "a new host name is seen in the sandbox" "^changed.example.org$" hvctl kvp get auto FullyQualifiedDomainName
expect "the log level can be changed" "exit 0" systemctl service-log-level hv-kvpd info
expect "but by root only" "exit [1-9]" as_nobody busctl set-property org.hvutils.Kvp1 /org/freedesktop/LogControl1 \
    org.freedesktop.LogControl1 LogLevel s debug
expect "it reloads" "exit 0" systemctl reload hv-kvpd
systemctl restart dbus
expect "it comes back after a restart of the bus" "^b$" hvctl kvp get guest a
kill -9 "$(show MainPID)"
expect "it is started again after kill -9" "^1$" show NRestarts
expect "with all its items" "^b$" hvctl kvp get guest a
systemctl stop hv-kvpd
expect "it stops cleanly" "^success$" show Result
expect "a call on the bus starts it" "^b$" hvctl kvp get guest a

# A device that obeys nothing: enough for what a sandbox could forbid.
vmbus=/run/fakesys/bus/vmbus
device=$vmbus/devices/242ff919-07db-4180-9c2e-b86cb68c8c55
mkdir -p "$device" $vmbus/drivers/hv_utils $vmbus/drivers/uio_hv_generic /run/fakeproc/sys/kernel
ln -s ../../drivers/hv_utils "$device/driver"
echo '{a9a0f4e7-5a45-4d96-b827-8a841e8c03e6}' >"$device/class_id"
echo 7 >"$device/id"
for file in "$device/driver_override" $vmbus/drivers_autoprobe $vmbus/drivers_probe $vmbus/drivers/hv_utils/unbind; do
    : >"$file"
done
echo 6.12.0 >/run/fakeproc/sys/kernel/osrelease
expect "a call on the bus starts hv-driver" "^kvp  *hv_utils  *auto" as_nobody hvctl driver show
expect "who may not change drivers" "exit 77" as_nobody hvctl driver use hv_utils kvp
if [ -d /usr/share/polkit-1/actions ] && command -v pkcheck >/dev/null; then
    sed -i 's/kvp.write/driver.change/' /etc/polkit-1/rules.d/00-test.rules
    expect "unless polkit lets them" "exit 0" as_nobody hvctl driver use hv_utils kvp --runtime
fi
expect "root may, and the choice is kept" "exit 0" hvctl driver use hv_utils kvp
expect "where all can read it" "^644 root$" owner /etc/hv-utils/hv-utils.toml.d/50-driver.toml
expect "its guard can be started" "takes it back each time" hvctl driver use uio kvp
expect "auto-probing is on again" "^1$" cat $vmbus/drivers_autoprobe
# Another user's process, which only a program with the right powers can look into.
mkdir -p "$device/uio/uio0" /run/fakedev
: >/run/fakedev/uio0
ln -sfn ../../drivers/uio_hv_generic "$device/driver"
setpriv --reuid=65534 --regid=65534 --clear-groups sleep 10000 </run/fakedev/uio0 &
ln -s /proc/$! /run/fakeproc/$!
expect "it sees who has a raw device open" "stays on uio_hv_generic: sleep (process $!)" hvctl driver use hv_utils kvp
kill $!
expect "hv-driver goes when nobody calls" "^inactive$" systemctl show hv-driver --value -p ActiveState
expect "and has ended well" "^success$" systemctl show hv-driver --value -p Result

# A NIC with the identity of an adapter, and nobody who manages it.
guid=f8b3781a-1e82-4818-a1c3-63d806ec15bb
mkdir -p /run/fakenet/class/net/eth0/device
echo "{$guid}" >/run/fakenet/class/net/eth0/device/device_id
if ip link add eth0 type veth peer name far 2>/dev/null; then
    ip link set eth0 up && ip link set far up && ip address add 198.51.100.7/24 dev eth0
    expect "hv-kvpd's socket to root is its own" "^600 hv-kvpd$" owner /run/hv-utils/netapply.sock
    expect "nobody has asked hv-netapply yet" "^inactive$" systemctl show hv-netapply --value -p ActiveState
    expect "the host configures an adapter" "exit 0" host set-ip "{$guid}" --ip-addresses 192.0.2.7,2001:db8::7 \
        --subnets 255.255.255.0,64 --default-gateways 192.0.2.1
    expect "and the kernel has it" "inet 192.0.2.7/24" ip address show eth0
    expect "the route, too" "default via 192.0.2.1" ip route
    expect "everybody sees it" "applied" as_nobody hvctl ip history
    expect "and may not undo it" "exit 77" as_nobody hvctl ip revert
    expect "hv-netapply goes when nobody asks" "^inactive$" systemctl show hv-netapply --value -p ActiveState
    expect "root undoes it" "exit 0" hvctl ip revert
    expect "and what was there is back" "inet 198.51.100.7/24" ip address show eth0
    expect "hv-netapply has ended well" "^success$" systemctl show hv-netapply --value -p Result
else
    echo "no veth here: hv-netapply is not looked at"
fi
. /booted-time.sh
time_probe
if [ -e /booted-vss.sh ]; then
    . /booted-vss.sh
    vss_probe
fi
[ $failed = 0 ] || { log && journalctl -u hv-driver -u hv-netapply --no-pager -o cat; }
rest_probe
[ $failed != 0 ] || rest_goes_down
echo "probe ended: $failed"
EOF

# ---- the boot ------------------------------------------------------------------------------------------------------

# Where systemd runs it keeps account of the container; elsewhere there is nobody to do so.
[ -d /run/systemd/system ] && keep="" || keep=--keep-unit
boot() {
    # shellcheck disable=SC2086 # options or nothing
    timeout --kill-after=60 1200 systemd-nspawn --quiet --directory="$root" --machine="hv-booted-$$" --register=no $keep $disk --private-network \
        --capability=CAP_IPC_LOCK --console=pipe --boot -- --unit=booted.target </dev/null >>"$dir/console" 2>&1
}
# As a service, nspawn leaves it to its manager to start it again after a restart in the container, by this exit code.
readonly RESTARTED=133
boot
ended=$?
[ $ended != $RESTARTED ] || { boot; ended=$?; }

if ! [ -e "$root/probe.out" ]; then
    tail -n 3 "$dir/console"
    cannot "systemd did not come as far as the tests"
fi
grep -v '^probe ended' "$root/probe.out"
grep -q '^probe ended' "$root/probe.out" || { echo "the tests in the container did not end in time"; tail -n 3 "$dir/console"; }
grep -qx 'probe ended: 0' "$root/probe.out" && ! grep -q '^not so' "$root/probe.out" || exit 1
case $ended in 124 | 137) echo "the container did not go down"; exit 1 ;; esac
rest_verdict "$root"
