//! `hvctl time`, against a stand-in for hv-timesyncd that is written from `org.hvutils.TimeSync1`. It keeps no clock.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zbus::object_server::SignalEmitter;

use crate::harness::{Bus, HANG, Running, hvctl, run};
use crate::terminal::on_terminal;

const NAME: &str = "org.hvutils.TimeSync1";
const PATH: &str = "/org/hvutils/TimeSync1";

/// A time so many seconds before now, in µs since 1970.
fn ago(secs: u64) -> u64 {
    let then = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - Duration::from_secs(secs);
    u64::try_from(then.as_micros()).unwrap()
}

/// When, offset, delay, error, purpose, method, verdict.
type Sample = (u64, i64, i64, i64, &'static str, &'static str, &'static str);

/// What the stand-in shows.
#[derive(Debug, Clone, Default)]
struct State {
    mode: &'static str,
    ruler: &'static str,
    /// State and transport.
    channel: (&'static str, &'static str),
    clients: Vec<&'static str>,
    fed: Vec<&'static str>,
    source: &'static str,
    numbers: [i64; 3],
    frequency: f64,
    last_sample: (u64, i64, &'static str),
    last_verdict: &'static str,
    last_action: (u64, &'static str, i64, &'static str),
    last_step: (u64, i64, &'static str),
    samples: Vec<Sample>,
}

struct TimeSync1(Arc<Mutex<State>>);

/// Of `org.hvutils.Service1` what is asked for here.
struct Service1(Arc<Mutex<State>>);

#[zbus::interface(name = "org.hvutils.Service1")]
impl Service1 {
    #[zbus(property)]
    fn transport(&self) -> &'static str {
        self.0.lock().unwrap().channel.1
    }
    #[zbus(property)]
    fn channel_state(&self) -> &'static str {
        self.0.lock().unwrap().channel.0
    }
}

impl TimeSync1 {
    fn state(&self) -> State {
        self.0.lock().unwrap().clone()
    }
}

#[zbus::interface(name = "org.hvutils.TimeSync1")]
impl TimeSync1 {
    #[zbus(property)]
    fn mode(&self) -> &'static str {
        self.state().mode
    }
    #[zbus(property)]
    fn ruler(&self) -> &'static str {
        self.state().ruler
    }
    #[zbus(property)]
    fn clients(&self) -> Vec<&'static str> {
        self.state().clients
    }
    #[zbus(property)]
    fn fed(&self) -> Vec<&'static str> {
        self.state().fed
    }
    #[zbus(property)]
    fn source(&self) -> &'static str {
        self.state().source
    }
    #[zbus(property)]
    fn offset(&self) -> i64 {
        self.state().numbers[0]
    }
    #[zbus(property)]
    fn jitter(&self) -> i64 {
        self.state().numbers[1]
    }
    #[zbus(property)]
    fn accuracy(&self) -> i64 {
        self.state().numbers[2]
    }
    #[zbus(property)]
    fn frequency(&self) -> f64 {
        self.state().frequency
    }
    #[zbus(property)]
    fn last_sample(&self) -> (u64, i64, String) {
        let (when, offset, purpose) = self.state().last_sample;
        (when, offset, purpose.to_owned())
    }
    #[zbus(property)]
    fn last_verdict(&self) -> &'static str {
        self.state().last_verdict
    }
    #[zbus(property)]
    fn last_action(&self) -> (u64, String, i64, String) {
        let (when, what, ns, reason) = self.state().last_action;
        (when, what.to_owned(), ns, reason.to_owned())
    }

    #[zbus(property)]
    fn last_step(&self) -> (u64, i64, String) {
        let (when, ns, reason) = self.state().last_step;
        (when, ns, reason.to_owned())
    }

    fn samples(&self) -> Vec<Sample> {
        self.state().samples
    }

    #[zbus(signal)]
    async fn sampled(
        emitter: &SignalEmitter<'_>,
        when: u64,
        offset: i64,
        delay: i64,
        verdict: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn stepped(emitter: &SignalEmitter<'_>, ns: i64, reason: &str) -> zbus::Result<()>;
}

/// What a test lets the stand-in do.
#[derive(Debug)]
enum Act {
    Sample(i64, i64, &'static str),
    Step(i64, &'static str),
    /// A step that another connection tells of.
    Forge,
    Stop,
}

/// hv-timesyncd on the bus; leaves it with the value.
struct Fake {
    state: Arc<Mutex<State>>,
    acts: UnboundedSender<(Act, Sender<()>)>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    fn start(bus: &Bus) -> Fake {
        let state = State { mode: "auto", ruler: "none", channel: ("ready", "uio"), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let (acts, receiver) = unbounded_channel();
        let (ready, is_ready) = channel();
        let (address, object) = (bus.address.clone(), TimeSync1(Arc::clone(&state)));
        let service = Service1(Arc::clone(&state));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let builder = zbus::connection::Builder::address(address.as_str());
                let builder = builder.serve_at(PATH, object).serve_at(PATH, service);
                let connection = builder.name(NAME).build().await.unwrap();
                ready.send(()).unwrap();
                perform(&connection, &address, receiver).await;
                connection.graceful_shutdown().await;
            });
        });
        is_ready.recv_timeout(HANG).expect("the fake is on the bus");
        Fake { state, acts, thread: Some(thread) }
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    fn act(&self, act: Act) {
        let (done, is_done) = channel();
        self.acts.send((act, done)).unwrap();
        is_done.recv_timeout(HANG).expect("the fake acted");
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.act(Act::Stop);
            self.thread.take().unwrap().join().unwrap();
        }
    }
}

