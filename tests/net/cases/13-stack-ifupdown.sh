# From the host to ifupdown and back: static, DHCP, restarts, what cannot work, revert, SIGKILL, early boot.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/stack.sh"

cat >/etc/network/interfaces <<'END'
source /etc/network/interfaces.d/*

# the loopback
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 192.0.2.3/24
    mtu 1400
END
networking_restart() { ifdown eth0 && ifup eth0; }
boot() { ifup lo && ifup eth0; }
valid() { ifquery eth0 >/dev/null; }

boot
expect '^192\.0\.2\.3/24 global$' show_addresses
stack_start
tour networking_restart
valid
expect 'mtu 1400' ip link show eth0
expect '^# the loopback$' cat /etc/network/interfaces
ifdown eth0
ifdown lo
rm -f /run/network/ifstate*
before_boot boot
valid
