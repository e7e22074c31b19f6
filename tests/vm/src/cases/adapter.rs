//! A network adapter for a guest. QEMU has none on VMBus (netvsc), so a dummy interface takes its place, and sysfs says of
//! it what it says of a netvsc: the GUID of its device, which is the name by which a host configures it.
//!
//! Only `/sys/class/net` is another one, a directory of links into the real sysfs and of that one file; bus, devices and
//! drivers stay the kernel's. So daemons are started as everywhere, the C daemon too, whose `/sys` is not to be chosen.

use crate::machine::Machine;

/// Its MAC address, as hosts write it.
pub(crate) const MAC: &str = "00:15:5D:01:02:03";
/// Its device's GUID, as hosts write it.
pub(super) const GUID: &str = "{f8b3781b-1e82-4818-a1c3-63d806ec15bb}";

/// Plugs it in: switched on, with an IPv4 and two IPv6 addresses, a gateway and a DNS server. Daemons that run by then do
/// not know that it is an adapter of the virtual machine.
#[track_caller]
pub(super) fn plug(machine: &Machine) {
    machine.sh(&format!(
        "set -e; modprobe dummy numdummies=0; ip link add eth0 address {MAC} type dummy; ip link set eth0 up; \
         ip address add 192.0.2.5/24 dev eth0; ip address add 2001:db8::5/64 dev eth0; \
         ip route add default via 192.0.2.1; echo nameserver 192.0.2.53 >/etc/resolv.conf; \
         mkdir -p /run/net/eth0/device; echo '{GUID}' >/run/net/eth0/device/device_id; \
         for link in /sys/class/net/*; do \
             [ $link = /sys/class/net/eth0 ] || ln -s $(readlink -f $link) /run/net/; done; \
         for file in /sys/class/net/eth0/*; do \
             ln -s /sys/devices/virtual/net/eth0/${{file##*/}} /run/net/eth0/; done; \
         mount --bind /run/net /sys/class/net"
    ));
    // The kernel looks first whether somebody else has an address.
    machine.until(
        "[ -z \"$(ip -6 address show dev eth0 tentative)\" ] && ip -6 address show dev eth0 | grep -q fe80",
    );
}

/// Takes it away again, with all that is said about it.
#[track_caller]
pub(super) fn unplug(machine: &Machine) {
    machine.sh("umount /sys/class/net && rm -rf /run/net /etc/resolv.conf && ip link delete eth0");
}

/// What the kernel and files have of it, to see whether something is changed.
#[track_caller]
pub(super) fn state(machine: &Machine) -> String {
    machine.sh("ip -o address show dev eth0; ip route; ip -6 route show dev eth0; cat /etc/resolv.conf")
}
