# Every combination that hosts send, as texts (4.0) and in binary (5.0), from the host to the kernel by systemd-networkd and back
# to the host; and what is refused, with nothing changed.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/stack.sh"

printf '[Match]\nName=eth0\n\n[Network]\nAddress=192.0.2.3/24\n' >/etc/systemd/network/50-eth0.network
networkd_start
dhcp_server_start
expect '^192\.0\.2\.3/24 global$' show_addresses

# has LINE…: of `get-ip`, words and all
has() { local line; for line in "$@"; do expect "$line" get_ip; done; }
gone() { expect_not "$1" show_addresses; }
set_eth0() { host set-ip "{$(nic_guid eth0 | tr a-f A-F)}" "$@"; }

for version in 4.0 5.0; do
    stack_start --versions "kvp=$version"
    say "$version: IPv4, one address"
    set_eth0 --ip-addresses 192.0.2.7 --subnets 255.255.255.0 --default-gateways 192.0.2.1 --dns-servers 192.0.2.53
    expect '^192\.0\.2\.7/24 global$' show_addresses
    gone '^192\.0\.2\.3/'
    has '^IPAddresses .*192\.0\.2\.7' '^Subnets .*255\.255\.255\.0' '^DefaultGateways .*192\.0\.2\.1' '^DHCPEnabled +: false'

    say "$version: IPv4, two addresses and two gateways"
    set_eth0 --ip-addresses 192.0.2.7,198.51.100.7 --subnets 255.255.255.0,255.255.0.0 --default-gateways 192.0.2.1,192.0.2.2
    expect '^198\.51\.100\.7/16 global$' show_addresses
    has '^DefaultGateways .*192\.0\.2\.1, 192\.0\.2\.2'

    say "$version: IPv6 with its prefix"
    set_eth0 --ip-addresses 2001:db8:1::7 --subnets 64 --default-gateways 2001:db8:1::1
    expect '^2001:db8:1::7/64 global$' show_addresses
    expect '^198\.51\.100\.7/16 global$' show_addresses

    say "$version: both"
    set_eth0 --ip-addresses 192.0.2.8,2001:db8:1::8 --subnets 255.255.255.0,64 --default-gateways 192.0.2.1,2001:db8:1::1
    has '^ProtocolIFType +: 4098' '^IPAddresses .*192\.0\.2\.8.*2001:db8:1::8'
    gone '^2001:db8:1::7/'

    say "$version: no gateway"
    set_eth0 --ip-addresses 192.0.2.9 --subnets 255.255.255.0
    expect_not '^default via 192' show_routes

    say "$version: name servers only"
    set_eth0 --dns-servers 192.0.2.54
    expect '^192\.0\.2\.9/24 global$' show_addresses
    expect '^DNS=192\.0\.2\.54$' cat "/run/systemd/netif/links/$(ifindex eth0)"

    say "$version: DHCP"
    set_eth0 --dhcp-enabled true
    has '^DHCPEnabled +: true' '^IPAddresses .*192\.0\.2\.1[0-9][0-9]'
    gone '^192\.0\.2\.9/'
    expect '^DNS=192\.0\.2\.53$' cat "/run/systemd/netif/links/$(ifindex eth0)"

    say "$version: DHCP with name servers of the host's"
    set_eth0 --dhcp-enabled true --dns-servers 192.0.2.55
    expect '^DNS=192\.0\.2\.55$' cat "/run/systemd/netif/links/$(ifindex eth0)"

    say "$version: refused, with nothing changed"
    set_eth0 --ip-addresses 192.0.2.9 --subnets 255.255.255.0
    keep_picture
    file=$(cat /etc/systemd/network/*eth0.network)
    records=$(hvctl --json ip history)
    # In binary there is no place for a sixth.
    [ $version != 4.0 ] || refused 0x80070057 set_eth0 --ip-addresses 192.0.2.7 --subnets 255.255.255.0 --unchecked \
        --default-gateways 192.0.2.11,192.0.2.12,192.0.2.13,192.0.2.14,192.0.2.15,192.0.2.16
    refused 0x80070057 set_eth0 --ip-addresses 127.0.0.1 --subnets 255.0.0.0
    refused 0x80070057 set_eth0 --ip-addresses 224.0.0.1 --subnets 255.255.255.0
    refused 0x80070057 set_eth0 --ip-addresses 192.0.2.7,192.0.2.7 --subnets 255.255.255.0,255.255.255.0
    refused 0x80070057 set_eth0 --ip-addresses 192.0.2.7 --subnets 255.255.255.0 --default-gateways 0.0.0.0
    refused 0x80070057 set_eth0 --default-gateways 192.0.2.1
    refused 0x80070057 set_eth0 --protocol-if-type 4096
    refused 0x80041002 host set-ip '{00000000-0000-0000-0000-00000000dead}' --dhcp-enabled true
    refused 0x80041002 host set-ip eth0 --dhcp-enabled true
    refused 0x80004005 host get-ip 00:15:5d:ff:ff:ff
    is_same_picture
    same "the file" "$file" "$(cat /etc/systemd/network/*eth0.network)"
    same "the history" "$records" "$(hvctl --json ip history)"
    stack_stop
done
