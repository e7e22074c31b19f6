# From the host to systemd-networkd and back: static, DHCP, restarts, what cannot work, revert, SIGKILL, early boot.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/stack.sh"

printf '[Match]\nName=eth*\n\n[Link]\nMTUBytes=1400\n\n[Network]\nAddress=192.0.2.3/24\n' >/etc/systemd/network/50-all.network
keep=$(cat /etc/systemd/network/50-all.network)
networkd_start
expect '^192\.0\.2\.3/24 global$' show_addresses
stack_start
tour networkd_restart
same "the administrator's file" "$keep" "$(cat /etc/systemd/network/50-all.network)"
expect 'mtu 1400' ip link show eth0
networkd_stop
enabled systemd-networkd.service
before_boot networkd_start
same "the administrator's file" "$keep" "$(cat /etc/systemd/network/50-all.network)"
