# hv-netapply's backend for netplan, with the real one and NetworkManager.
# shellcheck shell=bash source=/dev/null disable=SC2034,SC2154 # what backend.sh takes and gives
. "$LAB/functions.sh"
BACKEND=netplan
. "$LAB/backend.sh"

umask 077
cat >/etc/netplan/50-desktop.yaml <<'END'
network:
  version: 2
  renderer: NetworkManager
  ethernets:
    eth0:
      addresses: [198.51.100.7/24]
      nameservers: {addresses: [198.51.100.53]}
      routes: [{to: default, via: 198.51.100.1}]
END
umask 022
before=$(files_under /etc/netplan)
netplan generate
same "before NetworkManager runs" AtStart "$(step claim)"
nm_start
expect '^netplan-eth0$' nmcli -g GENERAL.CONNECTION device show eth0
same "it is" Now "$(step claim)"
same "it can" Ready "$(step readiness)"
wait_for addresses_are 198.51.100.7/24

say "static"
put "$(injection "$(fixed 192.0.2.7/24,192.0.2.8/24 192.0.2.1,203.0.113.1 192.0.2.53)" "$(fixed 2001:db8:2::7/64 fe80::1 '')")"
cat /run/NetworkManager/system-connections/netplan-eth0.nmconnection
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64"
expect '^default via 192\.0\.2\.1 ' show_routes
expect '^default via 203\.0\.113\.1 ' show_routes
expect '^default via fe80::1 ' show_routes
expect '^nameserver 192\.0\.2\.53$' cat /etc/resolv.conf
nm_restart
wait_for addresses_are "192.0.2.7/24 192.0.2.8/24 2001:db8:2::7/64"
same "still its own" Now "$(step claim)"

say "back"
restore --live
wait_for addresses_are 198.51.100.7/24
same "files" "$before" "$(files_under /etc/netplan)"

say "another profile is not netplan's"
nmcli connection add type ethernet con-name mine ifname eth0 ipv4.method manual ipv4.addresses 192.0.2.99/24
nmcli connection up mine
same "it is not" None "$(step claim)"
