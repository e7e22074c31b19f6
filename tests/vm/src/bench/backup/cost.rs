//! System calls of a freeze with its thaw, and the memory of who waits for one.

use serde_json::Value;

use super::subject::{PID_FILE, Subject};
use crate::machine::Machine;
use crate::trace::{Calls, Watch};

/// Freezes over which calls are shared out, beside one.
const MORE: u32 = 1;
const DAEMONS: [Subject; 3] = [Subject::C, Subject::Qga, Subject::Ours];

/// Counts, with as many file systems as are mounted: ten, then a hundred.
#[track_caller]
pub(super) fn calls(machine: &Machine) {
    println!("| | 10 file systems | 100 |\n| --- | --- | --- |");
    let rows: Vec<String> = DAEMONS
        .into_iter()
        .map(|subject| {
            let counted = [10, 100].map(|count| {
                unmount_beyond(machine, count);
                super::mount(machine, count);
                count_calls(machine, subject, count).calls.to_string()
            });
            format!("| {} | {} |", subject.name(), counted.join(" | "))
        })
        .collect();
    println!("{}", rows.join("\n"));
}

#[track_caller]
fn unmount_beyond(machine: &Machine, count: usize) {
    machine.sh(&format!("for i in $(seq {} 200); do umount /d/$i 2>/dev/null; done; true", count + 1));
}

#[track_caller]
fn count_calls(machine: &Machine, subject: Subject, count: usize) -> Calls {
    subject.start(machine);
    subject.freeze(machine, count);
    if let Subject::Ours = subject {
        // The guardian is a process of its own.
        machine.sh(&format!("pidof hv-vssd | tr ' ' ',' >{PID_FILE}.all"));
    } else {
        machine.sh(&format!("cp {PID_FILE} {PID_FILE}.all"));
    }
    let watched = |times: u32| {
        let watch = Watch::begin(machine, &format!("{PID_FILE}.all"));
        for _ in 0..times {
            subject.freeze(machine, count);
        }
        watch.end()
    };
    let one = watched(1);
    let calls = watched(1 + MORE).beyond(one, MORE);
    subject.end(machine);
    calls
}

/// Where the time of its last freeze went, as hv-vssd has noted it; to the error output, for whoever looks for it.
#[track_caller]
pub(super) fn parts(machine: &Machine, count: usize) {
    let history = machine.sh("cat /var/lib/hv-utils/hv-vssd/history.json");
    let history: Value = serde_json::from_str(&history).unwrap_or_default();
    let Some(last) = history["records"].as_array().and_then(|records| records.last()) else { return };
    let longest = |name: &str| {
        let times = last["filesystems"].as_array().into_iter().flatten().map(|one| one[name].as_u64());
        times.flatten().max().unwrap_or_default()
    };
    eprintln!(
        "vm: {count} `hv-vssd` itself, us: answered {}, frozen {}; longest sync {}, freeze {}, frozen {}",
        last["answered_us"],
        last["frozen_us"],
        longest("sync_us"),
        longest("freeze_us"),
        longest("frozen_us")
    );
}

/// Idle, after a freeze, with "/" on a disk, so that a program's text is what it is elsewhere: pages of a file.
#[track_caller]
pub(super) fn memory(machine: &Machine) {
    println!("| process | PSS | private | anonymous | threads |\n| --- | --- | --- | --- | --- |");
    for subject in DAEMONS {
        subject.start(machine);
        match subject {
            // It froze "/" as well, which is one.
            Subject::Qga => subject.freeze(machine, 1),
            _ => subject.freeze(machine, 0),
        };
        let name = subject.name();
        print!(
            "{}",
            machine.sh(&format!(
                "for p in $(pidof {}); do awk -v n=\"$(tr '\\0' ' ' </proc/$p/cmdline | cut -c1-40)\" \
                 -v t=\"$(ls /proc/$p/task | wc -l)\" '/^Pss:/ {{pss = $2}} /^Private/ {{private += $2}} \
                 /^Anonymous:/ {{anonymous = $2}} END {{printf \"| %s | %d | %d | %d | %d |\\n\", n, pss, private, \
                 anonymous, t}}' /proc/$p/smaps_rollup; done",
                name.trim_matches('`')
            ))
        );
        subject.end(machine);
    }
}
