//! Freezing and thawing over D-Bus, beside a host that may want the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::JoinHandle;

use futures_util::StreamExt;
use hv_utils_core::wire::Status;
use hv_utils_core::wire::vss::Operation;
use zbus::{Proxy, proxy};

use crate::support::bus::PrivateBus;
use crate::support::host::Host;
use crate::support::writers::Writers;
use crate::support::{Disk, Guest, Kind, PATIENCE, World, skipped, until, world};
use crate::{all_frozen, none_frozen};

/// Everything: guest, host, somebody on the bus.
struct Everybody {
    guest: Guest,
    host: Host,
    vss: Proxy<'static>,
    disks: Vec<Disk>,
    bus: PrivateBus,
}

impl Everybody {
    /// The world has to be empty when it ends.
    fn end(self) {
        assert_eq!(self.guest.end(), Some(0));
        drop(self.bus);
    }
}

async fn everybody(test: &str, world: World, config: &str) -> Option<Everybody> {
    let Some(bus) = PrivateBus::start(&world) else {
        skipped(test, "there is no dbus-daemon");
        return None;
    };
    let disks = world.disks(2, "d", Kind::Ext4);
    let guest = Guest::prepare(world, config).on_bus(bus.address());
    let host = guest.run().await;
    let connection = zbus::connection::Builder::address(bus.address()).build().await.unwrap();
    bus.wait_for(&connection, "org.hvutils.Vss1").await;
    let path = "/org/hvutils/Vss1";
    let vss = proxy::Builder::<Proxy<'_>>::new(&connection)
        .destination("org.hvutils.Vss1")
        .path(path)
        .interface("org.hvutils.Vss1")
        // What is remembered here is as old as the last signal that was looked at.
        .cache_properties(proxy::CacheProperties::No);
    let vss = vss.build().await.unwrap();
    Some(Everybody { guest, host, vss, disks, bus })
}

