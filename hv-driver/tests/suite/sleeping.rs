//! `sleep` before a hibernation, `wake` after it: all devices there and back, refusals, and every way to be cut short.

use std::io::{BufRead as _, BufReader};
use std::process::Output;

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::testing::{Driver, Moment};
use hv_utils_core::wire::Ic;
use zbus::{Connection, connection};

use crate::bus::Bus;
use crate::support::{Guest, Ran, Running, runs};

const ALL: [Ic; 6] = [Ic::Kvp, Ic::Vss, Ic::TimeSync, Ic::Shutdown, Ic::Heartbeat, Ic::FileCopy];
const RECORD: &str = "run/hv-driver.asleep";

#[track_caller]
fn all_on(guest: &Guest, driver: Driver) {
    for ic in ALL {
        // The kernel has no driver for file copy since 6.10.
        let nobodys = ic == Ic::FileCopy && driver == Driver::HvUtils;
        guest.has(ic, (!nobodys).then_some(driver));
    }
    guest.is_orderly();
}

#[test]
fn all_devices_are_given_back_and_taken_again() {
    let guest = Guest::begun(Driver::Uio, &ALL, |_, _| {});
    guest.good(&["sleep"]);
    all_on(&guest, Driver::HvUtils);
    assert_eq!(guest.read(RECORD).lines().count(), 6);
    // Once more changes nothing, and forgets nothing.
    guest.good(&["sleep"]);
    assert_eq!(guest.read(RECORD).lines().count(), 6);
    guest.good(&["wake"]);
    all_on(&guest, Driver::Uio);
    assert!(!guest.path(RECORD).exists());
    guest.good(&["wake"]);
    all_on(&guest, Driver::Uio);
    // However often: these are no attempts that fail.
    for _ in 0..4 {
        guest.good(&["sleep"]);
        guest.good(&["wake"]);
    }
    all_on(&guest, Driver::Uio);
    assert!(!guest.read("run/hv-driver.state").contains("attempt"), "{}", guest.read("run/hv-driver.state"));
}

#[test]
fn what_was_with_the_kernel_stays_there() {
    let guest = Guest::new(&[Ic::Kvp, Ic::Vss]);
    guest.good(&["use", "uio", "vss"]);
    guest.good(&["sleep"]);
    assert_eq!(guest.read(RECORD), "vss\n");
    guest.good(&["wake"]);
    guest.has(Ic::Kvp, Driver::HvUtils);
    guest.has(Ic::Vss, Driver::Uio);
    guest.good(&["use", "hv_utils", "vss"]);
    guest.good(&["sleep"]);
    assert!(!guest.path(RECORD).exists());
    guest.good(&["wake"]);
    guest.has(Ic::Vss, Driver::HvUtils);
}

#[test]
fn device_that_cannot_be_given_back_keeps_all_where_they_were() {
    let guest = Guest::begun(Driver::Uio, &ALL, |_, _| {});
    let node = (0..6).map(|index| format!("dev/uio{index}")).rfind(|node| guest.path(node).exists()).unwrap();
    runs(guest.directory.path(), 812, "tcpdump", &node);
    let ran = guest.run(&["sleep"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("cannot hibernate now") && ran.err.contains("tcpdump (process 812)"),
        "{}",
        ran.err
    );
    all_on(&guest, Driver::Uio);
    assert!(!guest.path(RECORD).exists());
    std::fs::remove_dir_all(guest.path("proc/812")).unwrap();
    guest.good(&["sleep"]);
    all_on(&guest, Driver::HvUtils);
}

#[test]
fn sleep_that_was_cut_short_is_undone_by_wake() {
    let guest = Guest::begun(Driver::Uio, &ALL, |_, _| {});
    // The record is written before anything is moved: as after a kill in the middle.
    guest.write(RECORD, "kvp\nvss\nnonsense\ntimesync\nshutdown\nheartbeat\nfile-copy\n");
    guest.good(&["use", "hv_utils", "vss", "--runtime"]);
    guest.good(&["use", "auto", "vss", "--runtime"]);
    guest.good(&["wake"]);
    all_on(&guest, Driver::Uio);
    assert!(!guest.path(RECORD).exists());
}

#[test]
fn device_that_the_host_took_away_or_that_was_chosen_meanwhile_is_not_taken() {
    let guest = Guest::begun(Driver::Uio, &[Ic::Vss, Ic::Heartbeat], |_, _| {});
    guest.good(&["sleep"]);
    guest.bus.rescind(Ic::Vss).unwrap();
    guest.good(&["use", "hv_utils", "heartbeat"]);
    let ran = guest.good(&["wake"]);
    assert!(ran.err.contains("vss is not taken again"), "{}", ran.err);
    guest.has(Ic::Heartbeat, Driver::HvUtils);
    assert!(!guest.path(RECORD).exists());
}

#[test]
fn device_whose_daemon_failed_meanwhile_is_not_taken() {
    let guest = Guest::begun(Driver::Uio, &[Ic::Shutdown, Ic::Heartbeat], |_, _| {});
    guest.good(&["sleep"]);
    guest.good(&["release", "shutdown"]);
    let ran = guest.good(&["wake"]);
    assert!(
        ran.err.contains("shutdown stays with the kernel: its daemon has failed meanwhile"),
        "{}",
        ran.err
    );
    guest.has(Ic::Shutdown, Driver::HvUtils);
    guest.has(Ic::Heartbeat, Driver::Uio);
    assert!(!guest.path(RECORD).exists());
}

#[test]
fn another_instance_at_work_is_waited_for_before_and_after() {
    let guest = Guest::begun(Driver::Uio, &[Ic::Heartbeat], |_, _| {});
    for (verb, driver) in [("sleep", Driver::HvUtils), ("wake", Driver::Uio)] {
        let lock = InstanceLock::take(&guest.path("run"), "hv-driver").unwrap();
        let mut running = Running(guest.command(&["--log-level", "debug", verb]).spawn().unwrap());
        let said = BufReader::new(running.0.stderr.take().unwrap());
        // It has found the lock held, for as long as everybody tries.
        let mut lines = said.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("waiting: another hv-driver runs")), "{verb} does not wait");
        drop(lock);
        lines.for_each(drop);
        assert_eq!(running.0.wait().unwrap().code(), Some(0), "{verb}");
        guest.has(Ic::Heartbeat, driver);
    }
}

