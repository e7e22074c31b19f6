//! The processes of a world, found by the mount namespace that they are in.
//!
//! A guardian outlives its daemon on purpose, a hook its runner, and neither has its parent's environment: who wants to end them
//! all can go by nothing else. Reads `/proc` only; what has ended meanwhile is not there.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// Those in the mount namespace of this thread, this process apart.
pub(crate) fn here() -> Vec<Pid> {
    let world = std::fs::read_link("/proc/thread-self/ns/mnt").unwrap();
    let own = rustix::process::getpid();
    let numbers = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let number: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        Pid::from_raw(number)
    });
    // One that has ended and was not waited for is in none.
    numbers.filter(|pid| *pid != own && namespace(*pid).as_ref() == Some(&world)).collect()
}

fn namespace(pid: Pid) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()
}

/// Arguments of a process; none if it has ended.
pub(crate) fn arguments(pid: Pid) -> Vec<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Waits until no process of the world has the file `name` among its arguments: what a daemon that was killed had started
/// has ended too. A mark which it leaves is made a moment earlier.
#[track_caller]
pub(crate) fn wait_gone(name: &str) {
    let runs = |pid: &Pid| arguments(*pid).iter().any(|word| Path::new(word).ends_with(name));
    super::until("what was started has ended", || !here().iter().any(runs));
}

/// Field `number` of its `stat`, counted from 1 as in proc(5), after the name.
pub(crate) fn field(pid: Pid, thread: Option<u64>, number: usize) -> Option<String> {
    let path = match thread {
        Some(thread) => format!("/proc/{pid}/task/{thread}/stat"),
        None => format!("/proc/{pid}/stat"),
    };
    let text = std::fs::read_to_string(path).ok()?;
    let (_, after) = text.rsplit_once(')')?;
    after.split_whitespace().nth(number - 3).map(str::to_owned)
}

/// Whether one of its threads waits for a disk, unkillably.
pub(crate) fn waits_for_a_disk(pid: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let numbers = threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.into_iter().any(|thread| field(pid, Some(thread), 3).as_deref() == Some("D"))
}

/// Waits until a process that was stopped has: all of its threads. One that somebody has killed meanwhile stands still too.
#[track_caller]
pub(crate) fn wait_stopped(pid: Pid) {
    let stands = |state: Option<String>| state.is_none_or(|state| ["T", "Z", "X"].contains(&state.as_str()));
    super::until("it is stopped", || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let mut numbers = threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.all(|thread| stands(field(pid, Some(thread), 3)))
    });
}

/// Waits until a process of the world that was killed is dead: it needs the processor once more for that.
#[track_caller]
pub(crate) fn wait_dead(pid: Pid) {
    super::until("what was killed is dead", || !here().contains(&pid));
}

/// Page faults (minor, major) and bytes written to disks, of the process and all its threads.
pub(crate) fn toll(pid: Pid) -> [u64; 3] {
    let number = |field: Option<String>| field.and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).map(str::to_owned);
    [number(field(pid, None, 10)), number(field(pid, None, 12)), number(written)]
}

/// Its mappings of files that are not locked into memory: the kernel may drop their pages, and then has to read them again.
pub(crate) fn not_locked(pid: Pid) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut mapping = "";
    let mut loose = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("VmFlags: ") {
            // Addresses, permissions, offset, device, inode, path.
            None if line.split(' ').next().is_some_and(|word| word.contains('-')) => mapping = line,
            Some(flags) if mapping.contains(" /") && !flags.split(' ').any(|flag| flag == "lo") => {
                loose.push(mapping.to_owned());
            }
            _ => {}
        }
    }
    loose
}

/// Kills it. It may have ended.
pub(crate) fn kill(pid: Pid) {
    let _ = kill_process(pid, Signal::KILL);
}
