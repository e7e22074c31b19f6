//! `org.hvutils.Driver1` on a private bus: what it shows, what it does, whom it refuses, when it goes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::testing::Driver;
use hv_utils_core::wire::Ic;
use zbus::{Connection, connection, fdo};

use crate::support::{Guest, HANG, Running, until};

const NAME: &str = "org.hvutils.Driver1";
const PATH: &str = "/org/hvutils/Driver1";

type Row = (String, String, String, String, String, String, bool, u64);

/// A private bus in a guest's directory.
pub(crate) struct Bus {
    _daemon: Running,
    pub(crate) address: String,
}

impl Bus {
    pub(crate) fn start(guest: &Guest, test: &str) -> Option<Self> {
        let address = format!("unix:path={}", guest.path("bus.sock").display());
        let config = format!(
            "<busconfig><type>custom</type><listen>{address}</listen><auth>EXTERNAL</auth><policy context='default'>\
             <allow user='*'/><allow own='*'/><allow send_destination='*'/><allow receive_sender='*'/></policy></busconfig>"
        );
        guest.write("bus.conf", &config);
        let mut command = Command::new("dbus-daemon");
        command.args(["--nofork", "--nopidfile", "--print-address=1"]);
        command.arg(format!("--config-file={}", guest.path("bus.conf").display())).stdout(Stdio::piped());
        let mut daemon = match command.spawn() {
            Ok(daemon) => daemon,
            Err(error) => {
                // Not eprintln!: the runner swallows what a test that passes prints with it.
                let _ = writeln!(std::io::stderr(), "SKIPPED {test}: dbus-daemon cannot be run: {error}");
                return None;
            }
        };
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Self { _daemon: Running(daemon), address })
    }

    async fn connect(&self) -> Connection {
        connection::Builder::address(self.address.as_str()).build().await.unwrap()
    }

    fn serve(&self, guest: &Guest, idle: &str) -> Running {
        let mut command = guest.command_on(&self.address, &["serve", "--idle-secs", idle]);
        Running(command.spawn().unwrap())
    }
}

async fn named(bus: &Connection) {
    has_owner(bus, true).await;
}

/// The bus learns of the end of a process a moment after it.
async fn unnamed(bus: &Connection) {
    has_owner(bus, false).await;
}

