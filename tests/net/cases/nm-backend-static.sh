# hv-netapply's NetworkManager backend sets addresses from each starting point: kept over a restart and a boot, and taken back.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/nm.sh"

wanted=$(injection "$(fixed 192.0.2.7/24,198.51.100.7/25 192.0.2.1,198.51.100.1 192.0.2.53)" \
    "$(fixed 2001:db8:1::7/64 2001:db8:1::1 2001:db8:1::53)")

for point in $ALL_POINTS; do
    begin "$point"
    count=$(fitting)
    case $point in nothing | shared | run) count=$((count + 1)) ;; esac
    is claim Now
    is readiness Ready

    all_of "$wanted"
    expect '^nameserver 192\.0\.2\.53$' cat /etc/resolv.conf
    expect '^nameserver 2001:db8:1::53$' cat /etc/resolv.conf
    same "the number of profiles" "$count" "$(fitting)"
    restore --live
    wait_for is_as_before
    restore --live
    is_as_before

    say "and to stay"
    all_of "$wanted"
    step commit
    case $(nm_get /org/freedesktop/NetworkManager org.freedesktop.NetworkManager Checkpoints) in
        "ao 0") ;;
        *) fail "a checkpoint is left" ;;
    esac
    if [ "$point" != inactive ]; then
        nm_restart
        read_back "$wanted"
        nm_stop
        # What a boot takes away; somebody else's profiles in /run are made anew.
        rm -rf /run/NetworkManager/devices
        ip address flush dev eth0
        nm_start
        read_back "$wanted"
        same "the number of profiles" "$count" "$(fitting)"
    fi
    restore --live
    wait_for is_as_before
done
