# hv-netapply's backend for systemd-networkd, with the real one: injected, kept over a restart, and taken back, also by a new
# process after a kill between any two steps.
# shellcheck shell=bash source=/dev/null disable=SC2034,SC2154 # what backend.sh takes and gives
. "$LAB/functions.sh"
BACKEND=systemd-networkd
. "$LAB/backend.sh"

network=/etc/systemd/network/50-test.network
ours=/etc/systemd/network/00-hv-utils-eth0.network
link_says() { cat "/run/systemd/netif/links/$(ifindex eth0)"; }

cat >$network <<'END'
# the administrator's, for every link
[Match]
Name=eth* en*
[Link]
RequiredForOnline=no
[Network]
Address=198.51.100.7/24
Address=2001:db8:1::7/64
Domains=lab.example
DNS=198.51.100.53
IPv6AcceptRA=no
KeepConfiguration=static
[Route]
Gateway=198.51.100.1
Metric=50
[Route]
Destination=10.0.0.0/8
Gateway=198.51.100.2
END
mkdir $network.d
printf '[Network]\nAddress=198.51.100.8/24\n' >$network.d/more.conf
before=$(files_under /etc/systemd/network)

say "before networkd runs"
same "nobody starts it" None "$(step claim)"
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s /usr/lib/systemd/system/systemd-networkd.service /etc/systemd/system/multi-user.target.wants/
same "it will be" AtStart "$(step claim)"
expect NotYet step readiness

networkd_start
expect '^ADMIN_STATE=configured$' link_says
same "it is" Now "$(step claim)"
same "it can" Ready "$(step readiness)"

wait_for addresses_are "198.51.100.7/24 198.51.100.8/24 2001:db8:1::7/64"

say "static, both families"
put "$(injection "$(fixed 192.0.2.7/24,192.0.2.8/24 192.0.2.1,203.0.113.1 192.0.2.53)" \
    "$(fixed 2001:db8:2::7/64 fe80::1 2001:db8:2::53)")"
cat $ours
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64"
expect '^default via 192\.0\.2\.1 proto static metric 50' show_routes
expect '^default via 203\.0\.113\.1 proto static metric 51 onlink' show_routes
expect '^default via fe80::1 proto static' show_routes
expect_not '^10\.0\.0\.0/8' show_routes
expect '^ADMIN_STATE=configured$' link_says
expect "^NETWORK_FILE=$ours\$" link_says
expect '^DNS=192\.0\.2\.53 2001:db8:2::53$' link_says
expect '^DOMAINS=lab\.example$' link_says
same "still its own" Now "$(step claim)"
networkd_restart
expect '^ADMIN_STATE=configured$' link_says
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64"

say "a second one begins from the owner's file and keeps the other family"
cp /run/lab/snapshot /run/lab/home/first.json
put "$(injection "$(fixed 192.0.2.9/24 '' '')" "$silent")"
wait_for addresses_are "192.0.2.9/24 2001:db8:2::7/64"
expect_not '^default via (192|203)' show_routes
expect '^default via fe80::1 proto static' show_routes
restore --live
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64"

say "and all the way back"
cp /run/lab/home/first.json /run/lab/snapshot
restore --live
expect '^198\.51\.100\.7/24' show_addresses
expect '^198\.51\.100\.8/24' show_addresses
expect_not '^192\.0\.2' show_addresses
expect '^default via 198\.51\.100\.1 proto static metric 50' show_routes
expect '^10\.0\.0\.0/8' show_routes
same "files" "$before" "$(files_under /etc/systemd/network)"

say "cut short after each step, and taken back by another process"
wanted=$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')")
put_files() { write "$wanted"; }
put_in_force() { step activate; }
for steps in take_snapshot "take_snapshot put_files" "take_snapshot put_files put_in_force"; do
    for step in $steps; do
        "$step"
    done
    restore --live
    restore --live
    expect '^198\.51\.100\.7/24' show_addresses
    expect_not '^192\.0\.2' show_addresses
    expect "^NETWORK_FILE=$network\$" link_says
    same "files" "$before" "$(files_under /etc/systemd/network)"
done
