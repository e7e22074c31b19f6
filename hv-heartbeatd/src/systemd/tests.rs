//! What is seen of a double of systemd's, on a bus of the test's own.

use std::time::Duration;

use hv_utils_core::wire::heartbeat::ApplicationState::{self, Critical, Healthy, Stopped, Unknown};
use tokio::time::timeout;

use super::double::Double;
use super::*;
use crate::bus::support::PrivateBus;

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

/// A systemd, and a watch on it.
struct World {
    wanted: Wanted,
    double: Double,
    bus: PrivateBus,
    systemd: Connection,
}

async fn connect(bus: &PrivateBus) -> Connection {
    zbus::connection::Builder::address(bus.address().as_str()).build().await.unwrap()
}

impl World {
    /// `None` where there is no dbus-daemon. systemd is not on the bus yet.
    async fn new(test: &str, system: bool, units: &[&str]) -> Option<World> {
        let bus = PrivateBus::start(test)?;
        let units = units.iter().map(|unit| (*unit).to_owned()).collect();
        let systemd = connect(&bus).await;
        let double = Double::default();
        double.system("running");
        Some(World { wanted: Wanted { system, units }, double, bus, systemd })
    }

    async fn boot(&self) {
        self.double.boot(&self.systemd).await;
    }

    async fn watch(&self) -> Watch {
        Watch::start(connect(&self.bus).await, self.wanted.clone(), Seen::default())
    }

    /// Waits until this is what is seen.
    async fn shows(&self, watch: &mut Watch, expected: &[(ApplicationState, &str)]) {
        loop {
            let sources = watch.now().sources(&self.wanted);
            let shown: Vec<_> = sources.iter().map(|source| (source.state, source.why.as_str())).collect();
            if shown == expected {
                return;
            }
            println!("{shown:?}");
            watch.changed().await;
        }
    }

    async fn unit(&self, id: &str, how: &str, job: &str) {
        self.double.unit(id, how, job);
        self.double.tell_unit(&self.systemd, id).await;
    }
}

#[test]
fn units_that_fail_and_recover_are_seen() {
    run(async {
        let units = ["nginx.service", "db.service"];
        let Some(world) = World::new("units_that_fail", false, &units).await else { return };
        world.double.unit("nginx.service", "active/running", "");
        world.double.unit("db.service", "activating/start", "start");
        world.double.unit("other.service", "failed", "");
        world.boot().await;
        let mut watch = world.watch().await;
        let well = [(Healthy, "active (running)"), (Healthy, "activating (start)")];
        world.shows(&mut watch, &well).await;
        world.unit("nginx.service", "failed", "").await;
        world.shows(&mut watch, &[(Critical, "failed"), well[1]]).await;
        world.unit("db.service", "deactivating/stop-sigterm", "stop").await;
        world.shows(&mut watch, &[(Critical, "failed"), (Stopped, "deactivating (stop-sigterm)")]).await;
        world.unit("nginx.service", "active/running", "").await;
        world.unit("db.service", "inactive/dead", "start").await;
        world.shows(&mut watch, &[well[0], (Unknown, "inactive (dead), about to start")]).await;
    });
}

#[test]
fn units_that_are_not_loaded_are_stopped_or_missing_or_masked() {
    run(async {
        let units = ["idle.service", "missing.service", "masked.service", "broken.service"];
        let Some(world) = World::new("units_that_are_not_loaded", false, &units).await else { return };
        world.double.idle("idle.service", "loaded");
        world.double.idle("masked.service", "masked");
        world.double.idle("broken.service", "bad-setting");
        world.boot().await;
        let mut watch = world.watch().await;
        let mut expected = [
            (Stopped, "inactive"),
            (Critical, "there is no such unit"),
            (Stopped, "masked"),
            (Critical, "cannot be loaded (bad-setting)"),
        ];
        world.shows(&mut watch, &expected).await;
        // One is started: it is loaded for that, and that is what is told.
        world.double.unit("idle.service", "active/running", "");
        world.double.tell_new(&world.systemd, "idle.service").await;
        expected[0] = (Healthy, "active (running)");
        world.shows(&mut watch, &expected).await;
        // One is installed: systemd reads its files.
        world.double.idle("missing.service", "loaded");
        world.double.tell_reload(&world.systemd).await;
        expected[1] = (Stopped, "inactive");
        world.shows(&mut watch, &expected).await;
        // The file of one that runs goes.
        world.double.file_is_gone("idle.service");
        world.double.unit("masked.service", "active", "");
        world.double.tell_reload(&world.systemd).await;
        expected[2] = (Healthy, "active");
        world.shows(&mut watch, &expected).await;
    });
}

