# hv-netapply's NetworkManager backend turns DHCP on: with a server, without one, and with name servers of the host's.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/nm.sh"

lease='^192\.0\.2\.1[0-9][0-9]/24 global$'
begin keyfile

say "no server: it does not come to be"
wanted=$(injection "$(automatic null)")
take_snapshot
write "$wanted"
if step activate && read_back "$wanted"; then fail "it is there without a server"; fi
restore --live
wait_for is_as_before

say "with a server: its address, gateway and name server"
dhcp_server_start
all_of "$wanted"
expect "$lease" show_addresses
expect '^default via 192\.0\.2\.1 ' show_routes
expect '^nameserver 192\.0\.2\.53$' cat /etc/resolv.conf
expect_not '192\.0\.2\.30' show_addresses
restore --live
wait_for is_as_before

say "name servers of the host's in place of the lease's"
wanted=$(injection "$(automatic 192.0.2.99)" "$(automatic 2001:db8:1::99)")
all_of "$wanted"
expect "$lease" show_addresses
expect '^nameserver 192\.0\.2\.99$' cat /etc/resolv.conf
expect '^nameserver 2001:db8:1::99$' cat /etc/resolv.conf
output_lacks '^nameserver .*53$' cat /etc/resolv.conf
step commit

say "from there to fixed addresses, and name servers alone"
all_of "$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')")"
expect_not '^nameserver 192' cat /etc/resolv.conf
step commit
wanted=$(injection "$(dns_only 192.0.2.98)")
take_snapshot
write "$wanted"
step activate
expect '^nameserver 192\.0\.2\.98$' cat /etc/resolv.conf
expect '^192\.0\.2\.7/24 global$' show_addresses
step commit
same "the number of profiles" 1 "$(fitting)"
nm_restart
expect '^nameserver 192\.0\.2\.98$' cat /etc/resolv.conf
