//! `hvctl vss`, against a stand-in for hv-vssd that is written from `org.hvutils.Vss1`. It freezes nothing.

use std::collections::HashMap;
use std::fs::File;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;
use zbus::Variant;
use zbus::message::{Flags, Header};

use crate::harness::{Bus, HANG, hvctl, run};
use crate::terminal::on_terminal;

/// What hv-vssd answers when it refuses.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.hvutils.Error")]
enum Refusal {
    NotAuthorized(String),
    NotFrozen(String),
    Busy(String),
    Failed(String),
}

type Dict = HashMap<&'static str, Variant<'static>>;
/// Mount, type, sync µs, freeze µs, frozen µs, result.
type Filesystem = (&'static str, &'static str, u64, u64, u64, &'static str);
/// Name, phase, µs, result, output.
type Hook = (&'static str, &'static str, u64, &'static str, &'static str);

/// A time so many seconds before now, in µs since 1970.
fn ago(secs: u64) -> u64 {
    let then = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - Duration::from_secs(secs);
    u64::try_from(then.as_micros()).unwrap()
}

/// A freeze that went well.
fn good(started: u64) -> Dict {
    HashMap::from([
        ("started", Variant::from(started)),
        ("origin", Variant::from("host")),
        ("frozen-us", Variant::from(2_412_000_u64)),
        ("answered-us", Variant::from(380_000_u64)),
        ("result", Variant::from("frozen")),
        ("cause", Variant::from("host")),
        (
            "filesystems",
            Variant::from(vec![
                ("/srv/data", "xfs", 12_000_u64, 3_100_u64, 2_412_000_u64, "frozen"),
                ("/", "ext4", 900, 35_000, 2_390_000, "frozen"),
            ] as Vec<Filesystem>),
        ),
        (
            "hooks",
            Variant::from(vec![
                ("10-postgresql", "freeze", 210_000_u64, "ok", "checkpoint done"),
                ("10-postgresql", "thaw", 4_000, "ok", ""),
            ] as Vec<Hook>),
        ),
    ])
}

/// A freeze in which a filesystem did not freeze and a program failed.
fn bad(started: u64) -> Dict {
    HashMap::from([
        ("started", Variant::from(started)),
        ("origin", Variant::from("bus")),
        ("frozen-us", Variant::from(800_u64)),
        ("answered-us", Variant::from(31_000_000_u64)),
        ("result", Variant::from("/ (ext4): somebody else has it frozen\x1b[1m")),
        ("cause", Variant::from("error")),
        (
            "filesystems",
            Variant::from(vec![
                ("/srv/data", "xfs", 1_000_u64, 500_u64, 800_u64, "frozen"),
                ("/", "ext4", 0, 0, 0, "somebody else has it frozen\x1b[1m"),
            ] as Vec<Filesystem>),
        ),
        (
            "hooks",
            Variant::from(vec![(
                "20-cache",
                "freeze",
                30_000_000_u64,
                "did not end within 30 s",
                "one\n\x1b[2Jtwo\n",
            )] as Vec<Hook>),
        ),
    ])
}

/// What the stand-in knows, and what it was asked.
#[derive(Debug, Default)]
struct State {
    state: &'static str,
    origin: &'static str,
    mounts: Vec<&'static str>,
    since: u64,
    deadline: u64,
    /// When freezes began, and whether they went well.
    freezes: Vec<(u64, bool)>,
    plan: Vec<[&'static str; 4]>,
    refuse: Option<&'static str>,
    /// How often the history is refused.
    busy: u32,
    calls: Vec<String>,
    /// Whether each change allowed interactive authorisation.
    interactive: Vec<bool>,
}

impl State {
    fn call(&mut self, call: String) -> Result<(), Refusal> {
        self.calls.push(call);
        match self.refuse {
            Some("NotAuthorized") => Err(Refusal::NotAuthorized("polkit does not allow it".to_owned())),
            Some("NotFrozen") => Err(Refusal::NotFrozen("nothing is frozen".to_owned())),
            Some("Busy") => Err(Refusal::Busy("the host's backup is under way".to_owned())),
            Some(_) => Err(Refusal::Failed("/ did not freeze".to_owned())),
            None => Ok(()),
        }
    }
}

struct Vss1(Arc<Mutex<State>>);

#[zbus::interface(name = "org.hvutils.Vss1")]
impl Vss1 {
    #[zbus(property)]
    fn state(&self) -> String {
        self.0.lock().unwrap().state.to_owned()
    }

    #[zbus(property)]
    fn origin(&self) -> String {
        self.0.lock().unwrap().origin.to_owned()
    }

    #[zbus(property)]
    fn frozen_mounts(&self) -> Vec<String> {
        self.0.lock().unwrap().mounts.iter().map(|mount| (*mount).to_owned()).collect()
    }

    #[zbus(property)]
    fn frozen_since(&self) -> u64 {
        self.0.lock().unwrap().since
    }

    #[zbus(property)]
    fn deadline(&self) -> u64 {
        self.0.lock().unwrap().deadline
    }

    fn plan(&self) -> Result<Vec<(String, String, String, String)>, Refusal> {
        if self.0.lock().unwrap().refuse == Some("Busy") {
            return Err(Refusal::Busy("while a freeze is under way nothing is looked at".to_owned()));
        }
        let row = |row: &[&str; 4]| {
            let [mount, kind, verdict, reason] = row.map(str::to_owned);
            (mount, kind, verdict, reason)
        };
        Ok(self.0.lock().unwrap().plan.iter().map(row).collect())
    }

    fn history(&self) -> Result<Vec<Dict>, Refusal> {
        let mut state = self.0.lock().unwrap();
        state.calls.push("History".to_owned());
        if state.busy > 0 {
            state.busy -= 1;
            return Err(Refusal::Busy("too many ask for the history".to_owned()));
        }
        let freeze = |&(started, well): &_| if well { good(started) } else { bad(started) };
        Ok(state.freezes.iter().map(freeze).collect())
    }

    async fn freeze(&self, timeout_s: u32, #[zbus(header)] header: Header<'_>) -> Result<(), Refusal> {
        let interactive = header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
        self.0.lock().unwrap().interactive.push(interactive);
        self.0.lock().unwrap().call(format!("Freeze {timeout_s}"))
    }

    fn thaw(&self) -> Result<(), Refusal> {
        self.0.lock().unwrap().call("Thaw".to_owned())
    }
}

/// hv-vssd on the bus; leaves it with the value.
struct Fake {
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    fn start(bus: &Bus) -> Fake {
        let state = Arc::new(Mutex::new(State { state: "thawed", ..State::default() }));
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = channel();
        let (address, object) = (bus.address.clone(), Vss1(Arc::clone(&state)));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let builder = zbus::connection::Builder::address(address.as_str());
                let builder = builder.serve_at("/org/hvutils/Vss1", object).name("org.hvutils.Vss1");
                let _connection = builder.build().await.unwrap();
                ready.send(()).unwrap();
                let _ = stopped.await;
            });
        });
        is_ready.recv_timeout(HANG).expect("the fake is on the bus");
        Fake { state, stop: Some(stop), thread: Some(thread) }
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

