//! What hv-vssd's record of its last freeze says, for when there is no daemon and no bus to be asked.
//!
//! `RUN_DIR/hv-vssd.frozen` stays after a freeze that was thawed by somebody else, so that it is there says nothing: the
//! steps in it do. Its layout is in `hv-vssd/src/freeze/record.rs`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8] = b"HVFROZEN";
const HEADER: usize = 256;
const SLOT: usize = 64;
/// 4096 filesystems, and all that is read.
const MOST_BYTES: u64 = 256 + 4096 * 64;
/// Steps of a filesystem that is not frozen by us: idle, thawed, refused.
const NOT_FROZEN: [u32; 3] = [0, 5, 6];

/// Whether anything may be frozen, by what the record says of this boot.
#[must_use]
pub fn may_be_frozen(run_dir: &Path, proc_root: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(run_dir.join("hv-vssd.frozen"))
        .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    let boot = std::fs::read_to_string(proc_root.join("sys/kernel/random/boot_id")).unwrap_or_default();
    read.is_ok() && says_so(&bytes, boot.trim().as_bytes())
}

fn says_so(bytes: &[u8], boot: &[u8]) -> bool {
    let word =
        |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_le_bytes);
    let of_this_boot = bytes.get(64..64 + boot.len()) == Some(boot);
    if !bytes.starts_with(MAGIC) || !of_this_boot {
        return false;
    }
    let count = usize::try_from(word(12)).unwrap_or(0).min((bytes.len().saturating_sub(HEADER)) / SLOT);
    (0..count).any(|slot| !NOT_FROZEN.contains(&word(HEADER + slot * SLOT)))
}
