#!/bin/sh
# The part of the demo in which the host gives the guest an address: in a network namespace of its own, with a pair of virtual
# cards and a made-up adapter, so that nothing of this machine's network is touched.
#
# usage: unshare --map-root-user --net scripts/demo-ip.sh PROGRAMS DIRECTORY      (scripts/demo.sh calls it)
#
# No network manager is in there, so hv-netapply tells the kernel itself. Ends with 0 if all was as it should be.

set -eu

programs=$1 dir=$2
guid=f8b3781a-1e82-4818-a1c3-63d806ec15bb mac=00:15:5d:01:02:03
patience=${HV_DEMO_PATIENCE:-60}
PATH=$PATH:/usr/sbin:/sbin

ip link set lo up
ip link add eth0 address "$mac" type veth peer name switch
ip link set eth0 up
ip link set switch up
ip address add 198.51.100.7/24 dev eth0
mkdir -p "$dir/sys/class/net/eth0/device"
echo "{$guid}" >"$dir/sys/class/net/eth0/device/device_id"

# shellcheck disable=SC2046 # numbers
trap 'kill $(cat "$dir"/*.pid) 2>/dev/null || true' EXIT
start() {
    name=$1
    shift
    "$programs/$name" "$@" </dev/null >"$dir/$name.log" 2>&1 &
    echo $! >"$dir/$name.pid"
}
start hv-testhost --sim "$dir" --control "$dir/control" --no-host-items
# With roots of its own: a manager of this machine must not be asked, and none of its files written.
mkdir "$dir/etc" "$dir/system-run" "$dir/usr" "$dir/lib"
start hv-netapply serve --client "$(id -u)" --bus none --run-dir "$dir/run" --state-dir "$dir/state" --sysfs-root "$dir/sys" \
    --etc-root "$dir/etc" --run-root "$dir/system-run" --usr-root "$dir/usr" --var-lib-root "$dir/lib" --log-format text
start hv-kvpd --config "$dir/empty.toml" --channel "sim:$dir/kvp.sock" --bus none --pool-dir "$dir/pools" \
    --run-dir "$dir/run" --state-dir "$dir/state" --sysfs-root "$dir/sys" --etc-root "$dir/etc" --log-format text

host() { "$programs/hv-testhost" --control "$dir/control" --timeout "$patience" "$@"; }
say() { printf '   %s\n' "$*"; }
indented() { sed 's/^/     /'; }
deadline=$(($(date +%s) + patience))
until host wait-guest >/dev/null 2>&1 && [ -S "$dir/run/netapply.sock" ]; do
    [ "$(date +%s)" -lt "$deadline" ] || { say "the guest is not there"; tail -n 5 "$dir"/*.log; exit 1; }
    sleep 0.05
done

say "host\$  hv-testhost set-ip '{$guid}' --ip-addresses 192.0.2.7 --subnets 255.255.255.0 --default-gateways 192.0.2.1"
host set-ip "{$guid}" --ip-addresses 192.0.2.7 --subnets 255.255.255.0 --default-gateways 192.0.2.1 2>&1 | indented
say "guest\$ ip -brief address show eth0"
ip -brief address show eth0 | indented
ip address show eth0 | grep -q 'inet 192\.0\.2\.7/24'
say "host\$  hv-testhost get-ip $mac"
host get-ip "$mac" 2>&1 | indented
say "host\$  hv-testhost set-ip '{$guid}' --ip-addresses 192.0.2.255 --subnets 255.255.255.0"
if host set-ip "{$guid}" --ip-addresses 192.0.2.255 --subnets 255.255.255.0 >"$dir/refused" 2>&1; then
    say "a broadcast address was let through"
    exit 1
fi
indented <"$dir/refused"
say "(refused before anything is touched: 192.0.2.255 is the broadcast address of its own subnet, 192.0.2.0/24)"
ip address show eth0 | grep -q 'inet 192\.0\.2\.7/24'
