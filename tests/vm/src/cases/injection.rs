//! The host configures a guest's network adapter: by hv-kvpd and hv-netapply, in texts and in binary; and what becomes of
//! it with Debian's C daemon.
//!
//! No network manager is in the guest, so hv-netapply tells the kernel itself. What managers do is shown by tests/net.

use super::adapter::{self, GUID, MAC};
use super::addresses::told;
use super::guest::{c_kvpd, end_c_kvpd, kvp_status, kvpd, kvpd_on_uio, no_pools};
use crate::machine::Machine;

/// Another configuration than [`adapter::plug`] gives.
const OTHER: &[&str] = &[
    "--ip-addresses",
    "198.51.100.7,2001:db8:1::7",
    "--subnets",
    "255.255.255.128,48",
    "--default-gateways",
    "198.51.100.1,2001:db8:1::1",
    "--dns-servers",
    "198.51.100.53",
];

/// That as it is read back; the link's own address stays.
const READ_BACK: &str = "198.51.100.7/255.255.255.128 2001:db8:1::7/48 fe80::215:5dff:fe01:203/64, \
                         gateways 198.51.100.1 2001:db8:1::1, DNS 198.51.100.53, DHCP no, type 4098";

/// Debian's package has no script that would configure anything; the daemon says so, after it has written two files.
pub(super) fn c_daemon_configures_nothing(machine: &mut Machine) {
    no_pools(machine);
    adapter::plug(machine);
    c_kvpd(machine);
    let before = adapter::state(machine);
    assert_eq!(told(machine, &set(GUID, OTHER)), "status 0x80004005");
    let files = machine.sh("cd /var/lib/hyperv && ls -d *eth0*");
    assert_eq!(files, "eth0.nmconnection\nifcfg-eth0\n");
    assert_eq!(adapter::state(machine), before);
    end_c_kvpd(machine);
    adapter::unplug(machine);
}

pub(super) fn adapter_is_configured_in_texts(machine: &mut Machine) {
    begin(machine);
    kvpd(machine, "hv_utils");
    let bad: &[&[&str]] = &[
        &["--unchecked", "--ip-addresses", "300.1.2.3", "--subnets", "255.255.255.0"],
        &["--unchecked", "--ip-addresses", "198.51.100.7", "--subnets", "255.0.255.0"],
        &[
            "--unchecked",
            "--protocol-if-type",
            "9",
            "--ip-addresses",
            "198.51.100.7",
            "--subnets",
            "255.255.255.0",
        ],
    ];
    exchange(machine, bad, READ_BACK);
}

pub(super) fn adapter_is_configured_in_binary(machine: &mut Machine) {
    begin(machine);
    kvpd_on_uio(machine, "uio");
    let status = kvp_status(machine);
    assert_eq!(status["message_version"], "5.0", "{status}");
    // Texts have no place here.
    let bad: &[&[&str]] = &[
        &["--ip-addresses", "224.0.0.7", "--subnets", "255.255.255.0"],
        &["--ip-addresses", "198.51.100.7", "--subnets", "255.255.255.0", "--default-gateways", "0.0.0.0"],
    ];
    exchange(machine, bad, &format!("{READ_BACK}, origins 2 2 1"));
}

#[track_caller]
fn begin(machine: &Machine) {
    no_pools(machine);
    adapter::plug(machine);
    machine.sh(
        "setsid hv-netapply serve --log-level debug --log-format text >>/run/hv-netapply.log 2>&1 </dev/null & \
         echo $! >/run/hv-netapply.pid",
    );
    machine.until("[ -S /run/hv-utils/netapply.sock ]");
}

/// What cannot be done is refused and changes nothing; what can be done is there, and read back.
#[track_caller]
fn exchange(machine: &Machine, bad: &[&[&str]], read_back: &str) {
    let before = adapter::state(machine);
    assert_eq!(told(machine, &set("{00000000-1111-2222-3333-444444444444}", OTHER)), "status 0x80041002");
    for options in bad {
        assert_eq!(told(machine, &set(GUID, options)), "status 0x80070057", "{options:?}");
    }
    assert_eq!(adapter::state(machine), before, "left: after what was refused");
    // Hosts write the GUID as they like.
    machine.ask(&set(&GUID.to_uppercase(), OTHER)).done();
    assert_eq!(told(machine, &["get-ip", MAC]), read_back);
    let after = adapter::state(machine);
    for part in [
        "198.51.100.7/25 ",
        "2001:db8:1::7/48 ",
        "default via 198.51.100.1 dev eth0",
        "nameserver 198.51.100.53",
    ] {
        assert!(after.contains(part), "no {part:?} in {after}");
    }
    assert!(!after.contains("192.0.2.5"), "the address before stayed: {after}");
    end(machine);
}

#[track_caller]
fn end(machine: &Machine) {
    no_pools(machine);
    machine.sh("kill $(cat /run/hv-netapply.pid)");
    machine.until("! pidof hv-netapply >/dev/null");
    adapter::unplug(machine);
}

fn set<'a>(adapter: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    [&["set-ip", adapter], options].concat()
}
