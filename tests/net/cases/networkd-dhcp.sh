# hv-netapply's backend for systemd-networkd and DHCP: injected with and without a server, and a lease that comes back.
# shellcheck shell=bash source=/dev/null disable=SC2034,SC2154 # what backend.sh takes and gives
. "$LAB/functions.sh"
BACKEND=systemd-networkd
. "$LAB/backend.sh"

link_says() { cat "/run/systemd/netif/links/$(ifindex eth0)"; }
printf '[Match]\nName=eth0\n[Network]\nAddress=198.51.100.7/24\nIPv6AcceptRA=no\n' >/etc/systemd/network/eth0.network
networkd_start
expect '^198\.51\.100\.7/24' show_addresses

say "without a server nothing comes, and it goes back"
put "$(injection "$(automatic null)" "$(automatic null)")"
expect '^ADMIN_STATE=configuring$' link_says
expect_not '^198\.51' show_addresses
restore --live
expect '^198\.51\.100\.7/24' show_addresses

say "with one"
dhcp_server_start
put "$(injection "$(automatic 203.0.113.53)" "$(automatic null)")"
cat /etc/systemd/network/00-hv-utils-eth0.network
expect '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
expect '^2001:db8:1:' show_addresses
expect '^DNS=203\.0\.113\.53' link_says
expect_not '192\.0\.2\.53' link_says
networkd_restart
expect '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
lease=$(show_addresses | grep '^192\.0\.2\.1[0-9][0-9]/')

say "static over the lease, and the lease again"
put "$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')" "$silent")"
expect '^192\.0\.2\.7/24' show_addresses
expect_not '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
restore --live
expect '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
same "the same" "$lease" "$(show_addresses | grep '^192\.0\.2\.1[0-9][0-9]/')"