/// What the error of a call is called.
fn error<T: std::fmt::Debug>(result: zbus::Result<T>) -> String {
    match result.unwrap_err() {
        zbus::Error::MethodError(name, _, _) => name.to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn whoever_may_freezes_and_thaws_over_the_bus() {
    const TEST: &str = "whoever_may_freezes_and_thaws_over_the_bus";
    world(TEST, async |world: World| {
        let Some(all) = everybody(TEST, world, "").await else { return };
        let Everybody { guest, vss, disks, .. } = &all;
        let writers = Writers::start(guest, disks);
        let mut frozen = vss.receive_signal("Frozen").await.unwrap();
        let mut thawed = vss.receive_signal("Thawed").await.unwrap();
        vss.call::<_, _, ()>("Freeze", &60_u32).await.unwrap();
        writers.wait_in_writes(writers.all());
        all_frozen(disks);
        assert_eq!(vss.get_property::<String>("State").await.unwrap(), "frozen");
        let mounts: Vec<String> = disks.iter().map(|disk| disk.mount.display().to_string()).collect();
        let mut told: Vec<String> = vss.get_property("FrozenMounts").await.unwrap();
        told.sort();
        assert_eq!(told, mounts);
        assert!(
            vss.get_property::<u64>("Deadline").await.unwrap()
                > vss.get_property::<u64>("FrozenSince").await.unwrap()
        );
        assert_eq!(error(vss.call::<_, _, ()>("Freeze", &60_u32).await), "org.hvutils.Error.Busy");
        vss.call::<_, _, ()>("Thaw", &()).await.unwrap();
        writers.go_on();
        none_frozen(disks);
        assert_eq!(vss.get_property::<String>("State").await.unwrap(), "thawed");
        assert_eq!(vss.get_property::<u64>("Deadline").await.unwrap(), 0);
        assert_eq!(error(vss.call::<_, _, ()>("Thaw", &()).await), "org.hvutils.Error.NotFrozen");
        let signal = tokio::time::timeout(PATIENCE, frozen.next()).await.unwrap().unwrap();
        let (mut told,): (Vec<String>,) = signal.body().deserialize().unwrap();
        told.sort();
        assert_eq!(told, mounts);
        let signal = tokio::time::timeout(PATIENCE, thawed.next()).await.unwrap().unwrap();
        let (frozen_us, cause): (u64, String) = signal.body().deserialize().unwrap();
        assert!(frozen_us > 0);
        assert_eq!(cause, "bus");
        drop(writers);
        all.end();
    });
}

#[test]
fn a_freeze_of_the_bus_is_busy_for_the_host_and_the_other_way_round() {
    const TEST: &str = "a_freeze_of_the_bus_is_busy_for_the_host_and_the_other_way_round";
    world(TEST, async |world: World| {
        let Some(mut all) = everybody(TEST, world, "").await else { return };
        let (vss, host, disks) = (&all.vss, &mut all.host, &all.disks);
        vss.call::<_, _, ()>("Freeze", &60_u32).await.unwrap();
        assert_eq!(host.status(Operation::FREEZE).await, Status::FAIL);
        all_frozen(disks);
        vss.call::<_, _, ()>("Thaw", &()).await.unwrap();
        none_frozen(disks);
        assert_eq!(host.status(Operation::FREEZE).await, Status::OK);
        assert_eq!(error(vss.call::<_, _, ()>("Freeze", &60_u32).await), "org.hvutils.Error.Busy");
        // Whoever may thaws what the host has frozen, and the host hears of it.
        vss.call::<_, _, ()>("Thaw", &()).await.unwrap();
        none_frozen(disks);
        crate::answers::hears_of_it_once(host).await;
        all.end();
    });
}

#[test]
fn a_thaw_by_the_bus_of_what_the_host_froze_is_told_as_a_failure() {
    const TEST: &str = "a_thaw_by_the_bus_of_what_the_host_froze_is_told_as_a_failure";
    world(TEST, async |world: World| {
        let Some(mut all) = everybody(TEST, world, "").await else { return };
        let mut thawed = all.vss.receive_signal("Thawed").await.unwrap();
        assert_eq!(all.host.status(Operation::FREEZE).await, Status::OK);
        all.vss.call::<_, _, ()>("Thaw", &()).await.unwrap();
        none_frozen(&all.disks);
        let signal = tokio::time::timeout(PATIENCE, thawed.next()).await.unwrap().unwrap();
        let (_, cause): (u64, String) = signal.body().deserialize().unwrap();
        assert_eq!(cause, "bus");
        let told = all.guest.told_of(1);
        assert_eq!((&told["origin"], &told["cause"]), (&"host".into(), &"bus".into()), "{told}");
        assert_ne!(told["result"], "frozen", "{told}");
        assert!(all.guest.owes());
        crate::answers::hears_of_it_once(&mut all.host).await;
        assert!(!all.guest.owes());
        // Unlike what whoever is on the bus has frozen.
        all.vss.call::<_, _, ()>("Freeze", &60_u32).await.unwrap();
        all.vss.call::<_, _, ()>("Thaw", &()).await.unwrap();
        let told = all.guest.told_of(2);
        assert_eq!((&told["origin"], &told["result"]), (&"bus".into(), &"frozen".into()), "{told}");
        assert_eq!(all.host.status(Operation::THAW).await, Status::OK);
        all.end();
    });
}

/// Somebody who asks for the plan without pause, on connections of their own, until the value goes.
struct Flood {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    fn begin(address: &str) -> Flood {
        let (over, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let threads = (0..2).map(|_| {
            let (over, answered, address) = (Arc::clone(&over), Arc::clone(&answered), address.to_owned());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(Flood::ask(&address, &over, &answered));
            })
        });
        Flood { threads: threads.collect(), over, answered }
    }

    async fn ask(address: &str, over: &AtomicBool, answered: &AtomicUsize) {
        let connection = zbus::connection::Builder::address(address).build().await.unwrap();
        let path = "/org/hvutils/Vss1";
        let vss = Proxy::new(&connection, "org.hvutils.Vss1", path, "org.hvutils.Vss1").await.unwrap();
        let one = async || {
            while !over.load(SeqCst) {
                // There is none while something is frozen, and when too many ask.
                let plan = vss.call::<_, _, Vec<(String, String, String, String)>>("Plan", &()).await;
                answered.fetch_add(usize::from(plan.is_ok()), SeqCst);
            }
        };
        futures_util::future::join_all((0..16).map(|_| one())).await;
    }

    /// Waits until more of them were answered than by now.
    fn goes_on(&self) {
        let now = self.answered.load(SeqCst);
        until("plans are shown", || self.answered.load(SeqCst) > now + 1);
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        if !std::thread::panicking() {
            self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        }
    }
}

#[test]
fn a_flood_of_plans_keeps_the_host_from_nothing() {
    const TEST: &str = "a_flood_of_plans_keeps_the_host_from_nothing";
    world(TEST, async |world: World| {
        let Some(mut all) = everybody(TEST, world, "").await else { return };
        // So many mounts that a plan takes a while.
        let more = |number| format!("{number} 1 0:{number} / /nowhere/{number} rw - tmpfs none rw");
        all.guest.show_mounts(&(10_000..12_000).map(more).collect::<Vec<_>>());
        let flood = Flood::begin(all.bus.address());
        for _ in 0..5 {
            flood.goes_on();
            assert_eq!(all.host.status(Operation::HOT_BACKUP).await, Status::OK);
            assert_eq!(all.host.status(Operation::FREEZE).await, Status::OK);
            all_frozen(&all.disks);
            assert_eq!(all.host.status(Operation::THAW).await, Status::OK);
            none_frozen(&all.disks);
        }
        drop(flood);
        all.end();
    });
}

#[test]
fn a_freeze_of_the_bus_ends_at_its_own_deadline() {
    const TEST: &str = "a_freeze_of_the_bus_ends_at_its_own_deadline";
    world(TEST, async |world: World| {
        let Some(all) = everybody(TEST, world, "").await else { return };
        let writers = Writers::start(&all.guest, &all.disks);
        let mut thawed = all.vss.receive_signal("Thawed").await.unwrap();
        // In which it has to be frozen, also on a busy machine.
        all.vss.call::<_, _, ()>("Freeze", &5_u32).await.unwrap();
        writers.go_on();
        let signal = tokio::time::timeout(PATIENCE, thawed.next()).await.unwrap().unwrap();
        let (_, cause): (u64, String) = signal.body().deserialize().unwrap();
        assert_eq!(cause, "deadline");
        none_frozen(&all.disks);
        drop(writers);
        all.end();
    });
}
