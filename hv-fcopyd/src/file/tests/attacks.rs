//! Somebody who may write in the root meddles while a file comes.

use crate::file::Incoming;
use crate::testing::{RULES, World};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn below(world: &World) -> Incoming {
    fs::create_dir(world.path("root/a")).unwrap();
    let start = Start { overwrite: true, ..world.start("root/a", "f") };
    let mut incoming = Incoming::create(world.find(&start).unwrap(), 4, &RULES).unwrap();
    incoming.write(0, b"data").unwrap();
    incoming
}

#[test]
fn directory_that_was_moved_away_gets_nothing() {
    let world = World::new();
    let incoming = below(&world);
    // Out of the root: the file would follow it.
    fs::rename(world.path("root/a"), world.path("outside")).unwrap();
    assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0005));
    assert_eq!(world.tree(), ["outside/", "root/"]);
}

#[test]
fn link_in_the_place_of_the_directory_leads_nowhere() {
    let world = World::new();
    let incoming = below(&world);
    fs::create_dir(world.path("outside")).unwrap();
    fs::rename(world.path("root/a"), world.path("root/b")).unwrap();
    symlink(world.path("outside"), world.path("root/a")).unwrap();
    assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0005));
    assert_eq!(world.tree(), ["outside/", "root/", "root/a", "root/b/"]);
}

#[test]
fn another_directory_in_its_place_gets_nothing_either() {
    let world = World::new();
    let incoming = below(&world);
    fs::remove_dir(world.path("root/a")).unwrap();
    fs::create_dir(world.path("root/a")).unwrap();
    assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0005));
    assert_eq!(world.tree(), ["root/", "root/a/"]);
}

#[test]
fn name_that_became_a_link_or_a_directory_is_not_replaced() {
    for overwrite in [false, true] {
        let world = World::new();
        fs::write(world.path("victim"), "x").unwrap();
        let incoming = world.begin(0, overwrite);
        symlink(world.path("victim"), world.path("root/f")).unwrap();
        assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0005));
        fs::remove_file(world.path("root/f")).unwrap();
        let incoming = world.begin(0, overwrite);
        fs::create_dir(world.path("root/f")).unwrap();
        assert_eq!(incoming.complete().unwrap_err().status, Status(0x8007_0005));
        assert_eq!(fs::read_to_string(world.path("victim")).unwrap(), "x");
        assert_eq!(world.tree(), ["root/", "root/f/", "victim"]);
    }
}

/// A thread swaps the directory for a link to the outside and back, as fast as it can, while files come.
#[test]
fn swaps_in_the_middle_never_lead_outside() {
    let world = World::new();
    for directory in ["outside", "root/a", "root/a/b"] {
        fs::create_dir(world.path(directory)).unwrap();
    }
    fs::create_dir(world.path("outside/b")).unwrap();
    fs::write(world.path("outside/b/f"), "theirs").unwrap();
    let (over, swaps) = (AtomicBool::new(false), AtomicU32::new(0));
    let (mut done, mut refused) = (0, Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let [there, away, link] = ["root/a", "root/away", "root/link"].map(|path| world.path(path));
            symlink(world.path("outside"), &link).unwrap();
            while !over.load(SeqCst) {
                fs::rename(&there, &away).unwrap();
                fs::rename(&link, &there).unwrap();
                swaps.fetch_add(1, SeqCst);
                std::thread::yield_now();
                fs::rename(&there, &link).unwrap();
                fs::rename(&away, &there).unwrap();
                std::thread::yield_now();
            }
        });
        let start = Start { overwrite: true, ..world.start("root/a/b", "f") };
        let begin = Instant::now();
        let mut rounds = 0;
        // Until both have come about: on one processor a whole slice of its time may show but one of them.
        while rounds < 300
            || ((swaps.load(SeqCst) < 100 || done == 0 || refused.is_empty()) && begin.elapsed() < PATIENCE)
        {
            rounds += 1;
            let copied = world.find(&start).and_then(|place| {
                let mut incoming = Incoming::create(place, 4, &RULES)?;
                incoming.write(0, b"data")?;
                incoming.complete()
            });
            match copied {
                Ok(()) => done += 1,
                Err(refusal) => refused.push(refusal.status),
            }
        }
        over.store(true, SeqCst);
    });
    assert_eq!(fs::read_to_string(world.path("outside/b/f")).unwrap(), "theirs");
    assert_eq!(fs::read_dir(world.path("outside/b")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 1);
    // In the middle of a swap nothing is there.
    let known = [0x8007_0005, 0x8007_0003].map(Status);
    assert!(refused.iter().all(|status| known.contains(status)), "{refused:?}");
    assert!(done > 0 && !refused.is_empty(), "{done} came and {} did not: nothing was tried", refused.len());
}
