# shellcheck shell=bash
# The whole stack in a world of the lab, for cases: a simulated Hyper-V host, hv-kvpd, hv-netapply, hvctl. Read after
# functions.sh; a case says what the host does, and looks at the machine.

needs hv-kvpd hv-netapply hvctl hv-testhost

stack_start() {
    netapply_start
    mkdir -p /run/lab/sim
    daemon_start host hv-testhost --sim /run/lab/sim --control /run/lab/host.sock --no-host-items "$@"
    kvpd_start
    wait_for host wait-guest
}
kvpd_start() {
    mkdir -p /var/lib/hyperv
    daemon_start hv-kvpd hv-kvpd --channel sim:/run/lab/sim/kvp.sock --sysfs-root /run/lab/sysfs --log-level debug
}
netapply_start() {
    # One that was killed leaves its socket's file.
    rm -f /run/hv-utils/netapply.sock
    daemon_start hv-netapply hv-netapply serve --client 0 --sysfs-root /run/lab/sysfs --log-level debug
    wait_for test -S /run/hv-utils/netapply.sock
}
stack_stop() { daemon_stop hv-kvpd && daemon_stop hv-netapply && daemon_stop host; }

# host VERB…: as the host's administrator says it
host() { hv-testhost --control /run/lab/host.sock "$@"; }

# set_ip ADDRESSES SUBNETS GATEWAYS DNS: static, of eth0; empty words are left out
set_ip() {
    local options=()
    [ -z "$1" ] || options+=(--ip-addresses "$1" --subnets "$2")
    [ -z "${3:-}" ] || options+=(--default-gateways "$3")
    [ -z "${4:-}" ] || options+=(--dns-servers "$4")
    host set-ip "{$(nic_guid eth0)}" "${options[@]}"
}

# set_dhcp [DNS]
set_dhcp() {
    local options=(--dhcp-enabled true)
    [ -z "${1:-}" ] || options+=(--dns-servers "$1")
    host set-ip "{$(nic_guid eth0)}" "${options[@]}"
}

# get_ip: what the host sees of eth0
get_ip() { host get-ip "$(cat /sys/class/net/eth0/address)"; }

# refused STATUS COMMAND…: the guest refuses with that status
refused() {
    local wanted=$1 output
    shift
    if output=$("$@" 2>&1); then
        fail "not refused: $*"
    fi
    grep -q "$wanted" <<<"$output" || fail "not $wanted: $output"
}

# picture: addresses and default routes as they are, for comparison
picture() { show_addresses | sort; show_routes | grep '^default' | sort || true; }

# same_picture WHAT: as kept by keep_picture; the kernel takes a moment
keep_picture() { picture >/run/lab/picture; }
is_same_picture() { diff -u /run/lab/picture <(picture); }

# last_outcome WANTED: of the history
last_outcome() { [ "$(hvctl --json ip history | grep -o '"outcome":"[a-z]*"' | tail -n 1)" = "\"outcome\":\"$1\"" ]; }

nothing_under_way() { [ ! -e "/var/lib/hv-utils/hv-netapply/journal/$(nic_guid eth0).json" ]; }

# tour RESTART: what every manager has to do; RESTART restarts it. The case looks at what is its own in between.
tour() {
    local restart=$1

    say "static, both families"
    set_ip 192.0.2.7,2001:db8:1::7 255.255.255.0,64 192.0.2.1,2001:db8:1::1 192.0.2.53
    expect '^192\.0\.2\.7/24 global$' show_addresses
    expect '^2001:db8:1::7/64 global$' show_addresses
    expect '^default via 192\.0\.2\.1 ' show_routes
    expect '192\.0\.2\.7, 2001:db8:1::7' get_ip

    say "kept over a restart of the manager"
    "$restart"
    expect '^192\.0\.2\.7/24 global$' show_addresses
    expect '^2001:db8:1::7/64 global$' show_addresses
    expect '^default via 192\.0\.2\.1 ' show_routes

    say "the same again, and other addresses"
    set_ip 192.0.2.7,2001:db8:1::7 255.255.255.0,64 192.0.2.1,2001:db8:1::1 192.0.2.53
    set_ip 192.0.2.9,192.0.2.10 255.255.255.0,255.255.255.0 192.0.2.1,192.0.2.2 192.0.2.53
    expect '^192\.0\.2\.10/24 global$' show_addresses
    expect '^default via 192\.0\.2\.2 ' show_routes
    expect '^2001:db8:1::7/64 global$' show_addresses

    say "what cannot work is undone, what makes no sense is refused"
    keep_picture
    refused 0x80004005 set_dhcp
    wait_for is_same_picture
    refused 0x80041002 host set-ip '{00000000-0000-0000-0000-000000000000}' --ip-addresses 192.0.2.9 --subnets 255.255.255.0
    refused 0x80070057 set_ip 192.0.2.255 255.255.255.0
    is_same_picture

    say "DHCP, with a name server of the host's"
    dhcp_server_start
    set_dhcp 192.0.2.54
    expect '^192\.0\.2\.1[0-9][0-9]/24 global$' show_addresses
    expect '^DHCPEnabled +: true' get_ip
    "$restart"
    expect '^192\.0\.2\.1[0-9][0-9]/24 global$' show_addresses

    say "reverted"
    hvctl ip revert
    wait_for is_same_picture
    dhcp_server_stop

    say "hv-netapply killed in the middle"
    local moment asked
    for moment in 0.02 0.1 0.2 0.4 0.8; do
        host set-ip "{$(nic_guid eth0)}" --ip-addresses 198.51.100.9 --subnets 255.255.255.0 >/run/lab/asked 2>&1 &
        asked=$!
        sleep "$moment"
        daemon_stop hv-netapply KILL
        netapply_start
        if wait "$asked"; then
            # It was quicker than the kill: then it has to stay.
            expect '^198\.51\.100\.9/24 global$' show_addresses
            hvctl ip revert
        fi
        wait_for is_same_picture
        # The manager's command may still be at work when the kernel shows it already.
        wait_for nothing_under_way
    done
}

# enabled UNIT: the manager is to be started at boot
enabled() {
    mkdir -p /etc/systemd/system/multi-user.target.wants
    ln -sf "/usr/lib/systemd/system/$1" "/etc/systemd/system/multi-user.target.wants/$1"
}

# before_boot START: the manager does not run; the host speaks, then START starts it
before_boot() {
    say "before the manager runs, as in early boot"
    ip address flush dev eth0 scope global
    set_ip 192.0.2.8 255.255.255.0 192.0.2.1 192.0.2.53
    wait_for last_outcome pending
    "$1"
    expect '^192\.0\.2\.8/24 global$' show_addresses
    wait_for last_outcome applied
}
