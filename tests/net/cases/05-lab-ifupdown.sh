# The lab's ifupdown is the real one: static and by dhclient, with its state in /run/network.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"

cat >/etc/network/interfaces <<'END'
source /etc/network/interfaces.d/*
auto lo
iface lo inet loopback
END
cat >/etc/network/interfaces.d/eth0 <<'END'
auto eth0
iface eth0 inet static
    address 192.0.2.9/24
    gateway 192.0.2.1
iface eth0 inet6 static
    address 2001:db8:1::9/64
END
say "static"
same "nothing is up before" "" "$(ifquery --state)"
ifup eth0
expect '^192\.0\.2\.9/24 global$' show_addresses
expect '^2001:db8:1::9/64 global$' show_addresses
expect '^default via 192\.0\.2\.1 ' show_routes
same "state" eth0=eth0 "$(ifquery --state eth0)"
same "its file" eth0=eth0 "$(cat /run/network/ifstate)"
same "its other file" eth0 "$(cat /run/network/ifstate.eth0)"
same "auto" "lo eth0" "$(ifquery --list | xargs)"
expect 'already configured' ifup eth0
expect '^192\.0\.2\.9/24 global$' show_addresses
ifdown eth0
expect_not '^192\.0\.2\.9/' show_addresses
same "state when it is down" "" "$(ifquery --state)"

say "by dhclient"
printf 'auto eth0\niface eth0 inet dhcp\n' >/etc/network/interfaces.d/eth0
dhcp_server_start
ifup eth0
expect '^192\.0\.2\.1[0-9][0-9]/24 global$' show_addresses
expect '^nameserver 192\.0\.2\.53$' cat /etc/resolv.conf
expect 'fixed-address 192\.0\.2\.1' cat /var/lib/dhcp/dhclient.eth0.leases
dhclient=$(cat /run/dhclient.eth0.pid)
same "the client" dhclient "$(cat "/proc/$dhclient/comm")"
ifdown eth0
expect_not '^192\.0\.2\.1' show_addresses
wait_for test ! -e "/proc/$dhclient"