async fn perform(bus: &zbus::Connection, address: &str, mut acts: UnboundedReceiver<(Act, Sender<()>)>) {
    let emitter = SignalEmitter::new(bus, PATH).unwrap();
    while let Some((act, done)) = acts.recv().await {
        match act {
            Act::Sample(offset, delay, verdict) => {
                TimeSync1::sampled(&emitter, 7, offset, delay, verdict).await.unwrap();
            }
            Act::Step(ns, reason) => TimeSync1::stepped(&emitter, ns, reason).await.unwrap(),
            Act::Forge => forge(address).await,
            Act::Stop => {}
        }
        done.send(()).unwrap();
        if matches!(act, Act::Stop) {
            return;
        }
    }
}

/// To everyone at once, so that the match rules of the bus are not what holds it back.
async fn forge(address: &str) {
    let other = zbus::connection::Builder::address(address).build().await.unwrap();
    let bus = zbus::fdo::DBusProxy::new(&other).await.unwrap();
    for name in bus.list_names().await.unwrap().iter().filter(|name| name.starts_with(':')) {
        // A peer may have left meanwhile.
        let _ = other.emit_signal(Some(name.as_str()), PATH, NAME, "Stepped", &(1_i64, "evil")).await;
    }
    // The bus answers in order: by now it has passed on all of these.
    bus.get_id().await.unwrap();
}

/// A clock that this daemon keeps, by a host that has been silent for three hours.
fn kept(state: &mut State) {
    state.ruler = "hv-timesyncd";
    state.source = "reference-counter";
    state.numbers = [-12_345, 900, 2_000];
    state.frequency = -11.5;
    state.last_sample = (ago(3 * 3600 + 60), -15_000, "sample");
    state.last_verdict = "used";
    state.last_action = (ago(7 * 3600 + 60), "slew", 20_000, "the host's clock is followed");
    state.last_step = (ago(8 * 3600 + 60), -3_600_001_000_000, "the host said\u{1b}[2J so");
}

#[test]
fn status_before_the_first_sample_says_where_to_look() {
    let Some(bus) = Bus::start("time status at the start") else { return };
    let _fake = Fake::start(&bus);
    bus.run(&["time", "status"]).is(
        0,
        "clock: kept by nobody\n\
         mode: auto\n\
         last sample: none so far\n\
         last action: none so far\n\
         last step: none so far\n\
         \n\
         - no time has come from the host: hvctl status shows whether there is a channel\n",
        "",
    );
}

#[test]
fn status_tells_who_keeps_the_clock_and_how_right_it_is() {
    let Some(bus) = Bus::start("time status") else { return };
    let fake = Fake::start(&bus);
    fake.with(kept);
    bus.run(&["time", "status"]).is(
        0,
        "clock: kept by hv-timesyncd, by the host's time of 3 h ago\n\
         mode: auto\n\
         source: reference-counter, accurate to ±2.0 µs, as of 3 h ago\n\
         offset: −12.3 µs (the guest's clock is ahead), as of 3 h ago\n\
         jitter: 900 ns\n\
         frequency: −11.500 ppm\n\
         last sample: 3 h ago, −15.0 µs (sample)\n\
         last action: 7 h ago, slew by +20.0 µs: the host's clock is followed\n\
         last step: 8 h ago, by −3600.001 s: the host said\\u{1b}[2J so\n\
         \n\
         - the last time from the host came 3 h ago: hvctl status shows the channel; on the host, look at the service \
         Time Synchronization\n",
        "",
    );
}

