#!/usr/bin/env bash
# Makes a world with real network managers in it, and runs a command there: a lab for what changes the network.
#
# usage: lab.sh [--programs DIR] TREE COMMAND [ARGUMENT…]    TREE: what packages.sh has unpacked
#
# The world is this machine's root, read-only, with the tree over /usr and /etc, and with /etc, /run, /var and /tmp of its
# own, in namespaces of its own (mounts, network, processes, host name). It has a bus, `eth0` (and `lo`), and a switch that
# eth0 is plugged into: another network namespace, where functions.sh can start a DHCP server. Nothing manages eth0 until
# functions.sh is told to start something. All of it ends with its command, or when this process is killed, and nothing
# of it stays.
#
# Ends as the command does; with 77 where no world can be made here, the last line of output says why; 70 if it broke.

set -euo pipefail

cannot() { printf 'no network lab here: %s\n' "$*"; exit 77; }

# ---- outside -------------------------------------------------------------------------------------------------------

if [ "${1:-}" != --inside ]; then
    programs=
    if [ "${1:-}" = --programs ]; then programs=$(cd "$2" && pwd) || exit 70; shift 2; fi
    [ $# -ge 2 ] || { sed -n '4s/^# //p' "$0" >&2; exit 64; }
    tree=$1
    shift
    [ "$(id -u)" = 0 ] || cannot "needs root"
    for program in unshare setpriv ip mount; do
        command -v "$program" >/dev/null || cannot "no $program on this machine"
    done
    [ -x "$tree/usr/sbin/NetworkManager" ] || cannot "no packages in $tree"
    namespaces=(--mount --net --uts --ipc --pid --fork --kill-child)
    why=$(unshare "${namespaces[@]}" true 2>&1) || cannot "namespaces cannot be made: $why"
    keep=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM="${TERM:-dumb}")
    for name in ${!HV_@} ${!RUST_@}; do keep+=("$name=${!name}"); done
    # The world ends with unshare, which ends with this process's parent.
    exec env -i "${keep[@]}" setpriv --pdeathsig KILL unshare "${namespaces[@]}" \
        "$0" --inside "$(dirname "$(realpath "$0")")" "$programs" "$tree" "$@"
fi

# ---- inside: the first process of the world ------------------------------------------------------------------------

tests=$2 programs=$3 tree=$4
shift 4
trap 'echo "the world broke in line $LINENO: $BASH_COMMAND"; exit 70' ERR

# What could lie under a directory that becomes another one is bound first, beside this machine's own /run.
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir -p /mnt/lab/{tests,programs,etc/upper,etc/work,log,home,sysfs,dbus}
mount --bind "$tests" /mnt/lab/tests
mount -o remount,bind,ro /mnt/lab/tests
if [ -n "$programs" ]; then
    mount --bind "$programs" /mnt/lab/programs
    mount -o remount,bind,ro /mnt/lab/programs
fi

# overlay OPTIONS DIRECTORY
overlay() { mount -t overlay -o "$1" overlay "$2" 2>/mnt/lab/log/mount || cannot "no overlay: $(cat /mnt/lab/log/mount)"; }
lowest() { [ -d "$tree/$1" ] && printf '%s:/%s' "$tree/$1" "$1" || printf '/%s' "$1"; }
overlay "lowerdir=$(lowest etc),upperdir=/mnt/lab/etc/upper,workdir=/mnt/lab/etc/work" /etc
# With resolved comes a resolvconf, which NetworkManager and dhclient would use though nothing answers it.
mkdir -p /mnt/lab/without/sbin
mknod /mnt/lab/without/sbin/resolvconf c 0 0 || cannot "no whiteout for an overlay"
overlay "lowerdir=/mnt/lab/without:$(lowest usr)" /usr
mount -n --move /mnt /run
mount -t tmpfs -o mode=0755 tmpfs /var
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -o remount,bind,ro / || cannot "the root cannot be made read-only for the world"
mount -t proc proc /proc
# That of the new network namespace. As it is read-only, managers do not wait for udev to name their links.
umount -l /sys/fs/cgroup 2>/dev/null || true
mount -t sysfs -o ro sysfs /sys

# /var and /run as after an installation, /etc without what this machine says about its network
mkdir -p /var/{lib,log,tmp,cache} /var/lib/{NetworkManager,systemd/network,dhcp,misc,hyperv,hv-utils} /run/{dbus,lock}
chmod 1777 /var/tmp
ln -s /run /var/run
ln -s /run/lock /var/lock
rm -rf /etc/netplan /etc/systemd/network /etc/systemd/{networkd,resolved}.conf.d /etc/network/interfaces{,.d} \
    /etc/NetworkManager/{system-connections,conf.d} /etc/hv-utils
mkdir -p /etc/{netplan,systemd/network,network/interfaces.d,NetworkManager/system-connections,NetworkManager/conf.d,hv-utils}
chmod 0700 /etc/NetworkManager/system-connections
rm -f /etc/resolv.conf
: >/etc/resolv.conf
echo guest >/etc/hostname
hostname guest
printf '127.0.0.1 localhost\n127.0.1.1 guest\n::1 localhost\n' >/etc/hosts
# netplan asks ld.so's cache for its library.
ldconfig -X
[ -s /etc/machine-id ] || echo 0123456789abcdef0123456789abcdef >/etc/machine-id
# The users that packages make when they are installed
id=900
for user in systemd-network systemd-resolve messagebus dnsmasq; do
    id=$((id + 1))
    grep -q "^$user:" /etc/group || echo "$user:x:$id:" >>/etc/group
    grep -q "^$user:" /etc/passwd || echo "$user:x:$id:$id::/:/usr/sbin/nologin" >>/etc/passwd
done
grep -q '^netdev:' /etc/group || echo 'netdev:x:900:' >>/etc/group
[ -w /proc/sys/net/ipv4/ip_forward ] || cannot "/proc/sys is read-only"

# There is no systemd to talk to, and no udev.
mount --bind /run/lab/tests/systemctl /usr/bin/systemctl
mount --bind /usr/bin/true /usr/bin/udevadm

# The switch, and the link into it
ip link set lo up
ip netns add switch
export LAB=/run/lab/tests HOME=/run/lab/home HV_TEST_PROGRAMS=/run/lab/programs
export PATH=/run/lab/bin:$PATH:/run/lab/programs
# shellcheck source=/dev/null
. "$LAB/functions.sh"
ip netns exec switch ip link set lo up
nic_add eth0

# The bus: everybody may do everything, but for what the policies of packages refuse; there is nobody to start services.
cat >/run/lab/dbus/system.conf <<'END'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
  <includedir>/usr/share/dbus-1/system.d</includedir>
  <includedir>/etc/dbus-1/system.d</includedir>
  <includedir>/run/lab/dbus/system.d</includedir>
</busconfig>
END
bus_start

# This process stays, and reaps what loses its parent. Its command gets the terminal, if there is one.
trap - ERR
set +e
cd /run/lab/home || exit 70
"$@"
exit
