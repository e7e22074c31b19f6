# hv-netapply's NetworkManager backend with profiles and links that are special: secrets, bonds, somebody else's.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/nm.sh"

wanted=$(injection "$(fixed 192.0.2.7/24 192.0.2.1 null)")
refused() {
    local said
    said=$("${@:2}" 2>&1) && fail "it was not refused: ${*:2}"
    grep -q "$1" <<<"$said" || fail "it was refused with: $said"
}

say "secrets outlive an update"
begin secrets
take_snapshot
write "$wanted"
grep -qx 'password=secret' "$PROFILES/secured.nmconnection"
grep -q 'address1=192.0.2.7/24' "$PROFILES/secured.nmconnection"
restore --live
wait_for is_as_before

say "somebody else's checkpoint"
begin keyfile
take_snapshot
device=$(busctl --system --json=short call org.freedesktop.NetworkManager /org/freedesktop/NetworkManager \
    org.freedesktop.NetworkManager GetDeviceByIpIface s eth0 | sed 's/.*"\(\/[^"]*\)".*/\1/')
checkpoint=$(busctl --system --json=short call org.freedesktop.NetworkManager /org/freedesktop/NetworkManager \
    org.freedesktop.NetworkManager CheckpointCreate aouu 1 "$device" 60 0 | sed 's/.*"\(\/[^"]*\)".*/\1/')
refused 'somebody else is changing eth0' write "$wanted"
restore --live
nm_get /org/freedesktop/NetworkManager org.freedesktop.NetworkManager Checkpoints | grep -q "$checkpoint"
busctl --system call org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager \
    CheckpointDestroy o "$checkpoint"
is_as_before

say "what NetworkManager cannot read is not written"
refused 'nmcli\|NetworkManager' write "$(injection "$(fixed 192.0.2.7/99 '' null)")"
restore --live
wait_for is_as_before

say "without a carrier: written, and in force once there is one"
on_switch ip link set host0 down
expect 'has no carrier' step readiness
# NetworkManager waits some seconds before it believes it; it comes to no harm in between.
is claim Now
take_snapshot
write "$wanted"
nm_get /org/freedesktop/NetworkManager org.freedesktop.NetworkManager Checkpoints | grep -qx 'ao 0'
same "the number of profiles" 1 "$(fitting)"
on_switch ip link set host0 up
read_back "$wanted"
step commit
restore --live
wait_for is_as_before

say "a part of a bond"
begin nothing
# This kernel need not have bonds.
nmcli connection add type bond con-name bond0 ifname bond0 autoconnect no ipv4.method disabled ipv6.method disabled
nmcli connection add type ethernet con-name port ifname eth0 master bond0
take_snapshot
refused 'part of a bond' write "$wanted"
nmcli connection delete port bond0
wait_for is_as_before

say "a link that NetworkManager merely sees"
nm_stop
ip address add 192.0.2.40/24 dev eth0
ip link set eth0 up
nm_start
expect '^None$' step claim

say "a link that it is told to leave alone"
ip address flush dev eth0
nmcli device set eth0 managed no
expect '^None$' step claim