const GOOD: &str = "\
\nMOUNT      TYPE  SYNC    FREEZE  FROZEN  RESULT
/srv/data  xfs   12 ms   3.1 ms  2.4 s   frozen
/          ext4  900 µs  35 ms   2.3 s   frozen

HOOK           PHASE   TOOK    RESULT
10-postgresql  freeze  210 ms  ok
10-postgresql  thaw    4.0 ms  ok
";
const BAD: &str = "\
\nMOUNT      TYPE  SYNC    FREEZE  FROZEN  RESULT
/srv/data  xfs   1.0 ms  500 µs  800 µs  frozen
/          ext4  -       -       -       somebody else has it frozen\\u{1b}[1m

HOOK      PHASE   TOOK    RESULT
20-cache  freeze  30.0 s  did not end within 30 s

20-cache freeze wrote:
  one
  \\u{1b}[2Jtwo
";

#[test]
fn status_of_what_is_thawed_tells_how_the_last_freeze_went() {
    let Some(bus) = Bus::start("vss status") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["vss", "status"]).is(0, "state: thawed\nlast freeze: none is remembered\n", "");
    fake.with(|state| state.freezes = vec![(ago(9000), false), (ago(3 * 3600 + 30), true)]);
    let line = "last freeze: 3 h ago, for the host, frozen for 2.4 s, thawed by the host\n";
    bus.run(&["vss", "status"]).is(0, &format!("state: thawed\n{line}{GOOD}"), "");
}

#[test]
fn status_of_what_is_frozen_tells_since_when_and_until_when() {
    let Some(bus) = Bus::start("vss status, frozen") else { return };
    let fake = Fake::start(&bus);
    fake.with(|state| {
        state.state = "frozen";
        state.mounts = vec!["/srv/da\nta", "/"];
        // Half an hour in both directions, so that the seconds that pass meanwhile change no first digit.
        (state.since, state.deadline) = (ago(1850), ago(0) + 1_850_000_000);
    });
    let ran = bus.run(&["vss", "status"]);
    let (first, rest) = ran.out.split_once('\n').unwrap();
    let parts: Vec<&str> = first.split(' ').collect();
    assert_eq!(parts[..3], ["state:", "frozen", "for"], "{first}");
    assert!(parts[3].starts_with("18") && parts[7].starts_with("18"), "{first}");
    assert!(first.ends_with(" s at the latest"), "{first}");
    assert_eq!(rest, "frozen: /srv/da\\nta, /\nlast freeze: none is remembered\n");
}

#[test]
fn status_as_json_has_every_fact() {
    let Some(bus) = Bus::start("vss status --json") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["--json", "vss", "status"]).is(
        0,
        "{\"schema\":1,\"kind\":\"vss-status\",\"state\":\"thawed\",\"origin\":\"\",\"frozen_mounts\":[],\"frozen_since\":0,\
         \"deadline\":0,\"last_freeze\":null}\n",
        "",
    );
    fake.with(|state| {
        state.state = "frozen";
        (state.mounts, state.origin) = (vec!["/"], "bus");
        (state.since, state.deadline) = (5, 9);
        state.freezes = vec![(7, true)];
    });
    bus.run(&["--json", "vss", "status"]).is(
        0,
        "{\"schema\":1,\"kind\":\"vss-status\",\"state\":\"frozen\",\"origin\":\"bus\",\
         \"frozen_mounts\":[\"/\"],\"frozen_since\":5,\
         \"deadline\":9,\"last_freeze\":{\"started\":7,\"origin\":\"host\",\"frozen_us\":2412000,\
         \"answered_us\":380000,\"result\":\"frozen\",\"cause\":\"host\",\"filesystems\":[\
         {\"mount\":\"/srv/data\",\"type\":\"xfs\",\"sync_us\":12000,\"freeze_us\":3100,\"frozen_us\":2412000,\
         \"result\":\"frozen\"},{\"mount\":\"/\",\"type\":\"ext4\",\"sync_us\":900,\"freeze_us\":35000,\
         \"frozen_us\":2390000,\"result\":\"frozen\"}],\"hooks\":[{\"name\":\"10-postgresql\",\"phase\":\"freeze\",\
         \"took_us\":210000,\"result\":\"ok\",\"output\":\"checkpoint done\"},{\"name\":\"10-postgresql\",\
         \"phase\":\"thaw\",\"took_us\":4000,\"result\":\"ok\",\"output\":\"\"}]}}\n",
        "",
    );
}

