//! Guardians that stop in the worst moment: while they thaw, and before a freeze. The daemon relies on none that does not move.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;
use rustix::process::{Signal, kill_process};

use crate::answers::hears_of_it_once;
use crate::none_frozen;
use crate::record::Record;
use crate::support::writers::Writers;
use crate::support::{Guest, Kind, World, processes, spin, world};

#[test]
fn a_guardian_that_is_stopped_while_it_thaws_is_waited_for_a_moment_only() {
    world("a_guardian_that_is_stopped_while_it_thaws_is_waited_for_a_moment_only", async |world: World| {
        let disks = world.disks(6, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "").await;
        let writers = Writers::start(&guest, &disks);
        // Whether it is caught is a race, which the first round wins nearly always.
        for _ in 0..20 {
            assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
            let record = Record::open(&guest.record()).unwrap();
            let guardian = guest.guardian().unwrap();
            kill_process(guardian, Signal::TERM).unwrap();
            spin(|_| record.guarded() > 0 || record.is_over());
            kill_process(guardian, Signal::STOP).unwrap();
            processes::wait_stopped(guardian);
            let caught = record.guarded();
            // It has not said that it thaws, and never will.
            hears_of_it_once(&mut host).await;
            writers.go_on();
            none_frozen(&disks);
            if caught > 0 {
                // It is of no use any more.
                processes::wait_dead(guardian);
                assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
                writers.wait_in_writes(writers.all());
                assert_eq!(host.status(Operation::THAW).await, Status::OK);
                return;
            }
            // It may have been replaced.
            let _ = kill_process(guardian, Signal::CONT);
        }
        panic!("never caught while it thawed");
    });
}

#[test]
fn a_guardian_that_is_stopped_before_a_freeze_is_replaced_for_the_next() {
    world("a_guardian_that_is_stopped_before_a_freeze_is_replaced_for_the_next", async |world: World| {
        let disks = world.disks(2, "d", Kind::Ext4);
        let (guest, mut host) = Guest::start(world, "max-frozen-secs = 5").await;
        let writers = Writers::start(&guest, &disks);
        let stopped = guest.guardian().unwrap();
        kill_process(stopped, Signal::STOP).unwrap();
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        writers.go_on();
        none_frozen(&disks);
        let told = guest.told_of(1)["result"].to_string();
        assert!(told.contains("the guardian does not answer"), "{told}");
        assert_eq!(host.status(Operation::THAW).await, Status::OK, "it knows");
        // What it would say now belongs to what is past, but it is gone.
        processes::wait_dead(stopped);

        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert!(guest.guardian().is_some_and(|guardian| guardian != stopped));
        writers.wait_in_writes(writers.all());
        // Nobody but the new one is left to keep the deadline.
        guest.signal(Signal::STOP);
        writers.go_on();
        none_frozen(&disks);
        guest.signal(Signal::CONT);
        hears_of_it_once(&mut host).await;
    });
}
