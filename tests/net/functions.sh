# shellcheck shell=bash
# What a case says in a world of the lab: managers started and stopped, the switch, bounded waiting. For bash, sourced.
#
# A case begins with `. "$LAB/functions.sh"`: from there on it ends at the first command that fails, and then prints the
# end of every log. Daemons are started as their units start them, but as root where a unit has systemd make rooms for
# them; they write to /run/lab/log/NAME.log. To start what runs, or stop what does not, is no error.

set -Eeuo pipefail

# Seconds that anything may take. Nothing here is a measurement: a machine that is busy only takes longer.
: "${LAB_PATIENCE:=${HV_NET_PATIENCE:-60}}"

say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'not so: %s\n' "$*" >&2; exit 1; }

# needs PROGRAM…: the case is skipped without them.
needs() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || { echo "no $program among the programs under test"; exit 77; }
    done
}

# wait_for COMMAND…: until it succeeds. If it does not, the last thing it said is printed.
wait_for() {
    local output end=$((SECONDS + LAB_PATIENCE))
    until output=$("$@" 2>&1); do
        if [ $SECONDS -ge $end ]; then
            printf 'not within %s s: %s\n%s\n' "$LAB_PATIENCE" "$*" "$output" >&2
            return 1
        fi
        sleep 0.05
    done
}

# expect WANTED COMMAND…: until its output (with standard error) has a line that matches the extended expression.
expect() {
    local wanted=$1
    shift
    wait_for output_has "$wanted" "$@"
}

# expect_not UNWANTED COMMAND…: until its output has no such line.
expect_not() {
    local unwanted=$1
    shift
    wait_for output_lacks "$unwanted" "$@"
}

output_has() {
    local wanted=$1 output
    shift
    output=$("$@" 2>&1) || true
    printf '%s\n' "$output"
    grep -qE -e "$wanted" <<<"$output"
}

output_lacks() { ! output_has "$@"; }

# same WHAT WANTED FOUND: prints what differs.
same() {
    [ "$2" = "$3" ] || { diff -u --label wanted --label found <(echo "$2") <(echo "$3") >&2 || true; fail "$1"; }
}

# ---- programs that stay --------------------------------------------------------------------------------------------

# daemon_start NAME COMMAND…: in the background; its output goes to its log.
daemon_start() {
    local name=$1
    shift
    ! daemon_runs "$name" || return 0
    echo "==== $*" >>"/run/lab/log/$name.log"
    # Not a job of this shell: setsid would have to fork, and the process be another one, where there are jobs.
    (setsid "$@" </dev/null >>"/run/lab/log/$name.log" 2>&1 & echo $! >"/run/lab/$name.pid")
}

daemon_pid() { cat "/run/lab/$1.pid" 2>/dev/null; }

