//! The daemon dies at any step: the next start removes what is left, and the file is the old one or the new one.

use super::super::temporary::Temporary;
use super::super::{Incoming, appear, sweep};
use crate::testing::{RULES, World};
use hv_utils_core::wire::fcopy::Start;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const OLD: &[u8] = b"old";

/// What a test does before it is killed; what it returns is not dropped.
type Step = fn(&World, Start) -> Temporary;

fn begun(world: &World, start: &Start) -> Temporary {
    Temporary::named(world.find(start).unwrap()).unwrap()
}

fn written(world: &World, start: &Start) -> Temporary {
    let file = begun(world, start);
    rustix::io::pwrite(file.file(), b"new", 0).unwrap();
    file
}

#[test]
fn killed_at_each_step_leaves_the_old_or_the_new() {
    let steps: [(&str, Step, bool); 6] = [
        ("place", |world, start| begun(world, &start), false),
        ("written", |world, start| written(world, &start), false),
        (
            "named",
            |world, start| {
                let mut file = written(world, &start);
                appear::name(&mut file).unwrap();
                file
            },
            true,
        ),
        (
            "named, without a name before",
            |world, start| {
                let mut file = Temporary::create(world.find(&start).unwrap()).unwrap();
                rustix::io::pwrite(file.file(), b"new", 0).unwrap();
                appear::name(&mut file).unwrap();
                file
            },
            true,
        ),
        (
            "a hidden name",
            |world, start| {
                let mut file = Temporary::create(world.find(&start).unwrap()).unwrap();
                file.give_a_name().unwrap();
                file
            },
            false,
        ),
        (
            "arrived",
            |world, start| {
                let mut file = written(world, &start);
                appear::name(&mut file).unwrap();
                file.arrived();
                file
            },
            true,
        ),
    ];
    for (what, step, is_new) in steps {
        for overwrite in [false, true] {
            let world = World::new();
            if overwrite {
                fs::write(world.path("root/f"), OLD).unwrap();
            }
            std::mem::forget(step(&world, Start { overwrite, ..world.start("root", "f") }));
            let said = sweep(&world.ledger());
            let there = fs::read(world.path("root/f")).ok();
            let wanted = if is_new { Some(&b"new"[..]) } else { overwrite.then_some(OLD) };
            assert_eq!(there.as_deref(), wanted, "{what}");
            let mut tree = vec!["root/"];
            tree.extend(wanted.map(|_| "root/f"));
            assert_eq!(world.tree(), tree, "{what}: {said:?}");
            assert_eq!(said.len(), usize::from(!is_new), "{what}: {said:?}");
        }
    }
}

#[test]
fn sweep_touches_only_what_is_ours() {
    let world = World::new();
    // Hidden by us, but it has become a directory, with something in it; and one of another name.
    let file = begun(&world, &world.start("root", "f"));
    let hidden = world.path(&format!("root/{}", file.name().unwrap()));
    let ledger = fs::read(world.ledger()).unwrap();
    drop(file);
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("theirs"), "x").unwrap();
    fs::write(world.path("root/theirs"), "x").unwrap();
    let forged = String::from_utf8(ledger.clone()).unwrap();
    let name = hidden.file_name().unwrap().to_str().unwrap();
    fs::write(world.ledger(), forged.replace(name, "theirs")).unwrap();
    let before = |world: &World| world.tree().into_iter().filter(|name| name != "ledger").collect::<Vec<_>>();
    let tree = before(&world);
    assert_eq!(sweep(&world.ledger()), Vec::<String>::new());
    assert_eq!(before(&world), tree);
    fs::write(world.ledger(), ledger).unwrap();
    assert_eq!(sweep(&world.ledger()), Vec::<String>::new());
    assert_eq!(before(&world), tree);
}

#[test]
fn ledgers_that_make_no_sense_are_removed() {
    let world = World::new();
    for bytes in [
        &b""[..],
        b"hv-fcopyd 1",
        b"hv-fcopyd 1\0",
        b"hv-fcopyd 9\0F\0/\0a\0",
        b"\xff\0\0\0\0",
        b"hv-fcopyd 1\0X\0/\0a\0F",
    ] {
        fs::write(world.ledger(), bytes).unwrap();
        assert_eq!(sweep(&world.ledger()), Vec::<String>::new());
        assert!(!world.ledger().exists());
    }
    assert_eq!(sweep(&world.path("nothing")), Vec::<String>::new());
}

