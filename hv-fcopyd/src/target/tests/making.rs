//! Directories that are missing: made if the host asks for it, and gone again without a file in them.

use crate::file::{Incoming, sweep};
use crate::target::{Creation, Owner, Roots};
use crate::testing::{CREATION, RULES, World, skipped};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

fn deep(world: &World) -> Start {
    Start { create_path: true, ..world.start("root/a/b/c", "f") }
}

#[test]
fn directories_are_made_with_their_mode_and_stay_with_the_file() {
    let world = World::new();
    let how = Creation { mode: 0o7751, ..CREATION };
    let place = world.roots.find(&deep(&world), &how).unwrap();
    assert_eq!(world.tree(), ["ledger", "root/", "root/a/", "root/a/b/", "root/a/b/c/"]);
    Incoming::create(place, 0, &RULES).unwrap().complete().unwrap();
    assert_eq!(world.tree(), ["root/", "root/a/", "root/a/b/", "root/a/b/c/", "root/a/b/c/f"]);
    for path in ["root/a", "root/a/b", "root/a/b/c"] {
        assert_eq!(fs::metadata(world.path(path)).unwrap().mode() & 0o7777, 0o751, "{path}");
    }
}

#[test]
fn directories_are_given_to_their_owner() {
    if !rustix::process::geteuid().is_root() {
        return skipped("directories_are_given_to_their_owner", "only root may give away");
    }
    let world = World::new();
    let how = Creation { owner: Owner { user: Some(1234), group: Some(5678) }, ..CREATION };
    let place = world.roots.find(&deep(&world), &how).unwrap();
    for path in ["root/a", "root/a/b/c"] {
        let found = fs::metadata(world.path(path)).unwrap();
        assert_eq!((found.uid(), found.gid()), (1234, 5678));
    }
    drop(place);
    assert_eq!(world.tree(), ["root/"]);
}

#[test]
fn directories_go_with_a_copy_that_does_not_complete() {
    let world = World::new();
    drop(world.find(&deep(&world)).unwrap());
    assert_eq!(world.tree(), ["root/"]);
    Incoming::create(world.find(&deep(&world)).unwrap(), 1, &RULES).unwrap().cancel();
    assert_eq!(world.tree(), ["root/"]);
    let incomplete = Incoming::create(world.find(&deep(&world)).unwrap(), 1, &RULES).unwrap().complete();
    assert_eq!(incomplete.unwrap_err().status, Status(0x8007_0026));
    assert_eq!(world.tree(), ["root/"]);
}

#[test]
fn directory_that_was_there_or_that_somebody_uses_stays() {
    let world = World::new();
    fs::create_dir(world.path("root/a")).unwrap();
    let place = world.find(&deep(&world)).unwrap();
    fs::write(world.path("root/a/b/theirs"), "x").unwrap();
    drop(place);
    assert_eq!(world.tree(), ["root/", "root/a/", "root/a/b/", "root/a/b/theirs"]);
}

#[test]
fn refusal_below_a_directory_that_was_made_takes_it_back() {
    let world = World::new();
    let start = Start { create_path: true, ..world.start("root/new/a", "f") };
    // Somebody takes the second one in the moment after the first was made: they are quicker in one of many.
    let gone = AtomicBool::new(false);
    let mut said = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !gone.load(SeqCst) {
                let _ = fs::write(world.path("root/new/a"), "");
                let _ = fs::remove_file(world.path("root/new/a"));
            }
        });
        for _ in 0..200 {
            said.extend(world.find(&start).err().map(|refusal| refusal.status));
        }
        gone.store(true, SeqCst);
    });
    let known = [0x8007_0003, 0x8007_0050, 0x8007_010b].map(Status);
    assert!(said.iter().all(|status| known.contains(status)), "{said:?}");
    let _ = fs::remove_file(world.path("root/new/a"));
    let _ = fs::remove_dir(world.path("root/new"));
    assert_eq!(world.tree(), ["root/"]);
}

#[test]
fn nothing_is_made_that_could_not_be_removed_after_a_crash() {
    let world = World::new();
    let roots = Roots::new(vec![world.path("root")], world.path("missing/ledger"));
    assert_eq!(roots.find(&deep(&world), &CREATION).unwrap_err().status, Status(0x8000_4005));
    assert_eq!(world.tree(), ["root/"]);
}

#[test]
fn directories_of_a_daemon_that_was_killed_are_swept() {
    let world = World::new();
    let place = world.find(&deep(&world)).unwrap();
    let ledger = fs::read(world.ledger()).unwrap();
    // Killed: nothing of ours runs any more.
    std::mem::forget(place);
    assert_eq!(sweep(&world.ledger()).len(), 3);
    assert_eq!(world.tree(), ["root/"]);
    // Killed after the file had appeared.
    let place = world.find(&deep(&world)).unwrap();
    Incoming::create(place, 0, &RULES).unwrap().complete().unwrap();
    fs::write(world.ledger(), ledger).unwrap();
    assert_eq!(sweep(&world.ledger()), Vec::<String>::new());
    assert!(world.path("root/a/b/c/f").exists() && !world.ledger().exists());
}
