#!/bin/sh
# hv-utils-sleep.service under a real systemd in a container: sleep comes before the hibernation, a refusal stops it, and wake comes
# after it, well or failed. Nothing hibernates: systemd's own services are replaced by ones that only say that they ran, and
# hv-driver by a script that says how it was called.
#
# usage: tests/booted-sleep.sh     ends with 0, 1, or 77 where this machine cannot do it

set -u
cd "$(dirname "$0")/.." || exit 1
cannot() { printf 'cannot boot a container here: %s\n' "$*" && exit 77; }
[ "$(id -u)" = 0 ] || cannot "needs root"
command -v systemd-nspawn >/dev/null 2>&1 || cannot "no systemd-nspawn (package systemd-container)"

dir=$(mktemp -d) || exit 1
root=$dir/root
clean_up() { umount "$root" 2>/dev/null; umount "$dir/upper" 2>/dev/null; rm -rf "$dir"; }
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
mkdir "$root" "$dir/upper"
mount -t tmpfs -o mode=0755 tmpfs "$dir/upper" || cannot "no tmpfs"
mkdir "$dir/upper/changes" "$dir/upper/work"
mount -t overlay -o "lowerdir=/,upperdir=$dir/upper/changes,workdir=$dir/upper/work" overlay "$root" || cannot "no overlay"

units=$root/etc/systemd/system
mkdir -p "$units/hv-utils-sleep.service.d" "$root/usr/libexec/hv-utils"
cp systemd/hv-utils-sleep.service "$units/"
printf '[Unit]\nConditionVirtualization=\n[Service]\nReadWritePaths=/run\n' >"$units/hv-utils-sleep.service.d/test.conf"
cat >"$root/usr/libexec/hv-utils/hv-driver" <<'SCRIPT'
#!/bin/sh
echo "$1" >>/run/said
[ "$1" != sleep ] || [ ! -e /run/refuse ]
SCRIPT
chmod 0755 "$root/usr/libexec/hv-utils/hv-driver"
for name in hibernate hybrid-sleep suspend-then-hibernate; do
    cat >"$units/systemd-$name.service" <<'UNIT'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo hibernation >>/run/said; [ ! -e /run/fail ]'
UNIT
done
systemctl --root="$root" --quiet enable hv-utils-sleep.service || exit 1
cat >"$units/probe.service" <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sh /probe.sh
ExecStopPost=/bin/systemctl poweroff --force --no-block
UNIT
printf '[Unit]\nRequires=sysinit.target\nWants=probe.service\n' >"$units/booted.target"
cat >"$root/probe.sh" <<'PROBE'
exec >/probe.out 2>&1
failed=0
# try WHAT UNIT WANTED: what was said, when the unit is gone again.
try() {
    : >/run/said
    systemctl start "$2"
    tries=0
    until [ "$(tr '\n' ' ' </run/said)" = "$3 " ] && [ "$(systemctl is-active hv-utils-sleep)" != active ]; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "not so: $1: $(tr '\n' ' ' </run/said)" && failed=1 && return; }
        sleep 0.1
    done
}
for name in hibernate hybrid-sleep suspend-then-hibernate; do
    try "$name: sleep first, wake after" systemd-$name.service "sleep hibernation wake"
done
touch /run/fail
try "wake after a hibernation that failed" systemd-hibernate.service "sleep hibernation wake"
rm /run/fail
touch /run/refuse
try "a refusal stops it, and what was half done is undone" systemd-hibernate.service "sleep wake"
rm /run/refuse
systemctl reset-failed
try "and the next one goes" systemd-hibernate.service "sleep hibernation wake"
echo "probe ended: $failed"
PROBE

[ -d /run/systemd/system ] && keep="" || keep=--keep-unit
# shellcheck disable=SC2086 # an option or nothing
timeout --kill-after=60 600 systemd-nspawn --quiet --directory="$root" --machine="hv-sleep-$$" --register=no $keep --private-network \
    --console=pipe --boot -- --unit=booted.target </dev/null >"$dir/console" 2>&1
[ -e "$root/probe.out" ] || { tail -n 3 "$dir/console"; cannot "systemd did not come as far as the tests"; }
grep -v '^probe ended' "$root/probe.out"
grep -qx 'probe ended: 0' "$root/probe.out"
