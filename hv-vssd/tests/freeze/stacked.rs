//! Filesystems whose disks are files on other filesystems that are frozen as well: freezing writes, so the order counts.
//!
//! A wrong order is a deadlock that only a thaw from outside ends; the daemon's answer would not come.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;

use crate::support::disks::succeed;
use crate::support::writers::Writers;
use crate::support::{Disk, Guest, Kind, World, processes, until, world};
use crate::{all_frozen, none_frozen, one_of_each};

/// Three storeys, with names in the wrong order for whoever goes by names.
fn tower(world: &World, kind: Kind) -> Vec<Disk> {
    // Big enough for what lies on them.
    let lowest = world.disk_sized("b", kind, 256);
    let middle = world.disk_in_sized(&lowest.mount, "a", Kind::Ext4, 64);
    let highest = world.disk_in(&middle.mount, "c", Kind::Ext4);
    vec![highest, middle, lowest]
}

#[test]
fn loops_on_loops_with_dirty_data_in_all_never_deadlock() {
    world("loops_on_loops_with_dirty_data_in_all_never_deadlock", async |world: World| {
        let disks = tower(&world, Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        for _ in 0..50 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            writers.wait_in_writes(writers.all());
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
            writers.go_on();
        }
        assert_eq!(writers.error(), 0);
        none_frozen(&disks);
    });
}

#[test]
fn a_loop_on_each_type_is_frozen_before_what_it_lies_on() {
    const TEST: &str = "a_loop_on_each_type_is_frozen_before_what_it_lies_on";
    world(TEST, async |world: World| {
        let lower = one_of_each(TEST, &world);
        let upper = lower.iter().map(|disk| {
            world.disk_in_sized(&disk.mount, &format!("on-{}", disk.kind.name()), Kind::Ext4, 16)
        });
        let disks: Vec<Disk> = upper.collect::<Vec<_>>().into_iter().chain(lower).collect();
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        for _ in 0..5 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            writers.wait_in_writes(writers.all());
            all_frozen(&disks);
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
            writers.go_on();
        }
        none_frozen(&disks);
    });
}

#[test]
fn an_overlay_is_frozen_where_it_writes() {
    world("an_overlay_is_frozen_where_it_writes", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let [lower, upper, work] =
            [disks[0].mount.join("lower"), disks[1].mount.join("upper"), disks[1].mount.join("work")];
        [&lower, &upper, &work].into_iter().for_each(|directory| std::fs::create_dir(directory).unwrap());
        let overlay = Disk { mount: world.mount_point("overlay"), kind: Kind::Ext4 };
        let options =
            format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
        succeed(
            std::process::Command::new("mount")
                .args(["-t", "overlay", "overlay", "-o", &options])
                .arg(&overlay.mount),
        );
        // And a filesystem whose disk is a file in the overlay: it stands on the second.
        let highest = world.disk_in_sized(&overlay.mount, "a", Kind::Ext4, 16);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, [&disks[0], &disks[1], &overlay, &highest]);
        for _ in 0..5 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            writers.wait_in_writes(writers.all());
            all_frozen(disks.iter().chain([&highest]));
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
            writers.go_on();
        }
        none_frozen(disks.iter().chain([&highest]));
    });
}

#[test]
fn what_lies_on_a_disk_that_somebody_else_has_frozen_waits_for_that() {
    world("what_lies_on_a_disk_that_somebody_else_has_frozen_waits_for_that", async |world: World| {
        let lower = world.disk_sized("lower", Kind::Ext4, 64);
        let upper = world.disk_in(&lower.mount, "upper", Kind::Ext4);
        let other = world.disk("other", Kind::Ext4);
        let config = format!("exclude = [{:?}]", lower.mount);
        let (guest, mut host) = Guest::start(world, &config).await;
        let writers = Writers::start(&guest, [&upper, &other]);
        lower.freeze();
        writers.wait_in_writes([0]);
        let asked = host.ask(Operation::FREEZE).await;
        until("the daemon waits for the disk", || processes::waits_for_a_disk(guest.pid()));
        // The others go on: they are not frozen before the disk answers.
        assert_eq!(host.answer_now(), None);
        assert!(!other.is_frozen());
        assert!(lower.thaw());
        assert_eq!(host.answer().await, (asked, Status::OK));
        all_frozen([&upper, &other]);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        none_frozen([&lower, &upper, &other]);
    });
}

#[test]
fn what_lies_on_one_that_somebody_else_has_frozen_is_not_even_tried() {
    world("what_lies_on_one_that_somebody_else_has_frozen_is_not_even_tried", async |world: World| {
        let disks = tower(&world, Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        // Dirty data, which freezing the highest would have to write through all of it.
        let writers = Writers::start(&guest, [&disks[0]]);
        for lower in [&disks[1], &disks[2]] {
            lower.freeze();
            assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
            assert!(lower.is_frozen());
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
            assert!(lower.thaw());
            writers.go_on();
            none_frozen(&disks);
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
        }
        writers.go_on();
        none_frozen(&disks);
    });
}