#[test]
fn status_of_a_host_whose_every_time_is_refused_is_not_all_well() {
    let Some(bus) = Bus::start("time status and a host with a wrong time") else { return };
    let fake = Fake::start(&bus);
    fake.with(|state| {
        state.ruler = "hv-timesyncd";
        state.last_sample = (4_102_444_800_000_000, -820_454_400_000_000_000, "sync");
        state.last_verdict = "before-floor";
        state.last_action =
            (4_102_444_800_000_000, "none", 0, "not used: the host's time is before the floor");
    });
    bus.run(&["time", "status"]).is(
        0,
        "clock: hv-timesyncd is to keep it, and the host's times are not used\n\
         mode: auto\n\
         source: none yet\n\
         last sample: 0 s ago, −820454400.000 s (sync): before-floor\n\
         last action: 0 s ago, nothing was done: not used: the host's time is before the floor\n\
         last step: none so far\n\
         \n\
         - the host's time is refused, as it is before [timesync] not-before (without that: the release of hv-timesyncd): \
         put the host's clock right, or set an earlier day; hvctl time samples shows what it says\n",
        "",
    );
}

#[test]
fn status_of_a_clock_that_is_left_to_a_client_says_so_and_what_to_do() {
    let Some(bus) = Bus::start("time status beside chrony") else { return };
    let fake = Fake::start(&bus);
    fake.with(|state| {
        kept(state);
        (state.ruler, state.clients) = ("chrony", vec!["chrony", "systemd-timesyncd"]);
        state.numbers[0] = 5_000_000;
        state.last_action = (ago(7 * 3600 + 60), "none", 0, "the clock is left to others");
        state.channel = ("kernel", "hv_utils");
    });
    let ran = bus.run(&["time", "status"]);
    let expected = "\
clock: kept by chrony; the kernel's driver has the host's time for it
mode: auto
NTP clients: chrony, systemd-timesyncd
source: reference-counter, accurate to ±2.0 µs, as of 3 h ago
offset: +5.0 ms (the guest's clock is behind), as of 3 h ago
jitter: 900 ns
frequency: −11.500 ppm
last sample: 3 h ago, −15.0 µs (sample)
last action: 7 h ago, nothing was done: the clock is left to others
last step: 8 h ago, by −3600.001 s: the host said\\u{1b}[2J so

- chrony takes it from /dev/ptp_hyperv by itself, if it is told to: systemctl start \
hv-timesync-chrony@ptp_hyperv does that where chrony reads /run/chrony-dhcp; chronyc sources shows it
";
    ran.is(0, expected, "");
    fake.with(|state| {
        state.channel = ("ready", "uio");
        state.fed = vec!["chrony:/run/chrony/hv-timesyncd.sock"];
        // In the future, as after a step back: not long ago.
        state.last_sample.0 = 4_102_444_800_000_000;
    });
    let ran = bus.run(&["time", "status"]);
    let fed = "clock: kept by chrony; the host's time is handed on\nmode: auto\n\
               NTP clients: chrony, systemd-timesyncd\nfed: chrony:/run/chrony/hv-timesyncd.sock\n";
    assert!(ran.out.starts_with(fed) && !ran.out.contains("\n- "), "{}", ran.out);
}

#[test]
fn status_as_json_has_every_fact() {
    let Some(bus) = Bus::start("time status --json") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["--json", "time", "status"]).is(
        0,
        "{\"schema\":1,\"kind\":\"time-status\",\"mode\":\"auto\",\"ruler\":\"none\",\
         \"channel_state\":\"ready\",\"transport\":\"uio\",\"clients\":[],\"fed\":[],\
         \"source\":\"\",\"accuracy_ns\":0,\"offset_ns\":0,\"jitter_ns\":0,\"frequency_ppm\":0.0,\
         \"last_sample\":null,\"last_action\":null,\"last_step\":null,\"hint\":\"no time has come from the host: hvctl status shows \
         whether there is a channel\"}\n",
        "",
    );
    fake.with(|state| {
        kept(state);
        (state.clients, state.fed) = (vec!["chrony"], vec!["shm:2"]);
        // In the future, as after a step back.
        state.last_sample.0 = 4_102_444_800_000_000;
        state.last_action = (4_102_444_800_000_001, "slew", -5, "why");
        state.last_step = (4_102_444_800_000_002, 7, "because");
    });
    bus.run(&["--json", "time", "status"]).is(
        0,
        "{\"schema\":1,\"kind\":\"time-status\",\"mode\":\"auto\",\"ruler\":\"hv-timesyncd\",\
         \"channel_state\":\"ready\",\"transport\":\"uio\",\"clients\":[\"chrony\"],\"fed\":[\"shm:2\"],\"source\":\"reference-counter\",\"accuracy_ns\":2000,\
         \"offset_ns\":-12345,\"jitter_ns\":900,\"frequency_ppm\":-11.5,\
         \"last_sample\":{\"when\":4102444800000000,\"age_secs\":0,\"offset_ns\":-15000,\"purpose\":\"sample\",\
         \"verdict\":\"used\"},\
         \"last_action\":{\"when\":4102444800000001,\"age_secs\":0,\"what\":\"slew\",\"ns\":-5,\
         \"reason\":\"why\"},\"last_step\":{\"when\":4102444800000002,\"age_secs\":0,\"ns\":7,\
         \"reason\":\"because\"},\"hint\":\"chrony steers the same clock: stop it, or set [timesync] mode = \
         \\\"auto\\\"\"}\n",
        "",
    );
}

#[test]
fn samples_are_a_table_with_readable_units() {
    let Some(bus) = Bus::start("time samples") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["time", "samples"]).is(0, "", "no time has come from the host so far\n");
    let empty = "{\"schema\":1,\"kind\":\"time-samples\",\"items\":[]}\n";
    bus.run(&["--json", "time", "samples"]).is(0, empty, "");
    fake.with(|state| {
        state.samples = vec![
            (ago(9060), 3_600_001_000_000, 41_000, 1_000, "sync", "reference-counter", "used"),
            (ago(8000), -12_345, -300, 15, "sample", "ptp", "before-floor"),
        ];
    });
    let table = "\
WHEN     OFFSET       DELAY    ERROR    PURPOSE  METHOD             VERDICT
2 h ago  +3600.001 s  41.0 µs  ±1.0 µs  sync     reference-counter  used
2 h ago  −12.3 µs     −300 ns  ±15 ns   sample   ptp                before-floor
";
    bus.run(&["time", "samples"]).is(0, table, "");
    bus.run(&["time", "samples", "--last"]).is(
        0,
        "WHEN     OFFSET    DELAY    ERROR   PURPOSE  METHOD  VERDICT\n\
         2 h ago  −12.3 µs  −300 ns  ±15 ns  sample   ptp     before-floor\n",
        "",
    );
    for more in ["2", "65535"] {
        bus.run(&["time", "samples", "--last", more]).is(0, table, "");
    }
    fake.with(|state| state.samples = vec![(5, -12_345, 41_000, 1_000, "sync", "ptp", "late")]);
    bus.run(&["--json", "time", "samples"]).is(
        0,
        "{\"schema\":1,\"kind\":\"time-samples\",\"items\":[{\"when\":5,\"offset_ns\":-12345,\"delay_ns\":41000,\
         \"error_ns\":1000,\"purpose\":\"sync\",\"method\":\"ptp\",\"verdict\":\"late\"}]}\n",
        "",
    );
}

