//! Checkpoints as they should be: everything is frozen when the host is told so, and goes on when the host says so.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::{NO_AUTO_RECOVERY, Operation};

use crate::support::writers::Writers;
use crate::support::{Disk, Guest, Kind, World, processes, skipped, world};
use crate::{all_frozen, none_frozen, one_of_each};

#[test]
fn from_the_answer_to_the_thaw_nothing_is_written_and_then_all_goes_on() {
    const TEST: &str = "from_the_answer_to_the_thaw_nothing_is_written_and_then_all_goes_on";
    world(TEST, async |world: World| {
        let disks = one_of_each(TEST, &world);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        for _ in 0..3 {
            assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::OK);
            assert_eq!(host.flags(), NO_AUTO_RECOVERY);
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            let told = writers.progress();
            writers.wait_in_writes(writers.all());
            all_frozen(&disks);
            for (told, now) in told.into_iter().zip(writers.progress()) {
                assert_eq!(told.bytes, now.bytes);
            }
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
            writers.go_on();
        }
        assert_eq!(writers.error(), 0);
        assert_eq!(guest.end(), Some(0));
        none_frozen(&disks);
    });
}

#[test]
fn while_frozen_daemon_and_guardian_touch_no_page_and_write_nothing() {
    world("while_frozen_daemon_and_guardian_touch_no_page_and_write_nothing", async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        for _ in 0..5 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            let pids = [guest.pid(), guest.guardian().expect("a guardian")];
            let (told, logged) = (pids.map(processes::toll), guest.log());
            writers.wait_in_writes(writers.all());
            // And serves meanwhile.
            assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::OK);
            assert_eq!(pids.map(processes::toll), told, "daemon, guardian: minor, major faults, bytes");
            assert_eq!(guest.log(), logged);
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
            writers.go_on();
        }
        assert!(guest.log().len() > 100, "there is a log, after all: {}", guest.log());
    });
}

#[test]
fn while_frozen_no_page_of_a_file_can_be_taken_from_daemon_and_guardian() {
    world("while_frozen_no_page_of_a_file_can_be_taken_from_daemon_and_guardian", async |world: World| {
        let disks = world.disks(1, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        all_frozen(&disks);
        for pid in [guest.pid(), guest.guardian().unwrap()] {
            let loose = processes::not_locked(pid);
            assert!(loose.is_empty(), "{loose:#?}");
        }
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    });
}

#[test]
fn a_log_and_a_state_on_what_is_frozen_hold_nothing_up() {
    world("a_log_and_a_state_on_what_is_frozen_hold_nothing_up", async |world: World| {
        let disk = world.disk("root", Kind::Ext4);
        let guest = Guest::prepare(world, "").writing_to(&disk.mount);
        let mut host = guest.run().await;
        for _ in 0..5 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            all_frozen([&disk]);
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
        }
        assert_eq!(guest.end(), Some(0));
        none_frozen([&disk]);
        assert!(disk.mount.join("state/hv-vssd/history.json").exists());
    });
}

#[test]
fn two_hundred_filesystems_are_frozen_together() {
    world("two_hundred_filesystems_are_frozen_together", async |world: World| {
        let disks = world.disks(200, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        // More would be busy with each other on few cores.
        let writers = Writers::start(&guest, disks.iter().step_by(10));
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        writers.wait_in_writes(writers.all());
        all_frozen(&disks);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        none_frozen(&disks);
        eprintln!("200 filesystems: the longest write took {:?}", writers.longest());
    });
}

#[test]
fn what_is_read_only_is_left_alone() {
    world("what_is_read_only_is_left_alone", async |world: World| {
        let (disk, other) = (world.disk("a", Kind::Ext4), world.disk("b", Kind::Ext4));
        rustix::mount::mount_remount(&other.mount, rustix::mount::MountFlags::RDONLY, c"").unwrap();
        world.show_mounts(&[]);
        let (guest, mut host) = Guest::start(world, "").await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert!(disk.is_frozen());
        assert!(!other.is_frozen());
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        assert_eq!(guest.end(), Some(0));
        none_frozen([&disk]);
    });
}

#[test]
fn what_is_excluded_is_left_alone() {
    world("what_is_excluded_is_left_alone", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let config = format!("exclude = [{:?}]", disks[1].mount);
        let (guest, mut host) = Guest::start(world, &config).await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert_eq!((disks[0].is_frozen(), disks[1].is_frozen()), (true, false));
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        drop(guest);
    });
}

#[test]
fn where_nothing_of_what_is_to_be_frozen_is_there_the_host_is_told() {
    world("where_nothing_of_what_is_to_be_frozen_is_there_the_host_is_told", async |world: World| {
        let (guest, mut host) = Guest::start(world, "").await;
        for operation in [Operation::HOT_BACKUP, Operation::FREEZE] {
            assert_eq!(host.status(operation).await, Status::FAIL, "{operation}");
        }
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        assert_eq!(guest.end(), Some(0));
    });
}

#[test]
fn the_same_filesystem_at_several_places_is_frozen_once() {
    world("the_same_filesystem_at_several_places_is_frozen_once", async |world: World| {
        let disks: Vec<Disk> = ["a", "b"].map(|name| world.disk(name, Kind::Ext4)).into();
        std::fs::create_dir(disks[0].mount.join("below")).unwrap();
        world.bind(&disks[0].mount, "bound");
        world.bind(&disks[0].mount.join("below"), "a-part");
        // Covered by another one: it can be reached at its other places only.
        rustix::mount::mount_bind(&disks[1].mount, disks[0].mount.join("below")).unwrap();
        world.show_mounts(&[]);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        writers.wait_in_writes(writers.all());
        all_frozen(&disks);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        none_frozen(&disks);
    });
}

#[test]
fn subvolumes_of_btrfs_are_one_filesystem() {
    const TEST: &str = "subvolumes_of_btrfs_are_one_filesystem";
    if let Some(why) = Kind::Btrfs.missing() {
        return skipped(TEST, &why);
    }
    world(TEST, async |world: World| {
        let disk = world.disk("b", Kind::Btrfs);
        for name in ["one", "two"] {
            let mut command = std::process::Command::new("btrfs");
            crate::support::disks::succeed(command.args(["subvolume", "create"]).arg(disk.mount.join(name)));
            world.bind(&disk.mount.join(name), name);
        }
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, [&disk]);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        writers.wait_in_writes(writers.all());
        all_frozen([&disk]);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        none_frozen([&disk]);
    });
}
