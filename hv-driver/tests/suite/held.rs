//! A raw device that a program has open: our daemon lets go of it, anybody else keeps it, and nothing is written before.

use std::fs::File;
use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use hv_utils_core::channel::nodes::UioNode;
use hv_utils_core::testing::{Driver, Moment};
use hv_utils_core::wire::Ic;
use tokio::sync::Semaphore;
use zbus::{Connection, connection};

use crate::bus::Bus;
use crate::support::{Guest, HANG, Ran, runs};

/// What was written to sysfs.
type Writes = Arc<Mutex<Vec<String>>>;

/// A guest with this device on raw VMBus, and what is written in it.
fn on_uio(ic: Ic) -> (Guest, Writes) {
    let writes = Writes::default();
    let seen = Arc::clone(&writes);
    let guest = Guest::begun(Driver::Uio, &[ic], move |written, moment| {
        if moment == Moment::Before {
            seen.lock().unwrap().push(written.file.clone());
        }
    });
    guest.shows_this_process();
    (guest, writes)
}

/// The device as this process has it open: a descriptor that procfs shows, and the channel behind it.
struct Held {
    /// Closed first: whoever does not see the descriptor any more takes the device, whose channel must not be open then.
    _channel: Box<dyn UioNode>,
    _shown: File,
}

fn hold(guest: &Guest) -> Held {
    let path = guest.path("dev/uio0");
    let (shown, channel) = (File::open(&path).unwrap(), guest.bus.nodes().open_uio(&path).unwrap());
    Held { _channel: channel, _shown: shown }
}

/// A daemon on the bus, which is this process.
struct Daemon {
    held: Arc<Mutex<Option<Held>>>,
    /// With how many seconds it was asked to let go.
    asked: Arc<Mutex<Vec<u32>>>,
    lets_go: bool,
    /// It says so with one of these.
    answers: Arc<Semaphore>,
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.hvutils.Error")]
enum Refusal {
    NotSupported(String),
}

#[zbus::interface(name = "org.hvutils.Service1")]
impl Daemon {
    async fn release(&self, seconds: u32) -> Result<(), Refusal> {
        self.asked.lock().unwrap().push(seconds);
        if !self.lets_go {
            return Err(Refusal::NotSupported("there is no raw channel to let go of".to_owned()));
        }
        self.held.lock().unwrap().take();
        self.answers.acquire().await.unwrap().forget();
        Ok(())
    }
    #[zbus(property)]
    fn transport(&self) -> &str {
        "uio"
    }
    #[zbus(property)]
    fn channel_state(&self) -> &str {
        "ready"
    }
}

/// The guest's bus with a daemon on it that has the device open.
struct Scene {
    bus: Bus,
    asked: Arc<Mutex<Vec<u32>>>,
    held: Arc<Mutex<Option<Held>>>,
    answers: Arc<Semaphore>,
    _connection: Connection,
}

impl Scene {
    async fn start(guest: &Guest, name: &str, lets_go: bool, test: &str) -> Option<Self> {
        let bus = Bus::start(guest, test)?;
        let (held, asked) = (Arc::new(Mutex::new(Some(hold(guest)))), Arc::default());
        let answers = Arc::new(Semaphore::new(1));
        let (theirs, answering) = (Arc::clone(&held), Arc::clone(&answers));
        let daemon = Daemon { held: theirs, asked: Arc::clone(&asked), lets_go, answers: answering };
        let builder = connection::Builder::address(bus.address.as_str()).name(format!("org.hvutils.{name}"));
        let builder = builder.serve_at(format!("/org/hvutils/{name}"), daemon);
        let connection = builder.build().await.unwrap();
        Some(Self { bus, asked, held, answers, _connection: connection })
    }

    async fn run(&self, guest: &Guest, args: &[&str]) -> Ran {
        let mut command = guest.command_on(&self.bus.address, args);
        let output = tokio::task::spawn_blocking(move || -> Output { command.output().unwrap() });
        let ran = output.await.unwrap().into();
        guest.bus.caught_up().unwrap();
        ran
    }

