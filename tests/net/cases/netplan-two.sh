# hv-netapply's backend for netplan with two adapters whose definitions are in one file: each injection leaves the other's, and
# what an administrator has changed since, on the way there and back.
# shellcheck shell=bash source=/dev/null disable=SC2034,SC2154 # what backend.sh takes and gives
. "$LAB/functions.sh"
BACKEND=netplan
. "$LAB/backend.sh"

nic_add eth1
file=/etc/netplan/50-both.yaml
(umask 077 && cat >$file) <<'END'
# both
network:
  version: 2
  ethernets:
    eth0: {accept-ra: false, addresses: [198.51.100.7/24: {lifetime: 0}], routes: [{to: default, via: 198.51.100.1, metric: 50}]}
    eth1: {accept-ra: false, addresses: [203.0.113.7/24], nameservers: {addresses: [203.0.113.53], search: [lab.example]}}
    eth9: {match: {name: absent}}
END
# Speaks of eth0, and of what another file defines; a link that is not there, as a world has no VLANs.
(umask 077 && echo 'network: {vlans: {vlan7: {id: 7, link: eth9}}} # not on eth0' >/etc/netplan/60-vlans.yaml)
before=$(files_under /etc/netplan)
addresses_of() { [ "$(show_addresses "$1" | cut -d ' ' -f 1 | sort | xargs)" = "$2" ]; }
inject() { NIC=$1 put "$(NIC=$1 injection "$(fixed "$2" "$3" "$4")")" && cp /run/lab/snapshot "/run/lab/home/$1.json"; }
revert() { cp "/run/lab/home/$1.json" /run/lab/snapshot && NIC=$1 restore --live; }
both_are() { wait_for addresses_of eth0 "$1"; wait_for addresses_of eth1 "$2"; }

netplan generate
networkd_start
both_are 198.51.100.7/24 203.0.113.7/24

say "one adapter, then the other"
inject eth0 192.0.2.7/24 192.0.2.1 192.0.2.53
both_are 192.0.2.7/24 203.0.113.7/24
inject eth1 192.0.3.7/24 '' 192.0.3.53
head -n 50 /etc/netplan/*.yaml
both_are 192.0.2.7/24 192.0.3.7/24
networkd_restart
both_are 192.0.2.7/24 192.0.3.7/24

say "back in the order of a stack: to the byte"
revert eth1
both_are 192.0.2.7/24 203.0.113.7/24
revert eth0
both_are 198.51.100.7/24 203.0.113.7/24
same "files" "$before" "$(files_under /etc/netplan)"

say "the first one back leaves the second one"
inject eth0 192.0.2.7/24 192.0.2.1 192.0.2.53
inject eth1 192.0.3.7/24 '' 192.0.3.53
revert eth0
both_are 198.51.100.7/24 192.0.3.7/24
expect '^default via 198\.51\.100\.1 proto static metric 50' show_routes
revert eth0
both_are 198.51.100.7/24 192.0.3.7/24
revert eth1
both_are 198.51.100.7/24 203.0.113.7/24
expect '203\.0\.113\.53' netplan get ethernets.eth1.nameservers
expect lab.example netplan get ethernets.eth1.nameservers
expect false netplan get ethernets.eth1.accept-ra
same "files" "./50-both.yaml ./60-vlans.yaml" "$(cd /etc/netplan && find . -type f | sort | xargs)"

say "what an administrator adds meanwhile stays"
inject eth0 192.0.2.7/24 192.0.2.1 192.0.2.53
sed -i 's/^    eth0:/&\n      mtu: 1400/; $a\  vlans: {vlan5: {id: 5, link: eth9, addresses: [198.51.100.9/24]}}' $file
cat $file
revert eth0
wait_for addresses_of eth0 198.51.100.7/24
expect 1400 netplan get ethernets.eth0.mtu
expect 198.51.100.9/24 netplan get vlans.vlan5.addresses

say "comments of a file that says nothing new are there again"
printf '# mine\n' >>$file
before=$(files_under /etc/netplan)
inject eth0 192.0.2.7/24 '' ''
expect_not '^# mine$' cat $file
printf '# yours\n' >>$file
revert eth0
same "files" "$before" "$(files_under /etc/netplan)"
