# hv-netapply's backend for ifupdown and DHCP: without a server it fails in its time and goes back, with one it gets a lease;
# a lease comes back after a static injection.
# shellcheck shell=bash source=/dev/null disable=SC2034,SC2154 # what backend.sh takes and gives
. "$LAB/functions.sh"
BACKEND=ifupdown
. "$LAB/backend.sh"

printf 'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n' >/etc/network/interfaces
printf 'auto eth0\niface eth0 inet static\n    address 198.51.100.7/24\n    hostname guest\n' >>/etc/network/interfaces
ifup -a
wait_for addresses_are 198.51.100.7/24
before=$(files_under /etc/network)
no_dhclient() { ! pidof dhclient; }
# One that is left goes by itself only long after what is waited for here; and it asks again soon, whenever a server comes.
printf 'timeout 600;\ninitial-interval 1;\nbackoff-cutoff 3;\n' >>/etc/dhcp/dhclient.conf

say "without a server"
expect 'took longer than 15 s' put "$(injection "$(automatic null)" "$silent")"
restore --live
wait_for addresses_are 198.51.100.7/24
same "files" "$before" "$(files_under /etc/network)"
wait_for no_dhclient

say "killed while ifup waits for a lease: it is ended, and what was before comes back"
take_snapshot
write "$(injection "$(automatic null)")"
daemon_start activate "$BACKEND_PROGRAM" ifupdown activate "$(nic_guid eth0)" --sysfs-root /run/lab/sysfs
# With a client that asks: ifup of the configuration before had none.
wait_for pidof dhclient
daemon_stop activate KILL
pidof ifup || fail "it did not wait for the lease"
restore --live
wait_for addresses_are 198.51.100.7/24
! pidof ifup || fail "an ifup is left"
wait_for no_dhclient

say "with one"
dhcp_server_start
put "$(injection "$(automatic null)" "$(automatic null)")"
cat /etc/network/interfaces
expect '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
# The switch's routers leave addresses to DHCPv6, which `auto` does not ask; they are heard.
expect '^default via fe80:.* proto ra' show_routes
lease=$(show_addresses | grep '^192')

say "static over the lease, and the lease again"
put "$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')" "$silent")"
expect '^192\.0\.2\.7/24' show_addresses
expect_not '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
wait_for no_dhclient
restore --live
expect '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
same "the same" "$lease" "$(show_addresses | grep '^192')"

say "a lease that takes long is waited for on the way back, with the files there from the beginning"
put "$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')" "$silent")"
dhcp_server_stop
daemon_start restore "$BACKEND_PROGRAM" ifupdown restore "$(nic_guid eth0)" --sysfs-root /run/lab/sysfs \
    --snapshot /run/lab/snapshot --live
wait_for pidof ifup
expect 'iface eth0 inet dhcp' cat /etc/network/interfaces
sleep 22
daemon_runs restore || fail "it did not wait for the lease"
dhcp_server_start
expect '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
wait_for daemon_gone restore
! grep Error /run/lab/log/restore.log || fail "an error"

say "an interface of which no file speaks"
ifdown eth0
printf 'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n' >/etc/network/interfaces
before=$(files_under /etc/network)
same "not its own" None "$(step claim)"
put "$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')" "$(fixed 2001:db8:2::7/64 '' '')")"
cat /etc/network/interfaces.d/hv-utils-eth0
wait_for addresses_are "192.0.2.7/24 2001:db8:2::7/64"
restore --live
wait_for addresses_are ""
same "files" "$before" "$(files_under /etc/network)"
