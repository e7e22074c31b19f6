//! Freezes that fail as a whole because of one filesystem: whatever was frozen is thawed, and what was not ours is not.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;
use rustix::mount::{MountFlags, mount};

use crate::support::disks::{succeed, was_frozen};
use crate::support::host::Host;
use crate::support::writers::Writers;
use crate::support::{Disk, Guest, Kind, World, world};
use crate::{all_frozen, none_frozen};

/// A freeze and its thaw as they should be.
async fn works(host: &mut Host, disks: &[Disk]) {
    assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
    all_frozen(disks);
    assert_eq!(host.status(Operation::THAW).await, Status::OK);
    none_frozen(disks);
}

/// A filesystem whose disk takes no more data: its loop file is on a tmpfs that is full.
fn sick(world: &World) -> Disk {
    let small = world.path("small");
    std::fs::create_dir(&small).unwrap();
    mount("small", &small, "tmpfs", MountFlags::empty(), c"size=2m").unwrap();
    let disk = world.disk_in(&small, "sick", Kind::Ext4);
    // The last block is not written.
    let full = Command::new("dd")
        .args(["if=/dev/zero", "bs=4096"])
        .arg(format!("of={}", small.join("full").display()))
        .output();
    assert!(!full.unwrap().status.success());
    // To be written by the freeze. Nothing is frozen yet, so this process may.
    std::fs::write(disk.mount.join("dirty"), vec![1; 1 << 20]).unwrap();
    disk
}

#[test]
fn a_disk_that_fails_fails_the_freeze_and_the_others_go_on() {
    world("a_disk_that_fails_fails_the_freeze_and_the_others_go_on", async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let sick = sick(&world);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        writers.go_on();
        none_frozen(disks.iter().chain([&sick]));
        guest.logs("sick");
        // The host may ask for the thaw all the same.
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        guest.detach(&sick.mount);
        guest.show_mounts(&[]);
        works(&mut host, &disks).await;
        writers.go_on();
    });
}

#[test]
fn what_somebody_else_has_frozen_fails_the_freeze_and_stays_frozen() {
    world("what_somebody_else_has_frozen_fails_the_freeze_and_stays_frozen", async |world: World| {
        let mut disks = world.disks(3, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, [&disks[0], &disks[2]]);
        disks[1].freeze();
        for _ in 0..3 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
            writers.go_on();
            none_frozen([&disks[0], &disks[2]]);
            assert!(disks[1].is_frozen());
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
            assert!(disks[1].is_frozen());
        }
        assert!(disks[1].thaw());
        works(&mut host, &disks).await;
        // And not at the end of the daemon either.
        disks[1].freeze();
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        assert_eq!(guest.end(), Some(0));
        let foreign = disks.remove(1);
        assert!(foreign.thaw());
        none_frozen(&disks);
    });
}

#[test]
fn what_somebody_else_thaws_is_not_told_to_the_host_as_frozen() {
    world("what_somebody_else_thaws_is_not_told_to_the_host_as_frozen", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let (_guest, mut host) = Guest::start(world, "").await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert!(disks[0].thaw());
        assert_eq!(host.status(Operation::THAW).await, Status::FAIL, "the backup is not consistent");
        none_frozen(&disks);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        works(&mut host, &disks).await;
    });
}

#[test]
fn what_is_detached_after_the_plan_fails_the_freeze() {
    world("what_is_detached_after_the_plan_fails_the_freeze", async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        // mountinfo is not shown anew: that is as if the plan were older.
        guest.hook("10-detach", "[ $1 = freeze ] && umount -l $W/m/d1; exit 0");
        let writers = Writers::start(&guest, [&disks[0], &disks[2]]);
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        writers.go_on();
        none_frozen([&disks[0], &disks[2]]);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        guest.show_mounts(&[]);
        std::fs::remove_file(guest.path("hooks/10-detach")).unwrap();
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    });
}

#[test]
fn what_is_unmounted_after_the_plan_fails_the_freeze() {
    world("what_is_unmounted_after_the_plan_fails_the_freeze", async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        guest.guard().release(&disks[1].mount);
        guest.hook("10-unmount", "[ $1 = freeze ] && umount $W/m/d1 && touch $W/unmounted; exit 0");
        let writers = Writers::start(&guest, [&disks[0], &disks[2]]);
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        assert!(guest.path("unmounted").exists());
        writers.go_on();
        none_frozen([&disks[0], &disks[2]]);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    });
}

