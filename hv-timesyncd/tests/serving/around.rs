//! What is around the daemon: other programs that keep the clock, modes, configuration, a channel that goes.

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

use hv_utils_core::wire::{Status, Version};
use rustix::process::Signal;
use zbus::object_server::SignalEmitter;
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, interface};

use crate::support::guest::read;
use crate::support::{Guest, MS, SECOND, Time, run, until};

/// A systemd that knows of the units that run, as far as it is asked here.
#[derive(Debug, Clone, Default)]
struct Systemd(Arc<Mutex<Vec<&'static str>>>);

/// Name, description, load, active and sub state, followed by, path, job: number, type, path.
type Unit = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

const SYSTEMD: &str = "/org/freedesktop/systemd1";

fn object(name: &str) -> OwnedObjectPath {
    format!("{SYSTEMD}/unit/{}", name.replace('.', "_2e").replace('-', "_2d")).try_into().unwrap()
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    fn subscribe(&self) {}

    fn load_unit(&self, name: &str) -> OwnedObjectPath {
        object(name)
    }

    #[expect(clippy::needless_pass_by_value, reason = "systemd's own")]
    fn list_units_by_patterns(&self, _states: Vec<String>, patterns: Vec<String>) -> Vec<Unit> {
        let text = |text: &str| text.to_owned();
        let unit = |name: &&'static str| {
            let states = [text(""), text("loaded"), text("active"), text("running"), text("")];
            let [description, load, active, sub, followed] = states;
            (text(name), description, load, active, sub, followed, object(name), 0, text(""), object(name))
        };
        let known = |name: &&&'static str| patterns.iter().any(|pattern| pattern == **name);
        self.0.lock().unwrap().iter().filter(known).map(unit).collect()
    }

    #[zbus(signal)]
    async fn unit_new(emitter: &SignalEmitter<'_>, id: &str, unit: OwnedObjectPath) -> zbus::Result<()>;
}

/// A systemd on the bus of a guest.
struct Manager {
    units: Systemd,
    bus: Connection,
}

impl Manager {
    async fn on(guest: &Guest, units: &[&'static str]) -> Manager {
        let (bus, own) = (guest.neighbour().await, Systemd::default());
        own.0.lock().unwrap().extend(units);
        bus.object_server().at(SYSTEMD, own.clone()).await.unwrap();
        bus.request_name("org.freedesktop.systemd1").await.unwrap();
        Manager { units: own, bus }
    }

    async fn run(&self, name: &'static str) {
        self.units.0.lock().unwrap().push(name);
        let emitter = SignalEmitter::new(&self.bus, SYSTEMD).unwrap();
        Systemd::unit_new(&emitter, name, object(name)).await.unwrap();
    }

    async fn end(&self, name: &'static str) {
        self.units.0.lock().unwrap().retain(|unit| *unit != name);
        let emitter = SignalEmitter::new(&self.bus, object(name)).unwrap();
        let interface = "org.freedesktop.systemd1.Unit".try_into().unwrap();
        let changed = [("ActiveState", "inactive".into())].into();
        zbus::fdo::Properties::properties_changed(&emitter, interface, changed, [][..].into()).await.unwrap();
    }
}

#[test]
fn ntp_client_that_runs_keeps_the_clock_until_it_ends() {
    run(async {
        let mut guest = Guest::prepare("").await;
        guest.measure(0);
        let manager = Manager::on(&guest, &["systemd-timesyncd.service"]).await;
        let mut host = guest.run(Version::new(4, 0)).await;
        guest.becomes("Ruler", "systemd-timesyncd").await;
        assert_eq!(host.say(Time::sample(80 * MS)).await, Status::OK);
        assert_eq!(guest.action().await.1, "none");
        manager.end("systemd-timesyncd.service").await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        let (_, what, ns, _) = guest.action().await;
        assert_eq!(what, "step", "what is known is used at once");
        assert!((ns - 80 * MS).abs() < 50 * MS, "{ns}");
        // Another one comes; from then on nothing is steered.
        manager.run("chrony.service").await;
        guest.becomes("Ruler", "chrony").await;
        assert_eq!(guest.property::<Vec<String>>("Clients").await, ["chrony"]);
        host.say(Time::sample(80 * MS)).await;
        assert_eq!(guest.action().await.1, "none");
        assert!(!guest.path("run/hv-timesyncd/ruling").exists());
        // But a resume is stepped.
        host.say(Time::sync(3600 * SECOND)).await;
        assert_eq!(guest.action().await.1, "step");
    });
}

#[test]
fn chrony_that_runs_is_fed_in_auto_and_others_are_not() {
    run(async {
        let mut guest = Guest::prepare("").await;
        let manager = Manager::on(&guest, &["chrony.service"]).await;
        let chrony = UnixDatagram::bind(guest.path("chrony.sock")).unwrap();
        let mut host = guest.run(Version::new(4, 0)).await;
        guest.becomes("Ruler", "chrony").await;
        host.say(Time::sample(MS)).await;
        chrony.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
        assert_eq!(chrony.recv(&mut [0; 64]).unwrap(), 40);
        manager.end("chrony.service").await;
        manager.run("ntp.service").await;
        guest.becomes("Ruler", "ntpd").await;
        host.say(Time::sample(MS)).await;
        chrony.set_nonblocking(true).unwrap();
        assert!(chrony.recv(&mut [0; 64]).is_err());
    });
}

#[test]
fn step_after_a_resume_can_be_left_to_the_client() {
    run(async {
        let mut guest = Guest::prepare("step-on-resume = false").await;
        let _manager = Manager::on(&guest, &["chrony.service"]).await;
        let mut host = guest.run(Version::new(4, 0)).await;
        guest.becomes("Ruler", "chrony").await;
        host.say(Time::sync(0)).await;
        host.say(Time::sync(3600 * SECOND)).await;
        assert_eq!(guest.action().await.1, "none");
    });
}

#[test]
fn without_a_bus_the_clock_is_taken_after_a_while_though_nothing_comes() {
    run(async {
        let mut guest = Guest::prepare("").await;
        guest.measure(0);
        let mut host = guest.run_on("unix:path=/nonexistent/bus", Version::new(4, 0)).await;
        host.say(Time::sample(80 * MS)).await;
        assert!(!guest.log().contains("stepped"), "{}", guest.log());
        // No further message.
        guest.logs("clock stepped by +0.0");
        assert!(guest.log().contains("the clock is kept by hv-timesyncd"));
    });
}

#[test]
fn nobody_on_the_bus_keeps_the_clock_so_this_daemon_does() {
    run(async {
        let (guest, mut host) = Guest::start("-400", "").await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        assert_eq!(guest.property::<String>("Mode").await, "auto");
        host.say(Time::sample(0)).await;
        let (_, what, ns, why) = guest.action().await;
        assert_eq!((what.as_str(), why.as_str()), ("step", "the clock is this daemon's to keep from now on"));
        assert!((ns - 400 * MS).abs() < 50 * MS, "{ns}");
    });
}

#[test]
fn who_only_looks_moves_nothing() {
    run(async {
        let (guest, mut host) = Guest::start("-3600000", "mode = \"observe\"").await;
        assert_eq!(host.say(Time::sync(0)).await, Status::OK);
        assert_eq!(host.say(Time::sample(0)).await, Status::OK);
        let (_, what, ns, why) = guest.action().await;
        assert_eq!((what.as_str(), ns, why.as_str()), ("none", 0, "this daemon only looks (mode)"));
        assert!((guest.property::<i64>("Offset").await - 3600 * SECOND).abs() < 50 * MS);
    });
}

#[test]
fn refclock_feeds_chrony_and_steps_after_a_resume() {
    run(async {
        let (guest, mut host) = Guest::start("0", "mode = \"refclock\"").await;
        let chrony = UnixDatagram::bind(guest.path("chrony.sock")).unwrap();
        chrony.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
        host.say(Time::sync(0)).await;
        // So little is left to chrony.
        host.say(Time::sync(20 * MS)).await;
        let mut datagram = [0; 64];
        for expected in [0, 20 * MS] {
            assert_eq!(chrony.recv(&mut datagram).unwrap(), 40);
            let offset = f64::from_ne_bytes(datagram[16..24].try_into().unwrap());
            assert!((offset * 1e9 - expected as f64).abs() < 50e6, "{offset}");
        }
        assert_eq!(
            guest.property::<Vec<String>>("Fed").await,
            [format!("chrony:{}", guest.path("chrony.sock").display())]
        );
        assert_eq!(guest.action().await.1, "none");
        // chrony is gone and comes again.
        drop(chrony);
        host.say(Time::sample(20 * MS)).await;
        assert_eq!(guest.property::<Vec<String>>("Fed").await, Vec::<String>::new());
        std::fs::remove_file(guest.path("chrony.sock")).unwrap();
        let chrony = UnixDatagram::bind(guest.path("chrony.sock")).unwrap();
        chrony.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
        host.say(Time::sample(20 * MS)).await;
        assert_eq!(chrony.recv(&mut datagram).unwrap(), 40);
        // A resume.
        host.say(Time::sync(3600 * SECOND)).await;
        assert_eq!(guest.action().await.1, "step");
    });
}

#[test]
fn steps_that_are_not_allowed_are_not_made() {
    run(async {
        let (guest, mut host) = Guest::start("5000", "steps = \"forward\"").await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        host.say(Time::sync(0)).await;
        let (_, what, ns, why) = guest.action().await;
        assert_eq!((what.as_str(), why.as_str()), ("slew", "steps in this direction are not allowed"));
        assert_eq!(ns, -499_999_999, "as much as the kernel takes at a time");
    });
}

#[test]
fn configuration_is_taken_up_anew() {
    run(async {
        let (guest, mut host) = Guest::start("0", "mode = \"observe\"").await;
        host.say(Time::sync(80 * MS)).await;
        assert_eq!(guest.action().await.1, "none");
        guest.configure("mode = \"discipline\"");
        guest.signal(Signal::HUP);
        guest.becomes("Mode", "discipline").await;
        // By what is known already.
        let (_, what, ns, _) = guest.action().await;
        assert_eq!(what, "step");
        assert!((ns - 80 * MS).abs() < 50 * MS, "{ns}");
        assert_eq!(guest.property::<String>("Ruler").await, "hv-timesyncd");
        guest.configure("mode = \"disciplin\"");
        guest.signal(Signal::HUP);
        guest.logs("timesync.mode");
        assert_eq!(guest.property::<String>("Mode").await, "discipline");
    });
}

#[test]
fn channel_that_goes_and_comes_is_a_resume_when_the_host_says_so() {
    run(async {
        let (guest, mut host) = Guest::start("0", "").await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        host.say(Time::sync(0)).await;
        drop(host);
        let mut host = guest.host(Version::new(4, 0)).await;
        assert_eq!(host.say(Time::sync(1800 * SECOND)).await, Status::OK);
        let (_, what, ns, _) = guest.action().await;
        assert_eq!(what, "step");
        assert!((ns - 1800 * SECOND).abs() < 50 * MS, "{ns}");
    });
}

#[test]
fn that_the_clock_is_kept_is_remembered_until_the_next_boot_and_the_daemon_ends_well() {
    run(async {
        let (mut guest, mut host) = Guest::start("0", "").await;
        guest.becomes("Ruler", "hv-timesyncd").await;
        host.say(Time::sync(0)).await;
        until("the mark is there", || guest.path("run/hv-timesyncd/ruling").exists());
        drop(host);
        assert_eq!(guest.end(), Some(0));
        // Too little was seen to know a frequency.
        assert_eq!(read(&guest.path("state/hv-timesyncd/frequency")), "");
    });
}
