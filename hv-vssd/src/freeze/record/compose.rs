//! The bytes of a new record, as [`super`] describes them.

use super::{BOOT_ID_BYTES, HEADER, MAGIC, SLOT, VERSION, number};
use crate::plan::Entry;
use crate::report::Origin;
use std::os::unix::ffi::OsStrExt;

/// A record of which nothing is done yet.
pub(super) fn compose(entries: &[Entry], origin: Origin, now_us: u64, boot_id: &str) -> Vec<u8> {
    let names: usize = entries.iter().map(|entry| entry.mount.as_os_str().len() + entry.kind.len()).sum();
    let (start, bytes) = (HEADER + entries.len() * SLOT, HEADER + entries.len() * SLOT + names);
    let mut content = vec![0; bytes.next_multiple_of(8)];
    let mut put = |at: usize, data: &[u8]| content[at..at + data.len()].copy_from_slice(data);
    put(0, &MAGIC);
    put(8, &VERSION.to_le_bytes());
    put(12, &number(entries.len()).to_le_bytes());
    put(16, &(if origin == Origin::Host { 1_u32 } else { 2 }).to_le_bytes());
    put(32, &now_us.to_le_bytes());
    put(64, &boot_id.as_bytes()[..boot_id.len().min(BOOT_ID_BYTES)]);
    put(104, &number(start).to_le_bytes());
    put(108, &number(names).to_le_bytes());
    let mut at = 0;
    for (index, entry) in entries.iter().enumerate() {
        let slot = HEADER + index * SLOT;
        let (mount, kind) = (entry.mount.as_os_str().as_bytes(), entry.kind.as_bytes());
        put(slot + 8, &entry.device.major.to_le_bytes());
        put(slot + 12, &entry.device.minor.to_le_bytes());
        put(slot + 16, &entry.mount_id.to_le_bytes());
        put(slot + 24, &u32::from(entry.level).to_le_bytes());
        put(slot + 28, &number(at).to_le_bytes());
        put(slot + 32, &number(mount.len()).to_le_bytes());
        put(slot + 36, &number(kind.len()).to_le_bytes());
        put(start + at, mount);
        put(start + at + mount.len(), kind);
        at += mount.len() + kind.len();
    }
    content
}
