//! Ends that come at a bad moment: nothing is begun any more, and who cleans up does not take from who lives.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;
use rustix::process::Signal;

use crate::support::{Guest, Kind, World, until, world};
use crate::{all_frozen, none_frozen};

#[test]
fn a_freeze_that_waits_for_the_hooks_of_the_last_one_is_not_begun_by_a_daemon_that_ends() {
    const TEST: &str = "a_freeze_that_waits_for_the_hooks_of_the_last_one_is_not_begun_by_a_daemon_that_ends";
    world(TEST, async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let guest = Guest::prepare(world, "").managed();
        guest.hook(
            "10-waits",
            "echo $1 >> $W/said; [ $1 = thaw ] || exit 0\n\
             touch $W/waits; while [ ! -e $W/go ]; do sleep 0.01; done",
        );
        let mut host = guest.run().await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        until("the hook waits", || guest.path("waits").exists());
        host.ask(Operation::FREEZE).await;
        // Between two of these it has looked at everything once: it has the question, and cannot answer it yet.
        for _ in 0..3 {
            guest.signal(Signal::HUP);
            guest.managed_hears("RELOADING=1");
        }
        assert_eq!(host.answer_now(), None);
        guest.signal(Signal::TERM);
        guest.managed_hears("STOPPING=1");
        std::fs::write(guest.path("go"), "").unwrap();
        assert_eq!(guest.ended(), Some(0));
        guest.guardian_gone();
        none_frozen(&disks);
        assert!(!host.answer_left().is_some_and(Status::is_ok), "nothing was frozen");
        // Nor was it prepared for.
        assert_eq!(guest.text("said"), "freeze\nthaw\n");
        assert!(!guest.owes());
        assert_eq!(guest.history().len(), 1);
    });
}

#[test]
fn a_recovery_beside_a_daemon_that_lives_thaws_nothing() {
    world("a_recovery_beside_a_daemon_that_lives_thaws_nothing", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        assert_eq!(guest.recover(), Some(75), "nothing is frozen");
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        for _ in 0..3 {
            assert_eq!(guest.recover(), Some(75));
            all_frozen(&disks);
        }
        assert!(guest.record().exists());
        assert_eq!(host.status(Operation::THAW).await, Status::OK, "it lasted");
        none_frozen(&disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        // One that does not answer is one that lives.
        guest.signal(Signal::STOP);
        assert_eq!(guest.recover(), Some(75));
        all_frozen(&disks);
        guest.signal(Signal::CONT);
        assert_eq!(host.status(Operation::THAW).await, Status::OK, "it lasted");
    });
}
