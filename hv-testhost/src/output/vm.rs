//! How the virtual machine looks: a table of one line, as `Get-VM` has it, or JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::hex::printable;
use crate::outcome::VmState;

/// A heading and a line.
pub(super) fn text(vm: &VmState) -> String {
    let name = printable(&vm.name);
    // At least as wide as its heading.
    let width = name.chars().count().max(4);
    let uptime = vm.uptime.map_or_else(|| "-".to_owned(), at_least);
    let line = |name: &str, state: &str, heartbeat: &str, uptime: &str| {
        format!("{name:<width$}  {state:<7}  {heartbeat:<22}  {uptime}\n")
    };
    let heading = line("NAME", "STATE", "HEARTBEAT", "UPTIME");
    heading + &line(&name, state(vm), vm.heartbeat, &uptime)
}

/// The same for a program.
pub(super) fn json(vm: &VmState) -> Value {
    json!({
        "kind": "vm",
        "name": vm.name,
        "state": state(vm),
        "heartbeat": vm.heartbeat,
        "uptime_at_least_seconds": vm.uptime.map(|uptime| uptime.as_secs()),
    })
}

fn state(vm: &VmState) -> &'static str {
    if vm.running { "Running" } else { "Off" }
}

/// Hours, minutes, seconds. How long the machine ran before this host met it is not known.
fn at_least(uptime: Duration) -> String {
    let seconds = uptime.as_secs();
    format!("at least {}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
