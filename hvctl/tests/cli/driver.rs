//! `hvctl driver`, against a stand-in for hv-driver that is written from the D-Bus interface.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::harness::{Bus, HANG, hvctl, run};

/// What hv-driver answers when it refuses.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.hvutils.Error")]
enum Refusal {
    NotAuthorized(String),
    NotSupported(String),
    Busy(String),
    Failed(String),
}

type Row = (String, String, String, String, String, String, bool, u64);

fn row(texts: [&str; 6], runtime: bool, mapped: u64) -> Row {
    let [service, instance, driver, choice, wanted, reason] = texts.map(str::to_owned);
    (service, instance, driver, choice, wanted, reason, runtime, mapped)
}

fn kvp() -> Row {
    let texts = [
        "kvp",
        "242ff919-07db-4180-9c2e-b86cb68c8c55",
        "uio_hv_generic",
        "uio",
        "uio_hv_generic",
        "as chosen",
    ];
    row(texts, true, 0x40_2000)
}

fn vss() -> Row {
    let texts =
        ["vss", "2450ee40-33bf-4fbd-892e-9fb06e9214cf", "hv_utils", "auto", "uio_hv_generic", "it is cheap"];
    row(texts, false, 0)
}

fn shutdown() -> Row {
    row(["shutdown", "", "", "auto", "", "the host does not offer it"], false, 0)
}

struct Driver1(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.hvutils.Driver1")]
impl Driver1 {
    fn show(&self) -> Vec<Row> {
        vec![kvp(), vss(), shutdown()]
    }

    #[zbus(name = "Use")]
    fn choose(&self, services: Vec<&str>, choice: &str, runtime: bool) -> Result<Vec<Row>, Refusal> {
        let first = services.first().copied();
        self.0.lock().unwrap().push(format!("{} {choice} {runtime}", services.join("+")));
        drop(services);
        match first {
            Some("vss") => Err(Refusal::NotAuthorized("you may not move devices".to_owned())),
            Some("heartbeat") => Err(Refusal::NotSupported("raw VMBus needs Linux 6.10".to_owned())),
            Some("timesync") => Err(Refusal::Busy("another hv-driver runs".to_owned())),
            Some("file-copy") => Err(Refusal::Failed("the driver does not take it".to_owned())),
            _ => Ok(vec![kvp()]),
        }
    }
}

/// hv-driver on the bus; leaves it with the value.
struct Fake {
    calls: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    fn start(bus: &Bus) -> Fake {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = channel();
        let (address, object) = (bus.address.clone(), Driver1(Arc::clone(&calls)));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let builder = zbus::connection::Builder::address(address.as_str());
                let builder = builder.serve_at("/org/hvutils/Driver1", object).name("org.hvutils.Driver1");
                let _connection = builder.build().await.unwrap();
                ready.send(()).unwrap();
                let _ = stopped.await;
            });
        });
        is_ready.recv_timeout(HANG).expect("the fake is on the bus");
        Fake { calls, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

#[test]
fn show_is_a_table_with_what_is_and_what_should_be() {
    let Some(bus) = Bus::start("driver show") else { return };
    let _fake = Fake::start(&bus);
    bus.run(&["driver", "show"]).is(
        0,
        "SERVICE   DRIVER          CHOICE                     REASON\n\
         kvp       uio_hv_generic  uio (until the next boot)  as chosen\n\
         vss       hv_utils        auto                       uio_hv_generic: it is cheap\n\
         shutdown  -               auto                       the host does not offer it\n",
        "",
    );
}

#[test]
fn show_as_json_has_every_fact() {
    let Some(bus) = Bus::start("driver show --json") else { return };
    let _fake = Fake::start(&bus);
    let ran = bus.run(&["--json", "driver", "show"]);
    let kvp = "{\"service\":\"kvp\",\"instance\":\"242ff919-07db-4180-9c2e-b86cb68c8c55\",\
               \"driver\":\"uio_hv_generic\",\"choice\":\"uio\",\"wanted\":\"uio_hv_generic\",\
               \"reason\":\"as chosen\",\"runtime\":true,\"mapped_bytes\":4202496}";
    let start = format!("{{\"schema\":1,\"kind\":\"driver-show\",\"items\":[{kvp},{{\"service\":\"vss\",");
    assert!(ran.code == Some(0) && ran.out.starts_with(&start), "{}", ran.out);
}

#[test]
fn use_sends_what_was_asked_and_shows_what_came_of_it() {
    let Some(bus) = Bus::start("driver use") else { return };
    let fake = Fake::start(&bus);
    let table = "SERVICE  DRIVER          CHOICE                     REASON\n\
                 kvp      uio_hv_generic  uio (until the next boot)  as chosen\n";
    bus.run(&["driver", "use", "uio", "kvp", "fcopy", "--runtime"]).is(0, table, "");
    bus.run(&["driver", "use", "hv_utils"]).is(0, table, "");
    let ran = bus.run(&["driver", "use", "auto", "--json"]);
    assert!(ran.out.starts_with("{\"schema\":1,\"kind\":\"driver-use\",\"items\":[{"), "{}", ran.out);
    assert_eq!(*fake.calls.lock().unwrap(), ["kvp+file-copy uio true", " hv_utils false", " auto false"]);
}

#[test]
fn refusals_have_their_codes_and_advice() {
    let Some(bus) = Bus::start("driver refusals") else { return };
    let _fake = Fake::start(&bus);
    for (service, code, error) in [
        (
            "vss",
            77,
            "hvctl: you may not move devices\n\
             hint: run it as root, or let polkit allow the action org.hvutils.driver.change\n",
        ),
        (
            "heartbeat",
            1,
            "hvctl: raw VMBus needs Linux 6.10\n\
             hint: hvctl driver show tells what there is, hvctl devices what the host offers\n",
        ),
        ("timesync", 1, "hvctl: another hv-driver runs\nhint: try again in a moment\n"),
        (
            "file-copy",
            1,
            "hvctl: the driver does not take it\nhint: look at its log: journalctl -u hv-driver\n",
        ),
    ] {
        bus.run(&["driver", "use", "uio", service]).is(code, "", error);
    }
}

#[test]
fn no_hv_driver_is_exit_69() {
    let Some(bus) = Bus::start("driver without hv-driver") else { return };
    bus.run(&["driver", "show"]).is(
        69,
        "",
        "hvctl: hv-driver is not running: nothing on the bus answers for it\n\
         hint: the bus starts it when it is asked (D-Bus activation): is it installed? see systemctl status hv-driver\n",
    );
}

#[test]
fn words_that_are_none_are_wrong_usage() {
    for wrong in
        [&["driver"][..], &["driver", "use"], &["driver", "use", "raw"], &["driver", "use", "uio", "floppy"]]
    {
        let ran = run(&mut hvctl(wrong));
        assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""), "{wrong:?}: {}", ran.err);
    }
}
