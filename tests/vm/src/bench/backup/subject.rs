//! Who freezes.

use super::Cost;
use crate::machine::{Machine, fail};

/// Where the number of the process that is measured is.
pub(super) const PID_FILE: &str = "/run/subject.pid";

/// What freezes and thaws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// So many threads that do nothing else; one thaws.
    Floor(u32),
    /// Debian's hv_vss_daemon.
    C,
    /// Debian's qemu-ga.
    Qga,
    /// hv-vssd.
    Ours,
}

impl Subject {
    pub(super) const ALL: [Subject; 5] =
        [Subject::Floor(32), Subject::Floor(64), Subject::C, Subject::Qga, Subject::Ours];

    pub(super) fn name(self) -> String {
        match self {
            Subject::Floor(threads) => format!("{threads} threads, nothing else"),
            Subject::C => "`hv_vss_daemon`".to_owned(),
            Subject::Qga => "`qemu-ga`".to_owned(),
            Subject::Ours => "`hv-vssd`".to_owned(),
        }
    }

    /// Starts it and waits until it can be asked.
    #[track_caller]
    pub(super) fn start(self, machine: &Machine) {
        let (command, there) = match self {
            Subject::Floor(_) => return,
            Subject::C => ("hv_vss_daemon -n", "ls -l /proc/$(cat /run/subject.pid)/fd | grep -q hv_vss"),
            Subject::Qga => {
                ("qemu-ga -m unix-listen -p /run/qga.sock -t /run -f /run/qga.pid", "[ -S /run/qga.sock ]")
            }
            Subject::Ours => {
                ("hv-vssd --log-format text", "ls -l /proc/$(cat /run/subject.pid)/fd | grep -q hv_vss")
            }
        };
        machine.sh(&format!(
            "rm -f /run/qga.sock; setsid {command} >/run/subject.log 2>&1 </dev/null & echo $! >{PID_FILE}"
        ));
        machine.until(there);
    }

    /// Ends it.
    #[track_caller]
    pub(super) fn end(self, machine: &Machine) {
        if let Subject::Floor(_) = self {
            return;
        }
        machine.sh(&format!("kill $(cat {PID_FILE})"));
        machine.until(&format!("! kill -0 $(cat {PID_FILE}) 2>/dev/null"));
    }

    /// Freezes the file systems and thaws them at once.
    #[track_caller]
    pub(super) fn freeze(self, machine: &Machine, count: usize) -> Cost {
        // A file system that has just been thawed freezes without waiting for a grace period: that is nobody's merit.
        machine.sh("sleep 0.5");
        match self {
            Subject::C | Subject::Ours => {
                let told = machine.ask(&["checkpoint-vm"]).done();
                let took = |step: usize| told["steps"][step]["milliseconds"].as_f64().unwrap_or(f64::NAN);
                Cost { freeze: took(1), thaw: took(2), ..Cost::default() }
            }
            Subject::Qga => {
                let told = machine.sh("hv-vm-disks qga guest-fsfreeze-freeze guest-fsfreeze-thaw");
                let frozen = told.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
                // {"return": 100}
                if frozen.trim_end_matches('}') != count.to_string() {
                    fail(&format!("qemu-ga froze other than {count} file systems: {told}"));
                }
                cost(&told, [1, 6])
            }
            Subject::Floor(threads) => cost(
                &machine.sh(&format!(
                    "hv-vm-disks freeze {threads} 0 $(for i in $(seq 1 {count}); do echo /d/$i; done)"
                )),
                [1, 3],
            ),
        }
    }
}

/// Times in µs among words.
fn cost(told: &str, places: [usize; 2]) -> Cost {
    let words: Vec<&str> = told.split_whitespace().collect();
    let ms = |place: usize| words.get(place).and_then(|us| us.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e3;
    Cost { freeze: ms(places[0]), thaw: ms(places[1]), ..Cost::default() }
}