#[test]
fn plan_numbers_what_is_frozen_and_gives_reasons_for_the_rest() {
    let Some(bus) = Bus::start("vss plan") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["vss", "plan"]).is(0, "", "no filesystems\n");
    let plan = [
        ["/srv/image", "ext4", "freeze", "its image is a file on /srv"],
        ["/", "xfs", "freeze", ""],
        ["/boot/efi", "vfat", "skip", "this type cannot be frozen"],
    ];
    fake.with(|state| state.plan = plan.to_vec());
    let table = "\
ORDER  MOUNT       TYPE  VERDICT  REASON
1      /srv/image  ext4  freeze   its image is a file on /srv
2      /           xfs   freeze   -
-      /boot/efi   vfat  skip     this type cannot be frozen
";
    bus.run(&["vss", "plan"]).is(0, table, "");
    bus.run(&["--json", "vss", "plan"]).is(
        0,
        "{\"schema\":1,\"kind\":\"vss-plan\",\"items\":[\
         {\"mount\":\"/srv/image\",\"type\":\"ext4\",\"verdict\":\"freeze\",\"reason\":\"its image is a file on /srv\"},\
         {\"mount\":\"/\",\"type\":\"xfs\",\"verdict\":\"freeze\",\"reason\":\"\"},\
         {\"mount\":\"/boot/efi\",\"type\":\"vfat\",\"verdict\":\"skip\",\"reason\":\"this type cannot be frozen\"}]}\n",
        "",
    );
}

