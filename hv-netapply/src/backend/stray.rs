//! Managers' commands that this program had started before it was killed: an ifup that waits for a lease and holds its lock,
//! a netplan that is about to write what has been taken back. They are ended before anything is done anew.
//!
//! Only what is certainly ours is ended: in our own control group, leading the group it was started in, and without the
//! parent it had. One of systemd's or of an administrator's is not.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgid, kill_process_group};
use tokio::time::sleep;

/// How often it is looked whether one is gone that was ended, and after which time each.
const LOOKS: u32 = 200;
const BETWEEN: Duration = Duration::from_millis(5);

/// Ends commands of these names, with `argument` among their words where one is given, and all that they have started.
pub(super) async fn end(proc: &Path, commands: &[&str], argument: Option<&str>) {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| is_stray(proc, *number, commands, argument)) {
        let Some(pid) = Pid::from_raw(number) else { continue };
        if !getpgid(Some(pid)).is_ok_and(|group| group == pid) {
            continue;
        }
        tracing::info!("ending process {number}, which was left over: {}", commands.join(" or "));
        let _ = kill_process_group(pid, Signal::KILL);
        for _ in 0..LOOKS {
            if !is_stray(proc, number, commands, argument) {
                break;
            }
            sleep(BETWEEN).await;
        }
    }
}

fn is_stray(proc: &Path, number: i32, commands: &[&str], argument: Option<&str>) -> bool {
    let read = |process: &str, file: &str| fs::read(proc.join(process).join(file)).unwrap_or_default();
    let process = number.to_string();
    let command = read(&process, "comm");
    let command = str::from_utf8(&command).unwrap_or_default().trim();
    if !commands.contains(&command) {
        return false;
    }
    let status = read(&process, "status");
    let status = String::from_utf8_lossy(&status);
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let words = read(&process, "cmdline");
    let said = |argument: &str| words.split(|byte| *byte == 0).any(|word| word == argument.as_bytes());
    value("PPid:") == Some("1")
        && !value("State:").is_some_and(|state| state.starts_with('Z'))
        && argument.is_none_or(said)
        && read(&process, "cgroup") == read("self", "cgroup")
}

#[cfg(test)]
mod tests;
