//! `hvctl ip`, against a stand-in for hv-kvpd that is written from `org.hvutils.Network1`.

use std::collections::HashMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;
use zbus::Variant;

use crate::harness::{Bus, HANG, hvctl, run};

/// What hv-kvpd answers when it refuses.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.hvutils.Error")]
enum Refusal {
    NotAuthorized(String),
    NothingToRevert(String),
    Busy(String),
    Failed(String),
}

type Adapter = (String, String, Vec<String>, Vec<String>, Vec<String>, bool);
type Dict = HashMap<&'static str, Variant<'static>>;

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn adapters() -> Vec<Adapter> {
    vec![
        (
            "eth0".to_owned(),
            "00:15:5D:01:02:03".to_owned(),
            texts(&["192.0.2.5/24", "fe80::5/64"]),
            texts(&["192.0.2.1"]),
            texts(&["192.0.2.53", "2001:db8::53"]),
            true,
        ),
        ("eth1".to_owned(), "00:15:5D:01:02:04".to_owned(), vec![], vec![], vec![], false),
    ]
}

/// A time so many hours ago, in µs since 1970; half a minute more, so that the hour has passed on every clock.
fn hours_ago(hours: u64) -> u64 {
    let age = Duration::from_secs(hours * 3600 + 30);
    let then = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - age;
    u64::try_from(then.as_micros()).unwrap()
}

fn record(time: u64, outcome: &'static str, addresses: &[&str], message: &'static str) -> Dict {
    HashMap::from([
        ("time", Variant::from(time)),
        ("settled", Variant::from(time)),
        ("adapter", Variant::from("f8b3781a-1e82-4818-a1c3-63d806ec15bb")),
        ("interface", Variant::from("eth0")),
        ("backend", Variant::from("networkmanager")),
        ("outcome", Variant::from(outcome)),
        ("pending", Variant::from(outcome == "pending")),
        ("ipv4", Variant::from(if addresses.is_empty() { "automatic" } else { "static" })),
        ("ipv6", Variant::from("keep")),
        ("addresses", Variant::from(texts(addresses))),
        ("gateways", Variant::from(texts(&["192.0.2.1"]))),
        ("dns", Variant::from(texts(&["192.0.2.53"]))),
        ("message", Variant::from(message)),
    ])
}

/// What the fake knows: two configurations, of which the last is undone by Revert.
#[derive(Debug, Default)]
struct State {
    records: Vec<(u64, &'static str, &'static [&'static str], &'static str)>,
    refuse: Option<&'static str>,
}

impl State {
    fn dicts(&self) -> Vec<Dict> {
        self.records.iter().map(|known| record(known.0, known.1, known.2, known.3)).collect()
    }
}

struct Network1(Arc<Mutex<State>>);

#[zbus::interface(name = "org.hvutils.Network1")]
impl Network1 {
    #[zbus(property)]
    fn adapters(&self) -> Vec<Adapter> {
        adapters()
    }

    #[zbus(property)]
    fn last_injected(&self) -> Dict {
        let mut dicts = self.0.lock().unwrap().dicts();
        dicts.retain(|dict| ["applied", "pending"].map(Variant::from).contains(&dict["outcome"]));
        dicts.pop().unwrap_or_default()
    }

    fn history(&self) -> Vec<Dict> {
        self.0.lock().unwrap().dicts()
    }

