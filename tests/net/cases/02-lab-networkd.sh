# The lab's systemd-networkd is the real one: it applies files, rereads them when told to on the bus, and gets leases.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"

network=/etc/systemd/network/50-test.network
link_says() { cat "/run/systemd/netif/links/$(ifindex eth0)"; }

cat >$network <<'END'
[Match]
Name=eth0
[Network]
Address=192.0.2.7/24
Address=2001:db8:1::7/64
Gateway=192.0.2.1
DNS=192.0.2.53
IPv6AcceptRA=no
END
networkd_start
networkd_start
expect '^192\.0\.2\.7/24 global$' show_addresses
expect '^2001:db8:1::7/64 global$' show_addresses
expect '^default via 192\.0\.2\.1 ' show_routes

say "what it says about a link"
expect '^ADMIN_STATE=configured$' link_says
expect "^NETWORK_FILE=$network\$" link_says
expect '^DNS=192\.0\.2\.53$' link_says
link_says
networkctl --no-pager status eth0

say "another address after a reload and a reconfiguration on the bus"
sed -i 's/192\.0\.2\.7/192.0.2.8/' $network
networkd_call Reload
networkd_call ReconfigureLink i "$(ifindex eth0)"
expect '^192\.0\.2\.8/24 global$' show_addresses
expect_not '^192\.0\.2\.7/' show_addresses
networkd_restart
expect '^ADMIN_STATE=configured$' link_says
expect '^192\.0\.2\.8/24 global$' show_addresses

say "no lease without a server, one with it"
printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=yes\n' >$network
networkd_call Reload
expect_not '^192\.0\.2\.' show_addresses
expect '^ADMIN_STATE=configuring$' link_says
dhcp_server_start
expect '^192\.0\.2\.1[0-9][0-9]/24 global$' show_addresses
expect '^2001:db8:1:' show_addresses
wait_for test -s "/run/systemd/netif/leases/$(ifindex eth0)"
expect '^ADDRESS=192\.0\.2\.1' cat "/run/systemd/netif/leases/$(ifindex eth0)"
networkd_stop