#[test]
fn many_that_are_left_out_for_one_reason_share_a_line() {
    let Some(bus) = Bus::start("vss plan of many") else { return };
    let fake = Fake::start(&bus);
    let pseudo = |mount| [mount, "tmpfs", "skip", "it is not on a disk"];
    let mut plan = vec![["/", "xfs", "freeze", ""], pseudo("/proc"), pseudo("/sys"), pseudo("/run")];
    fake.with(|state| state.plan.clone_from(&plan));
    assert_eq!(bus.run(&["vss", "plan"]).out.lines().count(), 5, "three are few");
    plan.extend([["/boot/efi", "vfat", "skip", "this type cannot be frozen"], pseudo("/dev")]);
    fake.with(|state| state.plan.clone_from(&plan));
    let table = "\
ORDER  MOUNT                   TYPE  VERDICT  REASON
1      /                       xfs   freeze   -
-      /proc, /sys and 2 more  -     skip     it is not on a disk
-      /boot/efi               vfat  skip     this type cannot be frozen
";
    bus.run(&["vss", "plan"]).is(0, table, "");
    assert_eq!(bus.run(&["vss", "plan", "--all"]).out.lines().count(), 7);
}

#[test]
fn a_plan_in_which_nothing_is_frozen_says_so() {
    let Some(bus) = Bus::start("vss plan of nothing") else { return };
    let fake = Fake::start(&bus);
    fake.with(|state| state.plan = vec![["/", "xfs", "skip", "no pattern in include fits its mount point"]]);
    bus.run(&["vss", "plan"]).is(
        0,
        "ORDER  MOUNT  TYPE  VERDICT  REASON\n\
         -      /      xfs   skip     no pattern in include fits its mount point\n\
         \n\
         nothing would be frozen\n",
        "",
    );
}

#[test]
fn a_plan_that_fails_says_that_backups_are_refused() {
    let Some(bus) = Bus::start("vss plan that fails") else { return };
    let fake = Fake::start(&bus);
    fake.with(|state| state.plan = vec![["/pool", "zfs", "fail", "this type cannot be frozen"]]);
    bus.run(&["vss", "plan"]).is(
        0,
        "ORDER  MOUNT  TYPE  VERDICT  REASON\n\
         -      /pool  zfs   fail     this type cannot be frozen\n\
         \n\
         A backup is refused because of /pool: [vss] on-unfreezable, exclude and exclude-types decide about that.\n",
        "",
    );
}

#[test]
fn freeze_asks_once_and_says_nothing_where_the_output_may_be_frozen() {
    let Some(bus) = Bus::start("vss freeze") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["vss", "freeze"]).is(0, "", "");
    bus.run(&["vss", "freeze", "--time", "30"]).is(0, "", "");
    let json = "{\"schema\":1,\"kind\":\"vss-freeze\"}\n";
    bus.run(&["vss", "freeze", "--json", "--time=7"]).is(0, json, "");
    assert_eq!(fake.calls(), ["Freeze 0", "Freeze 30", "Freeze 7"]);
    // Nobody could write to a file that is frozen: hvctl does not even try.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ran = run(bus.hvctl(&["vss", "freeze"]).stdout(full));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn freeze_on_a_terminal_says_the_way_back_and_lets_a_person_be_asked() {
    let test = "vss freeze on a terminal";
    let Some(bus) = Bus::start(test) else { return };
    let fake = Fake::start(&bus);
    let Some(out) = on_terminal(test, &bus, "vss freeze", None) else { return };
    assert_eq!(out, "frozen; to thaw: hvctl vss thaw\n");
    bus.run(&["vss", "freeze"]).is(0, "", "");
    assert_eq!(fake.state.lock().unwrap().interactive, [true, false]);
}

