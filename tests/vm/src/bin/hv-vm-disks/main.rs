//! What the guest of a backup needs: many disks made from one, writers that know how long they were held up, the floor of a
//! freeze, and a client for the agent of QEMU.
//!
//! usage: hv-vm-disks copy IMAGE DEVICE…          writes to each device what is not zero in IMAGE
//!        hv-vm-disks write INTERVAL-MS FILE…     a writer for each file, for ever; reports at /run/writers.sock
//!        hv-vm-disks writers                     a report of them: each must get on; then they count anew
//!        hv-vm-disks freeze THREADS HOLD-MS DIRECTORY…    freezes and thaws, and does nothing else
//!        hv-vm-disks thaw DIRECTORY…             thaws what is frozen
//!        hv-vm-disks qga COMMAND…                asks qemu-ga at /run/qga.sock; how long each answer took

mod agent;
mod freeze;
mod writers;

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["copy", image, ref devices @ ..] => copy(image, devices),
        ["write", interval, ref files @ ..] => writers::write(interval.parse()?, files),
        ["writers"] => writers::report(),
        ["freeze", threads, hold, ref directories @ ..] => {
            freeze::freeze(threads.parse()?, hold.parse()?, directories)
        }
        ["thaw", ref directories @ ..] => freeze::thaw(directories),
        ["qga", ref commands @ ..] => agent::ask(commands),
        _ => Err("usage: see the beginning of hv-vm-disks/main.rs".into()),
    }
}

/// Bytes that are looked at at once.
const BLOCK: usize = 4096;

fn copy(image: &str, devices: &[&str]) -> Outcome {
    let image = std::fs::read(image)?;
    for device in devices {
        let device = File::options().write(true).open(device)?;
        for (number, block) in (0..).zip(image.chunks(BLOCK)) {
            if block.iter().any(|byte| *byte != 0) {
                device.write_all_at(block, number * BLOCK as u64)?;
            }
        }
    }
    Ok(())
}
