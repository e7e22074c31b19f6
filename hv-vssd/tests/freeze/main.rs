//! The whole daemon between a host and real filesystems: what is frozen, how it ends, and that it ends.
//!
//! Filesystems are loop files in a mount namespace of each test's own (`../support`); that needs root and loop devices, and
//! is skipped without them. No test waits for a time but those of the daemon's own deadline.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test, its helpers too, fails by panicking")]

mod answers;
mod bus;
mod checkpoint;
mod ends;
mod fences;
mod guardians;
mod hooks;
mod places;
#[expect(dead_code, reason = "shared with the other tests, which use more of it")]
#[path = "../support/record.rs"]
mod record;
mod refusals;
mod stacked;
mod stops;

#[expect(dead_code, reason = "shared with the other tests, which use more of it")]
#[path = "../support/mod.rs"]
mod support;

use support::{Disk, Kind, World, skipped};

/// One filesystem of each type that can be had here.
fn one_of_each(test: &str, world: &World) -> Vec<Disk> {
    let wanted = [Kind::Ext4, Kind::Xfs, Kind::Btrfs, Kind::F2fs];
    let made = wanted.into_iter().filter_map(|kind| match kind.missing() {
        None => Some(world.disk(kind.name(), kind)),
        Some(why) => {
            skipped(&format!("{test}: {}", kind.name()), &why);
            None
        }
    });
    made.collect()
}

/// That none of these is frozen. Not while somebody may still be thawing them.
#[track_caller]
fn none_frozen<'a>(disks: impl IntoIterator<Item = &'a Disk>) {
    for disk in disks {
        assert!(!disk.thaw(), "{} was frozen", disk.mount.display());
    }
}

/// That all of these are frozen.
#[track_caller]
fn all_frozen<'a>(disks: impl IntoIterator<Item = &'a Disk>) {
    for disk in disks {
        assert!(disk.is_frozen(), "{} was not frozen", disk.mount.display());
    }
}