    fn revert(&self) -> Result<(), Refusal> {
        let mut state = self.0.lock().unwrap();
        match state.refuse {
            Some("NotAuthorized") => {
                return Err(Refusal::NotAuthorized("polkit does not allow it".to_owned()));
            }
            Some("NothingToRevert") => {
                return Err(Refusal::NothingToRevert("the host has configured nothing".to_owned()));
            }
            Some("Busy") => return Err(Refusal::Busy("another change is under way".to_owned())),
            Some(_) => return Err(Refusal::Failed("it cannot be undone".to_owned())),
            None => {}
        }
        state.records.last_mut().unwrap().1 = "reverted";
        Ok(())
    }
}

/// hv-kvpd on the bus; leaves it with the value.
struct Fake {
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    fn start(bus: &Bus) -> Fake {
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = channel();
        let (address, object) = (bus.address.clone(), Network1(Arc::clone(&state)));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let builder = zbus::connection::Builder::address(address.as_str());
                let builder = builder.serve_at("/org/hvutils/Kvp1", object).name("org.hvutils.Kvp1");
                let _connection = builder.build().await.unwrap();
                ready.send(()).unwrap();
                let _ = stopped.await;
            });
        });
        is_ready.recv_timeout(HANG).expect("the fake is on the bus");
        Fake { state, stop: Some(stop), thread: Some(thread) }
    }

    fn knows(&self, records: &[(u64, &'static str, &'static [&'static str], &'static str)]) {
        self.state.lock().unwrap().records = records.to_vec();
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

const ETH0: &str =
    "eth0       00:15:5D:01:02:03  yes   192.0.2.5/24, fe80::5/64  192.0.2.1  192.0.2.53, 2001:db8::53\n";

#[test]
fn show_is_a_table_of_all_adapters_or_of_one() {
    let Some(bus) = Bus::start("ip show") else { return };
    let _fake = Fake::start(&bus);
    let heading = "INTERFACE  MAC                DHCP  ADDRESSES                 GATEWAYS   DNS\n";
    let eth1 = "eth1       00:15:5D:01:02:04  no    -                         -          -\n";
    bus.run(&["ip", "show"]).is(0, &format!("{heading}{ETH0}{eth1}"), "");
    bus.run(&["ip", "show", "eth0"]).is(0, &format!("{heading}{ETH0}"), "");
    bus.run(&["ip", "show", "eth9"]).is(
        2,
        "",
        "hvctl: the host is shown no adapter \"eth9\"\nhint: hvctl ip show lists those that it is shown\n",
    );
}

#[test]
fn show_as_json_has_every_fact() {
    let Some(bus) = Bus::start("ip show --json") else { return };
    let _fake = Fake::start(&bus);
    bus.run(&["ip", "show", "--json", "eth0"]).is(
        0,
        "{\"schema\":1,\"kind\":\"ip-show\",\"items\":[{\"interface\":\"eth0\",\"mac\":\"00:15:5D:01:02:03\",\
         \"addresses\":[\"192.0.2.5/24\",\"fe80::5/64\"],\"gateways\":[\"192.0.2.1\"],\
         \"dns\":[\"192.0.2.53\",\"2001:db8::53\"],\"dhcp\":true}]}\n",
        "",
    );
    let missing = bus.run(&["--json", "ip", "show", "eth9"]);
    let start = "{\"schema\":1,\"error\":{\"name\":\"org.hvutils.Error.NoSuchAdapter\",";
    assert!(missing.code == Some(2) && missing.out.starts_with(start), "{}", missing.out);
}

#[test]
fn history_tells_what_was_wanted_and_what_became_of_it() {
    let Some(bus) = Bus::start("ip history") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["ip", "history"]).is(0, "", "the host has not configured any adapter\n");
    fake.knows(&[
        (hours_ago(5), "applied", &[], ""),
        (hours_ago(3), "failed", &["192.0.2.7/24", "198.51.100.7/24"], "the address is in use\x1b[1m"),
    ]);
    bus.run(&["ip", "history"]).is(
        0,
        "WHEN     INTERFACE  BACKEND         OUTCOME  WANTED                                            MESSAGE\n\
         5 h ago  eth0       networkmanager  applied  IPv4 automatic, gateway 192.0.2.1, DNS 192.0.2.53  -\n\
         3 h ago  eth0       networkmanager  failed   192.0.2.7/24, 198.51.100.7/24, gateway 192.0.2.1, DNS 192.0.2.53  \
         the address is in use\\u{1b}[1m\n",
        "",
    );
}

#[test]
fn history_as_json_is_what_the_daemon_tells() {
    let Some(bus) = Bus::start("ip history --json") else { return };
    let fake = Fake::start(&bus);
    fake.knows(&[(7, "pending", &["192.0.2.7/24"], "")]);
    bus.run(&["--json", "ip", "history"]).is(
        0,
        "{\"schema\":1,\"kind\":\"ip-history\",\"items\":[{\"time\":7,\"settled\":7,\
         \"adapter\":\"f8b3781a-1e82-4818-a1c3-63d806ec15bb\",\"interface\":\"eth0\",\
         \"backend\":\"networkmanager\",\"outcome\":\"pending\",\"pending\":true,\"ipv4\":\"static\",\
         \"ipv6\":\"keep\",\"addresses\":[\"192.0.2.7/24\"],\"gateways\":[\"192.0.2.1\"],\
         \"dns\":[\"192.0.2.53\"],\"message\":\"\"}]}\n",
        "",
    );
}

#[test]
fn revert_says_what_was_undone_and_what_came_back() {
    let Some(bus) = Bus::start("ip revert") else { return };
    let fake = Fake::start(&bus);
    fake.knows(&[
        (hours_ago(5), "applied", &["192.0.2.6/24"], ""),
        (hours_ago(3), "applied", &["192.0.2.7/24"], ""),
    ]);
    let table =
        format!("INTERFACE  MAC                DHCP  ADDRESSES                 GATEWAYS   DNS\n{ETH0}");
    let undone = "undone: 192.0.2.7/24, gateway 192.0.2.1, DNS 192.0.2.53 on eth0 (3 h ago)\n\
                  in force again: 192.0.2.6/24, gateway 192.0.2.1, DNS 192.0.2.53 on eth0 (5 h ago)\n";
    bus.run(&["ip", "revert"]).is(0, &format!("{undone}{table}"), "");
    fake.knows(&[(hours_ago(3), "applied", &["192.0.2.7/24"], "")]);
    let undone = "undone: 192.0.2.7/24, gateway 192.0.2.1, DNS 192.0.2.53 on eth0 (3 h ago)\n\
                  in force again: what was there before the host configured it\n";
    bus.run(&["ip", "revert"]).is(0, &format!("{undone}{table}"), "");
    fake.knows(&[(7, "applied", &[], "")]);
    let ran = bus.run(&["ip", "revert", "--json"]);
    let start = "{\"schema\":1,\"kind\":\"ip-revert\",\"reverted\":{\"time\":7,";
    assert!(ran.code == Some(0) && ran.out.starts_with(start), "{}", ran.out);
    assert!(ran.out.contains("\"standing\":null,\"adapter\":{\"interface\":\"eth0\","), "{}", ran.out);
}

#[test]
fn refusals_have_their_codes_and_advice() {
    let Some(bus) = Bus::start("ip revert, refused") else { return };
    let fake = Fake::start(&bus);
    for (refusal, code, error) in [
        (
            "NotAuthorized",
            77,
            "hvctl: polkit does not allow it\n\
             hint: run it as root, or let polkit allow the action org.hvutils.network.revert\n",
        ),
        (
            "NothingToRevert",
            1,
            "hvctl: the host has configured nothing\n\
             hint: hvctl ip history shows what the host has configured\n",
        ),
        ("Busy", 1, "hvctl: another change is under way\nhint: try again in a moment\n"),
        ("Failed", 1, "hvctl: it cannot be undone\nhint: look at its log: journalctl -u hv-kvpd\n"),
    ] {
        fake.state.lock().unwrap().refuse = Some(refusal);
        bus.run(&["ip", "revert"]).is(code, "", error);
    }
}

#[test]
fn no_hv_kvpd_is_exit_69() {
    let Some(bus) = Bus::start("ip without hv-kvpd") else { return };
    for verb in ["show", "history", "revert"] {
        let ran = bus.run(&["ip", verb]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(69), ""), "{verb}: {}", ran.err);
    }
}

#[test]
fn words_that_are_none_are_wrong_usage() {
    for wrong in [&["ip"][..], &["ip", "set"], &["ip", "revert", "eth0"], &["ip", "show", "eth0", "eth1"]] {
        let ran = run(&mut hvctl(wrong));
        assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""), "{wrong:?}: {}", ran.err);
    }
}
