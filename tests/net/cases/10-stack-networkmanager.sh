# From the host to NetworkManager and back: static, DHCP, restarts, what cannot work, revert, SIGKILL, early boot.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/stack.sh"

one_connection() {
    same "one connection" 1 "$(nmcli -g NAME,TYPE connection | grep -c ethernet)"
}

nm_start
expect '^eth0:connect' nmcli -t -f DEVICE,STATE device
stack_start
tour nm_restart
one_connection
nm_stop
enabled NetworkManager.service
before_boot nm_start
one_connection