/// hv-vssd's record of one filesystem at this step.
fn frozen(step: u8, boot: &str) -> Vec<u8> {
    let mut bytes = vec![0; 256 + 64];
    bytes[..8].copy_from_slice(b"HVFROZEN");
    bytes[12] = 1;
    bytes[64..100].copy_from_slice(boot.as_bytes());
    bytes[256] = step;
    bytes
}

#[test]
fn record_of_a_freeze_speaks_where_there_is_no_bus() {
    let boot = "6d0ad7c1-0000-4000-8000-000000000001";
    let guest =
        Guest::observed(&[Ic::Vss], |_, moment| assert_ne!(moment, Moment::Before, "something is written"));
    let write = |bytes: &[u8]| {
        std::fs::create_dir_all(guest.path("run")).unwrap();
        std::fs::write(guest.path("run/hv-vssd.frozen"), bytes).unwrap();
    };
    for step in [1, 2, 3, 4, 7, 8] {
        write(&frozen(step, boot));
        let ran = guest.run(&["sleep"]);
        assert_eq!(ran.code, Some(1), "step {step}");
        assert!(ran.err.contains("hv-vssd has filesystems frozen"), "{}", ran.err);
    }
    for step in [0, 5, 6] {
        write(&frozen(step, boot));
        guest.good(&["sleep"]);
    }
    // Of another boot, and what is none.
    write(&frozen(2, &boot.replace('6', "7")));
    guest.good(&["sleep"]);
    write(b"HVFROZEN");
    guest.good(&["sleep"]);
}

struct Vss(&'static str);

#[zbus::interface(name = "org.hvutils.Vss1")]
impl Vss {
    #[zbus(property)]
    fn state(&self) -> &str {
        self.0
    }
}

struct Copying(&'static str);

#[zbus::interface(name = "org.hvutils.FileCopy1")]
impl Copying {
    #[zbus(property)]
    fn active(&self) -> (&str, u64, u64, u32) {
        (self.0, 10, 5, 50)
    }
}

async fn daemons(bus: &Bus, state: &'static str, target: &'static str) -> [Connection; 2] {
    let builder =
        |name: &str| connection::Builder::address(bus.address.as_str()).name(format!("org.hvutils.{name}"));
    let vss = builder("Vss1").serve_at("/org/hvutils/Vss1", Vss(state)).build().await.unwrap();
    let copy =
        builder("FileCopy1").serve_at("/org/hvutils/FileCopy1", Copying(target)).build().await.unwrap();
    [vss, copy]
}

async fn run(guest: &Guest, bus: &Bus) -> Ran {
    let mut command = guest.command_on(&bus.address, &["sleep"]);
    let ran =
        tokio::task::spawn_blocking(move || -> Output { command.output().unwrap() }).await.unwrap().into();
    guest.bus.caught_up().unwrap();
    ran
}

#[tokio::test]
async fn frozen_filesystem_or_a_file_on_its_way_refuses_before_anything_is_moved() {
    let guest = Guest::begun(Driver::Uio, &[Ic::Heartbeat], |_, _| {});
    let Some(bus) = Bus::start(&guest, "frozen_filesystem_or_a_file_on_its_way") else { return };
    for (state, target, said) in [
        ("frozen", "", "hv-vssd is frozen"),
        ("thawing", "", "hv-vssd is thawing"),
        ("thawed", "/srv/in/big.iso", "a file is being copied to /srv/in/big.iso"),
    ] {
        let there = daemons(&bus, state, target).await;
        let ran = run(&guest, &bus).await;
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("cannot hibernate now") && ran.err.contains(said), "{}", ran.err);
        guest.has(Ic::Heartbeat, Driver::Uio);
        assert!(!guest.path(RECORD).exists());
        for connection in there {
            connection.graceful_shutdown().await;
        }
    }
    // Nothing is under way, or nobody is there who could say.
    let there = daemons(&bus, "thawed", "").await;
    assert_eq!(run(&guest, &bus).await.code, Some(0));
    guest.has(Ic::Heartbeat, Driver::HvUtils);
    drop(there);
}
