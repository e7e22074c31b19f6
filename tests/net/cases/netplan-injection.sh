# hv-netapply's backend for netplan, with the real one and systemd-networkd: lists are replaced and not added to, kept over a
# restart, and everything comes back, also by a new process after a kill between any two steps.
# shellcheck shell=bash source=/dev/null disable=SC2034,SC2154 # what backend.sh takes and gives
. "$LAB/functions.sh"
BACKEND=netplan
. "$LAB/backend.sh"

# netplan complains of files that others can read.
umask 077
cat >/etc/netplan/50-cloud-init.yaml <<'END'
# what a cloud's installer leaves
network:
  version: 2
  ethernets:
    id0:
      match: {name: eth0}
      mtu: 1400
      accept-ra: false
      addresses: [198.51.100.7/24, 2001:db8:9::7/64]
      nameservers: {addresses: [198.51.100.53, "2001:db8:9::53"], search: [lab.example]}
      routes:
        - {to: default, via: 198.51.100.1, metric: 50}
        - {to: 10.0.0.0/8, via: 198.51.100.2}
        - {to: "2001:db8:77::/48", via: "2001:db8:9::2"}
END
echo 'network: {ethernets: {id0: {addresses: [198.51.100.8/24]}}}' >/etc/netplan/99-more.yaml
printf '# foreign\nnetwork: {ethernets: {other: {dhcp4: true}}}\n' >/etc/netplan/60-other.yaml
umask 022
before=$(files_under /etc/netplan)
was="198.51.100.7/24 198.51.100.8/24 2001:db8:9::7/64"
link_says() { cat "/run/systemd/netif/links/$(ifindex eth0)"; }
generated=/run/systemd/network/10-netplan-id0.network

netplan generate
generated_before=$(files_under /run/systemd/network)
same "before networkd runs" AtStart "$(step claim)"
expect NotYet step readiness
networkd_start
expect "^NETWORK_FILE=$generated\$" link_says
same "netplan's" Now "$(step claim)"
same "and not networkd's" None "$(BACKEND=systemd-networkd step claim)"
same "it can" Ready "$(step readiness)"
wait_for addresses_are "$was"

say "static, IPv4 alone"
put "$(injection "$(fixed 192.0.2.7/24,192.0.2.8/24 192.0.2.1,203.0.113.1 192.0.2.53)" "$silent")"
cp /run/lab/snapshot /run/lab/home/first.json
head -n 50 /etc/netplan/*.yaml
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:9::7/64"
expect '^default via 192\.0\.2\.1 proto static metric 50' show_routes
expect '^default via 203\.0\.113\.1 proto static metric 51 onlink' show_routes
expect '^2001:db8:77::/48' show_routes
expect_not '^10\.0\.0\.0/8' show_routes
expect '^DNS=.*192\.0\.2\.53' link_says
expect_not '^DNS=.*198\.51' link_says
expect '^DNS=.*2001:db8:9::53' link_says
same "modes" "600" "$(stat -c %a /etc/netplan/*.yaml | sort -u)"
grep -q '# foreign' /etc/netplan/60-other.yaml || fail "a file that does not speak of it was touched"
networkd_restart
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:9::7/64"
text=$(files_under /etc/netplan)

say "twice is once"
put "$(injection "$(fixed 192.0.2.7/24,192.0.2.8/24 192.0.2.1,203.0.113.1 192.0.2.53)" "$silent")"
same "files" "$text" "$(files_under /etc/netplan)"

say "a second one keeps the other family"
put "$(injection "$silent" "$(fixed 2001:db8:2::7/64 fe80::1 '')")"
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64"
expect '^default via fe80::1 proto static' show_routes
expect '^default via 192\.0\.2\.1 proto static metric 50' show_routes
restore --live
same "files" "$text" "$(files_under /etc/netplan)"
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:9::7/64"

say "and all the way back"
cp /run/lab/home/first.json /run/lab/snapshot
restore --live
wait_for addresses_are "$was"
expect '^10\.0\.0\.0/8' show_routes
same "files" "$before" "$(files_under /etc/netplan)"
same "what is made of them" "$generated_before" "$(files_under /run/systemd/network)"

wanted=$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')")
put_files() { write "$wanted"; }
put_in_force() { step activate; }
for steps in take_snapshot "take_snapshot put_files" "take_snapshot put_files put_in_force"; do
    say "cut short after: $steps"
    for step in $steps; do
        "$step"
    done
    restore --live
    wait_for addresses_are "$was"
    restore --live
    wait_for addresses_are "$was"
    same "files" "$before" "$(files_under /etc/netplan)"
done

say "by DHCP"
dhcp_server_start
put "$(injection "$(automatic 203.0.113.53)" "$(automatic null)")"
cat $generated
expect '^192\.0\.2\.1[0-9][0-9]/24' show_addresses
expect '^2001:db8:1:' show_addresses
expect '^DNS=203\.0\.113\.53' link_says
expect_not '^DNS=.*192\.0\.2\.53' link_says
restore --live
wait_for addresses_are "$was"

say "a definition for several links is left alone"
nic_add eth1
printf 'network: {ethernets: {id0: {match: {name: "eth*"}, dhcp4: false, addresses: [198.51.100.7/24]}}}\n' >/etc/netplan/50-cloud-init.yaml
rm /etc/netplan/99-more.yaml
netplan generate
networkd_restart
expect "^NETWORK_FILE=$generated\$" cat "/run/systemd/netif/links/$(ifindex eth1)"
expect 'is for several links' take_snapshot