/// Without the moment at which it was heard.
#[track_caller]
fn timeless(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "00:00:00Z", "{line}");
    rest
}

#[test]
fn watch_prints_a_line_for_each_sample_and_step_and_goes_on_over_a_restart() {
    let Some(bus) = Bus::start("time watch") else { return };
    let watch = Running::start(&mut bus.hvctl(&["time", "watch"]));
    assert_eq!(watch.err(), "ready: watching the host's time");
    assert_eq!(
        watch.err(),
        "hv-timesyncd is not running: it shows as soon as it is (systemctl start hv-timesyncd)"
    );
    for _ in 0..2 {
        let fake = Fake::start(&bus);
        assert_eq!(watch.err(), "hv-timesyncd is on the bus");
        fake.act(Act::Sample(12_345, 41_000, "used"));
        assert_eq!(watch.out(), "00:00:00Z sampled +12.3 µs, 41.0 µs on the way: used");
        fake.act(Act::Sample(-1_000_000_000, -5, "outlier\n"));
        assert_eq!(watch.out(), "00:00:00Z sampled −1.000 s, −5 ns on the way: outlier\\n");
        fake.act(Act::Step(-3_600_001_000_000, "the host\u{1b} said so"));
        assert_eq!(timeless(&watch.out()), "stepped by −3600.001 s: the host\\u{1b} said so");
        drop(fake);
        assert_eq!(watch.err(), "hv-timesyncd left the bus: waiting for it");
    }
}

