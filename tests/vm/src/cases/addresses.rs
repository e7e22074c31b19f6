//! What a host is told about a guest's network adapter: by the C daemon and by ours, side by side, and by ours in binary.
//!
//! Between the questions the guest's network changes: what a daemon keeps of it has to be right at the next question.

use serde_json::Value;

use super::adapter::{self, MAC};
use super::differences::{Difference, differ};
use super::guest::{c_kvpd, end_c_kvpd, kvp_status, kvpd, kvpd_on_uio, no_pools};
use super::scenario::{Told, status_or_broken};
use crate::machine::Machine;
use crate::trace::{Calls, Watch};

/// What is done in the guest, and the question after it.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("", &["get-ip", MAC]),
    ("", &["get-ip", "00:15:5d:01:02:03"]),
    ("", &["get-ip", "00-15-5D-01-02-03"]),
    ("", &["get-ip", "00155D010203"]),
    ("", &["get-ip", "00:15:5D:01:02:04"]),
    ("", &["get-ip", "00:00:00:00:00:00"]),
    ("ip address add 192.0.2.6/24 dev eth0", &["get-ip", MAC]),
    ("ip address delete 192.0.2.6/24 dev eth0; ip -6 route add default via 2001:db8::1", &["get-ip", MAC]),
    ("ip link set eth0 down", &["get-ip", MAC]),
];

/// The first answer: what [`adapter::plug`] has given the adapter.
const FIRST: &str = "192.0.2.5/255.255.255.0 2001:db8::5/64 fe80::215:5dff:fe01:203/64, \
                     gateways 192.0.2.1, DNS 192.0.2.53, DHCP no, type 4098";

/// The C daemon and ours.
const KNOWN: &[Difference] = &[
    // One notation of a MAC address is the C daemon's.
    ("get-ip 00:15:5d:01:02:03", "status 0x80004005", FIRST),
    ("get-ip 00-15-5D-01-02-03", "status 0x80004005", FIRST),
    ("get-ip 00155D010203", "status 0x80004005", FIRST),
    // The loopback is an adapter to the C daemon, though one without addresses.
    ("get-ip 00:00:00:00:00:00", ", gateways , DNS , DHCP no, type null", "status 0x80004005"),
    // An address that is not in use is none to us.
    (
        "ip link set eth0 down; then get-ip 00:15:5D:01:02:03",
        "192.0.2.5/255.255.255.0, gateways , DNS 192.0.2.53, DHCP no, type 4096",
        ", gateways , DNS 192.0.2.53, DHCP no, type null",
    ),
];

/// Requests over which system calls are counted, beside one.
const COUNTED: u32 = 5;
/// System calls that an answer from memory may cost.
const MOST_CALLS: u32 = 15;

pub(super) fn c_daemon_and_kvpd_side_by_side(machine: &mut Machine) {
    no_pools(machine);
    adapter::plug(machine);
    c_kvpd(machine);
    let theirs = hold(machine);
    end_c_kvpd(machine);
    adapter::unplug(machine);
    adapter::plug(machine);
    kvpd(machine, "hv_utils");
    let ours = hold(machine);
    assert_eq!(ours[0].answer, FIRST);
    differ("the C daemon", &theirs, &ours, KNOWN);
    end(machine);
}

pub(super) fn answer_from_memory_makes_few_calls(machine: &mut Machine) {
    no_pools(machine);
    adapter::plug(machine);
    kvpd(machine, "hv_utils");
    machine.ask(&["get-ip", MAC]).done();
    let one = counted(machine, 1);
    let calls = counted(machine, 1 + COUNTED).beyond(one, COUNTED);
    assert!(calls.calls <= MOST_CALLS && calls.processes == 0, "an answer from memory: {calls:?}");
    end(machine);
}

pub(super) fn binary_form_on_the_raw_channel(machine: &mut Machine) {
    no_pools(machine);
    adapter::plug(machine);
    kvpd_on_uio(machine, "uio");
    let status = kvp_status(machine);
    assert_eq!(status["message_version"], "5.0", "{status}");
    let told = hold(machine);
    assert_eq!(told[0].answer, format!("{FIRST}, origins 2 2 1"));
    end(machine);
}

fn end(machine: &Machine) {
    no_pools(machine);
    adapter::unplug(machine);
}

#[track_caller]
fn counted(machine: &Machine, requests: u32) -> Calls {
    let watch = Watch::begin(machine, "/run/hv-kvpd.pid");
    for _ in 0..requests {
        machine.ask(&["get-ip", MAC]).done();
    }
    watch.end()
}

fn hold(machine: &Machine) -> Vec<Told> {
    let ask = |(change, question): &(&str, &[&str])| {
        if !change.is_empty() {
            machine.sh(change);
        }
        let after = if change.is_empty() { String::new() } else { format!("{change}; then ") };
        Told { asked: format!("{after}{}", question.join(" ")), answer: told(machine, question) }
    };
    QUESTIONS.iter().map(ask).collect()
}

/// The answer to one question, in a line.
#[track_caller]
pub(super) fn told(machine: &Machine, question: &[&str]) -> String {
    let answer = machine.ask(question);
    status_or_broken(&answer, |object| configuration(&object["configuration"]))
}

fn configuration(told: &Value) -> String {
    let list = |name: &str| -> Vec<String> {
        let entries = told[name].as_array().into_iter().flatten();
        entries.map(|entry| entry.as_str().map_or_else(|| entry.to_string(), str::to_owned)).collect()
    };
    let addresses = list("IPAddresses").into_iter().zip(list("Subnets"));
    let addresses: Vec<String> = addresses.map(|(ip, subnet)| format!("{ip}/{subnet}")).collect();
    let (gateways, dns, origins) = (list("DefaultGateways"), list("DNSServers"), list("IPAddressOrigins"));
    let dhcp = if told["DHCPEnabled"] == true { "yes" } else { "no" };
    let origins = if origins.is_empty() { String::new() } else { format!(", origins {}", origins.join(" ")) };
    format!(
        "{}, gateways {}, DNS {}, DHCP {dhcp}, type {}{origins}",
        addresses.join(" "),
        gateways.join(" "),
        dns.join(" "),
        told["ProtocolIFType"]
    )
}
