//! Figures of daemons under a real kernel, in one boot: here of KVP daemons, ours, Debian's C daemon, and a null responder;
//! in `backup` of those that freeze, in `time` of those that keep the clock, in `copy` of those that receive files.
//!
//! ```text
//!   this process ── request ──▶ packet link ──▶ guest's kernel ──▶ daemon ──▶ … ── reply ──▶ this process
//! ```
//! One request is outstanding at a time, as the protocol has it; its time is from sending to receiving. All of it is
//! emulated, so milliseconds mean nothing by themselves: each figure stands beside the null responder's in the same round,
//! and what is reported is the ratio, with its spread over the rounds. A heartbeat, which the kernel answers by itself, is
//! the floor under that floor.

mod backup;
mod calls;
mod copy;
mod measure;
mod subject;
mod table;
mod time;

use std::path::Path;

use crate::machine::{Images, Machine, Setup};
use measure::{Operation, Sample, Wire};
use subject::{Medium, Subject, Transport};
use table::Table;

/// Items in the pool.
const SIZES: [u32; 3] = [10, 1_000, 10_000];
/// Rounds; each asks every daemon at every size.
const ROUNDS: usize = 3;
/// Bytes of the guest's disk.
const DISK: u64 = 256 << 20;

/// Measures and prints tables in Markdown: those whose titles contain one of `only` (all, if that is empty).
///
/// # Errors
/// A sentence: a machine did not boot, or a daemon did not answer.
pub fn run(images: &Images, kernel: &str, only: &[String], dir: &Path) -> Result<(), String> {
    let wanted = |title: &str| only.is_empty() || only.iter().any(|part| title.contains(part.as_str()));
    backup::run(images, kernel, dir, wanted)?;
    time::run(images, kernel, dir, wanted)?;
    copy::run(images, kernel, dir, wanted)?;
    if !SERIES.iter().map(|series| series.title).chain([calls::TITLE]).any(wanted) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(all(images, kernel, wanted, dir))
}

async fn all(images: &Images, kernel: &str, wanted: impl Fn(&str) -> bool, dir: &Path) -> Result<(), String> {
    // KVP and heartbeats are this process' own; the rest is left to hv-testhost.
    let setup = Setup { disk: Some(DISK), served: "shutdown".to_owned(), ..Setup::new(kernel) };
    let mut wire = Wire::new(&dir.join("machine"))?;
    let machine = Machine::boot(images, &setup, &dir.join("machine"))?;
    println!(
        "\nKernel {} of the guest; booted in {:.0} s.",
        machine.sh("uname -r").trim(),
        machine.booted_in().as_secs_f64()
    );
    crate::cases::start_bus(&machine);
    crate::cases::plug_adapter(&machine);
    for transport in [Transport::HvUtils, Transport::Uio] {
        transport.prepare(&machine);
        for series in SERIES.iter().filter(|series| wanted(series.title)) {
            series.measure(&machine, &mut wire, transport).await?;
        }
        if wanted(calls::TITLE) {
            calls::count(&machine, &mut wire, transport).await?;
        }
    }
    Ok(())
}

/// What one table is about.
struct Series {
    title: &'static str,
    medium: Medium,
    operations: &'static [Operation],
    sizes: &'static [u32],
    /// Requests of each kind in a round, and how many for the C daemon where it takes half a second and more for one.
    counts: (u32, u32),
}

/// Reads come from memory, whatever the medium. Of the writes only ours are durable before they are answered. An adapter has
/// three addresses, a gateway and a DNS server.
const SERIES: [Series; 4] = [
    Series {
        title: "Reads",
        medium: Medium::RamDisk,
        operations: &Operation::READS,
        sizes: &SIZES,
        counts: (60, 20),
    },
    Series {
        title: "Writes",
        medium: Medium::RamDisk,
        operations: &Operation::WRITES,
        sizes: &SIZES,
        counts: (15, 6),
    },
    Series {
        title: "Writes",
        medium: Medium::VirtioDisk,
        operations: &Operation::WRITES,
        sizes: &SIZES,
        counts: (15, 6),
    },
    Series {
        title: "GET_IP_INFO",
        medium: Medium::RamDisk,
        operations: &Operation::ADAPTER,
        sizes: &[SIZES[0]],
        counts: (60, 5),
    },
];

impl Series {
    async fn measure(&self, machine: &Machine, wire: &mut Wire, transport: Transport) -> Result<(), String> {
        let mut table = Table::new(&format!("{} on {transport}, pool on {}", self.title, self.medium));
        if let Medium::VirtioDisk = self.medium {
            self.medium.mount(machine, 0);
            table.note(&machine.sh("hv-vm-null fsync /var/lib/hyperv/probe 40"));
        }
        for size in self.sizes.iter().copied() {
            for _ in 0..ROUNDS {
                table.round(size, &self.round(machine, wire, transport, size).await?);
            }
        }
        table.print();
        Ok(())
    }

    /// Everybody once, at one size.
    async fn round(
        &self,
        machine: &Machine,
        wire: &mut Wire,
        transport: Transport,
        size: u32,
    ) -> Result<Vec<(&'static str, Sample)>, String> {
        let mut round = vec![("heartbeat (kernel)", wire.heartbeat().await?)];
        for subject in Subject::on(transport) {
            self.medium.mount(machine, size);
            subject.start(machine);
            let mut connected = wire.kvp().await?;
            for operation in self.operations {
                let slow = subject == Subject::C && (size == SIZES[2] || *operation == Operation::IpInfo);
                let count = if slow { self.counts.1 } else { self.counts.0 };
                let sample = connected.measure(*operation, size, count).await?;
                round.push((subject.row(*operation), sample));
            }
            subject.end(machine);
        }
        Ok(round)
    }
}
