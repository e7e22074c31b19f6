# What waits for its manager: another injection takes its place, a revert takes it away, and one that never comes is undone.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/stack.sh"

outcomes() { hvctl --json ip history | grep -o '"outcome":"[a-z]*"' | cut -d '"' -f 4 | xargs; }
has_outcomes() { [ "$(outcomes)" = "$1" ]; }
keyfile() { cat /etc/NetworkManager/system-connections/*.nmconnection 2>/dev/null || true; }

printf '[connection]\nid=office\ntype=ethernet\ninterface-name=eth0\nuuid=6e7d4f0e-0000-4000-8000-000000000001\n\n[ipv4]\nmethod=manual\naddress1=192.0.2.30/24\n\n[ipv6]\nmethod=disabled\n' \
    >/etc/NetworkManager/system-connections/office.nmconnection
chmod 0600 /etc/NetworkManager/system-connections/office.nmconnection
before=$(keyfile)
enabled NetworkManager.service
printf '[network]\napply-timeout-secs = 10\n' >/etc/hv-utils.toml
mkdir -p /etc/hv-utils && mv /etc/hv-utils.toml /etc/hv-utils/hv-utils.toml
stack_start

say "the second takes the place of the first, and has its way back"
set_ip 192.0.2.7 255.255.255.0 192.0.2.1
set_ip 192.0.2.8 255.255.255.0 192.0.2.1
wait_for has_outcomes "failed pending"
hvctl ip revert
wait_for has_outcomes "failed reverted"
same "the profile of before" "$before" "$(keyfile)"

say "kept over the end of hv-netapply, and put into force"
set_ip 192.0.2.9 255.255.255.0 192.0.2.1
daemon_stop hv-netapply KILL
netapply_start
nm_start
expect '^192\.0\.2\.9/24 global$' show_addresses
wait_for last_outcome applied
hvctl ip revert
expect '^192\.0\.2\.30/24 global$' show_addresses
nm_stop

say "what never comes is undone once the manager runs: here is no DHCP server"
ip address flush dev eth0 scope global
set_dhcp
wait_for last_outcome pending
nm_start
wait_for last_outcome failed
expect '^192\.0\.2\.30/24 global$' show_addresses
same "the profile of before" "$before" "$(keyfile)"
