//! Figures of KVP daemons under a real kernel: ours, Debian's C daemon, and a null responder, in one boot.
//!
//! ```text
//!   this process ── request ──▶ packet link ──▶ guest's kernel ──▶ daemon ──▶ … ── reply ──▶ this process
//! ```
//! One request is outstanding at a time, as the protocol has it; its time is from sending to receiving. All of it is
//! emulated, so milliseconds mean nothing by themselves: each figure stands beside the null responder's in the same round,
//! and what is reported is the ratio, with its spread over the rounds. A heartbeat, which the kernel answers by itself, is
//! the floor under that floor.

mod measure;
mod subject;
mod table;

use std::path::Path;

use crate::machine::{Images, Machine, Setup};
use measure::{Operation, Sample, Wire};
use subject::{Medium, Subject, Transport};
use table::Table;

/// Items in the pool.
const SIZES: [u32; 3] = [10, 1_000, 10_000];
/// Rounds; each asks every daemon at every size.
const ROUNDS: usize = 5;
/// Bytes of the guest's disk.
const DISK: u64 = 256 << 20;

/// Measures and prints tables in Markdown.
///
/// # Errors
/// A sentence: a machine did not boot, or a daemon did not answer.
pub fn run(images: &Images, kernel: &str, dir: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(all(images, kernel, dir))
}

async fn all(images: &Images, kernel: &str, dir: &Path) -> Result<(), String> {
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
    for transport in [Transport::HvUtils, Transport::Uio] {
        transport.prepare(&machine);
        reads(&machine, &mut wire, transport).await?;
        for medium in [Medium::RamDisk, Medium::VirtioDisk] {
            writes(&machine, &mut wire, transport, medium).await?;
        }
    }
    Ok(())
}

/// Reads, from a RAM disk.
async fn reads(machine: &Machine, wire: &mut Wire, transport: Transport) -> Result<(), String> {
    let mut table = Table::new(&format!("Reads on {transport}, pool on a RAM disk"));
    for size in SIZES {
        for _ in 0..ROUNDS {
            let mut round = vec![("heartbeat (kernel)", wire.heartbeat().await?)];
            for subject in Subject::on(transport) {
                Medium::RamDisk.mount(machine, size);
                subject.start(machine);
                let mut connected = wire.kvp().await?;
                for operation in Operation::READS {
                    let count = if size == SIZES[2] && subject == Subject::C { 20 } else { 60 };
                    let sample = connected.measure(operation, size, count).await?;
                    round.push((subject.row(operation), sample));
                }
                subject.end(machine);
                drop(connected);
            }
            table.round(size, &round);
        }
    }
    table.print();
    Ok(())
}

/// Writes; ours and no other is durable before it is answered.
async fn writes(
    machine: &Machine,
    wire: &mut Wire,
    transport: Transport,
    medium: Medium,
) -> Result<(), String> {
    let mut table = Table::new(&format!("Writes on {transport}, pool on {medium}"));
    if let Medium::VirtioDisk = medium {
        medium.mount(machine, 0);
        table.note(&machine.sh("hv-vm-null fsync /var/lib/hyperv/probe 40"));
    }
    for size in SIZES {
        for _ in 0..ROUNDS {
            let mut round: Vec<(&str, Sample)> = Vec::new();
            for subject in Subject::on(transport) {
                medium.mount(machine, size);
                subject.start(machine);
                let mut connected = wire.kvp().await?;
                for operation in Operation::WRITES {
                    let count = if size == SIZES[2] && subject == Subject::C { 6 } else { 15 };
                    let sample = connected.measure(operation, size, count).await?;
                    round.push((subject.row(operation), sample));
                }
                subject.end(machine);
                drop(connected);
            }
            table.round(size, &round);
        }
    }
    table.print();
    Ok(())
}
