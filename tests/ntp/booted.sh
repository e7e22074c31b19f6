#!/usr/bin/env bash
# Boots systemd in a container, with Debian's chrony and its unit, and looks whether hv-timesync-chrony@.service and the drop-in
# of chrony's unit do there what they should.
#
# usage: booted.sh PROGRAMS TREE[:TREE]     ends with 0, 1, or 77 where this machine cannot do it
#
# The container is this machine's own root under an overlay in memory, without its network and without CAP_SYS_TIME, which
# systemd-nspawn does not give and which is looked for before chronyd is started. There is no udev in a container, so the unit
# is started by hand and does not depend on its device.

set -euo pipefail

cannot() { printf 'cannot boot a container here: %s\n' "$*"; exit 77; }

programs=$1 tree=${2%%:*}
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || cannot "needs root"
command -v systemd-nspawn >/dev/null || cannot "no systemd-nspawn (package systemd-container)"
[ -x /lib/systemd/systemd ] || cannot "no systemd"
[ -x "$programs/examples/feed" ] || cannot "no examples/feed among the programs under test"

dir=$(mktemp -d)
root=$dir/root
clean_up() {
    umount "$root" 2>/dev/null || true
    umount "$dir/memory" 2>/dev/null || true
    rm -rf "$dir"
}
trap clean_up EXIT
mkdir "$root" "$dir/memory"
mount -t tmpfs -o mode=0755 tmpfs "$dir/memory" || cannot "no tmpfs"
mkdir "$dir/memory/changes" "$dir/memory/work"
mount -t overlay -o "lowerdir=/,upperdir=$dir/memory/changes,workdir=$dir/memory/work" overlay "$root" || cannot "no overlay"

# ---- what is in the container --------------------------------------------------------------------------------------