#[test]
fn watch_as_json_prints_one_object_per_line_ready_first() {
    let Some(bus) = Bus::start("time watch --json") else { return };
    let fake = Fake::start(&bus);
    let watch = Running::start(&mut bus.hvctl(&["--json", "time", "watch"]));
    let line = |rest: &str| format!("{{\"schema\":1,\"kind\":\"time-watch\",\"event\":{rest}}}");
    assert_eq!(watch.out(), line("\"ready\",\"daemon\":true"));
    fake.act(Act::Sample(12_345, 41_000, "used"));
    assert_eq!(
        watch.out(),
        line("\"sampled\",\"when\":7,\"offset_ns\":12345,\"delay_ns\":41000,\"verdict\":\"used\"")
    );
    let before = ago(0);
    fake.act(Act::Step(-5, "why"));
    let text = watch.out();
    let stepped: serde_json::Value = serde_json::from_str(&text).unwrap();
    let when = stepped["when"].as_u64().unwrap();
    assert!((before..=ago(0)).contains(&when), "{text}");
    assert_eq!(text, line(&format!("\"stepped\",\"when\":{when},\"ns\":-5,\"reason\":\"why\"")));
    drop(fake);
    assert_eq!(watch.out(), line("\"daemon-gone\",\"daemon\":false"));
    let _fake = Fake::start(&bus);
    assert_eq!(watch.out(), line("\"daemon-back\",\"daemon\":true"));
}

#[test]
fn watch_believes_only_the_daemon() {
    let Some(bus) = Bus::start("time watch and a forged signal") else { return };
    let fake = Fake::start(&bus);
    let watch = Running::start(&mut bus.hvctl(&["time", "watch"]));
    assert_eq!(watch.err(), "ready: watching the host's time");
    fake.act(Act::Forge);
    fake.act(Act::Step(1, "good"));
    assert_eq!(timeless(&watch.out()), "stepped by +1 ns: good");
}

#[test]
fn watch_ends_with_69_when_the_bus_goes() {
    let Some(mut bus) = Bus::start("time watch and the end of the bus") else { return };
    let watch = Running::start(&mut bus.hvctl(&["time", "watch"]));
    assert_eq!(watch.err(), "ready: watching the host's time");
    assert!(watch.err().starts_with("hv-timesyncd is not running"));
    bus.stop();
    watch.end().is(
        69,
        "",
        "hvctl: cannot reach the bus: the connection was closed\n\
         hint: start D-Bus, or name another bus with --bus system|session|ADDRESS\n",
    );
}

#[test]
fn a_terminal_has_colours() {
    let test = "time status on a terminal";
    let Some(bus) = Bus::start(test) else { return };
    let fake = Fake::start(&bus);
    fake.with(kept);
    let Some(out) = on_terminal(test, &bus, "time status", None) else { return };
    let yellow = "clock: \u{1b}[33mkept by hv-timesyncd, by the host's time of 3 h ago\u{1b}[0m\n";
    assert!(out.starts_with(yellow), "{out:?}");
    fake.with(|state| state.last_sample.0 = 4_102_444_800_000_000);
    let out = on_terminal(test, &bus, "time status", None).unwrap();
    let green = "clock: \u{1b}[32mkept by hv-timesyncd, by the host's time\u{1b}[0m\n";
    assert!(out.starts_with(green), "{out:?}");
    fake.with(|state| state.ruler = "none");
    let out = on_terminal(test, &bus, "time status", None).unwrap();
    assert!(out.starts_with("clock: \u{1b}[33mkept by nobody\u{1b}[0m\n"), "{out:?}");
}

#[test]
fn no_hv_timesyncd_is_exit_69() {
    let Some(bus) = Bus::start("time without hv-timesyncd") else { return };
    for verb in ["status", "samples"] {
        bus.run(&["time", verb]).is(
            69,
            "",
            "hvctl: hv-timesyncd is not running: nothing on the bus answers for it\n\
             hint: start it with systemctl start hv-timesyncd; hvctl status tells more\n",
        );
    }
}

#[test]
fn words_that_are_none_are_wrong_usage() {
    for wrong in [
        &["time"][..],
        &["time", "travel"],
        &["time", "status", "now"],
        &["time", "watch", "--all"],
        &["time", "samples", "--last", "0"],
        &["time", "samples", "--last", "few"],
    ] {
        let ran = run(&mut hvctl(wrong));
        assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""), "{wrong:?}: {}", ran.err);
    }
}
