//! An ifup that this program had started before it was killed, and that still waits for a lease: it holds ifupdown's lock
//! of the interface, and would bring up what nobody wants any more.
//!
//! Only what is certainly ours is ended: an ifup or ifdown of this interface, in our own control group, whose parent is gone.
//! One of systemd's or of an administrator's is waited for.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, getpgid, kill_process_group};

use crate::backend::Roots;

/// Ends it, with the DHCP client that it waits for.
pub(super) fn end(roots: &Roots, interface: &str) {
    for name in ["ifup", "ifdown"] {
        let file = roots.run.join("network").join(format!("{name}-{interface}.pid"));
        let Some(number) = fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<i32>().ok())
        else {
            continue;
        };
        let Some(pid) = Pid::from_raw(number).filter(|_| is_stray(&roots.proc, number)) else { continue };
        // It leads the group that it was started in; what is in it goes, too.
        if getpgid(Some(pid)).is_ok_and(|group| group == pid) {
            tracing::info!("ending {name} of {interface}, which was left over (process {number})");
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

fn is_stray(proc: &Path, number: i32) -> bool {
    let read =
        |process: &str, file: &str| fs::read_to_string(proc.join(process).join(file)).unwrap_or_default();
    let process = number.to_string();
    let command = read(&process, "comm");
    let status = read(&process, "status");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).map(str::trim);
    let group = read(&process, "cgroup");
    matches!(command.trim(), "ifup" | "ifdown") && parent == Some("1") && group == read("self", "cgroup")
}

#[cfg(test)]
mod tests;
