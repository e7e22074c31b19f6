# From the host to netplan with networkd and back: static, DHCP, restarts, what cannot work, revert, SIGKILL, early boot.
# shellcheck shell=bash source=/dev/null
. "$LAB/functions.sh"
. "$LAB/stack.sh"

(umask 077 && cat >/etc/netplan/50-cloud-init.yaml) <<'END'
# what a cloud's installer leaves
network:
  version: 2
  ethernets:
    eth0:
      mtu: 1400
      addresses: [192.0.2.3/24]
      nameservers: {addresses: [192.0.2.52]}
      routes: [{to: default, via: 192.0.2.1}]
END
valid() { netplan generate; }

netplan generate
networkd_start
expect '^192\.0\.2\.3/24 global$' show_addresses
stack_start
tour networkd_restart
valid
expect 'mtu 1400' ip link show eth0
networkd_stop
enabled systemd-networkd.service
rm -rf /run/systemd/network
# As systemd does at boot, before networkd: netplan's generator makes its files.
generate_and_start() { netplan generate && networkd_start; }
before_boot generate_and_start
valid
