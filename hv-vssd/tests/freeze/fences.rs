//! The tests' own safety: what a test leaves frozen is thawed, however it ends.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};

use crate::one_of_each;
use crate::support::{Disk, Kind, World, guard, until, world, writers::Writers};

#[test]
fn writers_wait_while_it_is_frozen_and_go_on_after() {
    const TEST: &str = "writers_wait_while_it_is_frozen_and_go_on_after";
    world(TEST, async |world: World| {
        let disks = one_of_each(TEST, &world);
        let writers = Writers::start(&world, &disks);
        disks.iter().for_each(Disk::freeze);
        let before = writers.progress();
        writers.wait_in_writes(writers.all());
        for (before, after) in before.into_iter().zip(writers.progress()) {
            assert_eq!(before.bytes, after.bytes);
        }
        for disk in &disks {
            assert!(disk.is_frozen());
            assert!(disk.thaw());
            assert!(!disk.thaw());
        }
        writers.go_on();
        assert_eq!(writers.error(), 0);
    });
}

/// What [`left_behind`] writes the world's directory to, if it is to be played.
const LEFT: &str = "HV_VSSD_LEFT";

#[test]
fn a_test_that_is_killed_leaves_nothing_frozen_mounted_or_attached() {
    world("a_test_that_is_killed_leaves_nothing_frozen_mounted_or_attached", async |world: World| {
        let told = world.path("told");
        let mut test: Child = guard::again("fences::left_behind").env(LEFT, &told).spawn().unwrap();
        until("the other test has frozen", || {
            std::fs::read_to_string(&told).is_ok_and(|text| text.ends_with('\n'))
        });
        let directory = std::fs::read_to_string(&told).unwrap();
        let directory = std::path::Path::new(directory.trim_end());
        assert!(directory.exists());
        test.kill().unwrap();
        assert_eq!(test.wait().unwrap().signal(), Some(9));
        until("its directory goes", || !directory.exists());
        let attached = || {
            let list =
                Command::new("losetup").args(["--list", "--noheadings", "--output", "BACK-FILE"]).output();
            String::from_utf8_lossy(&list.unwrap().stdout).contains(&*directory.to_string_lossy())
        };
        until("its loops go", || !attached());
    });
}

#[test]
#[ignore = "no test: the one that is killed"]
fn left_behind() {
    let Some(told) = std::env::var_os(LEFT) else { return };
    world("left_behind", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let lower = world.disk_in(&disks[0].mount, "upper", Kind::Ext4);
        let _writers = Writers::start(&world, &disks);
        [&lower, &disks[0], &disks[1]].into_iter().for_each(Disk::freeze);
        std::fs::write(told, format!("{}\n", world.directory().display())).unwrap();
        std::future::pending::<()>().await;
    });
}
