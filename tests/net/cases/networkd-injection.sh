# hv-netapply's backend for systemd-networkd, with the real one: injected, kept over a restart, and taken back, also by a new
# process after a kill between any two steps.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
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
same "nobody starts it" None "$(backend systemd-networkd claim)"
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s /usr/lib/systemd/system/systemd-networkd.service /etc/systemd/system/multi-user.target.wants/
same "it will be" AtStart "$(backend systemd-networkd claim)"
expect NotYet backend systemd-networkd readiness

networkd_start
expect '^ADMIN_STATE=configured$' link_says
same "it is" Now "$(backend systemd-networkd claim)"
same "it can" Ready "$(backend systemd-networkd readiness)"

wait_for addresses_are "198.51.100.7/24 198.51.100.8/24 2001:db8:1::7/64"

say "static, both families"
backend systemd-networkd apply "$(injection "$(plan_static "192.0.2.7/24 192.0.2.8/24" "192.0.2.1 203.0.113.1" 192.0.2.53)" \
    "$(plan_static 2001:db8:2::7/64 "fe80::1" "2001:db8:2::53")")"
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
same "still its own" Now "$(backend systemd-networkd claim)"
networkd_restart
expect '^ADMIN_STATE=configured$' link_says
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64"

say "a second one begins from the owner's file and keeps the other family"
cp "$SAVED" /run/lab/home/first.json
backend systemd-networkd apply "$(injection "$(plan_static "192.0.2.9/24" "" "")" "$(plan_keep)")"
wait_for addresses_are "192.0.2.9/24 2001:db8:2::7/64"
expect_not '^default via (192|203)' show_routes
expect '^default via fe80::1 proto static' show_routes
backend systemd-networkd restore-live
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64"

say "and all the way back"
cp /run/lab/home/first.json "$SAVED"
backend systemd-networkd restore-live
expect '^198\.51\.100\.7/24' show_addresses
expect '^198\.51\.100\.8/24' show_addresses
expect_not '^192\.0\.2' show_addresses
expect '^default via 198\.51\.100\.1 proto static metric 50' show_routes
expect '^10\.0\.0\.0/8' show_routes
same "files" "$before" "$(files_under /etc/systemd/network)"

say "cut short after each step, and taken back by another process"
for steps in snapshot "snapshot write" "snapshot write activate"; do
    for step in $steps; do
        backend systemd-networkd "$step" "$(injection "$(plan_static 192.0.2.7/24 192.0.2.1 "")" "$(plan_keep)")"
    done
    backend systemd-networkd restore-live
    backend systemd-networkd restore-live
    expect '^198\.51\.100\.7/24' show_addresses
    expect_not '^192\.0\.2' show_addresses
    expect "^NETWORK_FILE=$network\$" link_says
    same "files" "$before" "$(files_under /etc/systemd/network)"
done