    fn asked(&self) -> Vec<u32> {
        self.asked.lock().unwrap().clone()
    }
}

#[track_caller]
fn stays(guest: &Guest, ic: Ic, writes: &Writes, ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
    assert_eq!(*writes.lock().unwrap(), Vec::<String>::new(), "nothing was written");
    guest.has(ic, Driver::Uio);
    guest.is_orderly();
}

#[tokio::test]
async fn without_a_bus_an_open_device_stays() {
    let (guest, writes) = on_uio(Ic::Vss);
    let _held = hold(&guest);
    let (guest, ran) = tokio::task::spawn_blocking(move || {
        let ran = guest.run(&["use", "hv_utils", "vss"]);
        (guest, ran)
    })
    .await
    .unwrap();
    let process = format!("(process {}) has", std::process::id());
    let node = guest.path("dev/uio0").display().to_string();
    stays(&guest, Ic::Vss, &writes, &ran, &["vss stays on uio_hv_generic: ", &process, &node, "stop it"]);
    assert_eq!(guest.read("etc/hv-utils/hv-utils.toml.d/50-driver.toml"), "");
}

#[test]
fn another_program_is_named_and_a_refused_release_is_not_remembered() {
    let (guest, writes) = on_uio(Ic::FileCopy);
    runs(guest.directory.path(), 812, "hv_fcopy_uio", "dev/uio0");
    runs(guest.directory.path(), 813, "other", "dev/uio1");
    let ran = guest.run(&["release", "file-copy"]);
    stays(&guest, Ic::FileCopy, &writes, &ran, &["hv_fcopy_uio (process 812) has", "stop it and try again"]);
    assert!(!ran.err.contains("other") && !ran.err.contains("asked"), "{}", ran.err);
    assert!(!guest.read("run/hv-driver.state").contains("released"));
    std::fs::remove_dir_all(guest.path("proc/812")).unwrap();
    guest.good(&["release", "file-copy"]);
    guest.has(Ic::FileCopy, None);
}

#[tokio::test]
async fn program_that_closes_in_time_is_waited_for() {
    let (guest, _) = on_uio(Ic::Vss);
    let held = hold(&guest);
    let mut command = guest.command(&["use", "hv_utils", "vss"]);
    let run = tokio::task::spawn_blocking(move || Ran::from(command.output().unwrap()));
    tokio::time::sleep(Duration::from_millis(500)).await;
    guest.has(Ic::Vss, Driver::Uio);
    drop(held);
    let ran = run.await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    guest.bus.caught_up().unwrap();
    // Which hv_utils could not do with a channel that is still open.
    guest.has(Ic::Vss, Driver::HvUtils);
}

#[tokio::test]
async fn daemon_lets_go_and_the_device_is_moved() {
    let (guest, writes) = on_uio(Ic::Vss);
    let Some(scene) = Scene::start(&guest, "Vss1", true, "daemon_lets_go").await else { return };
    let ran = scene.run(&guest, &["use", "hv_utils", "vss"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    guest.has(Ic::Vss, Driver::HvUtils);
    guest.is_orderly();
    assert_eq!(scene.asked(), [20]);
    assert!(writes.lock().unwrap().iter().any(|file| file == "drivers/uio_hv_generic/unbind"));
}

#[tokio::test]
async fn device_that_its_host_replaces_when_the_daemon_lets_go_needs_no_unbind() {
    for args in [&["use", "hv_utils", "kvp"][..], &["release", "kvp"], &["apply"]] {
        let (guest, writes) = on_uio(Ic::Kvp);
        guest.write("etc/hv-utils/hv-utils.toml", "[driver]\nkvp = \"hv_utils\"\n");
        let Some(scene) = Scene::start(&guest, "Kvp1", true, "device_that_is_replaced").await else { return };
        let ran = scene.run(&guest, args).await;
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        guest.has(Ic::Kvp, Driver::HvUtils);
        guest.is_orderly();
        assert_eq!((scene.asked(), guest.bus.offers(Ic::Kvp)), (vec![20], 2), "{args:?}");
        let unbound = writes.lock().unwrap().iter().any(|file| file.ends_with("unbind"));
        assert!(!unbound, "{args:?}: the kernel had given the new one to hv_utils by itself");
    }
}

#[tokio::test]
async fn device_that_is_gone_for_a_moment_when_the_daemon_lets_go_is_awaited() {
    for args in [&["use", "hv_utils", "kvp"][..], &["release", "kvp"]] {
        let (guest, _) = on_uio(Ic::Kvp);
        guest.bus.set_lingering();
        let Some(scene) = Scene::start(&guest, "Kvp1", true, "device_that_is_gone").await else { return };
        scene.answers.forget_permits(1);
        let replaced = tokio::time::timeout(HANG, async {
            while scene.held.lock().unwrap().is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            guest.bus.rescind(Ic::Kvp).unwrap();
            scene.answers.add_permits(1);
            tokio::time::sleep(Duration::from_millis(500)).await;
            guest.bus.offer(Ic::Kvp).unwrap();
        });
        let (ran, replaced) = tokio::join!(scene.run(&guest, args), replaced);
        assert!(replaced.is_ok(), "the daemon was not asked");
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        guest.has(Ic::Kvp, Driver::HvUtils);
        guest.is_orderly();
    }
}

#[tokio::test]
async fn daemon_that_does_not_let_go_keeps_the_device() {
    let (guest, writes) = on_uio(Ic::Kvp);
    let Some(scene) = Scene::start(&guest, "Kvp1", false, "daemon_that_does_not_let_go").await else {
        return;
    };
    let ran = scene.run(&guest, &["use", "hv_utils", "kvp"]).await;
    let words = ["hv-kvpd was asked to let go and does not", "there is no raw channel to let go of"];
    stays(&guest, Ic::Kvp, &writes, &ran, &words);
    assert_eq!(scene.asked(), [20]);
}

#[tokio::test]
async fn daemon_is_not_asked_in_vain() {
    let (guest, writes) = on_uio(Ic::Kvp);
    let Some(scene) = Scene::start(&guest, "Kvp1", true, "daemon_is_not_asked_in_vain").await else { return };
    // Where it is already.
    let ran = scene.run(&guest, &["use", "uio", "kvp", "--runtime"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    // Where somebody else would keep it all the same.
    runs(guest.directory.path(), 900, "tcpdump", "dev/uio0");
    let ran = scene.run(&guest, &["use", "hv_utils", "kvp"]).await;
    stays(&guest, Ic::Kvp, &writes, &ran, &["tcpdump (process 900)", " have ", "stop them"]);
    assert_eq!(scene.asked(), Vec::<u32>::new());
}

#[test]
fn program_that_opens_it_on_the_way_stops_the_journey() {
    let root = Arc::new(OnceLock::<PathBuf>::new());
    let (go_on, told) = mpsc::channel::<()>();
    let there = Arc::clone(&root);
    let guest = Guest::begun(Driver::Uio, &[Ic::Vss], move |written, moment| {
        if written.file == "drivers/uio_hv_generic/unbind" && moment == Moment::Before {
            // The first unbind has no effect, and before the second one somebody comes.
            runs(there.wait(), 900, "hv-vssd", "dev/uio0");
            let _ = told.recv();
        }
    });
    root.set(guest.directory.path().to_owned()).unwrap();
    // Not to the end of what it has written, which is held up.
    let ran = Ran::from(guest.command(&["use", "hv_utils", "vss"]).output().unwrap());
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let words = "hv-vssd (process 900) has";
    assert!(ran.err.contains(words) && ran.err.contains("there is no bus to ask it on"), "{}", ran.err);
    assert_eq!(guest.read("sys/bus/vmbus/drivers/uio_hv_generic/unbind").lines().count(), 1);
    guest.is_orderly();
    drop(go_on);
}