#[test]
fn names_that_a_terminal_would_obey_are_swept_in_a_form_that_it_does_not() {
    let world = World::new();
    let start = Start { create_path: true, ..world.start("root/a\n\u{1b}[2J\u{202e}", "f") };
    std::mem::forget(world.find(&start).unwrap());
    let said = sweep(&world.ledger());
    assert!(said[0].contains("a\\u{a}\\u{1b}[2J\\u{202e}, left by"), "{said:?}");
    assert_eq!(world.tree(), ["root/"]);
}

#[test]
fn what_cannot_be_reached_is_kept_in_mind() {
    let world = World::new();
    let file = begun(&world, &world.start("root", "f"));
    std::mem::forget(file);
    // The disk is not mounted.
    fs::rename(world.path("root"), world.path("unmounted")).unwrap();
    let said = sweep(&world.ledger());
    assert!(said.len() == 1 && said[0].contains("cannot be removed"), "{said:?}");
    // A copy that comes and goes meanwhile does not forget it.
    fs::create_dir(world.path("root")).unwrap();
    drop(begun(&world, &world.start("root", "f")));
    fs::remove_dir(world.path("root")).unwrap();
    fs::rename(world.path("unmounted"), world.path("root")).unwrap();
    assert!(sweep(&world.ledger())[0].starts_with("removed "));
    assert_eq!(world.tree(), ["root/"]);
}

const CHILD: &str = "HV_FCOPYD_TEST_ROOT";
/// What the child removes on its own account.
const GONE: &str = "gone";

/// The process that is killed: copies without end. Does nothing as a test of its own.
#[test]
fn child_that_copies_until_it_is_killed() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let directory = Path::new(&directory);
    let roots = crate::target::Roots::new(vec![directory.join("root")], directory.join("ledger"));
    let _ = sweep(&directory.join("ledger"));
    let gone = directory.join(GONE);
    let _ = fs::remove_dir_all(&gone);
    for round in 0_u32.. {
        let start = Start {
            path: format!("{}/root/d{}/e", directory.display(), round % 4),
            name: "f".to_owned(),
            overwrite: true,
            create_path: true,
            size: 20_000,
        };
        let place = roots.find(&start, &crate::testing::CREATION).unwrap();
        let file = if round % 2 == 0 { Temporary::named(place) } else { Temporary::create(place) };
        let mut incoming = Incoming::begin(file.unwrap(), 20_000, &RULES).unwrap();
        let byte = u8::try_from(round % 250).unwrap();
        for piece in 0..4 {
            incoming.write(piece * 5000, &[byte; 5000]).unwrap();
        }
        if round % 5 == 4 {
            incoming.cancel();
        } else {
            incoming.complete().unwrap();
        }
        if round % 8 == 7 {
            // By one call, so that nothing but a copy can leave a part of it.
            fs::rename(directory.join(format!("root/d{}", round % 4)), &gone).unwrap();
            fs::remove_dir_all(&gone).unwrap();
        }
    }
}

#[test]
fn killed_at_any_moment_every_file_is_whole_and_nothing_else_is_left() {
    let world = World::new();
    let child =
        format!("{}::child_that_copies_until_it_is_killed", module_path!().split_once("::").unwrap().1);
    let (begin, mut whole, mut round) = (Instant::now(), 0, 0_u64);
    // Some moments more where the disk is so slow that none of them came after a whole file.
    while round < 25 || whole == 0 {
        round += 1;
        assert!(begin.elapsed() < PATIENCE, "{round} moments, and no file ever came");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", &child]).env(CHILD, world.directory.path());
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Killed while it works, at another moment each time.
        while fs::read_dir(world.path("root")).unwrap().count() == 0 {
            assert!(running.try_wait().unwrap().is_none(), "the child has ended by itself");
            assert!(begin.elapsed() < PATIENCE, "the child never begins");
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(round * 1733));
        running.kill().unwrap();
        running.wait().unwrap();
        let _ = sweep(&world.ledger());
        for name in world.tree() {
            if name.starts_with(GONE) {
                continue;
            }
            if name.ends_with('/') {
                let empty = fs::read_dir(world.path(&name)).unwrap().count() == 0;
                assert!(!empty || name == "root/", "{name} is left");
                continue;
            }
            // The ledger's own draft, which the next one replaces.
            if name == ".ledger.new" {
                continue;
            }
            assert!(name.ends_with("/e/f"), "{name} is left");
            let bytes = fs::read(world.path(&name)).unwrap();
            assert!(bytes.len() == 20_000 && bytes.iter().all(|byte| *byte == bytes[0]), "{name} is torn");
            whole += 1;
        }
        fs::remove_dir_all(world.path("root")).unwrap();
        fs::create_dir(world.path("root")).unwrap();
    }
}
