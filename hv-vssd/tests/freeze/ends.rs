//! Daemon and guardian that are stopped, told to end or killed while all is frozen: nothing stays so.
//!
//! Kills at every other moment are in `../killed`.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;
use rustix::process::{Signal, kill_process};

use crate::answers::hears_of_it_once;
use crate::none_frozen;
use crate::support::host::Host;
use crate::support::writers::Writers;
use crate::support::{Disk, Guest, Kind, World, processes, world};

/// A guest that the host has just frozen.
async fn frozen(world: World, config: &str) -> (Guest, Host, Writers, Vec<Disk>) {
    let disks = world.disks(3, "d", Kind::Ext4);
    let (guest, mut host) = Guest::start(world, config).await;
    let writers = Writers::start(&guest, &disks);
    assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
    writers.wait_in_writes(writers.all());
    (guest, host, writers, disks)
}

/// The next freeze is as if nothing had been.
async fn works(host: &mut Host, writers: &Writers, disks: &[Disk]) {
    assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
    writers.wait_in_writes(writers.all());
    assert_eq!(host.status(Operation::THAW).await, Status::OK);
    writers.go_on();
    none_frozen(disks);
}

#[test]
fn a_daemon_that_is_told_to_end_thaws_first() {
    world("a_daemon_that_is_told_to_end_thaws_first", async |world: World| {
        let (guest, host, writers, disks) = frozen(world, "").await;
        guest.signal(Signal::TERM);
        writers.go_on();
        assert_eq!(guest.ended(), Some(0));
        guest.guardian_gone();
        none_frozen(&disks);
        drop(host);
        let mut host = guest.run().await;
        hears_of_it_once(&mut host).await;
        works(&mut host, &writers, &disks).await;
    });
}

#[test]
fn a_service_that_is_told_to_end_as_a_whole_thaws_first() {
    world("a_service_that_is_told_to_end_as_a_whole_thaws_first", async |world: World| {
        let (guest, host, writers, disks) = frozen(world, "").await;
        kill_process(guest.guardian().unwrap(), Signal::TERM).unwrap();
        guest.signal(Signal::TERM);
        writers.go_on();
        assert_eq!(guest.ended(), Some(0));
        guest.guardian_gone();
        none_frozen(&disks);
        drop(host);
    });
}

#[test]
fn a_daemon_that_is_stopped_is_not_waited_for_beyond_the_deadline() {
    world("a_daemon_that_is_stopped_is_not_waited_for_beyond_the_deadline", async |world: World| {
        let (guest, mut host, writers, disks) = frozen(world, "max-frozen-secs = 5").await;
        guest.signal(Signal::STOP);
        writers.go_on();
        none_frozen(&disks);
        guest.signal(Signal::CONT);
        hears_of_it_once(&mut host).await;
        works(&mut host, &writers, &disks).await;
    });
}

#[test]
fn a_guardian_that_is_told_to_end_thaws() {
    world("a_guardian_that_is_told_to_end_thaws", async |world: World| {
        let (guest, mut host, writers, disks) = frozen(world, "").await;
        kill_process(guest.guardian().unwrap(), Signal::TERM).unwrap();
        writers.go_on();
        none_frozen(&disks);
        hears_of_it_once(&mut host).await;
        works(&mut host, &writers, &disks).await;
    });
}

#[test]
fn a_guardian_that_is_killed_is_replaced_by_a_thaw() {
    world("a_guardian_that_is_killed_is_replaced_by_a_thaw", async |world: World| {
        let (guest, mut host, writers, disks) = frozen(world, "").await;
        processes::kill(guest.guardian().unwrap());
        writers.go_on();
        none_frozen(&disks);
        hears_of_it_once(&mut host).await;
        works(&mut host, &writers, &disks).await;
    });
}

#[test]
fn a_guardian_that_is_stopped_is_overdue_for_the_daemon() {
    world("a_guardian_that_is_stopped_is_overdue_for_the_daemon", async |world: World| {
        let (guest, mut host, writers, disks) = frozen(world, "max-frozen-secs = 5").await;
        let guardian = guest.guardian().unwrap();
        kill_process(guardian, Signal::STOP).unwrap();
        writers.go_on();
        none_frozen(&disks);
        kill_process(guardian, Signal::CONT).unwrap();
        hears_of_it_once(&mut host).await;
        works(&mut host, &writers, &disks).await;
    });
}

#[test]
fn what_both_have_left_frozen_is_thawed_by_the_next_start_or_before() {
    world("what_both_have_left_frozen_is_thawed_by_the_next_start_or_before", async |world: World| {
        let (guest, mut host, writers, disks) = frozen(world, "").await;
        for by_start in [true, false] {
            // A stopped guardian does not notice the daemon's end.
            let guardian = guest.guardian().unwrap();
            kill_process(guardian, Signal::STOP).unwrap();
            guest.kill();
            processes::kill(guardian);
            guest.guardian_gone();
            writers.wait_in_writes(writers.all());
            drop(host);
            if !by_start {
                assert_eq!(guest.recover(), Some(0), "{}", guest.log());
                writers.go_on();
                none_frozen(&disks);
            }
            host = guest.run().await;
            writers.go_on();
            none_frozen(&disks);
            hears_of_it_once(&mut host).await;
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            writers.wait_in_writes(writers.all());
        }
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
    });
}

#[test]
fn recovery_without_anything_to_recover_is_no_error() {
    world("recovery_without_anything_to_recover_is_no_error", async |world: World| {
        let disks = world.disks(1, "d", Kind::Ext4);
        // Not what somebody else has frozen.
        disks[0].freeze();
        let guest = Guest::prepare(world, "");
        assert_eq!(guest.recover(), Some(0), "{}", guest.log());
        assert!(disks[0].thaw());
    });
}

#[test]
fn a_log_on_what_is_frozen_holds_up_no_end() {
    world("a_log_on_what_is_frozen_holds_up_no_end", async |world: World| {
        let disks = vec![world.disk("root", Kind::Ext4)];
        let guest = Guest::prepare(world, "").writing_to(&disks[0].mount);
        let writers = Writers::start(&guest, &disks);
        let mut host = guest.run().await;
        // Each of these is worth a line in the log, and comes while that cannot be written.
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        drop(host);
        writers.go_on();
        let mut host = guest.host().await;
        hears_of_it_once(&mut host).await;

        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        processes::kill(guest.guardian().unwrap());
        writers.go_on();
        hears_of_it_once(&mut host).await;

        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        guest.signal(Signal::HUP);
        host.negotiate().await;
        guest.signal(Signal::TERM);
        writers.go_on();
        assert_eq!(guest.ended(), Some(0));
        none_frozen(&disks);
        for said in ["channel closed", "guardian", "stopped"] {
            assert!(guest.log().contains(said), "{said}: {}", guest.log());
        }
    });
}