#[test]
fn thaw_says_that_it_is_done() {
    let Some(bus) = Bus::start("vss thaw") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["vss", "thaw"]).is(0, "thawed\n", "");
    bus.run(&["--json", "vss", "thaw"]).is(0, "{\"schema\":1,\"kind\":\"vss-thaw\"}\n", "");
    assert_eq!(fake.calls(), ["Thaw", "Thaw"]);
}

#[test]
fn what_the_host_has_frozen_is_thawed_only_by_force() {
    let Some(bus) = Bus::start("vss thaw of the host's") else { return };
    let fake = Fake::start(&bus);
    for state in ["freezing", "frozen"] {
        fake.with(|fake| (fake.state, fake.origin) = (state, "host"));
        bus.run(&["vss", "thaw"]).is(
            1,
            "",
            "hvctl: this freeze is the host's: to thaw it now would spoil its backup\n\
             hint: hvctl vss status shows how long it lasts at most; hvctl vss thaw --force ends it\n",
        );
        let ran = bus.run(&["--json", "vss", "thaw"]);
        assert!(ran.code == Some(1) && ran.out.contains("\"org.hvutils.Error.HostsFreeze\""), "{}", ran.out);
        assert!(bus.run(&["vss", "status"]).out.starts_with(&format!("state: {state}, for the host\n")));
        assert_eq!(fake.calls(), ["History"]);
        bus.run(&["vss", "thaw", "--force"]).is(0, "thawed\n", "");
        assert_eq!(fake.calls(), ["Thaw"]);
    }
    // There is nothing to spoil: what does not thaw is tried again, or hooks run.
    for (state, origin) in [("failed", "host"), ("thawing", "host"), ("frozen", "bus"), ("thawed", "")] {
        fake.with(|fake| (fake.state, fake.origin) = (state, origin));
        bus.run(&["vss", "thaw"]).is(0, "thawed\n", "");
    }
}

#[test]
fn freeze_as_json_says_nothing_to_a_file() {
    let Some(bus) = Bus::start("vss freeze --json to a file") else { return };
    let fake = Fake::start(&bus);
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("out");
    let ran = run(bus.hvctl(&["--json", "vss", "freeze"]).stdout(File::create(&path).unwrap()));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    // Nothing is frozen then.
    fake.with(|state| state.refuse = Some("Busy"));
    let ran = run(bus.hvctl(&["--json", "vss", "freeze"]).stdout(File::create(&path).unwrap()));
    assert_eq!(ran.code, Some(1));
    assert!(std::fs::read_to_string(&path).unwrap().contains("org.hvutils.Error.Busy"));
}

#[test]
fn history_that_many_ask_for_is_asked_for_again() {
    let Some(bus) = Bus::start("vss history, busy") else { return };
    let fake = Fake::start(&bus);
    fake.with(|state| state.busy = 3);
    bus.run(&["vss", "status"]).is(0, "state: thawed\nlast freeze: none is remembered\n", "");
    assert_eq!(fake.calls().len(), 4);
}

#[test]
fn history_is_a_line_for_each_freeze_or_all_of_it() {
    let Some(bus) = Bus::start("vss history") else { return };
    let fake = Fake::start(&bus);
    bus.run(&["vss", "history"]).is(0, "", "nothing has been frozen so far\n");
    fake.with(|state| state.freezes = vec![(ago(5 * 3600 + 30), true), (ago(3 * 3600 + 30), false)]);
    bus.run(&["vss", "history"]).is(
        0,
        "WHEN     FOR   ANSWERED  FROZEN  FILESYSTEMS  HOOKS        THAWED BY  RESULT\n\
         5 h ago  host  380 ms    2.4 s   2            2            host       frozen\n\
         3 h ago  bus   31.0 s    800 µs  1 of 2       1, 1 failed  error      \
         / (ext4): somebody else has it frozen\\u{1b}[1m\n",
        "",
    );
    let first = "5 h ago, for the host, frozen for 2.4 s, thawed by the host\n";
    let last = "3 h ago, for a program in the guest, frozen for 800 µs, given up: \
                / (ext4): somebody else has it frozen\\u{1b}[1m\n";
    bus.run(&["vss", "history", "--last"]).is(0, &format!("{last}{BAD}"), "");
    bus.run(&["vss", "history", "-v"]).is(0, &format!("{first}{GOOD}\n{last}{BAD}"), "");
}

