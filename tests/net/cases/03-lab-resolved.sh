# The lab's systemd-resolved is the real one: it knows what networkd says about a link, and NetworkManager when it is told so.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"

manager=(busctl --system call org.freedesktop.resolve1 /org/freedesktop/resolve1 org.freedesktop.resolve1.Manager)
link_has() {
    local object
    object=$("${manager[@]}" GetLink i "$(ifindex eth0)" | cut -d '"' -f 2)
    busctl --system get-property org.freedesktop.resolve1 "$object" org.freedesktop.resolve1.Link "$1"
}

cat >/etc/systemd/network/50-test.network <<'END'
[Match]
Name=eth0
[Network]
Address=192.0.2.7/24
DNS=192.0.2.53
DNS=2001:db8:1::53
Domains=lab.example
END
networkd_start
resolved_start
say "from networkd"
expect '^a\(iay\) 2 2 4 192 0 2 53 10 16 32 1 13 184 0 1 0 0 ' link_has DNS
expect '^a\(sb\) 1 "lab.example" false$' link_has Domains
expect '^nameserver 192\.0\.2\.53$' cat /run/systemd/resolve/resolv.conf
# Whoever manages the link says which servers it has.
expect 'Link eth0 is managed' "${manager[@]}" SetLinkDNS 'ia(iay)' "$(ifindex eth0)" 1 2 4 198 51 100 53
networkd_call SetLinkDNS 'ia(iay)' "$(ifindex eth0)" 1 2 4 198 51 100 53
expect '^a\(iay\) 1 2 4 198 51 100 53$' link_has DNS
resolved_restart
expect '^a\(iay\) 1 2 4 198 51 100 53$' link_has DNS
networkd_stop
resolved_stop

say "from NetworkManager, where /etc/resolv.conf leads to resolved"
rm -r /run/systemd/netif /etc/systemd/network/50-test.network
resolved_start --stub
nm_start
nmcli connection add type ethernet con-name fixed ifname eth0 ipv4.method manual ipv4.addresses 192.0.2.5/24 \
    ipv4.dns 203.0.113.53 ipv6.method disabled
nmcli connection up fixed
expect '^a\(iay\) 1 2 4 203 0 113 53$' link_has DNS
same "resolv.conf is resolved's" ../run/systemd/resolve/stub-resolv.conf "$(readlink /etc/resolv.conf)"