cp "$tree/usr/sbin/chronyd" "$root/usr/sbin/"
cp "$tree/usr/bin/chronyc" "$programs/examples/feed" "$root/usr/bin/"
vendor=$root/usr/lib/systemd/system units=$root/etc/systemd/system
cp "$tree/usr/lib/systemd/system/chrony.service" "$vendor/"
mkdir -p "$vendor/chrony.service.d" "$units/chrony.service.d" "$root/usr/share/hv-utils" "$root/etc/chrony/conf.d" "$root/booted/cases"
cp systemd/chrony.service.d/* "$vendor/chrony.service.d/"
cp -r systemd/chrony "$root/usr/share/hv-utils/chrony"
cp systemd/tmpfiles.d/* "$root/usr/lib/tmpfiles.d/"
cp systemd/sysusers.d/* "$root/usr/lib/sysusers.d/"
echo 'u _chrony - "Chrony" /var/lib/chrony -' >"$root/usr/lib/sysusers.d/chrony.conf"
sed -e '/^BindsTo=/d' -e '/^ConditionVirtualization=/d' -e 's/^After=dev-%i.device /After=/' \
    systemd/hv-timesync-chrony@.service >"$vendor/hv-timesync-chrony@.service"
printf 'confdir /etc/chrony/conf.d\nport 0\ncmdport 0\nlogdir /var/log/chrony\nlog refclocks\n' >"$root/etc/chrony/chrony.conf"
# Without control of the clock.
echo 'DAEMON_OPTS="-x"' >"$root/etc/default/chrony"
printf '[Unit]\nConditionCapability=\n' >"$units/chrony.service.d/test.conf"
cp tests/net/functions.sh examples/chrony/hv-utils.conf "$root/booted/"
cat >"$units/probe.service" <<'END'
[Service]
Type=oneshot
StandardOutput=file:/booted/output
StandardError=inherit
Environment=LAB=/booted
ExecStart=/bin/bash /booted/cases/probe.sh
ExecStopPost=/bin/systemctl poweroff --force --no-block
END
printf '[Unit]\nRequires=sysinit.target\nWants=probe.service\n' >"$units/booted.target"

cat >"$root/booted/cases/probe.sh" <<'END'
mkdir -p /run/lab/log
# shellcheck source=/dev/null
. /booted/functions.sh

[ $((0x$(awk '/^CapBnd/ {print $2}' /proc/1/status) >> 25 & 1)) = 0 ] || fail "the container has CAP_SYS_TIME"
socket=/run/chrony.hv-timesyncd.sock
unit=hv-timesync-chrony@hyperv-timesync.service ptp=hv-timesync-chrony@ptp_hyperv.service
show() { systemctl show "$2" --value -p "$1"; }
log() { journalctl --no-pager -o cat -u chrony -u 'hv-timesync-chrony@*'; }
trap 'case $? in 0) ;; *) log ;; esac' EXIT

say "chronyd of a machine without the time of a host: nothing fails, and nobody hears of it"
systemctl start chrony
same "state of chrony" active "$(show ActiveState chrony)"
[ ! -e $socket ] || fail "there is a socket"
output_lacks 'No such file|[Ff]ailed' log

say "the device comes, but the administrator has not said yes"
before=$(show MainPID chrony)
systemctl start $unit
same "state of the unit" inactive "$(show ActiveState $unit)"
same "files" "" "$(ls /run/chrony-dhcp)"
same "chronyd" "$before" "$(show MainPID chrony)"

say "he has: chronyd, which runs, is started again and takes samples of hv-timesyncd's user"
cp /booted/hv-utils.conf /etc/chrony/conf.d/
# As on a machine on which hv-utils has just been installed.
rm -r /run/chrony-dhcp
systemctl start $unit
same "state of the unit" active "$(show ActiveState $unit)"
is_handed_over() { [ "$(stat -c '%U %G %a' $socket)" = "root hv-timesyncd 660" ]; }
wait_for is_handed_over
[ "$(show MainPID chrony)" != "$before" ] || fail "chronyd was not started again"
daemon_start feed setpriv --reuid=hv-timesyncd --regid=hv-timesyncd --clear-groups --bounding-set=-all --inh-caps=-all \
    feed $socket 1234567
expect ' HYPV .* 1\.234567e-03 ' cat /var/log/chrony/refclocks.log

say "a restart makes another socket, which is handed over, too"
systemctl restart chrony
wait_for is_handed_over
expect '^taken$' tail -n 1 /run/lab/log/feed.log

say "a chronyd that does not run is not started"
systemctl stop chrony
systemctl restart $unit
same "state of chrony" inactive "$(show ActiveState chrony)"

say "the device goes: chronyd may have the socket all the same, and is not disturbed when it comes back"
systemctl start chrony
wait_for is_handed_over
before=$(show MainPID chrony)
systemctl stop $unit
same "files" hv-timesync-hyperv-timesync.conf "$(ls /run/chrony-dhcp)"
systemctl start $unit
same "chronyd" "$before" "$(show MainPID chrony)"
wait_for is_handed_over

say "a host that takes it away and offers it again without end does not have this go on without end"
systemctl reset-failed $unit
starts=0
while systemctl stop $unit && systemctl start $unit; do
    starts=$((starts + 1))
    [ $starts -lt 9 ] || fail "there is no limit"
done
same "starts" 5 $starts
same "why" start-limit-hit "$(show Result $unit)"
systemctl reset-failed $unit

say "the kernel gets the channel: the socket's file goes, and chronyd is told of its clock, until that is gone"
systemctl stop chrony
systemctl start $unit
systemctl start $ptp
same "files" hv-timesync-ptp_hyperv.conf "$(ls /run/chrony-dhcp)"
systemctl stop $ptp
same "files" "" "$(ls /run/chrony-dhcp)"
systemctl start chrony
same "sources" "" "$(chronyc -n -c sources)"

say "nobody complained"
complaints() { log | grep -vE 'Start request repeated too quickly|start-limit-hit|^Failed to start hv-timesync-chrony@'; }
output_lacks '[Ff]ailed|not found|Unknown' complaints
echo "probe ended well"
END

# ---- the boot ------------------------------------------------------------------------------------------------------

# Where systemd runs it keeps account of the container; elsewhere there is nobody to do so.
keep=--keep-unit
[ ! -d /run/systemd/system ] || keep=
# The limit is for what hangs, and below that of `run`, which would leave what is mounted here.
# shellcheck disable=SC2086 # an option or nothing
timeout --kill-after=60 600 systemd-nspawn --quiet --directory="$root" --machine="hv-ntp-$$" --register=no $keep --private-network --console=pipe --boot -- \
    --unit=booted.target </dev/null >"$dir/console" 2>&1 || true
if ! [ -e "$root/booted/output" ]; then
    tail -n 3 "$dir/console"
    cannot "systemd did not come as far as the tests"
fi
cat "$root/booted/output"
grep -qx "probe ended well" "$root/booted/output"
