//! Real filesystems on loop files and in memory: full, read-only, immutable, without promises of room; and what of a
//! copy is on the disk when the host is told that it is.

use super::super::temporary::Temporary;
use super::super::{Incoming, Rules, sweep};
use crate::target::{Place, Refusal};
use crate::testing::{RULES, World, disk, read_only, skipped, tmpfs, unmounted, with_mounts};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

const MIB: u64 = 1 << 20;

fn place(world: &World) -> Place {
    world.find(&Start { overwrite: true, ..world.start("root", "f") }).unwrap()
}

fn status(result: Result<Incoming, Refusal>) -> Status {
    result.unwrap_err().status
}

#[test]
fn full_filesystem_refuses_at_the_start() {
    with_mounts("full_filesystem_refuses_at_the_start", || {
        let world = World::new();
        tmpfs(&world.path("root"), 1024);
        assert_eq!(status(Incoming::create(place(&world), 2 * MIB, &RULES)), Status(0x8007_0070));
        // What is to stay free stays free.
        let rules = Rules { min_free: MIB / 2, ..RULES };
        assert_eq!(status(Incoming::create(place(&world), 600 << 10, &rules)), Status(0x8007_0070));
        let mut incoming = Incoming::create(place(&world), 400 << 10, &rules).unwrap();
        // What was promised is there, however full it becomes.
        let mut filler = File::create(world.path("root/filler")).unwrap();
        std::io::copy(&mut std::io::repeat(1), &mut filler).unwrap_err();
        incoming.write(0, &vec![7; 400 << 10]).unwrap();
        incoming.complete().unwrap();
        assert_eq!(fs::read(world.path("root/f")).unwrap(), vec![7; 400 << 10]);
        // Full, and a file that needs no room.
        assert_eq!(status(Incoming::create(place(&world), 1, &RULES)), Status(0x8007_0070));
    });
}

#[test]
fn filesystem_that_promises_no_room_is_watched_on_the_way() {
    const TEST: &str = "filesystem_that_promises_no_room_is_watched_on_the_way";
    with_mounts(TEST, || {
        let world = World::new();
        if !disk(TEST, &world.path("root"), "ext2", 64) {
            return;
        }
        let rules = Rules { min_free: 8 * MIB, ..RULES };
        let mut incoming = Incoming::create(place(&world), 40 * MIB, &rules).unwrap();
        assert!(!incoming.reserved, "ext2 has no fallocate");
        // Somebody else writes meanwhile.
        fs::write(world.path("root/theirs"), vec![1; 20 << 20]).unwrap();
        let refused = (0..40).find_map(|at| incoming.write(at * MIB, &[3; 1 << 20]).err());
        assert_eq!(refused.unwrap().status, Status(0x8007_0070));
        incoming.cancel();
        // And to the last byte.
        let mut incoming = Incoming::create(place(&world), 30 * MIB, &RULES).unwrap();
        fs::write(world.path("root/theirs2"), vec![1; 15 << 20]).unwrap();
        let refused = (0..30).find_map(|at| incoming.write(at * MIB, &[3; 1 << 20]).err());
        assert_eq!(refused.unwrap().status, Status(0x8007_0070));
        assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0026));
        assert!(!world.path("root/f").exists());
        unmounted(&world.path("root"));
    });
}

#[test]
fn read_only_filesystem_is_told_as_write_protected() {
    with_mounts("read_only_filesystem_is_told_as_write_protected", || {
        let world = World::new();
        tmpfs(&world.path("root"), 1024);
        let mut incoming = Incoming::create(place(&world), 3, &RULES).unwrap();
        incoming.write(0, b"abc").unwrap();
        drop(incoming);
        read_only(&world.path("root"));
        assert_eq!(status(Incoming::create(place(&world), 1, &RULES)), Status(0x8007_0013));
        let start = Start { create_path: true, ..world.start("root/new", "f") };
        assert_eq!(world.find(&start).unwrap_err().status, Status(0x8007_0013));
    });
}

fn set(path: &Path, flags: IFlags) {
    let file = File::open(path).unwrap();
    let others = ioctl_getflags(&file).unwrap() - (IFlags::IMMUTABLE | IFlags::APPEND);
    ioctl_setflags(&file, others | flags).unwrap();
}

