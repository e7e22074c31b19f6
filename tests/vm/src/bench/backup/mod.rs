//! How long a guest stands still for a backup: freeze and thaw of many file systems by Debian's C daemon, by qemu-ga, by
//! hv-vssd, and by so many threads that do nothing else, in one boot and in rounds.
//!
//! The C daemon and hv-vssd are asked by the host, qemu-ga and the threads in the guest itself: theirs is the shorter way.
//! File systems are ext4 of 16 MB in memory; a freeze of one costs the waiting of some RCU grace periods and hardly any
//! work, so that what is measured is who waits for them one after the other.

mod cost;
mod subject;
mod table;

use std::path::Path;

use crate::machine::{Images, Machine, Setup};
use subject::Subject;
use table::Table;

const TIMES: &str = "Freeze and thaw";
const CALLS: &str = "System calls of a freeze";
const MEMORY_USED: &str = "Memory of who freezes";

/// Numbers of file systems, how often each is frozen in a round, and rounds.
const SIZES: [(usize, usize, usize); 4] = [(1, 3, 3), (10, 3, 3), (100, 1, 3), (200, 1, 1)];
/// Memory of the guest, MB.
const MEMORY: u32 = 1280;

/// Measures and prints tables in Markdown, those whose titles are wanted.
pub(super) fn run(
    images: &Images,
    kernel: &str,
    dir: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let served = "heartbeat,shutdown,vss".to_owned();
    let setup = Setup { memory: MEMORY, served: served.clone(), ..Setup::new(kernel) };
    if wanted(TIMES) || wanted(CALLS) {
        let machine = Machine::boot(images, &setup, &dir.join("backup"))?;
        crate::cases::start_bus(&machine);
        disks(&machine);
        if wanted(TIMES) {
            times(&machine);
        }
        if wanted(CALLS) {
            println!("\n### {CALLS} and its thaw\n");
            cost::calls(&machine);
        }
    }
    if wanted(MEMORY_USED) {
        let setup = Setup { root: true, served, ..Setup::new(kernel) };
        let machine = Machine::boot(images, &setup, &dir.join("backup-memory"))?;
        crate::cases::start_bus(&machine);
        println!("\n### {MEMORY_USED}, idle after one, kB\n");
        cost::memory(&machine);
    }
    Ok(())
}

#[track_caller]
fn times(machine: &Machine) {
    let mut table = Table::default();
    for (count, times, rounds) in SIZES {
        mount(machine, count);
        for _ in 0..rounds {
            for subject in Subject::ALL {
                subject.start(machine);
                table.add(count, subject, &round(machine, subject, count, times));
                if subject == Subject::Ours {
                    cost::parts(machine, count);
                }
                subject.end(machine);
            }
        }
    }
    table.print(&format!("{TIMES}, hv_utils, kernel {}", machine.sh("uname -r").trim()));
}

/// Two hundred disks with an ext4, which is made once.
#[track_caller]
fn disks(machine: &Machine) {
    machine.sh("modprobe brd rd_nr=201 rd_size=16384; mkfs.ext4 -q -F -b 4096 /dev/ram0; \
         dd if=/dev/ram0 of=/run/image bs=1M 2>/dev/null; mkdir -p /d; \
         hv-vm-disks copy /run/image $(for i in $(seq 1 200); do echo /dev/ram$i; done); rm /run/image");
}

/// Has the first so many of them mounted.
#[track_caller]
fn mount(machine: &Machine, count: usize) {
    machine.sh(&format!(
        "for i in $(seq 1 {count}); do grep -q \" /d/$i \" /proc/mounts || \
         {{ mkdir -p /d/$i; mount -t ext4 /dev/ram$i /d/$i || exit 1; }}; done"
    ));
}

/// What one freeze has cost, in ms.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Until the answer to the freeze.
    freeze: f64,
    /// Until the answer to the thaw.
    thaw: f64,
    /// The longest write of all writers, and of the middle one; 0 without writers.
    longest: f64,
    median: f64,
}

/// Freezes without writers and with, so many times each.
#[track_caller]
fn round(machine: &Machine, subject: Subject, count: usize, times: usize) -> Vec<(Cost, Cost)> {
    // The first one after the mount, or after another subject, has more to write than the others.
    subject.freeze(machine, count);
    let idle: Vec<Cost> = (0..times).map(|_| subject.freeze(machine, count)).collect();
    let interval = if count < 100 { 20 } else { 100 };
    machine.sh(&format!(
        "setsid hv-vm-disks write {interval} $(for i in $(seq 1 {count}); do echo /d/$i/written; done) \
         >/run/writers.log 2>&1 </dev/null & echo $! >/run/writers.pid"
    ));
    machine.until("hv-vm-disks writers");
    let busy = (0..times).map(|_| {
        machine.sh("hv-vm-disks writers");
        let cost = subject.freeze(machine, count);
        let told = machine.sh("hv-vm-disks writers");
        let number = |place| told.split_whitespace().nth(place).and_then(|us: &str| us.parse::<f64>().ok());
        let ms = |place| number(place).unwrap_or(f64::NAN) / 1e3;
        Cost { longest: ms(1), median: ms(3), ..cost }
    });
    let busy: Vec<Cost> = busy.collect();
    machine.sh("kill -KILL $(cat /run/writers.pid)");
    machine.until("! kill -0 $(cat /run/writers.pid) 2>/dev/null");
    idle.into_iter().zip(busy).collect()
}