async fn has_owner(bus: &Connection, expected: bool) {
    let began = Instant::now();
    let dbus = fdo::DBusProxy::new(bus).await.unwrap();
    while dbus.name_has_owner(NAME.try_into().unwrap()).await.unwrap() != expected {
        assert!(began.elapsed() < HANG, "the name has no owner, or keeps it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn call<B>(bus: &Connection, method: &str, body: &B) -> zbus::Result<Vec<Row>>
where
    B: serde::Serialize + zbus::DynamicType + Sync,
{
    bus.call_method(Some(NAME), PATH, Some(NAME), method, body).await?.body().deserialize()
}

fn error(result: zbus::Result<Vec<Row>>) -> String {
    match result.unwrap_err() {
        zbus::Error::MethodError(name, ..) => name.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn shows_and_moves() {
    let guest = Guest::new(&[Ic::Kvp, Ic::Vss]);
    let Some(bus) = Bus::start(&guest, "shows_and_moves") else { return };
    let _serving = bus.serve(&guest, "60");
    let client = bus.connect().await;
    named(&client).await;
    let rows = call(&client, "Show", &()).await.unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(names, ["kvp", "vss", "timesync", "shutdown", "heartbeat", "file-copy"]);
    assert_eq!(
        (rows[0].2.as_str(), rows[0].3.as_str(), rows[0].4.as_str()),
        ("hv_utils", "auto", "uio_hv_generic")
    );
    assert_eq!(rows[3].1, "", "not offered");

    let rows = call(&client, "Use", &(vec!["vss"], "uio", false)).await.unwrap();
    assert_eq!((rows.len(), rows[0].2.as_str(), rows[0].6), (1, "uio_hv_generic", false));
    guest.has(Ic::Vss, Driver::Uio);
    guest.is_orderly();
    assert!(guest.read("etc/hv-utils/hv-utils.toml.d/50-driver.toml").contains("vss = \"uio\""));
}

#[tokio::test]
async fn errors_have_their_names() {
    let guest = Guest::new(&[Ic::Kvp]);
    let Some(bus) = Bus::start(&guest, "errors_have_their_names") else { return };
    let _serving = bus.serve(&guest, "60");
    let client = bus.connect().await;
    named(&client).await;
    let wrong = call(&client, "Use", &(vec!["floppy"], "uio", true)).await;
    assert_eq!(error(wrong), "org.hvutils.Error.InvalidArgument");
    let wrong = call(&client, "Use", &(vec!["kvp"], "raw", true)).await;
    assert_eq!(error(wrong), "org.hvutils.Error.InvalidArgument");
    let absent = call(&client, "Use", &(vec!["vss"], "uio", true)).await;
    assert_eq!(error(absent), "org.hvutils.Error.NotSupported");
    let lock = InstanceLock::take(&guest.path("run"), "hv-driver").unwrap();
    let busy = call(&client, "Use", &(vec!["kvp"], "uio", true)).await;
    assert_eq!(error(busy), "org.hvutils.Error.Busy");
    drop(lock);
    guest.bus.set_refusing(Driver::Uio);
    let failed = call(&client, "Use", &(vec!["kvp"], "uio", true)).await;
    assert_eq!(error(failed), "org.hvutils.Error.Failed");
}

#[tokio::test]
async fn goes_when_nobody_calls_and_a_second_one_is_one_too_many() {
    let guest = Guest::new(&[Ic::Kvp]);
    let Some(bus) = Bus::start(&guest, "goes_when_nobody_calls") else { return };
    // One whose time would be over while the second one starts would leave it the name.
    let first = bus.serve(&guest, "86400");
    let client = bus.connect().await;
    named(&client).await;
    let mut second = bus.serve(&guest, "3");
    assert_eq!(second.0.wait().unwrap().code(), Some(75));
    drop(first);
    unnamed(&client).await;
    let mut third = bus.serve(&guest, "3");
    until("it ends by itself", || third.0.try_wait().unwrap().is_some());
    assert_eq!(third.0.wait().unwrap().code(), Some(0));
}

/// A daemon's `Service1`, as far as it is asked.
struct Service(&'static AtomicBool);

#[zbus::interface(name = "org.hvutils.Service1")]
impl Service {
    #[zbus(property)]
    fn transport(&self) -> &str {
        "uio"
    }
    #[zbus(property)]
    fn channel_state(&self) -> &str {
        if self.0.load(Ordering::SeqCst) { "ready" } else { "closed" }
    }
}

async fn daemon(bus: &Bus, ready: &'static AtomicBool) -> Connection {
    let builder = connection::Builder::address(bus.address.as_str());
    let builder = builder.serve_at("/org/hvutils/Kvp1", Service(ready));
    builder.name("org.hvutils.Kvp1").build().await.unwrap()
}

#[tokio::test]
async fn daemon_that_does_not_reach_its_host_loses_the_device_under_auto() {
    static READY: AtomicBool = AtomicBool::new(false);
    let guest = Guest::new(&[Ic::Kvp]);
    let Some(bus) = Bus::start(&guest, "daemon_that_does_not_reach_its_host") else { return };
    let _daemon = daemon(&bus, &READY).await;
    let _serving = bus.serve(&guest, "60");
    let client = bus.connect().await;
    named(&client).await;
    let rows = call(&client, "Use", &(vec!["kvp"], "auto", true)).await.unwrap();
    guest.has(Ic::Kvp, Driver::HvUtils);
    assert!(rows[0].5.contains("hv-kvpd did not reach the host on raw VMBus"), "{}", rows[0].5);
    // Whoever insists gets it; and when the host is reached, attempts are forgotten.
    READY.store(true, Ordering::SeqCst);
    call(&client, "Use", &(vec!["kvp"], "uio", true)).await.unwrap();
    guest.has(Ic::Kvp, Driver::Uio);
    let state = fs::read_to_string(guest.path("run/hv-driver.state")).unwrap();
    assert!(!state.contains("attempt"), "{state}");
}

#[tokio::test]
async fn use_asks_the_daemon_too() {
    static READY: AtomicBool = AtomicBool::new(true);
    let guest = Guest::new(&[Ic::Kvp]);
    let Some(bus) = Bus::start(&guest, "use_asks_the_daemon_too") else { return };
    let _daemon = daemon(&bus, &READY).await;
    let mut command = guest.command_on(&bus.address, &["use", "auto", "kvp", "--runtime"]);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    guest.has(Ic::Kvp, Driver::Uio);
    assert!(!guest.read("run/hv-driver.state").contains("attempt"), "it was seen to work");
}

#[tokio::test]
async fn stranger_is_refused() {
    let guest = Guest::new(&[Ic::Kvp]);
    let Some(bus) = Bus::start(&guest, "stranger_is_refused") else { return };
    if !rustix::process::geteuid().is_root() {
        let _ =
            writeln!(std::io::stderr(), "SKIPPED stranger_is_refused: needs root, to become somebody else");
        return;
    }
    let _serving = bus.serve(&guest, "60");
    let client = bus.connect().await;
    named(&client).await;
    open(&guest);
    let send = |method: &str, args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "dbus-send", "--print-reply"]);
        command.arg(format!("--bus={}", bus.address)).args([
            &format!("--dest={NAME}"),
            PATH,
            &format!("{NAME}.{method}"),
        ]);
        command.args(args).output().unwrap()
    };
    let looked = send("Show", &[]);
    assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
    let refused = send("Use", &["array:string:kvp", "string:uio", "boolean:true"]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        text.contains("org.hvutils.Error.NotAuthorized") && text.contains("org.hvutils.driver.change"),
        "{text}"
    );
    guest.has(Ic::Kvp, Driver::HvUtils);
}

/// Another user has to get to the socket.
fn open(guest: &Guest) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(guest.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
}