#[test]
fn immutable_directories_and_files_are_denied() {
    const TEST: &str = "immutable_directories_and_files_are_denied";
    with_mounts(TEST, || {
        let world = World::new();
        if !disk(TEST, &world.path("root"), "ext4", 16) {
            return;
        }
        let (root, file) = (world.path("root"), world.path("root/f"));
        set(&root, IFlags::IMMUTABLE);
        assert_eq!(status(Incoming::create(place(&world), 1, &RULES)), Status(0x8007_0005));
        let start = Start { create_path: true, ..world.start("root/new", "f") };
        assert_eq!(world.find(&start).unwrap_err().status, Status(0x8007_0005));
        set(&root, IFlags::empty());
        // Only at the end.
        let incoming = Incoming::create(place(&world), 0, &RULES).unwrap();
        set(&root, IFlags::IMMUTABLE);
        assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0005));
        set(&root, IFlags::empty());
        fs::write(&file, "old").unwrap();
        for flags in [IFlags::IMMUTABLE, IFlags::APPEND] {
            set(&file, flags);
            let start = Start { overwrite: true, ..world.start("root", "f") };
            assert_eq!(world.find(&start).unwrap_err().status, Status(0x8007_0005));
            set(&file, IFlags::empty());
            let incoming = Incoming::create(place(&world), 0, &RULES).unwrap();
            set(&file, flags);
            assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0005));
            assert_eq!(fs::read(&file).unwrap(), b"old");
            set(&file, IFlags::empty());
        }
        assert_eq!(fs::read_dir(&root).unwrap().count(), 2, "f and lost+found");
        assert!(!world.ledger().exists());
        unmounted(&root);
    });
}

#[test]
fn what_cannot_be_removed_is_left_to_the_next_start() {
    const TEST: &str = "what_cannot_be_removed_is_left_to_the_next_start";
    with_mounts(TEST, || {
        let world = World::new();
        if !disk(TEST, &world.path("root"), "ext4", 16) {
            return;
        }
        let root = world.path("root");
        let left = || fs::read_dir(&root).unwrap().count() - 1;
        let start = Start { create_path: true, ..world.start("root/new", "f") };
        let file = Temporary::named(place(&world)).unwrap();
        set(&root, IFlags::IMMUTABLE);
        drop(file);
        set(&root, IFlags::empty());
        assert_eq!(left(), 1, "the hidden name");
        let made = world.find(&start).unwrap();
        set(&root, IFlags::IMMUTABLE);
        drop(made);
        set(&root, IFlags::empty());
        assert_eq!(left(), 2, "and the directory");
        assert_eq!(sweep(&world.ledger()).len(), 2);
        assert_eq!(left(), 0);
        assert!(!world.ledger().exists());
        unmounted(&root);
    });
}

/// The disk as it is at the moment when the host is told OK: its image is copied, and mounted as after a power cut.
fn after_a_power_cut(test: &str, kind: &str, mib: u64) {
    let world = World::new();
    let root = world.path("root");
    if !disk(test, &root, kind, mib) {
        return;
    }
    fs::write(world.path("root/f"), "old").unwrap();
    File::open(&root).and_then(|root| root.sync_all()).unwrap();
    rustix::fs::syncfs(File::open(&root).unwrap()).unwrap();
    let data: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for start in [
        Start { overwrite: true, ..world.start("root", "f") },
        world.start("root", "g"),
        Start { create_path: true, ..world.start("root/a/b", "h") },
    ] {
        let place = world.find(&start).unwrap();
        let mut incoming = Incoming::create(place, data.len() as u64, &RULES).unwrap();
        for (at, piece) in data.chunks(6144).enumerate() {
            incoming.write(at as u64 * 6144, piece).unwrap();
        }
        incoming.complete().unwrap();
    }
    // Not for us to be made durable.
    fs::write(world.path("root/unsynced"), &data).unwrap();
    let (image, cut) = (root.with_extension("image"), root.with_extension("cut"));
    fs::copy(&image, &cut).unwrap();
    unmounted(&root);
    let options = if kind == "xfs" { "loop,nouuid" } else { "loop" };
    let mounted = Command::new("mount").args(["-o", options]).arg(&cut).arg(&root).status().unwrap();
    assert!(mounted.success(), "{kind} does not come back");
    for name in ["f", "g", "a/b/h"] {
        let found = fs::read(root.join(name)).unwrap_or_default();
        assert!(found == data, "{kind}: {name} has {} bytes after the power cut", found.len());
    }
    if root.join("unsynced").exists() && fs::read(root.join("unsynced")).unwrap() == data {
        skipped(test, &format!("{kind} writes everything at once: this shows nothing"));
    }
    unmounted(&root);
}

#[test]
fn what_was_said_to_be_there_is_there_after_a_power_cut() {
    const TEST: &str = "what_was_said_to_be_there_is_there_after_a_power_cut";
    with_mounts(TEST, || {
        for (kind, mib) in [("ext4", 32), ("ext2", 32), ("xfs", 320), ("btrfs", 128)] {
            after_a_power_cut(TEST, kind, mib);
        }
    });
}
