# hv-netapply's backend for ifupdown, with the real one: injected, kept over ifdown and ifup, and taken back, also by a new
# process after a kill between any two steps, and after an ifup that failed.
# shellcheck shell=bash source=/dev/null disable=SC2034,SC2154 # what backend.sh takes and gives
. "$LAB/functions.sh"
BACKEND=ifupdown
. "$LAB/backend.sh"

printf '# main\nsource /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n' >/etc/network/interfaces
cat >/etc/network/interfaces.d/eth0 <<'END'
# the administrator's
allow-hotplug eth0
iface eth0 inet static
	address 198.51.100.7
	netmask 255.255.255.0
	gateway 198.51.100.1
	# small
	mtu 1400
	dns-nameservers 198.51.100.53 2001:db8:9::53

iface eth0 inet6 static
	address 2001:db8:9::7/64
END
# Nobody makes resolv.conf: there is no resolvconf here, and now nothing of resolved's.
rm -f /etc/network/if-up.d/resolved
printf 'search lab.example\nnameserver 198.51.100.53\n' >/etc/resolv.conf
before=$(files_under /etc/network)
was="198.51.100.7/24 2001:db8:9::7/64"

same "it will be" AtStart "$(step claim)"
expect NotYet step readiness
ifup lo
ifup eth0
same "it is" Now "$(step claim)"
same "it can" Ready "$(step readiness)"
wait_for addresses_are "$was"

say "static, both families"
new="192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64 2001:db8:2::8/64"
put "$(injection "$(fixed 192.0.2.7/24,192.0.2.8/24 192.0.2.1,203.0.113.1 192.0.2.53)" \
    "$(fixed 2001:db8:2::7/64,2001:db8:2::8/64 fe80::1,fe80::2 2001:db8:2::53)")"
cat /etc/network/interfaces.d/eth0
wait_for addresses_are "$new"
expect '^default via 192\.0\.2\.1 onlink' show_routes
expect '^default via 203\.0\.113\.1 metric 1 onlink' show_routes
expect '^default via fe80::1 metric 1024 onlink' show_routes
expect '^default via fe80::2 metric 1025 onlink' show_routes
expect 'mtu 1400' ip link show eth0
same "servers" "search lab.example nameserver 192.0.2.53 nameserver 2001:db8:2::53" "$(xargs </etc/resolv.conf)"
same "still its own" Now "$(step claim)"
ifdown eth0
wait_for addresses_are ""
ifup eth0
wait_for addresses_are "$new"
text=$(files_under /etc/network)

say "the same again changes nothing, and goes back to itself"
put "$(injection "$(fixed 192.0.2.7/24,192.0.2.8/24 192.0.2.1,203.0.113.1 192.0.2.53)" "$silent")"
same "files" "$text" "$(files_under /etc/network)"
wait_for addresses_are "$new"
restore --live
wait_for addresses_are "$new"

say "and all the way back"
printf '%s' "$before" >/run/lab/home/before
ifdown eth0
printf 'search lab.example\nnameserver 198.51.100.53\n' >/etc/resolv.conf
cat >/etc/network/interfaces.d/eth0 <<'END'
# the administrator's
allow-hotplug eth0
iface eth0 inet static
	address 198.51.100.7
	netmask 255.255.255.0
	gateway 198.51.100.1
	# small
	mtu 1400
	dns-nameservers 198.51.100.53 2001:db8:9::53

iface eth0 inet6 static
	address 2001:db8:9::7/64
END
ifup eth0
wait_for addresses_are "$was"
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
    expect '^default via 198\.51\.100\.1 ' show_routes
    same "files" "$before" "$(files_under /etc/network)"
    same "servers" "search lab.example nameserver 198.51.100.53" "$(xargs </etc/resolv.conf)"
    same "nothing is left" "" "$(find /run/network -name 'hv-utils*')"
done

say "a stanza that is added after an injection stays, and so does another adapter's injection"
nic_add eth1
printf 'iface eth1 inet static\n    address 203.0.113.7/24\n' >>/etc/network/interfaces.d/eth0
ifup eth1
kept=$(cat /etc/network/interfaces.d/eth0)
addresses_of() { [ "$(show_addresses "$1" | cut -d ' ' -f 1 | sort | xargs)" = "$2" ]; }
put "$wanted"
cp /run/lab/snapshot /run/lab/home/eth0.json
NIC=eth1 put "$(NIC=eth1 injection "$(fixed 192.0.3.7/24 '' '')")"
cp /run/lab/snapshot /run/lab/home/eth1.json
printf '\niface vlan5 inet static\n    address 198.51.100.9/24\n    vlan-raw-device eth0\n' >>/etc/network/interfaces.d/eth0
sed -i 's/^search .*/search other.example/' /etc/resolv.conf
cp /run/lab/home/eth0.json /run/lab/snapshot
restore --live
wait_for addresses_are "$was"
wait_for addresses_of eth1 192.0.3.7/24
grep -q '^iface vlan5 ' /etc/network/interfaces.d/eth0 || fail "somebody's stanza has gone"
same "servers" "search other.example nameserver 198.51.100.53" "$(xargs </etc/resolv.conf)"
cp /run/lab/home/eth1.json /run/lab/snapshot
NIC=eth1 restore --live
wait_for addresses_of eth1 203.0.113.7/24
wait_for addresses_are "$was"
same "without the stanza that was added" "$kept" "$(grep -v vlan /etc/network/interfaces.d/eth0 | grep -v 198.51.100.9)"

say "an ifup that fails"
sed -i 's/mtu 1400/up [ ! -e \/run\/lab\/home\/fail ]/' /etc/network/interfaces.d/eth0
: >/run/lab/home/fail
! put "$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')" "$silent")" || fail "it did not fail"
rm /run/lab/home/fail
restore --live
wait_for addresses_are "$was"

say "what ifquery refuses is not put in place"
printf 'iface other inet nonsense\n' >/etc/network/interfaces.d/other
before=$(files_under /etc/network)
take_snapshot
expect 'unknown or no method' write "$(injection "$(fixed 192.0.2.7/24 192.0.2.1 '')" "$silent")"
same "files" "$before" "$(files_under /etc/network)"
