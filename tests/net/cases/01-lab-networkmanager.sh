# The lab's NetworkManager is the real one: it configures eth0, keeps it over a restart, and gets a lease from the switch.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"

connection_is() { nmcli -g GENERAL.CONNECTION device show eth0 | grep -qx "$1"; }

nm_start
nm_start
expect '^eth0:ethernet$' nmcli -t -f DEVICE,TYPE device
say "version $(NetworkManager --version)"

say "a static connection, kept over a restart"
nmcli connection add type ethernet con-name fixed ifname eth0 autoconnect yes ipv4.method manual \
    ipv4.addresses 192.0.2.5/24,198.51.100.5/25 ipv4.gateway 192.0.2.1 ipv4.dns 192.0.2.53 \
    ipv6.method manual ipv6.addresses 2001:db8:1::5/64
nmcli connection up fixed
expect '^192\.0\.2\.5/24 global$' show_addresses
expect '^198\.51\.100\.5/25 global$' show_addresses
expect '^2001:db8:1::5/64 global$' show_addresses
expect '^default via 192\.0\.2\.1 ' show_routes
expect 'id=fixed' cat /etc/NetworkManager/system-connections/fixed.nmconnection
expect '^nameserver 192\.0\.2\.53$' cat /etc/resolv.conf
wait_for ping -c 1 -W 1 192.0.2.1
nm_restart
wait_for connection_is fixed
expect '^192\.0\.2\.5/24 global$' show_addresses

say "no lease without a server, one with it"
nmcli connection add type ethernet con-name leased ifname eth0 autoconnect no ipv4.method auto ipv4.dhcp-timeout 2 \
    ipv6.method disabled
! nmcli --wait 20 connection up leased || fail "a connection is up that has no server"
dhcp_server_start
# Two seconds were for a server that is not there.
nmcli connection modify leased ipv4.dhcp-timeout 60
nmcli --wait 90 connection up leased
expect '^192\.0\.2\.1[0-9][0-9]/24 global$' show_addresses
expect 'DHCPACK' cat /run/lab/log/dhcp-host0.log
expect '^nameserver 192\.0\.2\.53$' cat /etc/resolv.conf

say "a second link, plugged in and out"
nic_add eth1
dhcp_server_start eth1
expect '^192\.0\.3\.1[0-9][0-9]/24 global$' show_addresses eth1
same "its identity" "{$(nic_guid eth1)}" "$(cat /run/lab/sysfs/class/net/eth1/device/device_id)"
nic_remove eth1
expect_not '^eth1:' nmcli -t -f DEVICE device

say "as a program sees it"
busctl --system call org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager \
    GetDeviceByIpIface s eth0
same "the identity in the simulated sysfs" "{$(nic_guid eth0)}" "$(cat /run/lab/sysfs/class/net/eth0/device/device_id)"
same "the address" "$(cat /sys/class/net/eth0/address)" "$(cat /run/lab/sysfs/class/net/eth0/address)"

nm_stop
! bus_has org.freedesktop.NetworkManager || fail "it still has its name"
