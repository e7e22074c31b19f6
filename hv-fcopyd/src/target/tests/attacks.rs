//! What is on the disk and leads elsewhere, or is no file. Each is refused with its status, and has changed nothing.

use crate::target::Roots;
use crate::testing::{CREATION, World, skipped, tmpfs, with_mounts};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

#[track_caller]
fn refused(world: &World, start: &Start, status: u32) {
    let before = world.tree();
    for start in [start.clone(), Start { create_path: true, ..start.clone() }] {
        // A parent that is missing may be made.
        if status == 0x8007_0003 && start.create_path {
            continue;
        }
        let refusal = world.find(&start).unwrap_err();
        assert_eq!(refusal.status, Status(status), "{start:?}: {refusal}");
        assert_eq!(world.tree(), before, "{start:?} changed something");
    }
}

#[test]
fn symbolic_links_are_not_followed_wherever_they_lead() {
    let world = World::new();
    fs::create_dir_all(world.path("outside/deep")).unwrap();
    fs::create_dir(world.path("root/inside")).unwrap();
    symlink(world.path("outside"), world.path("root/out")).unwrap();
    symlink("../outside", world.path("root/out2")).unwrap();
    symlink("inside", world.path("root/in")).unwrap();
    symlink("loop", world.path("root/loop")).unwrap();
    symlink("nowhere", world.path("root/dangling")).unwrap();
    for (path, name) in [
        ("root/out", "f"),
        ("root/out/deep", "f"),
        ("root/out/new", "f"),
        ("root/out2", "f"),
        ("root/in", "f"),
        ("root/loop", "f"),
        ("root/dangling", "f"),
        ("root/dangling/new", "f"),
        ("root/out/f", ""),
    ] {
        refused(&world, &world.start(path, name), 0x8007_0005);
    }
}

#[test]
fn name_that_is_a_link_or_no_file_is_not_replaced() {
    let world = World::new();
    fs::write(world.path("victim"), "x").unwrap();
    symlink(world.path("victim"), world.path("root/link")).unwrap();
    symlink(world.path("nothing"), world.path("root/dangling")).unwrap();
    fs::create_dir(world.path("root/directory")).unwrap();
    mknodat(CWD, world.path("root/fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(world.path("root/socket")).unwrap();
    let mut names = vec!["link", "dangling", "directory", "fifo", "socket"];
    let null = rustix::fs::makedev(1, 3);
    if mknodat(CWD, world.path("root/device"), FileType::CharacterDevice, Mode::RWXU, null).is_ok() {
        names.push("device");
    } else {
        skipped("name_that_is_a_device", "only root may make devices");
    }
    for name in names {
        for overwrite in [false, true] {
            refused(&world, &Start { overwrite, ..world.start("root", name) }, 0x8007_0005);
            // As the path itself; a directory is one to put files into.
            if !matches!(name, "directory" | "link" | "dangling") {
                let path = format!("root/{name}");
                refused(&world, &Start { overwrite, ..world.start(&path, "f") }, 0x8007_0005);
            }
            refused(&world, &Start { overwrite, ..world.start(&format!("root/{name}"), "") }, 0x8007_0005);
        }
    }
    assert_eq!(fs::read_to_string(world.path("victim")).unwrap(), "x");
}

#[test]
fn magic_links_and_the_kernels_own_filesystems_are_refused() {
    let world = World::new();
    let cwd = fs::canonicalize("/proc/self").unwrap();
    for (root, path) in [
        ("/", "/proc/self/cwd"),
        ("/", "/proc/self/root/tmp"),
        ("/", "/proc/self/fd"),
        ("/", "/proc/sys/kernel"),
        ("/proc", "/proc"),
        ("/proc/self", "/proc/self/cwd"),
        (cwd.to_str().unwrap(), &format!("{}/cwd", cwd.display())),
        ("/sys", "/sys/kernel"),
        ("/dev", "/dev"),
    ] {
        let roots = Roots::new(vec![PathBuf::from(root)], world.ledger());
        let start = Start {
            path: path.to_owned(),
            name: "f".to_owned(),
            overwrite: true,
            create_path: true,
            size: 0,
        };
        let refusal = roots.find(&start, &CREATION).unwrap_err();
        assert_eq!(refusal.status, Status(0x8007_0005), "{path}: {refusal}");
    }
}

#[test]
fn what_is_there_already_needs_the_flag() {
    let world = World::new();
    fs::write(world.path("root/f"), "x").unwrap();
    refused(&world, &world.start("root", "f"), 0x8007_0050);
    // The path is the file itself, with its name or without.
    refused(&world, &world.start("root/f", "g"), 0x8007_0050);
    refused(&world, &world.start("root/f", ""), 0x8007_0050);
    let refusal = world.find(&world.start("root/f", "g")).unwrap_err();
    assert!(
        refusal.why.contains("root/f is no directory"),
        "the target is not what the host calls it: {refusal}"
    );
    let shown = world.path("root/f").display().to_string();
    for (path, name) in [("root", "f"), ("root/f", "g"), ("root/f", "")] {
        let place = world.find(&Start { overwrite: true, ..world.start(path, name) }).unwrap();
        assert_eq!(place.shown(), shown);
    }
}

#[test]
fn component_that_is_no_directory_is_told_apart_from_one_that_is_missing() {
    let world = World::new();
    fs::write(world.path("root/file"), "x").unwrap();
    refused(&world, &world.start("root/file/below", "f"), 0x8007_010b);
    refused(&world, &world.start("root/file/below", ""), 0x8007_010b);
    refused(&world, &world.start("root/missing", "f"), 0x8007_0003);
    refused(&world, &world.start("root/missing/f", ""), 0x8007_0003);
    fs::remove_file(world.path("root/file")).unwrap();
    fs::remove_dir(world.path("root")).unwrap();
    // A root is the administrator's to make.
    let refusal = world.find(&Start { create_path: true, ..world.start("root", "f") }).unwrap_err();
    assert_eq!(refusal.status, Status(0x8007_0003), "{refusal}");
    assert!(refusal.why.contains("root"), "{refusal}");
}

#[test]
fn root_may_itself_be_behind_a_link_of_the_administrators() {
    let world = World::new();
    symlink("root", world.path("link")).unwrap();
    let roots = Roots::new(vec![world.path("link")], world.ledger());
    let place = roots.find(&world.start("link", "f"), &CREATION).unwrap();
    assert_eq!(place.shown(), world.path("link/f").display().to_string());
}

#[test]
fn filesystem_that_is_mounted_below_a_root_belongs_to_it() {
    with_mounts("filesystem_that_is_mounted_below_a_root", || {
        let world = World::new();
        fs::create_dir(world.path("root/mounted")).unwrap();
        tmpfs(&world.path("root/mounted"), 64);
        world.find(&world.start("root/mounted", "f")).unwrap();
    });
}
