//! How a copy ends, and what is there then.

use super::super::temporary::Temporary;
use super::super::{Incoming, Rules};
use crate::target::{Owner, Refusal};
use crate::testing::{RULES, World, skipped};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;
use rustix::io::Errno;
use std::cell::Cell;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// A copy as it is where files without names are not known.
fn named(world: &World, size: u64, overwrite: bool) -> Incoming {
    let place = world.find(&Start { overwrite, ..world.start("root", "f") }).unwrap();
    Incoming::begin(Temporary::named(place).unwrap(), size, &RULES).unwrap()
}

type Begin = fn(&World, u64, bool) -> Incoming;

/// Both kinds of temporary file.
const KINDS: [Begin; 2] = [World::begin, named];

#[test]
fn nothing_has_the_name_before_the_end_and_nothing_else_after_it() {
    for begin in KINDS {
        let world = World::new();
        let mut incoming = begin(&world, 3, false);
        incoming.write(0, b"abc").unwrap();
        assert!(!world.path("root/f").exists());
        incoming.complete().unwrap();
        assert_eq!(world.tree(), ["root/", "root/f"]);
        assert_eq!(fs::read(world.path("root/f")).unwrap(), b"abc");
    }
}

#[test]
fn file_without_a_name_leaves_nothing_to_be_seen_on_the_way() {
    let world = World::new();
    let mut incoming = world.begin(3, false);
    incoming.write(0, b"abc").unwrap();
    assert_eq!(world.tree(), ["root/"]);
    // Where there has to be one it is hidden, for root alone, and noted.
    let incoming = named(&world, 3, false);
    let tree = world.tree();
    assert!(tree[0] == "ledger" && tree[2].starts_with("root/.hv-fcopy-") && tree.len() == 3, "{tree:?}");
    assert_eq!(fs::metadata(world.path(&tree[2])).unwrap().mode() & 0o7777, 0o600);
    drop(incoming);
    assert_eq!(world.tree(), ["root/"]);
}

#[test]
fn cancelled_dropped_and_incomplete_copies_leave_nothing() {
    for begin in KINDS {
        for overwrite in [false, true] {
            let world = World::new();
            let mut tree = vec!["root/"];
            if overwrite {
                fs::write(world.path("root/f"), "old").unwrap();
                tree.push("root/f");
            }
            let mut incoming = begin(&world, 3, overwrite);
            incoming.write(1, b"bc").unwrap();
            incoming.cancel();
            assert_eq!(world.tree(), tree);
            drop(begin(&world, 3, overwrite));
            assert_eq!(world.tree(), tree);
            let mut incoming = begin(&world, 3, overwrite);
            incoming.write(0, b"a").unwrap();
            incoming.write(2, b"c").unwrap();
            let refusal = incoming.complete().unwrap_err();
            assert_eq!(refusal.status, Status(0x8007_0026));
            assert_eq!(refusal.why, "1 bytes of 3 have not come");
            assert_eq!(world.tree(), tree);
        }
    }
}

#[test]
fn file_that_is_unwanted_when_its_bytes_are_on_the_disk_does_not_appear() {
    for begin in KINDS {
        for overwrite in [false, true] {
            let world = World::new();
            let mut tree = vec!["root/"];
            if overwrite {
                fs::write(world.path("root/f"), "old").unwrap();
                tree.push("root/f");
            }
            let mut incoming = begin(&world, 3, overwrite);
            incoming.write(0, b"new").unwrap();
            assert_eq!(incoming.complete_if(&|| false).unwrap_err(), Refusal::unwanted());
            assert_eq!(world.tree(), tree);
        }
    }
}

#[test]
fn file_that_is_unwanted_when_its_name_is_durable_is_taken_away_unless_it_took_a_place() {
    for begin in KINDS {
        let world = World::new();
        let asked = Cell::new(0);
        let before_the_name = || asked.replace(asked.get() + 1) == 0;
        for overwrite in [false, true] {
            asked.set(0);
            let mut incoming = begin(&world, 3, overwrite);
            incoming.write(0, b"new").unwrap();
            assert_eq!(incoming.complete_if(&before_the_name).unwrap_err(), Refusal::unwanted());
            assert_eq!((asked.get(), world.tree()), (2, vec!["root/".to_owned()]), "{overwrite}");
        }

        fs::write(world.path("root/f"), "old").unwrap();
        asked.set(0);
        let mut incoming = begin(&world, 3, true);
        incoming.write(0, b"new").unwrap();
        incoming.complete_if(&before_the_name).unwrap();
        assert_eq!(fs::read(world.path("root/f")).unwrap(), b"new", "the old one cannot come back");
    }
}

