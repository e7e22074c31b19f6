//! Clients at a double of systemd's, on a bus of the test's own.

use std::time::Duration;

use tokio::time::timeout;

use super::double::{World, connect};
use super::*;
use crate::ruler::Client;

const NONE: Clients = Clients::NONE;
const CHRONY: Clients = Clients::NONE.with(Client::Chrony, true);
const TIMESYNCD: Clients = Clients::NONE.with(Client::Timesyncd, true);

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

async fn watch(world: &World) -> Watch {
    Watch::start(connect(&world.bus).await)
}

#[test]
fn what_runs_at_the_start_is_known_at_the_first_answer() {
    run(async {
        let Some(world) = World::new("what_runs_at_the_start").await else { return };
        world.has("chronyd.service", &[], "active");
        world.has("ntpd-rs.service", &[], "failed");
        world.has("sshd.service", &[], "active");
        let mut watch = watch(&world).await;
        assert_eq!(watch.now(), None);
        assert_eq!(watch.changed().await, CHRONY);
        assert_eq!(watch.now(), Some(CHRONY));
        assert_eq!(*watch.subscribe().borrow(), Some(CHRONY));
    });
}

#[test]
fn nobody_that_runs_is_an_answer_too() {
    run(async {
        let Some(world) = World::new("nobody_that_runs").await else { return };
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, NONE);
    });
}

#[test]
fn a_unit_that_is_not_loaded_is_noticed_when_it_starts() {
    run(async {
        let Some(world) = World::new("a_unit_that_is_not_loaded").await else { return };
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, NONE);
        // Loaded by the one who looks at it, and then started.
        world.load("chrony.service", "inactive").await;
        world.change("chrony.service", "activating", "start").await;
        assert_eq!(watch.changed().await, CHRONY);
        // Loaded and started at once.
        world.load("ntp.service", "active").await;
        assert_eq!(watch.changed().await, CHRONY.with(Client::Ntpd, true));
    });
}

#[test]
fn a_client_that_stops_is_gone_and_the_other_stays() {
    run(async {
        let Some(world) = World::new("a_client_that_stops").await else { return };
        world.has("chrony.service", &[], "active");
        world.has("systemd-timesyncd.service", &[], "active");
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, CHRONY.with(Client::Timesyncd, true));
        world.change("chrony.service", "active", "stop").await;
        world.change("chrony.service", "deactivating", "stop").await;
        assert_eq!(watch.changed().await, TIMESYNCD);
        world.change("systemd-timesyncd.service", "inactive", "").await;
        assert_eq!(watch.changed().await, NONE);
    });
}

#[test]
fn a_client_that_is_restarted_is_not_gone_meanwhile() {
    run(async {
        let Some(mut world) = World::new("a_client_that_is_restarted").await else { return };
        world.has("chrony.service", &[], "active");
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, CHRONY);
        world.asked("list").await;
        for (state, job) in [("deactivating", "restart"), ("inactive", "start"), ("activating", "start")] {
            world.change("chrony.service", state, job).await;
            world.asked("list").await;
        }
        world.change("chrony.service", "active", "").await;
        world.load("systemd-timesyncd.service", "active").await;
        // The next that is known: there was nothing between.
        assert_eq!(watch.changed().await, CHRONY.with(Client::Timesyncd, true));
    });
}

#[test]
fn an_alias_is_neither_counted_nor_lost() {
    run(async {
        let Some(world) = World::new("an_alias_is_neither").await else { return };
        world.has("chrony.service", &["chronyd.service"], "active");
        // An old name that leads to another client, and one that leads to a unit that nobody knows.
        world.file("ntp.service", "chrony.service");
        world.file("systemd-timesyncd.service", "site-time.service");
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, CHRONY);
        world.change("chrony.service", "inactive", "").await;
        assert_eq!(watch.changed().await, NONE);
        world.load("site-time.service", "active").await;
        assert_eq!(watch.changed().await, TIMESYNCD);
        world.change("site-time.service", "failed", "").await;
        assert_eq!(watch.changed().await, NONE);
    });
}

