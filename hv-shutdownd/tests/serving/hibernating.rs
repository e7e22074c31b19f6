//! Hibernation: what has to be so, and what must not be under way.

use hv_utils_core::wire::Version;

use crate::support::{Guest, Hand, Others, run};

const HIBERNATE: u32 = 4;
const FORCED: u32 = 5;
const BUSY: u32 = 0x8007_00aa;
const LOCKED: u32 = 0x8007_04f7;
const NOT_SUPPORTED: u32 = 0x8007_0032;

async fn start(config: &str) -> (Guest, Hand, Others) {
    let (guest, host) = Guest::by_hand(config, Version::new(3, 2)).await;
    let others = Others::on(guest.address()).await;
    guest.can_hibernate();
    (guest, host, others)
}

async fn accepted(guest: &Guest, host: &mut Hand, flags: u32) {
    assert_eq!(host.status(flags).await, 0);
    guest.becomes("would hibernate (print)").await;
    guest.rests().await;
}

#[test]
fn where_all_is_there_it_is_accepted_and_where_anything_is_missing_it_is_not_even_by_force() {
    run(async {
        let (guest, mut host, others) = start("").await;
        assert_eq!(guest.property::<(bool, String)>("CanHibernate").await, (true, String::new()));
        for flags in [HIBERNATE, FORCED] {
            accepted(&guest, &mut host, flags).await;
            others.say(|says| says.unit = "disabled");
            assert_eq!(host.status(flags).await, NOT_SUPPORTED);
            others.say(|says| (says.unit, says.can_hibernate) = ("enabled", "na"));
            assert_eq!(host.status(flags).await, NOT_SUPPORTED);
            others.say(|says| says.can_hibernate = "yes");
            guest.write("sys/bus/vmbus/hibernation", "0\n");
            assert_eq!(host.status(flags).await, NOT_SUPPORTED);
            guest.can_hibernate();
        }
        others.leave().await;
        assert_eq!(host.status(FORCED).await, NOT_SUPPORTED);
        let (can, why) = guest.property::<(bool, String)>("CanHibernate").await;
        assert!(!can && why.contains("logind"), "{why}");
    });
}

#[test]
fn a_frozen_filesystem_or_a_copy_under_way_is_busy_even_by_force() {
    run(async {
        let (guest, mut host, others) = start("").await;
        for flags in [HIBERNATE, FORCED] {
            others.say(|says| says.vss = "frozen");
            assert_eq!(host.status(flags).await, BUSY);
            guest
                .becomes("refused: the guest must not hibernate now: filesystems are frozen for a backup")
                .await;
            others.say(|says| (says.vss, says.copied) = ("thawed", "/srv/in/big.iso"));
            assert_eq!(host.status(flags).await, BUSY);
            let copied =
                "refused: the guest must not hibernate now: the host copies a file to /srv/in/big.iso";
            guest.becomes(copied).await;
            others.say(|says| says.copied = "");
            accepted(&guest, &mut host, flags).await;
        }
        // Neither is in the way of anything else.
        others.say(|says| (says.vss, says.copied) = ("frozen", "/srv/in/big.iso"));
        assert_eq!(host.status(0).await, 0);
        guest.becomes("would power off (print)").await;
        assert_eq!(others.acted(), [""; 0]);
    });
}

#[test]
fn inhibitors_of_logind_s_are_heard_for_what_they_are_against() {
    run(async {
        let (guest, mut host, others) = start("").await;
        // As a logind of version 257 says it.
        others.say(|says| {
            (says.inhibitors, says.can_hibernate) = (vec![("sleep", "block")], "inhibitor-blocked");
        });
        assert_eq!(host.status(HIBERNATE).await, LOCKED);
        guest.becomes("refused: inhibited by app (a reason)").await;
        accepted(&guest, &mut host, FORCED).await;
        assert_eq!(host.status(0).await, 0);
        guest.rests().await;
        others.say(|says| {
            (says.inhibitors, says.can_hibernate) = (vec![("shutdown:idle", "block-weak")], "yes");
        });
        assert_eq!(host.status(0).await, LOCKED);
        accepted(&guest, &mut host, HIBERNATE).await;
        others.say(|says| says.inhibitors = vec![("shutdown:sleep", "delay")]);
        assert_eq!(host.status(0).await, 0);
        assert_eq!(others.acted(), [""; 0]);
    });
}

#[test]
fn an_administrator_who_does_not_want_it_is_obeyed() {
    run(async {
        let (guest, mut host, _others) = start("hibernate = false").await;
        assert_eq!(host.status(FORCED).await, NOT_SUPPORTED);
        let (can, why) = guest.property::<(bool, String)>("CanHibernate").await;
        assert!(!can && why.contains("switched off"), "{why}");
    });
}
