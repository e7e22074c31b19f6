//! Hosts that ask twice, too late, not at all, or leave: what they are told is what their backup is worth.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;

use crate::support::host::Host;
use crate::support::writers::Writers;
use crate::support::{Guest, Kind, World, world};
use crate::{all_frozen, none_frozen};

/// The host hears once that what it was told is not true, and then no more.
pub(crate) async fn hears_of_it_once(host: &mut Host) {
    assert_eq!(host.status(Operation::THAW).await, Status::FAIL);
    for _ in 0..2 {
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    }
}

#[test]
fn a_thaw_that_never_comes_is_not_waited_for() {
    world("a_thaw_that_never_comes_is_not_waited_for", async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "max-frozen-secs = 5").await;
        let writers = Writers::start(&guest, &disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        writers.wait_in_writes(writers.all());
        writers.go_on();
        none_frozen(&disks);
        hears_of_it_once(&mut host).await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        all_frozen(&disks);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        none_frozen(&disks);
    });
}

#[test]
fn a_freeze_after_one_that_was_not_thawed_in_time_begins_anew() {
    world("a_freeze_after_one_that_was_not_thawed_in_time_begins_anew", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "max-frozen-secs = 5").await;
        let writers = Writers::start(&guest, &disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        writers.wait_in_writes(writers.all());
        writers.go_on();
        // They go on before the daemon knows why; what it does not know of it takes for frozen still.
        guest.logs("did not last");
        // The host has given the first one up without a word.
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        all_frozen(&disks);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        none_frozen(&disks);
    });
}

#[test]
fn a_freeze_that_did_not_last_is_owed_still_after_one_that_was_refused_and_a_kill() {
    const TEST: &str = "a_freeze_that_did_not_last_is_owed_still_after_one_that_was_refused_and_a_kill";
    world(TEST, async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "max-frozen-secs = 5").await;
        let writers = Writers::start(&guest, &disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        writers.wait_in_writes(writers.all());
        writers.go_on();
        none_frozen(&disks);
        guest.logs("did not last");
        // The host knows of the second one, and still not of the first.
        disks[0].freeze();
        for _ in 0..2 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
            assert!(guest.owes());
        }
        guest.kill();
        guest.guardian_gone();
        drop(host);
        assert!(disks[0].thaw());
        assert!(guest.owes());
        let mut host = guest.run().await;
        hears_of_it_once(&mut host).await;
        assert!(!guest.owes());
        writers.go_on();
        none_frozen(&disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    });
}

#[test]
fn thaws_without_a_freeze_are_ok() {
    world("thaws_without_a_freeze_are_ok", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let (_guest, mut host) = Guest::start(world, "").await;
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        for _ in 0..3 {
            assert_eq!(host.status(Operation::THAW).await, Status::OK);
        }
        none_frozen(&disks);
    });
}

#[test]
fn a_freeze_while_frozen_is_ok_and_one_thaw_ends_it() {
    world("a_freeze_while_frozen_is_ok_and_one_thaw_ends_it", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        for _ in 0..3 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        }
        all_frozen(&disks);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        writers.go_on();
        none_frozen(&disks);
    });
}

#[test]
fn a_host_that_leaves_while_frozen_is_not_waited_for() {
    world("a_host_that_leaves_while_frozen_is_not_waited_for", async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        for _ in 0..3 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            writers.wait_in_writes(writers.all());
            drop(host);
            writers.go_on();
            none_frozen(&disks);
            host = guest.host().await;
            hears_of_it_once(&mut host).await;
        }
    });
}

#[test]
fn a_host_that_leaves_before_the_answer_finds_nothing_frozen() {
    world("a_host_that_leaves_before_the_answer_finds_nothing_frozen", async |world: World| {
        let disks = world.disks(3, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        for _ in 0..10 {
            host.ask(Operation::FREEZE).await;
            drop(host);
            host = guest.host().await;
            writers.go_on();
        }
        assert_eq!(guest.end(), Some(0));
        none_frozen(&disks);
    });
}

#[test]
fn a_negotiation_while_frozen_thaws_or_leaves_it_to_the_deadline() {
    world("a_negotiation_while_frozen_thaws_or_leaves_it_to_the_deadline", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "max-frozen-secs = 5").await;
        let writers = Writers::start(&guest, &disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        host.negotiate().await;
        writers.go_on();
        none_frozen(&disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    });
}
