# hv-netapply's NetworkManager backend before NetworkManager runs: written where it reads at its start, and taken back.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/nm.sh"

wanted=$(injection "$(fixed 192.0.2.7/24,198.51.100.7/25 192.0.2.1,203.0.113.1 192.0.2.53)" \
    "$(fixed 2001:db8:1::7/64 2001:db8:1::1 '')")
mkdir -p /etc/systemd/system/multi-user.target.wants

files() { find /etc/NetworkManager /run/NetworkManager/system-connections -type f ! -name "lo*.nmconnection" -exec sha256sum {} + | sort -k 2; }
# What a boot takes away, but for what somebody else makes anew at each
reboot() { rm -rf /run/NetworkManager/devices /run/NetworkManager/system-connections/lo*; : >/etc/resolv.conf; }
start() { ip address flush dev eth0; nm_start; }
# Of those that NetworkManager would use for eth0, the one that it uses
has_one() { nmcli -g name,device connection show | grep -qx ".*:eth0"; }

is claim None
ln -sf /lib/systemd/system/NetworkManager.service /etc/systemd/system/multi-user.target.wants/
for point in generated keyfile two shared run; do
    # What NetworkManager would have without us
    begin "$point"
    nm_stop
    files >/run/lab/files
    is claim AtStart
    case $(step readiness) in NotYet*) ;; *) fail "ready without NetworkManager" ;; esac

    say "written and taken back before it starts"
    take_snapshot
    write "$wanted"
    write "$wanted"
    restore
    same "the files" "$(cat /run/lab/files)" "$(files)"

    say "written, and read by it at its start"
    write "$wanted"
    start
    # It takes up again what was active. What several links may have, or somebody else makes, is not changed: here the
    # transaction's program has to push.
    case $point in shared | run) wait_for nm_is_at_rest "$point"; step activate ;; esac
    read_back "$wanted"
    is readiness Ready
    has_one
    expect '^nameserver 192\.0\.2\.53$' cat /etc/resolv.conf
    step activate
    read_back "$wanted"
    step commit

    say "taken back while it runs"
    restore --live
    wait_for is_as_before
    nm_stop

    if [ "$point" != generated ]; then
        say "written before a boot"
        reboot
        take_snapshot
        write "$wanted"
        start
        read_back "$wanted"
        restore --live
        wait_for is_as_before
        nm_stop
    fi

    say "started before it could see the file"
    : >/etc/resolv.conf
    take_snapshot
    start
    wait_for nm_is_at_rest "$point"
    write "$wanted"
    step activate
    read_back "$wanted"
    restore --live
    wait_for is_as_before
done

say "at a first boot: nothing is there yet"
begin generated
nm_stop
rm -rf /run/NetworkManager /var/lib/NetworkManager/*
is claim AtStart
take_snapshot
write "$wanted"
start
read_back "$wanted"
same "the number of profiles" 1 "$(fitting)"
same "its name" "hv-utils eth0:eth0" "$(nmcli -g name,device connection show | grep -v ^lo:)"
say "taken back, it is left with what NetworkManager would have given it"
restore --live
dhcp_server_start
expect '^192\.0\.2\.1[0-9][0-9]/24 global$' show_addresses
same "what is on disk" "" "$(ls "$PROFILES")"
dhcp_server_stop

say "what its configuration leaves alone is not its own"
nm_stop
printf '[keyfile]\nunmanaged-devices=*,except:type:wifi\n' >/etc/NetworkManager/conf.d/10-managed.conf
is claim None
rm /etc/NetworkManager/conf.d/10-managed.conf
printf 'auto eth0\niface eth0 inet dhcp\n' >/etc/network/interfaces
is claim None
start
expect '^None$' step claim