# A process that has ended and that nobody has waited for yet does not run.
daemon_runs() {
    local pid
    pid=$(daemon_pid "$1") && [ -e "/proc/$pid/stat" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null
}

daemon_gone() { ! daemon_runs "$1"; }

# daemon_stop NAME [SIGNAL]
daemon_stop() {
    daemon_runs "$1" || return 0
    kill -s "${2:-TERM}" "$(daemon_pid "$1")" 2>/dev/null || true
    wait_for daemon_gone "$1"
    rm -f "/run/lab/$1.pid"
}

# daemon_ready NAME COMMAND…: waits for the command to succeed, for as long as the daemon lives. It is not asked a second time:
# it may have a limit of its own, which a busy machine misses now and then.
daemon_ready() {
    local name=$1
    shift
    if ! wait_for or_ended "$name" "$@" || ! daemon_runs "$name"; then
        tail -n 20 "/run/lab/log/$name.log" >&2
        fail "$name did not come up"
    fi
}

or_ended() {
    local name=$1
    shift
    "$@" || ! daemon_runs "$name"
}

# ---- the bus -------------------------------------------------------------------------------------------------------

bus_start() {
    rm -f /run/dbus/system_bus_socket
    mkdir -p /run/lab/dbus/system.d
    daemon_start bus dbus-daemon --config-file=/run/lab/dbus/system.conf --nofork --nopidfile
    daemon_ready bus busctl --system --timeout=2 call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetId
}
bus_stop() { daemon_stop bus; }

# A process is gone before the bus knows.
bus_lacks() { ! daemon_runs bus || ! bus_has "$1"; }

# bus_has NAME: somebody owns the name.
bus_has() {
    [ "$(busctl --system call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus NameHasOwner s "$1")" = "b true" ]
}

# ---- managers ------------------------------------------------------------------------------------------------------

nm_start() {
    mkdir -p /run/NetworkManager
    daemon_start NetworkManager NetworkManager --debug --log-level="${NM_LOG_LEVEL:-INFO}"
    daemon_ready NetworkManager nm_is_up
}
nm_is_up() { bus_has org.freedesktop.NetworkManager && nmcli -t -f RUNNING general | grep -qx running; }
nm_stop() { daemon_stop NetworkManager && wait_for bus_lacks org.freedesktop.NetworkManager; }
nm_restart() { nm_stop && nm_start; }

networkd_start() {
    install -d -o systemd-network -g systemd-network /run/systemd/netif /run/systemd/netif/{links,leases,lldp} \
        /var/lib/systemd/network
    daemon_start networkd env SYSTEMD_LOG_LEVEL="${NETWORKD_LOG_LEVEL:-info}" /usr/lib/systemd/systemd-networkd
    daemon_ready networkd networkd_is_up
}
networkd_is_up() { bus_has org.freedesktop.network1 && [ -s /run/systemd/netif/state ]; }
networkd_stop() { daemon_stop networkd && wait_for bus_lacks org.freedesktop.network1; }
networkd_restart() { networkd_stop && networkd_start; }

# networkd_call METHOD [SIGNATURE ARGUMENT…]: of its manager object, for instance `Reload` or `ReconfigureLink i 2`
networkd_call() {
    busctl --system call org.freedesktop.network1 /org/freedesktop/network1 org.freedesktop.network1.Manager "$@"
}

# resolved_start [--stub]: with the link that its package makes, /etc/resolv.conf leads to it
resolved_start() {
    install -d -o systemd-resolve -g systemd-resolve /run/systemd/resolve
    daemon_start resolved env SYSTEMD_LOG_LEVEL="${RESOLVED_LOG_LEVEL:-info}" /usr/lib/systemd/systemd-resolved
    daemon_ready resolved bus_has org.freedesktop.resolve1
    [ "${1:-}" != --stub ] || ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
}
resolved_stop() { daemon_stop resolved && wait_for bus_lacks org.freedesktop.resolve1; }
resolved_restart() { resolved_stop && resolved_start ""; }

# ---- the switch ----------------------------------------------------------------------------------------------------

# The switch's end of eth0 has 192.0.2.1/24 and 2001:db8:1::1/64, that of eth1 192.0.3.1/24 and 2001:db8:2::1/64, and so on.
on_switch() { ip netns exec switch "$@"; }

# nic_add NAME: a link of the world (eth0, eth1 …) whose other end (host0, host1 …) is in the switch, and its identity
# under /run/lab/sysfs: what a program is told to take for /sys. The identity stays when the link goes (nic_forget).
nic_add() {
    local number=${1#eth} identity=/run/lab/sysfs/class/net/$1 file guid
    guid=$(nic_guid "$1")
    ip link add "$1" address "00:15:5d:01:02:0$number" type veth peer name "host$number" netns switch
    on_switch ip link set "host$number" up
    on_switch ip address add "192.0.$((2 + number)).1/24" dev "host$number"
    on_switch ip address add "2001:db8:$((1 + number))::1/64" dev "host$number" nodad
    mkdir -p "$identity/device" "/run/lab/sysfs/bus/vmbus/devices/$guid"
    echo "{$guid}" >"$identity/device/device_id"
    echo '{f8615163-df3e-46c5-913f-f2d2f965ed0e}' >"$identity/device/class_id"
    cat "/sys/class/net/$1/address" >"$identity/address"
    # The rest is the kernel's.
    for file in "/sys/class/net/$1"/*; do
        [ -e "$identity/${file##*/}" ] || [ -d "$file" ] || ln -s "$file" "$identity/"
    done
}
nic_guid() { printf 'f8b3781a-1e82-4818-a1c3-63d806ec15%02x' "$((0xbb + ${1#eth}))"; }
nic_remove() { ip link delete "$1"; }
nic_forget() { rm -rf "/run/lab/sysfs/class/net/$1" "/run/lab/sysfs/bus/vmbus/devices/$(nic_guid "$1")"; }

# dhcp_server_start [NAME] [OPTION OF DNSMASQ…]: for eth0 (or NAME). Offers 192.0.2.100 to .199 (for eth1 192.0.3.…) with
# the router .1, the name server .53 and the domain lab.example; and 2001:db8:1::100 to ::1ff with router advertisements.
dhcp_server_start() {
    local name=eth0
    case ${1:-} in eth*) name=$1; shift ;; esac
    local n=${name#eth} net="192.0.$((2 + ${name#eth}))" net6="2001:db8:$((1 + ${name#eth})):"
    : >>"/run/lab/dhcp-host$n.leases"
    daemon_start "dhcp-host$n" ip netns exec switch dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --group=root \
        --pid-file= --port=0 --interface="host$n" --bind-interfaces --except-interface=lo --no-ping --dhcp-authoritative \
        --log-facility=- --log-dhcp --dhcp-leasefile="/run/lab/dhcp-host$n.leases" \
        --dhcp-range="$net.100,$net.199,255.255.255.0,10m" --dhcp-option="option:router,$net.1" \
        --dhcp-option="option:dns-server,$net.53" --dhcp-option="option:domain-name,lab.example" \
        --enable-ra --dhcp-range="$net6:100,$net6:1ff,64,10m" --dhcp-option="option6:dns-server,[$net6:53]" "$@"
    # Since it was started last
    daemon_ready "dhcp-host$n" awk '/^==== / {up = 0} /sockets bound/ {up = 1} END {exit !up}' "/run/lab/log/dhcp-host$n.log"
}
dhcp_server_stop() { daemon_stop "dhcp-host$(printf '%s' "${1:-eth0}" | tr -dc 0-9)"; }

# ---- what there is -------------------------------------------------------------------------------------------------

# show_addresses [NAME]: one line for each address: `192.0.2.5/24 global`, without those of the link itself
show_addresses() { ip -oneline address show dev "${1:-eth0}" | awk '/scope (global|site)/ {for (i = 5; i < NF; i++) if ($i == "scope") print $4, $(i + 1)}'; }
show_routes() { ip route show dev "${1:-eth0}"; ip -6 route show dev "${1:-eth0}"; }
ifindex() { cat "/sys/class/net/$1/ifindex"; }

# The line of the case, not that of the function it had called.
failed_at() { echo "failed in line ${BASH_LINENO[-2]} of ${0##*/}: $1" >&2; }

# show_all: for a case that failed
show_all() {
    echo "---- links and routes"
    ip -brief address
    ip route
    local log
    for log in /run/lab/log/*.log; do
        [ ! -s "$log" ] || { echo "---- ${log##*/}"; tail -n 25 "$log"; }
    done
}

# A case that ends badly says all there is to know.
case $0 in
    */cases/*)
        trap 'failed_at "$BASH_COMMAND"' ERR
        trap 'case $? in 0 | 77) ;; *) show_all >&2 ;; esac' EXIT
        ;;
esac
