//! The administrator's programs around a freeze: when they run, and what becomes of it when they fail.

use std::os::unix::fs::PermissionsExt;

use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;

use crate::none_frozen;
use crate::support::{Disk, Guest, Kind, World, until, world};

/// Says that it runs, after it has written to the filesystem: it would hang if that were frozen.
const SAYS: &str = "echo $1 > $W/m/d0/hook && echo ${0##*/} $1 >> $W/said";

/// A world with two hooks that say so, and the middle one for the test.
async fn with_hooks(
    world: World,
    config: &str,
    middle: &str,
) -> (Guest, crate::support::host::Host, Vec<Disk>) {
    let disks = world.disks(2, "d", Kind::Ext4);
    let guest = Guest::prepare(world, config);
    guest.hook("10-first", SAYS);
    guest.hook("20-middle", middle);
    guest.hook("30-last", SAYS);
    let host = guest.run().await;
    (guest, host, disks)
}

#[test]
fn they_run_before_all_is_frozen_and_backwards_after_all_is_thawed() {
    world("they_run_before_all_is_frozen_and_backwards_after_all_is_thawed", async |world: World| {
        let (guest, mut host, disks) = with_hooks(world, "", SAYS).await;
        assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::OK);
        assert_eq!(guest.text("said"), "", "a question is no freeze");
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert_eq!(guest.text("said"), "10-first freeze\n20-middle freeze\n30-last freeze\n");
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        let after = "30-last thaw\n20-middle thaw\n10-first thaw\n";
        until("they run after the thaw", || guest.text("said").ends_with(after));
        assert_eq!(guest.text("said").lines().count(), 6);
        none_frozen(&disks);
    });
}

#[test]
fn one_that_fails_ends_the_freeze_before_it_begins() {
    world("one_that_fails_ends_the_freeze_before_it_begins", async |world: World| {
        let fails = format!("{SAYS}; [ $1 != freeze ]");
        let (guest, mut host, disks) = with_hooks(world, "", &fails).await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        none_frozen(&disks);
        until("they undo", || guest.text("said").ends_with("10-first thaw\n"));
        let said = guest.text("said");
        assert!(said.starts_with("10-first freeze\n20-middle freeze\n"), "{said}");
        assert!(!said.contains("30-last freeze"), "{said}");
        let before = |one: &str, other: &str| said.find(one).unwrap() < said.find(other).unwrap();
        assert!(before("10-first freeze-failed", "10-first thaw"), "{said}");
        assert!(before("20-middle freeze-failed", "10-first freeze-failed"), "{said}");
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        guest.logs("20-middle");
    });
}

#[test]
fn one_that_fails_is_passed_over_if_it_is_so_configured() {
    world("one_that_fails_is_passed_over_if_it_is_so_configured", async |world: World| {
        let fails = format!("{SAYS}; false");
        let (guest, mut host, disks) = with_hooks(world, "on-hook-failure = \"continue\"", &fails).await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert_eq!(guest.text("said"), "10-first freeze\n20-middle freeze\n30-last freeze\n");
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
        until("they run after the thaw", || guest.text("said").ends_with("10-first thaw\n"));
        none_frozen(&disks);
    });
}

#[test]
fn one_that_hangs_is_ended_and_so_is_the_freeze() {
    world("one_that_hangs_is_ended_and_so_is_the_freeze", async |world: World| {
        // With a child that ignores what asks it to end.
        let hangs =
            "[ $1 = freeze ] || exit 0; trap '' TERM; sleep 1000 & echo $! > $W/child; wait; sleep 1000";
        // In which it has to come so far as to hang, also on a busy machine.
        let (guest, mut host, disks) = with_hooks(world, "hook-timeout-secs = 8", hangs).await;
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        none_frozen(&disks);
        let child = guest.text("child");
        assert_ne!(child, "");
        until("its child is ended", || {
            !std::path::Path::new("/proc").join(child.trim()).join("exe").exists()
        });
        until("they undo", || guest.text("said").ends_with("10-first thaw\n"));
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    });
}

#[test]
fn a_freeze_that_fails_is_told_to_those_that_had_prepared() {
    world("a_freeze_that_fails_is_told_to_those_that_had_prepared", async |world: World| {
        let (guest, mut host, disks) = with_hooks(world, "", SAYS).await;
        disks[1].freeze();
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        until("they undo", || guest.text("said").ends_with("10-first thaw\n"));
        let told: String = ["freeze-failed", "thaw"]
            .iter()
            .flat_map(|phase| ["30-last", "20-middle", "10-first"].map(|name| format!("{name} {phase}\n")))
            .collect();
        assert!(guest.text("said").ends_with(&told), "{}", guest.text("said"));
        assert!(disks[1].thaw());
        none_frozen(&disks);
    });
}

#[test]
fn a_thaw_that_comes_while_they_prepare_waits_for_the_answer_to_the_freeze() {
    const TEST: &str = "a_thaw_that_comes_while_they_prepare_waits_for_the_answer_to_the_freeze";
    world(TEST, async |world: World| {
        let waits = "[ $1 = freeze ] || exit 0; touch $W/waits; while [ ! -e $W/go ]; do sleep 0.01; done";
        let (guest, mut host, disks) = with_hooks(world, "", waits).await;
        let freeze = host.ask(Operation::FREEZE).await;
        until("the hook waits", || guest.path("waits").exists());
        assert_eq!(host.answer_now(), None);
        // One question at a time is served.
        let thaw = host.ask(Operation::THAW).await;
        std::fs::write(guest.path("go"), "").unwrap();
        assert_eq!(host.answer().await, (freeze, Status::OK));
        assert_eq!(host.answer().await, (thaw, Status::OK));
        until("they run after the thaw", || guest.text("said").ends_with("10-first thaw\n"));
        none_frozen(&disks);
        assert_eq!(host.status(Operation::THAW).await, Status::OK);
    });
}

#[test]
fn one_that_others_can_change_is_found_at_the_check() {
    world("one_that_others_can_change_is_found_at_the_check", async |world: World| {
        let (guest, mut host, disks) = with_hooks(world, "", SAYS).await;
        assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::OK);
        let hook = guest.path("hooks").join("20-middle");
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o775)).unwrap();
        assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::FAIL);
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(host.status(Operation::HOT_BACKUP).await, Status::OK);
        none_frozen(&disks);
    });
}