#[test]
fn what_is_covered_after_the_plan_is_not_taken_for_what_covers_it() {
    world("what_is_covered_after_the_plan_is_not_taken_for_what_covers_it", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let innocent = world.disk_in(&world.path("images"), "innocent", Kind::Ext4);
        let config = format!("exclude = [{:?}]", innocent.mount);
        let (guest, mut host) = Guest::start(world, &config).await;
        guest.hook("10-cover", "[ $1 = freeze ] && mount --bind $W/m/innocent $W/m/d1; exit 0");
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        none_frozen([&disks[0], &innocent]);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    });
}

#[test]
fn what_is_detached_while_it_is_frozen_is_thawed() {
    world("what_is_detached_while_it_is_frozen_is_thawed", async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let directory: File = disks[1].open();
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        guest.detach(&disks[1].mount);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        assert!(!was_frozen(&directory));
    });
}

/// A line of mountinfo about a vfat that is not there: it must not be opened.
fn vfat(world: &World) -> String {
    format!("9999 1 7:9999 / {} rw,relatime - vfat /dev/loop9999 rw", world.path("m/efi").display())
}

#[test]
fn what_cannot_be_frozen_is_left_alone_or_fails_all_as_configured() {
    world("what_cannot_be_frozen_is_left_alone_or_fails_all_as_configured", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        world.show_mounts(&[vfat(&world)]);
        let (guest, mut host) = Guest::start(world, "").await;
        assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::OK);
        works(&mut host, &disks).await;
        assert_eq!(guest.end(), Some(0));
        assert!(guest.log().contains("vfat"), "{}", guest.log());
        drop(host);

        guest.configure("on-unfreezable = \"fail\"");
        let mut host = guest.run().await;
        for operation in [Operation::HOT_BACKUP, Operation::FREEZE] {
            assert_eq!(host.status(operation).await, Status::FAIL, "{operation}");
            none_frozen(&disks);
        }
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        // It comes and goes: each question is answered anew.
        guest.show_mounts(&[]);
        assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::OK);
        works(&mut host, &disks).await;
    });
}

/// A filesystem of a type of which the plan does not know that Linux cannot freeze it: a tmpfs by another name.
fn unheard_of(world: &World) -> PathBuf {
    let place = world.mount_point("new");
    mount("new", &place, "tmpfs", MountFlags::empty(), None).unwrap();
    world.show_as(&place, "newfs");
    place
}

#[test]
fn what_the_kernel_refuses_to_freeze_is_left_out_or_fails_all_as_configured() {
    const TEST: &str = "what_the_kernel_refuses_to_freeze_is_left_out_or_fails_all_as_configured";
    world(TEST, async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let place = unheard_of(&world);
        let (guest, mut host) = Guest::start(world, "").await;
        works(&mut host, &disks).await;
        let told = guest.told_of(1);
        assert_eq!(told["result"], "frozen");
        let mut of_each = told["filesystems"].as_array().unwrap().iter();
        let new = of_each.find(|told| told["mount"] == place.to_str().unwrap()).unwrap();
        assert_eq!(new["type"], "newfs");
        assert!(new["result"].to_string().contains("its type cannot be frozen"), "{new}");
        let frozen = told["filesystems"].as_array().unwrap().iter().filter(|told| told["result"] == "frozen");
        assert_eq!(frozen.count(), disks.len());
        // From now on that is known, and said.
        assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::OK);
        works(&mut host, &disks).await;
        assert_eq!(guest.told_of(2)["filesystems"].as_array().unwrap().len(), disks.len());
        drop(host);
        assert_eq!(guest.end(), Some(0));
        assert!(guest.log().contains("newfs"), "{}", guest.log());

        guest.configure("on-unfreezable = \"fail\"");
        let mut host = guest.run().await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        none_frozen(&disks);
        let told = guest.told_of(3)["result"].to_string();
        assert!(told.contains("newfs"), "{told}");
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::FAIL, "it is known");
    });
}

#[test]
fn a_freeze_of_nothing_but_what_the_kernel_refuses_is_none() {
    world("a_freeze_of_nothing_but_what_the_kernel_refuses_is_none", async |world: World| {
        unheard_of(&world);
        let (_guest, mut host) = Guest::start(world, "").await;
        for _ in 0..2 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL, "nothing was frozen");
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
        }
    });
}

#[test]
fn a_bad_name_is_a_name() {
    world("a_bad_name_is_a_name", async |world: World| {
        let disks =
            ["with space", "Ünicode \"quoted\"", "back\\slash"].map(|name| world.disk(name, Kind::Ext4));
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        writers.wait_in_writes(writers.all());
        all_frozen(&disks);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        none_frozen(&disks);
        succeed(Command::new("true").current_dir("/"));
    });
}