#[test]
fn what_ends_before_its_alias_is_listened_to_is_asked_for_once_more() {
    run(async {
        let Some(world) = World::new("what_ends_before_its_alias").await else { return };
        world.has("site-time.service", &["ntpd.service"], "active");
        world.is_fleeting("site-time.service");
        let mut watch = watch(&world).await;
        while watch.changed().await != NONE {}
    });
}

#[test]
fn an_alias_that_is_installed_later_is_learnt_when_systemd_reads_its_files() {
    run(async {
        let Some(world) = World::new("an_alias_that_is_installed_later").await else { return };
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, NONE);
        world.has("site-time.service", &["ntpd.service"], "active");
        world.reload().await;
        assert_eq!(watch.changed().await, NONE.with(Client::Ntpd, true));
        world.change("site-time.service", "inactive", "").await;
        assert_eq!(watch.changed().await, NONE);
    });
}

#[test]
fn a_bus_without_systemd_has_no_clients_until_one_comes() {
    run(async {
        let Some(mut world) = World::empty("a_bus_without_systemd") else { return };
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, NONE);
        world.has("chrony.service", &[], "active");
        world.boot().await;
        assert_eq!(watch.changed().await, CHRONY);
    });
}

#[test]
fn a_systemd_that_refuses_to_say_is_as_none() {
    run(async {
        let Some(mut world) = World::empty("a_systemd_that_refuses") else { return };
        world.has("chrony.service", &[], "active");
        world.refuse();
        world.boot().await;
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, NONE);
    });
}

#[test]
fn what_is_known_outlives_a_systemd_that_replaces_itself() {
    run(async {
        let Some(mut world) = World::new("what_is_known_outlives").await else { return };
        world.has("chrony.service", &[], "active");
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, CHRONY);
        world.asked("list").await;
        world.leave().await;
        // Long enough for the watch to have found nobody to ask.
        let other = connect(&world.bus).await;
        for _ in 0..20 {
            zbus::fdo::DBusProxy::new(&other).await.unwrap().get_id().await.unwrap();
        }
        assert_eq!(watch.now(), Some(CHRONY));
        world.boot().await;
        world.asked("subscribe").await;
        world.asked("list").await;
        world.change("chrony.service", "inactive", "").await;
        assert_eq!(watch.changed().await, NONE, "the new one is listened to");
    });
}

#[test]
fn what_is_known_outlives_the_bus() {
    run(async {
        let Some(mut world) = World::new("what_is_known_outlives_the_bus").await else { return };
        world.has("chrony.service", &[], "active");
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, CHRONY);
        world.bus.restart();
        world.boot().await;
        world.has("ntp.service", &[], "active");
        watch.over(connect(&world.bus).await);
        assert_eq!(watch.now(), Some(CHRONY));
        assert_eq!(watch.changed().await, CHRONY.with(Client::Ntpd, true));
    });
}

#[test]
fn nothing_is_asked_while_nothing_happens_or_happens_to_others() {
    run(async {
        let Some(mut world) = World::new("nothing_is_asked").await else { return };
        world.has("sshd.service", &[], "active");
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, NONE);
        assert_eq!(world.count("list"), 1);
        for _ in 0..100 {
            world.tell("sshd.service").await;
            world.load("session-7.scope", "active").await;
        }
        world.load("chrony.service", "active").await;
        assert_eq!(watch.changed().await, CHRONY);
        assert_eq!(world.count("list"), 1);
    });
}

#[test]
fn a_burst_of_signals_neither_stops_the_connection_nor_hides_its_end() {
    run(async {
        let Some(world) = World::new("a_burst_of_signals").await else { return };
        world.has("chrony.service", &[], "active");
        let mut watch = watch(&world).await;
        assert_eq!(watch.changed().await, CHRONY);
        for _ in 0..2000 {
            world.tell("chrony.service").await;
        }
        world.change("chrony.service", "inactive", "").await;
        assert_eq!(watch.changed().await, NONE);
    });
}
