# hv-netapply's NetworkManager backend is killed in every step and between them: a new process brings everything back.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/nm.sh"

wanted=$(injection "$(fixed 192.0.2.7/24 192.0.2.1 192.0.2.53)" "$(fixed 2001:db8:1::7/64 '' null)")

# killed SECONDS STEP…: may end by itself before; that is one of the moments, too
killed() {
    local code=0
    timeout --signal=KILL "$1" "$BACKEND_PROGRAM" networkmanager "$2" "$(nic_guid eth0)" \
        --sysfs-root /run/lab/sysfs "${@:3}" || code=$?
    [ $code = 0 ] || [ $code = 137 ] || fail "$2 ended with $code"
}

way_back() {
    restore --live
    wait_for is_as_before
}

for point in keyfile nothing run; do
    begin "$point"
    take_snapshot

    say "between the steps"
    way_back
    write "$wanted"
    way_back
    write "$wanted"
    step activate
    way_back
    write "$wanted"
    step activate
    read_back "$wanted"
    step commit
    way_back

    for after in 0.004 0.008 0.012 0.02 0.04; do
        say "within $after s of a step"
        killed $after write --snapshot /run/lab/snapshot --injection "$wanted"
        way_back
        write "$wanted"
        killed $after activate
        way_back
        write "$wanted"
        step activate
        killed $after commit
        killed $after restore --snapshot /run/lab/snapshot --live
        way_back
    done

    say "with NetworkManager killed as well"
    write "$wanted"
    step activate
    daemon_stop NetworkManager KILL
    wait_for bus_lacks org.freedesktop.NetworkManager
    restore
    # What it leaves behind when it is killed is taken over at its start.
    ip address flush dev eth0
    : >/etc/resolv.conf
    nm_start
    wait_for nm_is_at_rest "$point"
    way_back
done
