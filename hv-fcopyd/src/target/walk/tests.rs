//! Where `openat2` cannot be called, as in a unit with `RestrictSUIDSGID=`: a name leads to the same place, or nowhere.

use super::*;
use crate::testing::World;
use std::fs;
use std::os::unix::fs::symlink;

/// What a way to open a name makes of it: the directory, or the error.
fn opened(open: impl FnOnce() -> rustix::io::Result<OwnedFd>) -> Result<(u64, u64), Errno> {
    open().and_then(|directory| fstat(&directory)).map(|stat| (stat.st_dev, stat.st_ino))
}

fn world() -> (World, OwnedFd) {
    let world = World::new();
    fs::create_dir_all(world.path("outside/deep")).unwrap();
    fs::create_dir_all(world.path("root/inside/deep")).unwrap();
    fs::write(world.path("root/file"), "x").unwrap();
    symlink(world.path("outside"), world.path("root/out")).unwrap();
    symlink("../outside", world.path("root/out2")).unwrap();
    symlink("inside", world.path("root/in")).unwrap();
    symlink("/proc/self/cwd", world.path("root/magic")).unwrap();
    symlink("nowhere", world.path("root/dangling")).unwrap();
    let root = open_root(&world.path("root")).unwrap();
    (world, root)
}

#[test]
fn without_openat2_a_name_leads_where_it_leads_with_it() {
    let (_world, root) = world();
    for how in [OFlags::PATH, OFlags::RDONLY] {
        for name in ["inside", "file", "out", "out2", "in", "magic", "dangling", "missing"] {
            let with = opened(|| open_beneath(&root, name, how));
            assert_eq!(opened(|| open_name(&root, name, how)), with, "{name} {how:?}");
            assert_eq!(with.is_ok(), name == "inside", "{name} {how:?}");
        }
    }
}

#[test]
fn what_is_more_than_a_name_leads_nowhere() {
    let (_world, root) = world();
    for name in ["", ".", "..", "inside/deep", "../outside", "/", "/etc", "inside/.."] {
        assert_eq!(opened(|| open(&root, name, OFlags::PATH)), Err(Errno::XDEV), "{name:?}");
    }
}
