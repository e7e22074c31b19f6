# The lab's netplan is the real one: YAML becomes files of networkd or of NetworkManager, and `netplan apply` has them taken.
#
# Shown as well is what `netplan set` does to lists, because it is not what its name says: it APPENDS to them, to those of
# another file as to those of the same one, with and without --origin-hint and --root-dir. Files are merged in the same way.
# A list is replaced by two calls, `…addresses=null` (which must go to the file that has it) and then `…addresses=[…]`.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"

cloud() {
    rm -f /etc/netplan/*
    (umask 077 && cat >/etc/netplan/50-cloud-init.yaml) <<'END'
# what a cloud's installer leaves
network:
  version: 2
  ethernets:
    eth0:
      dhcp4: false
      addresses: [192.0.2.9/24, 192.0.2.10/24]
      nameservers: {addresses: [192.0.2.53]}
      routes: [{to: default, via: 192.0.2.1}]
END
}
# The addresses that all files together have, in one line
addresses() { netplan get "$@" ethernets.eth0.addresses | sed 's/^- //' | tr -d '"' | xargs; }
link_says() { cat "/run/systemd/netif/links/$(ifindex eth0)"; }

say "networkd applies it, told by hand"
cloud
netplan generate
expect '^Address=192\.0\.2\.9/24$' cat /run/systemd/network/10-netplan-eth0.network
networkd_start
expect '^192\.0\.2\.9/24 global$' show_addresses
expect '^192\.0\.2\.10/24 global$' show_addresses
expect '^default via 192\.0\.2\.1 ' show_routes
expect '^NETWORK_FILE=/run/systemd/network/10-netplan-eth0\.network$' link_says

say "and by netplan apply"
sed -i 's/192\.0\.2\.10/192.0.2.11/' /etc/netplan/50-cloud-init.yaml
netplan apply
expect '^192\.0\.2\.11/24 global$' show_addresses
expect_not '^192\.0\.2\.10/' show_addresses

say "netplan set: a scalar of a later file wins"
cloud
netplan set --origin-hint 90-test ethernets.eth0.dhcp4=true
same "scalar" true "$(netplan get ethernets.eth0.dhcp4)"
grep -q '# what a cloud' /etc/netplan/50-cloud-init.yaml || fail "the other file was touched"
same "mode of the new file" 600 "$(stat -c %a /etc/netplan/90-test.yaml)"

say "netplan set: lists grow"
cloud
netplan set --origin-hint 90-test 'ethernets.eth0.addresses=[198.51.100.1/24]'
same "list in another file" "192.0.2.9/24 192.0.2.10/24 198.51.100.1/24" "$(addresses)"
netplan set --origin-hint 90-test 'ethernets.eth0.addresses=[198.51.100.2/24]'
same "list in the same file" "192.0.2.9/24 192.0.2.10/24 198.51.100.1/24 198.51.100.2/24" "$(addresses)"
netplan set --origin-hint 90-test network=null
[ ! -e /etc/netplan/90-test.yaml ] || fail "a file without anything in it stays"
netplan set --origin-hint 90-test ethernets.eth0.addresses=null
same "null for what another file has" "192.0.2.9/24 192.0.2.10/24" "$(addresses)"
netplan set 'ethernets.eth0.addresses=[198.51.100.1/24]'
same "list without a hint: into the file that has the link" "192.0.2.9/24 192.0.2.10/24 198.51.100.1/24" "$(addresses)"
same "files" 50-cloud-init.yaml "$(ls /etc/netplan)"
! grep -q '# what a cloud' /etc/netplan/50-cloud-init.yaml || fail "a file that was rewritten has its comments"

say "netplan set: null first replaces"
cloud
netplan set --origin-hint 50-cloud-init ethernets.eth0.addresses=null
netplan set --origin-hint 50-cloud-init 'ethernets.eth0.addresses=[198.51.100.1/24]'
same "replaced" 198.51.100.1/24 "$(addresses)"

say "netplan set: two default routes are complained of and written"
cloud
expect 'Conflicting default route' netplan set --origin-hint 90-test 'ethernets.eth0.routes=[{to: default, via: 192.0.2.254}]'
netplan generate
same "gateways" 2 "$(grep -c ^Gateway= /run/systemd/network/10-netplan-eth0.network)"

say "netplan set and generate in another root"
cloud
mkdir -p /tmp/other/etc
cp -a /etc/netplan /tmp/other/etc/
netplan set --root-dir /tmp/other --origin-hint 90-test 'ethernets.eth0.addresses=[198.51.100.1/24]'
same "other root" "192.0.2.9/24 192.0.2.10/24 198.51.100.1/24" "$(addresses --root-dir /tmp/other)"
same "this root" "192.0.2.9/24 192.0.2.10/24" "$(addresses)"
netplan generate --root-dir /tmp/other
expect '^Address=198\.51\.100\.1/24$' cat /tmp/other/run/systemd/network/10-netplan-eth0.network

say "what is wrong is refused"
! netplan set --origin-hint 90-test 'ethernets.eth0.addresses=[nonsense]' 2>/dev/null || fail "nonsense was taken"
[ ! -e /etc/netplan/90-test.yaml ] || fail "nonsense was written"

say "NetworkManager applies it, where it is the renderer"
networkd_stop
ip address flush dev eth0
cloud
(umask 077 && printf 'network:\n  renderer: NetworkManager\n' >/etc/netplan/01-renderer.yaml)
nm_start
netplan apply
expect '^192\.0\.2\.9/24 global$' show_addresses
expect '^netplan-eth0$' nmcli -g GENERAL.CONNECTION device show eth0
expect '^id=netplan-eth0$' cat /run/NetworkManager/system-connections/netplan-eth0.nmconnection