#[test]
fn alias_is_followed_to_the_unit_it_stands_for() {
    run(async {
        let units = ["mysql.service", "web.service"];
        let Some(world) = World::new("alias_is_followed", false, &units).await else { return };
        world.double.alias("mysql.service", "mariadb.service");
        world.double.unit("mariadb.service", "active/running", "");
        world.double.idle("web.service", "loaded");
        world.boot().await;
        let mut watch = world.watch().await;
        world.shows(&mut watch, &[(Healthy, "active (running)"), (Stopped, "inactive")]).await;
        world.unit("mariadb.service", "failed", "").await;
        world.shows(&mut watch, &[(Critical, "failed"), (Stopped, "inactive")]).await;
        // It stands for another one from now on.
        world.double.alias("web.service", "caddy.service");
        world.double.unit("caddy.service", "active", "");
        world.double.tell_reload(&world.systemd).await;
        world.shows(&mut watch, &[(Critical, "failed"), (Healthy, "active")]).await;
        world.unit("caddy.service", "failed", "").await;
        world.shows(&mut watch, &[(Critical, "failed"), (Critical, "failed")]).await;
    });
}

#[test]
fn systems_state_is_read_again_at_each_thing_that_it_is_made_of() {
    run(async {
        let Some(world) = World::new("systems_state", true, &[]).await else { return };
        let (double, bus) = (&world.double, &world.systemd);
        double.system("starting");
        world.boot().await;
        let mut watch = world.watch().await;
        world.shows(&mut watch, &[(Unknown, "starting")]).await;
        double.system("running");
        double.tell_started(bus).await;
        world.shows(&mut watch, &[(Healthy, "running")]).await;
        double.system("degraded");
        double.tell_failures(bus).await;
        world.shows(&mut watch, &[(Critical, "degraded")]).await;
        double.system("stopping");
        double.tell_unit(bus, "shutdown.target").await;
        world.shows(&mut watch, &[(Stopped, "stopping")]).await;
        double.system("maintenance");
        double.tell_new(bus, "rescue.target").await;
        world.shows(&mut watch, &[(Critical, "maintenance")]).await;
        double.system("running");
        double.tell_unit(bus, "emergency.target").await;
        world.shows(&mut watch, &[(Healthy, "running")]).await;
        assert_eq!(double.count("list"), 0, "to ask for no unit is to ask for all");
    });
}

#[test]
fn bus_without_systemd_says_nothing_until_one_comes() {
    run(async {
        let Some(world) = World::new("bus_without_systemd", true, &["a.service"]).await else { return };
        let mut watch = world.watch().await;
        let nobody = (Unknown, "systemd is not on the bus");
        world.shows(&mut watch, &[nobody, nobody]).await;
        world.double.unit("a.service", "active", "");
        world.boot().await;
        world.shows(&mut watch, &[(Healthy, "running"), (Healthy, "active")]).await;
    });
}

#[test]
fn what_was_seen_outlives_a_systemd_that_replaces_itself_but_not_the_bus() {
    run(async {
        let Some(mut world) = World::new("what_was_seen_outlives", true, &["a.service"]).await else { return };
        world.double.unit("a.service", "failed", "");
        world.boot().await;
        let mut watch = world.watch().await;
        let before = [(Healthy, "running"), (Critical, "failed")];
        world.shows(&mut watch, &before).await;
        let resolved = world.double.count("load");
        let other = connect(&world.bus).await;
        std::mem::replace(&mut world.systemd, other).close().await.unwrap();
        world.double.unit("a.service", "active", "");
        world.double.system("degraded");
        world.boot().await;
        // The first that is seen is what the new one says.
        let sources = watch.changed().await.sources(&world.wanted);
        let shown: Vec<_> = sources.iter().map(|source| source.why.as_str()).collect();
        assert_eq!(shown, ["degraded", "active"]);
        assert!(world.double.count("load") > resolved, "names may stand for others now");
        world.unit("a.service", "failed", "").await;
        world.shows(&mut watch, &[(Critical, "degraded"), (Critical, "failed")]).await;
        world.bus.stop();
        let gone = (Unknown, "the bus is gone");
        world.shows(&mut watch, &[gone, gone]).await;
    });
}

#[test]
fn systemd_that_refuses_is_asked_again_when_something_happens_only() {
    run(async {
        let Some(world) = World::new("systemd_that_refuses", false, &["a.service"]).await else { return };
        world.double.unit("a.service", "active", "");
        world.double.refuse();
        world.boot().await;
        let mut watch = world.watch().await;
        world.shows(&mut watch, &[(Unknown, "systemd refuses to say")]).await;
        let asked = world.double.count("list");
        // Time for a loop that does not wait.
        let other = connect(&world.bus).await;
        for _ in 0..50 {
            zbus::fdo::DBusProxy::new(&other).await.unwrap().get_id().await.unwrap();
        }
        assert_eq!(world.double.count("list"), asked);
    });
}

#[test]
fn nothing_is_asked_while_nothing_happens_or_happens_to_others() {
    run(async {
        let Some(world) = World::new("nothing_is_asked", false, &["a.service"]).await else { return };
        world.double.unit("a.service", "active", "");
        world.double.unit("b.service", "active", "");
        world.boot().await;
        let mut watch = world.watch().await;
        world.shows(&mut watch, &[(Healthy, "active")]).await;
        let asked = world.double.count("list");
        for _ in 0..100 {
            world.unit("b.service", "failed", "").await;
            world.double.tell_new(&world.systemd, "session-7.scope").await;
            world.double.tell_failures(&world.systemd).await;
        }
        world.unit("a.service", "failed", "").await;
        world.shows(&mut watch, &[(Critical, "failed")]).await;
        assert_eq!(world.double.count("list"), asked + 1);
    });
}
