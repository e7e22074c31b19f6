//! What cases do in a guest whose init is systemd: daemons as their units, settings, and what the host sees of the machine.

use std::time::{Duration, Instant};

use crate::machine::{Answer, Machine, fail};

/// Daemons, and the part of their name on the bus that is their own.
pub(super) const DAEMONS: [(&str, &str); 6] = [
    ("hv-kvpd", "Kvp1"),
    ("hv-vssd", "Vss1"),
    ("hv-timesyncd", "TimeSync1"),
    ("hv-shutdownd", "Shutdown1"),
    ("hv-heartbeatd", "Heartbeat1"),
    ("hv-fcopyd", "FileCopy1"),
];
/// Only a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

/// Has a daemon run as its unit, with this in the configuration file, which holds nothing else; waits until its host has
/// negotiated with it on the raw channel.
#[track_caller]
pub(super) fn daemon(machine: &Machine, name: &str, settings: &str) {
    machine.sh(&format!("mkdir -p /etc/hv-utils; printf '%b' '{settings}' >/etc/hv-utils/hv-utils.toml"));
    machine.sh(&format!("systemctl reset-failed; systemctl restart {name} || {{ journalctl -u {name} --no-pager >&2; exit 1; }}"));
    ready(machine, name);
}

/// Waits until a daemon's channel is the raw one and negotiated.
#[track_caller]
pub(super) fn ready(machine: &Machine, name: &str) {
    machine.until(&format!("[ \"{}\" = ready ]", property(name, "ChannelState")));
    assert_eq!(machine.sh(&format!("echo {}", property(name, "Transport"))).trim(), "uio", "{name}");
}

/// A property of a daemon's, as a part of a script.
fn property(name: &str, property: &str) -> String {
    let own = DAEMONS.iter().find(|(daemon, _)| *daemon == name).map_or("", |(_, own)| own);
    format!(
        "$(busctl get-property org.hvutils.{own} /org/hvutils/{own} org.hvutils.Service1 {property} \
         | sed 's/^s \"\\(.*\\)\"$/\\1/')"
    )
}

/// What the host shows of the machine's heartbeat, once it is this.
#[track_caller]
pub(super) fn heartbeat_is(machine: &Machine, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let object = machine.ask(&["get-vm"]).done();
        if object["heartbeat"] == wanted {
            return;
        }
        if Instant::now() > deadline {
            fail(&format!("the host never shows {wanted}: {object}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The status with which the guest refused.
#[track_caller]
pub(super) fn refused_with(answer: Answer, status: &str) {
    let object = answer.with_code(1).object;
    assert_eq!(object["error"]["status"], status, "{object}");
}
