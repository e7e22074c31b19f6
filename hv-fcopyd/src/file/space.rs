//! Room for a file: what it needs is taken before its first byte, and what is to stay free stays free.

use crate::target::Refusal;
use hv_utils_core::wire::Status;
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// Takes `size` bytes; `false`: the filesystem cannot promise them.
pub(super) fn reserve(file: &OwnedFd, size: u64, min_free: u64) -> Result<bool, Refusal> {
    check(file, size, min_free)?;
    if size == 0 {
        return Ok(true);
    }
    let reserved = loop {
        match fallocate(file, FallocateFlags::empty(), 0, size) {
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => break false,
            other => {
                other.map_err(|error| Refusal::of(error, &format!("make room for {size} bytes")))?;
                break true;
            }
        }
    };
    // What the filesystem needs for itself, and others who write meanwhile.
    check(file, 0, min_free)?;
    Ok(reserved)
}

/// Whether `size` bytes and those that are to stay free are there, as they are for who is not root.
pub(super) fn check(file: &OwnedFd, size: u64, min_free: u64) -> Result<(), Refusal> {
    let room = fstatvfs(file).map_err(|error| Refusal::of(error, "look how much is free"))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    // Some filesystems do not say.
    if room.f_blocks == 0 || size.checked_add(min_free).is_some_and(|needed| needed <= free) {
        return Ok(());
    }
    let why = format!("{size} bytes do not fit: {free} are free, and {min_free} are to stay so");
    Err(Refusal::new(Status::DISK_FULL, why))
}