#[test]
fn name_that_somebody_else_has_taken_meanwhile_is_not_taken_away() {
    let world = World::new();
    let asked = Cell::new(0);
    let wanted = || match asked.replace(asked.get() + 1) {
        0 => true,
        _ => {
            fs::write(world.path("root/other"), "other").unwrap();
            fs::rename(world.path("root/other"), world.path("root/f")).unwrap();
            false
        }
    };
    let mut incoming = world.begin(3, false);
    incoming.write(0, b"new").unwrap();
    assert_eq!(incoming.complete_if(&wanted).unwrap_err(), Refusal::unwanted());
    assert_eq!(fs::read(world.path("root/f")).unwrap(), b"other");
}

#[test]
fn file_that_is_replaced_leaves_nothing_of_its_mode_or_owner() {
    for begin in KINDS {
        let world = World::new();
        fs::write(world.path("root/f"), "old and longer").unwrap();
        fs::set_permissions(world.path("root/f"), Permissions::from_mode(0o4755)).unwrap();
        fs::hard_link(world.path("root/f"), world.path("other name")).unwrap();
        let mut incoming = begin(&world, 3, true);
        incoming.write(0, b"new").unwrap();
        incoming.complete().unwrap();
        let found = fs::metadata(world.path("root/f")).unwrap();
        assert_eq!((found.mode() & 0o7777, found.nlink()), (0o640, 1));
        assert_eq!(fs::read(world.path("root/f")).unwrap(), b"new");
        // Another name of the old one is another file.
        assert_eq!(fs::read(world.path("other name")).unwrap(), b"old and longer");
        assert_eq!(world.tree(), ["other name", "root/", "root/f"]);
    }
}

#[test]
fn no_mode_makes_a_file_run_as_somebody_else() {
    let world = World::new();
    let place = world.find(&world.start("root", "f")).unwrap();
    let rules = Rules { mode: 0o7755, ..RULES };
    Incoming::create(place, 0, &rules).unwrap().complete().unwrap();
    assert_eq!(fs::metadata(world.path("root/f")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn owner_is_set() {
    if !rustix::process::geteuid().is_root() {
        return skipped("owner_is_set", "only root may give away");
    }
    let owned = |owner: Owner| {
        let world = World::new();
        let place = world.find(&world.start("root", "f")).unwrap();
        Incoming::create(place, 0, &Rules { owner, ..RULES }).unwrap().complete().unwrap();
        let found = fs::metadata(world.path("root/f")).unwrap();
        (found.uid(), found.gid(), found.mode() & 0o7777)
    };
    assert_eq!(owned(Owner { user: Some(1234), group: Some(5678) }), (1234, 5678, 0o640));
    assert_eq!(owned(Owner { user: Some(1234), group: None }), (1234, 0, 0o640));
    assert_eq!(owned(Owner::default()), (0, 0, 0o640));
}

#[test]
fn file_that_came_meanwhile_is_not_replaced_without_the_flag() {
    for begin in KINDS {
        let world = World::new();
        let incoming = begin(&world, 0, false);
        fs::write(world.path("root/f"), "theirs").unwrap();
        assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0050));
        assert_eq!(fs::read(world.path("root/f")).unwrap(), b"theirs");
        assert_eq!(world.tree(), ["root/", "root/f"]);
        // With it, it is, though it was not there at the start.
        fs::remove_file(world.path("root/f")).unwrap();
        let incoming = begin(&world, 0, true);
        fs::write(world.path("root/f"), "theirs").unwrap();
        incoming.complete().unwrap();
        assert_eq!(fs::read(world.path("root/f")).unwrap(), b"");
        assert_eq!(world.tree(), ["root/", "root/f"]);
    }
}

#[test]
fn size_that_no_file_can_have_is_told_apart_from_a_full_disk() {
    let world = World::new();
    let create = |size| {
        let place = world.find(&world.start("root", "f")).unwrap();
        Incoming::create(place, size, &RULES).unwrap_err().status
    };
    assert_eq!(create(u64::MAX), Status(0x8007_00df));
    assert_eq!(create(1 << 63), Status(0x8007_00df));
    assert_eq!(create((1 << 63) - 1), Status(0x8007_0070));
    let place = world.find(&world.start("root", "f")).unwrap();
    let rules = Rules { min_free: u64::MAX, ..RULES };
    assert_eq!(Incoming::create(place, 1, &rules).unwrap_err().status, Status(0x8007_0070));
    assert_eq!(world.tree(), ["root/"]);
}

#[test]
fn errors_of_the_system_have_their_status() {
    for (error, status) in [
        (Errno::NOSPC, 0x8007_0070),
        (Errno::DQUOT, 0x8007_0070),
        (Errno::IO, 0x8007_045d),
        (Errno::ROFS, 0x8007_0013),
        (Errno::PERM, 0x8007_0005),
        (Errno::ACCESS, 0x8007_0005),
        (Errno::NAMETOOLONG, 0x8007_00ce),
        (Errno::FBIG, 0x8007_00df),
        (Errno::MFILE, 0x8000_4005),
    ] {
        assert_eq!(Refusal::of(error, "try").status, Status(status), "{error}");
    }
}