#[test]
fn history_as_json_has_all_or_the_last() {
    let Some(bus) = Bus::start("vss history --json") else { return };
    let fake = Fake::start(&bus);
    fake.with(|state| state.freezes = vec![(5, true), (7, false)]);
    let all = bus.run(&["--json", "vss", "history"]);
    let start = "{\"schema\":1,\"kind\":\"vss-history\",\"items\":[{\"started\":5,\"origin\":\"host\",";
    assert!(all.code == Some(0) && all.out.starts_with(start), "{}", all.out);
    assert_eq!(all.out.matches("\"started\":").count(), 2);
    let last = bus.run(&["--json", "vss", "history", "--last"]);
    let start = "{\"schema\":1,\"kind\":\"vss-history\",\"items\":[{\"started\":7,\"origin\":\"bus\",";
    assert!(last.code == Some(0) && last.out.starts_with(start), "{}", last.out);
    assert!(last.out.contains("\"output\":\"one\\n\\u001b[2Jtwo\\n\""), "{}", last.out);
}

#[test]
fn refusals_have_their_codes_and_advice() {
    let Some(bus) = Bus::start("vss refusals") else { return };
    let fake = Fake::start(&bus);
    for (refusal, verb, code, error) in [
        (
            "NotAuthorized",
            "freeze",
            77,
            "hvctl: polkit does not allow it\n\
             hint: run it as root, or let polkit allow the action org.hvutils.vss.freeze\n",
        ),
        (
            "Busy",
            "freeze",
            1,
            "hvctl: the host's backup is under way\n\
             hint: hvctl vss status shows whether a freeze is under way, and until when; then try again\n",
        ),
        (
            "Busy",
            "plan",
            1,
            "hvctl: while a freeze is under way nothing is looked at\n\
             hint: hvctl vss status shows whether a freeze is under way, and until when; then try again\n",
        ),
        (
            "Failed",
            "freeze",
            1,
            "hvctl: / did not freeze\n\
             hint: hvctl vss history --last shows how far it came, hvctl vss plan what can be frozen\n",
        ),
        (
            "NotAuthorized",
            "thaw",
            77,
            "hvctl: polkit does not allow it\n\
             hint: run it as root; others may thaw only what they have had frozen\n",
        ),
        (
            "NotFrozen",
            "thaw",
            1,
            "hvctl: nothing is frozen\n\
             hint: hvctl vss history shows what was frozen, and who had it thawed\n",
        ),
    ] {
        fake.with(|state| state.refuse = Some(refusal));
        bus.run(&["vss", verb]).is(code, "", error);
    }
}

#[test]
fn no_hv_vssd_is_exit_69() {
    let Some(bus) = Bus::start("vss without hv-vssd") else { return };
    for verb in ["status", "plan", "freeze", "thaw", "history"] {
        bus.run(&["vss", verb]).is(
            69,
            "",
            "hvctl: hv-vssd is not running: nothing on the bus answers for it\n\
             hint: start it with systemctl start hv-vssd; hvctl status tells more\n",
        );
    }
}

#[test]
fn words_that_are_none_are_wrong_usage() {
    for wrong in [
        &["vss"][..],
        &["vss", "melt"],
        &["vss", "freeze", "/"],
        &["vss", "freeze", "--time", "soon"],
        &["vss", "freeze", "--time", "0"],
        &["vss", "freeze", "--time", "-1"],
        &["vss", "freeze", "--time", "1.5"],
        &["vss", "plan", "/"],
    ] {
        let ran = run(&mut hvctl(wrong));
        assert_eq!((ran.code, ran.out.as_str()), (Some(64), ""), "{wrong:?}: {}", ran.err);
    }
}
