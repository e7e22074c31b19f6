//! How fast a file of 24 MiB arrives, in one boot: by hv-fcopyd, by the kernel's own C daemon (built for this, no Debian
//! package has it), and by a receiver that answers and writes nothing: the floor, which is the emulated machine's.
//!
//! All on the raw channel. The host has one message of 6 KiB under way at a time, as the protocol has it.

use std::path::Path;

use crate::cases::copy::{source, sum};
use crate::machine::{Images, Machine, Setup, fail};
use crate::trace::Watch;

const RATE: &str = "File copy";
const CALLS: &str = "System calls of a file copy";

/// Bytes of the file.
const FILE: u64 = 24 << 20;
const MIB: u64 = 1 << 20;
/// MiB over which system calls are shared out, beside one.
const MORE: u32 = 4;
const ROUNDS: usize = 3;
/// Memory of the guest, MB, and of its disk, bytes.
const MEMORY: u32 = 1024;
const DISK: u64 = 256 << 20;
/// Where the file goes.
const ROOT: &str = "/var/incoming";
const PID_FILE: &str = "/run/copy.pid";

/// Who receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// Answers at once and writes nothing.
    Null,
    /// tools/hv/hv_fcopy_uio_daemon.c
    C,
    /// hv-fcopyd.
    Ours,
}

/// What one file cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// MiB/s, as the host sees it from START to the answer to COMPLETE.
    rate: f64,
    /// Processor time of the receiver, s.
    busy: f64,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Subject::Null => "null receiver",
            Subject::C => "`hv_fcopy_uio_daemon`",
            Subject::Ours => "`hv-fcopyd`",
        }
    }

    #[track_caller]
    fn start(self, machine: &Machine) {
        let command = match self {
            Subject::Null => "hv-vm-null uio fcopy",
            Subject::C => "hv_fcopy_uio_daemon -n",
            Subject::Ours => "hv-fcopyd --config /run/copy.toml --channel uio --log-format text",
        };
        machine.sh(&format!("setsid {command} >/run/copy.log 2>&1 </dev/null & echo $! >{PID_FILE}"));
        machine.ask(&["wait-guest", "fcopy"]).done();
    }

    #[track_caller]
    fn end(self, machine: &Machine) {
        machine.sh(&format!("kill $(cat {PID_FILE})"));
        machine.until(&format!("! kill -0 $(cat {PID_FILE}) 2>/dev/null"));
    }

    /// Sends a file of so many bytes, looks whether it is there, and removes it.
    #[track_caller]
    fn receive(self, machine: &Machine, bytes: u64) -> Cost {
        let source = source(machine, bytes);
        let before = busy(machine);
        let target = format!("{ROOT}/file");
        let object = machine.ask(&["copy-vmfile", source.to_str().unwrap_or_default(), &target]).done();
        let cost = Cost {
            rate: object["mib_per_second"].as_f64().unwrap_or(f64::NAN),
            busy: busy(machine) - before,
        };
        if self != Subject::Null {
            let there = machine.sh(&format!("sha256sum {target}"));
            if there.split(' ').next() != Some(sum(&source).as_str()) {
                fail(&format!("{} received another file", self.name()));
            }
            machine.sh(&format!("rm {target}"));
        }
        cost
    }
}

/// Processor time of the receiver so far, s.
#[track_caller]
fn busy(machine: &Machine) -> f64 {
    let told = machine.sh(&format!("awk '{{print $14 + $15}}' /proc/$(cat {PID_FILE})/stat"));
    told.trim().parse::<f64>().unwrap_or(f64::NAN) / 100.0
}

/// Measures and prints tables in Markdown, those whose titles are wanted.
pub(super) fn run(
    images: &Images,
    kernel: &str,
    dir: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), String> {
    if !wanted(RATE) && !wanted(CALLS) {
        return Ok(());
    }
    let setup = Setup::new(kernel).served("heartbeat,shutdown,fcopy");
    let setup = Setup { memory: MEMORY, disk: Some(DISK), capture: false, ..setup };
    let machine = Machine::boot(images, &setup, &dir.join("copy"))?;
    crate::cases::start_bus(&machine);
    crate::cases::bind_fcopy(&machine);
    machine.sh(&format!(
        "mkdir -p {ROOT}; printf '[file-copy]\\nenabled = true\\nroots = [\"{ROOT}\"]\\nmin-free-mib = 16\\n' >/run/copy.toml"
    ));
    let mut subjects = vec![Subject::Null, Subject::Ours];
    if machine.guest("command -v hv_fcopy_uio_daemon").code == 0 {
        subjects.insert(1, Subject::C);
    } else {
        println!("\nThe C daemon is not there: tests/vm/run has said why.");
    }
    let kernel = machine.sh("uname -r");
    if wanted(RATE) {
        for (medium, prepare) in [
            ("memory (tmpfs)", format!("mount -t tmpfs tmpfs {ROOT}")),
            (
                "an ext4 on a virtio disk",
                format!("mkfs.ext4 -q -F /dev/vda && mount -t ext4 /dev/vda {ROOT}"),
            ),
        ] {
            machine.sh(&prepare);
            println!("\n### {RATE}, 24 MiB to {medium}, uio, kernel {}\n", kernel.trim());
            rates(&machine, &subjects);
            machine.sh(&format!("umount {ROOT}"));
        }
    }
    if wanted(CALLS) {
        machine.sh(&format!("mount -t tmpfs tmpfs {ROOT}"));
        println!("\n### {CALLS}, for each MiB (171 messages)\n");
        calls(&machine, &subjects);
    }
    Ok(())
}

#[track_caller]
fn rates(machine: &Machine, subjects: &[Subject]) {
    let mut all = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (costs, subject) in all.iter_mut().zip(subjects) {
            subject.start(machine);
            costs.push(subject.receive(machine, FILE));
            subject.end(machine);
        }
    }
    println!("| | MiB/s (rounds) | × null (lowest–highest round) | processor time, s (rounds) |");
    println!("| --- | --- | --- | --- |");
    for (subject, costs) in subjects.iter().zip(&all) {
        let shown = |of: fn(&Cost) -> f64| {
            costs.iter().map(|cost| format!("{:.2}", of(cost))).collect::<Vec<_>>().join(" / ")
        };
        let mut ratios: Vec<f64> =
            costs.iter().zip(&all[0]).map(|(cost, null)| cost.rate / null.rate).collect();
        ratios.sort_by(f64::total_cmp);
        let at = |place: usize| ratios.get(place).copied().unwrap_or(f64::NAN);
        println!(
            "| {} | {} | {:.2} ({:.2}–{:.2}) | {} |",
            subject.name(),
            shown(|cost| cost.rate),
            at(ROUNDS / 2),
            at(0),
            at(ROUNDS - 1),
            shown(|cost| cost.busy),
        );
    }
}

#[track_caller]
fn calls(machine: &Machine, subjects: &[Subject]) {
    println!("| | system calls |\n| --- | --- |");
    for subject in subjects {
        subject.start(machine);
        let watched = |mib: u64| {
            let watch = Watch::begin(machine, PID_FILE);
            subject.receive(machine, mib * MIB);
            watch.end()
        };
        let one = watched(1);
        let each = watched(1 + u64::from(MORE)).beyond(one, MORE);
        subject.end(machine);
        println!("| {} | {} |", subject.name(), each.calls);
    }
}
