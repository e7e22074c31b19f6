//! A guardian that is killed while it thaws by itself: what it was at is the daemon's, and nothing is left in a dead hand.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;
use rustix::process::{Signal, kill_process};

use crate::record::{Record, Stage};
use crate::support::host::Host;
use crate::support::writers::Writers;
use crate::support::{Disk, Guest, Kind, World, processes, spin, world};
use crate::sweep::DISKS;
use crate::table::Table;

/// In the table: it had begun to thaw some, and died before it could say that these are thawed.
const IN_HAND: &str = "some in its hands";

/// Freezes, has the guardian thaw, kills it when it is so far, and looks. What the kill was, for the table.
async fn kill(guest: &Guest, host: &mut Host, disks: &[Disk], stage: Stage, stopped: bool) -> String {
    assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
    let record = Record::open(&guest.record()).unwrap();
    let guardian = guest.guardian().expect("a guardian");
    kill_process(guardian, Signal::TERM).unwrap();
    spin(|_| record.stage() >= stage);
    if stopped {
        // It comes back from the kernel, and no further: what it holds it holds until it is killed.
        kill_process(guardian, Signal::STOP).unwrap();
        processes::wait_stopped(guardian);
    }
    let in_hand = if record.guarded() > 0 { IN_HAND } else { "none in its hands" };
    processes::kill(guardian);
    // The daemon cannot know before.
    processes::wait_dead(guardian);
    let what = format!("told to end, {stage:?}, {}{in_hand}", if stopped { "stopped first, " } else { "" });
    // The host's backup is not what it was told.
    assert_eq!(host.status(Operation::THAW).await, Status::FAIL, "{what}");
    disks.iter().for_each(|disk| assert!(!disk.thaw(), "{what}: {} was frozen", disk.mount.display()));
    assert_eq!(host.status(Operation::THAW).await, Status::OK, "{what}");
    what
}

#[test]
fn a_guardian_that_is_killed_while_it_thaws_leaves_nothing_in_its_hands() {
    const TEST: &str = "a_guardian_that_is_killed_while_it_thaws_leaves_nothing_in_its_hands";
    world(TEST, async |world: World| {
        let disks = world.disks(DISKS, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        let mut table = Table::default();
        for stopped in [true, false].into_iter().cycle().take(super::rounds(4)) {
            for stage in (0..=DISKS).map(Stage::Thawed) {
                table.survived(kill(&guest, &mut host, &disks, stage, stopped).await);
                writers.go_on();
            }
        }
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        writers.wait_in_writes(writers.all());
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        assert_eq!(writers.error(), 0);
        assert_eq!(guest.end(), Some(0));
        let (all, in_hand) = table.count(IN_HAND);
        table.print(TEST);
        assert!(in_hand > 0, "none of {all} came while it thawed one");
    });
}

#[test]
fn what_lies_on_what_a_guardian_had_in_its_hands_when_it_was_killed_is_thawed_too() {
    const TEST: &str = "what_lies_on_what_a_guardian_had_in_its_hands_when_it_was_killed_is_thawed_too";
    world(TEST, async |world: World| {
        let lower = world.disk_sized("lower", Kind::Ext4, 64);
        let upper = world.disk_in(&lower.mount, "upper", Kind::Ext4);
        let disks = [lower, upper];
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        let mut table = Table::default();
        for stopped in [true, false].into_iter().cycle().take(super::rounds(4)) {
            table.survived(kill(&guest, &mut host, &disks, Stage::Thawed(0), stopped).await);
            writers.go_on();
        }
        assert_eq!(guest.end(), Some(0));
        table.print(TEST);
    });
}
