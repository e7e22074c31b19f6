//! System calls and processes that one answer about a network adapter costs, by strace in a run of its own: it slows what it
//! watches.

use super::measure::{Connected, Operation, Wire};
use super::subject::{PID_FILE, Subject, Transport};
use crate::machine::Machine;
use crate::trace::{Calls, Watch};

/// Requests over which the calls are shared out, beside one.
const MORE: u32 = 5;

pub(super) const TITLE: &str = "System calls of one GET_IP_INFO";

/// Counts, and prints a table in Markdown.
pub(super) async fn count(machine: &Machine, wire: &mut Wire, transport: Transport) -> Result<(), String> {
    println!("\n### {TITLE} on {transport}\n");
    println!("| | system calls | processes made | programs begun |\n| --- | --- | --- | --- |");
    for subject in Subject::on(transport) {
        subject.start(machine);
        let mut connected = wire.kvp().await?;
        connected.measure(Operation::IpInfo, 0, 1).await?;
        let one = watched(machine, &mut connected, 1).await?;
        let each = watched(machine, &mut connected, 1 + MORE).await?.beyond(one, MORE);
        subject.end(machine);
        let Calls { calls, processes, programs } = each;
        println!("| {} | {calls} | {processes} | {programs} |", subject.row(Operation::IpInfo));
    }
    Ok(())
}

async fn watched(machine: &Machine, connected: &mut Connected, requests: u32) -> Result<Calls, String> {
    let watch = Watch::begin(machine, PID_FILE);
    connected.measure(Operation::IpInfo, 0, requests).await?;
    Ok(watch.end())
}
