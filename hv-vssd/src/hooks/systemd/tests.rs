//! Units of hooks at a double of systemd's, on a bus of the test's own: what it is asked, and everything that it can answer.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;
use zbus::{fdo, interface};

use super::*;
use crate::hooks::systemd::support::PrivateBus;

/// What becomes of a unit.
#[derive(Debug, Clone)]
enum Play {
    /// It writes this and ends; the job's result, then the unit's result, ExecMainCode, ExecMainStatus.
    Ends(&'static str, &'static str, (&'static str, i32, i32)),
    /// Nothing is heard of its job.
    Hangs,
    /// The call is not answered.
    Silent,
    Refused,
}

const DONE: Play = Play::Ends("words", "done", ("success", 1, 0));

#[derive(Debug)]
struct Manager {
    plays: Mutex<VecDeque<Play>>,
    calls: mpsc::UnboundedSender<String>,
    result: Arc<Mutex<(&'static str, i32, i32)>>,
}

fn path() -> OwnedObjectPath {
    "/org/freedesktop/systemd1/job/7".try_into().unwrap()
}

fn stop_path() -> OwnedObjectPath {
    "/org/freedesktop/systemd1/job/8".try_into().unwrap()
}

type Properties = Vec<(String, OwnedVariant)>;

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    async fn start_transient_unit(
        &self,
        name: String,
        mode: String,
        properties: Properties,
        _others: Vec<(String, Properties)>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<OwnedObjectPath> {
        let play = self.plays.lock().unwrap().pop_front().unwrap_or(DONE);
        let mut told = format!("start {name} {mode}");
        let mut output = None;
        for (key, value) in properties {
            if key == "StandardOutputFileDescriptor" {
                output = Some(OwnedFd::try_from(zbus::Fd::try_from(value).unwrap()).unwrap());
            } else if key != "StandardErrorFileDescriptor" {
                told.push_str(&format!("\n{key}={}", *value));
            }
        }
        self.calls.send(told).unwrap();
        match play {
            Play::Ends(words, job, result) => {
                std::fs::File::from(output.unwrap()).write_all(words.as_bytes()).unwrap();
                *self.result.lock().unwrap() = result;
                // Somebody else's, and then the one that matters; before the answer, which comes late at times.
                Self::job_removed(&emitter, 6, path(), "other.service", "failed").await?;
                Self::job_removed(&emitter, 7, path(), &name, job).await?;
            }
            Play::Hangs => {}
            Play::Silent => std::future::pending().await,
            Play::Refused => return Err(fdo::Error::AccessDenied("not today".to_owned())),
        }
        Ok(path())
    }

    async fn stop_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<OwnedObjectPath> {
        self.calls.send(format!("stop {name} {mode}")).unwrap();
        // Its start is no more, and then its end has come.
        Self::job_removed(&emitter, 7, path(), name, "canceled").await?;
        Self::job_removed(&emitter, 8, stop_path(), name, "done").await?;
        Ok(stop_path())
    }

    fn unref_unit(&self, name: &str) {
        self.calls.send(format!("unref {name}")).unwrap();
    }

    fn get_unit(&self, _name: String) -> OwnedObjectPath {
        "/org/freedesktop/systemd1/unit/u".try_into().unwrap()
    }

    #[expect(clippy::type_complexity, clippy::needless_pass_by_value, reason = "systemd's own")]
    fn list_units_by_patterns(
        &self,
        states: Vec<String>,
        patterns: Vec<String>,
    ) -> Vec<(String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath)>
    {
        self.calls.send(format!("list {states:?} {patterns:?}")).unwrap();
        let unit = |name: &str| {
            let words = || String::new();
            let job = (0, words(), path());
            (name.to_owned(), words(), words(), words(), words(), words(), path(), job.0, job.1, job.2)
        };
        vec![unit("hv-vss-hook-1-9-0.service"), unit("hv-vss-hook-2-9-1.service")]
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

struct Unit(Arc<Mutex<(&'static str, i32, i32)>>);

#[interface(name = "org.freedesktop.systemd1.Service")]
impl Unit {
    #[zbus(property)]
    fn result(&self) -> String {
        self.0.lock().unwrap().0.to_owned()
    }

    #[zbus(property)]
    fn exec_main_code(&self) -> i32 {
        self.0.lock().unwrap().1
    }

    #[zbus(property)]
    fn exec_main_status(&self) -> i32 {
        self.0.lock().unwrap().2
    }
}

struct World {
    bus: PrivateBus,
    _double: Connection,
    systemd: Systemd,
    calls: mpsc::UnboundedReceiver<String>,
}

async fn connect(bus: &PrivateBus) -> Connection {
    zbus::connection::Builder::address(bus.address().as_str()).build().await.unwrap()
}

impl World {
    /// `None` where there is no dbus-daemon.
    async fn new(test: &str, plays: &[Play]) -> Option<Self> {
        let bus = PrivateBus::start(test)?;
        let double = connect(&bus).await;
        let (sender, calls) = mpsc::unbounded_channel();
        let result = Arc::new(Mutex::new(("success", 0, 0)));
        let plays = Mutex::new(plays.iter().cloned().collect());
        let manager = Manager { plays, calls: sender, result: Arc::clone(&result) };
        double.object_server().at(PATH, manager).await.unwrap();
        double.object_server().at("/org/freedesktop/systemd1/unit/u", Unit(result)).await.unwrap();
        double.request_name(NAME).await.unwrap();
        let systemd = Systemd::find(Some(connect(&bus).await), Stopping::default()).await.unwrap();
        let systemd = systemd.with_patience(Duration::from_millis(300));
        Some(Self { bus, _double: double, systemd, calls })
    }

    /// The next call, without its unit's number.
    async fn call(&mut self) -> String {
        self.calls.recv().await.unwrap()
    }
}

fn job(phase: Phase, time: Duration) -> Job<'static> {
    let path = Path::new("/etc/hv-utils/vss.d/10-$db one");
    Job { path, name: "10-$db one", phase, time, deadline: Duration::from_secs(99) }
}

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(30);

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

#[test]
fn a_unit_is_made_read_and_forgotten() {
    run(async {
        let Some(mut world) = World::new("a_unit_is_made", &[]).await else { return };
        let (outcome, left) = world.systemd.run(&job(Phase::Freeze, LONG)).await;
        assert_eq!((outcome.result.as_str(), outcome.output.as_str()), (OK, "words"));
        // What may be left running may write.
        assert!(left.is_some());
        let told = world.call().await;
        let (first, properties) = told.split_once('\n').unwrap();
        let unit = first.strip_prefix("start ").unwrap().strip_suffix(" fail").unwrap();
        let expected = format!(r"hv-vss-hook-10\x2d\x24db\x20one-{}-", std::process::id());
        assert!(unit.starts_with(&expected), "{unit}");
        let expected = "Description=\"hv-vssd hook 10-$db one, freeze\"\n\
            Type=\"oneshot\"\n\
            ExecStart=[(\"/etc/hv-utils/vss.d/10-$db one\", [\"/etc/hv-utils/vss.d/10-$$db one\", \"freeze\"], false)]\n\
            Environment=[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", \"LANG=C.UTF-8\", \
            \"HV_VSS_PHASE=freeze\", \"HV_VSS_TIMEOUT_SECS=30\", \"HV_VSS_DEADLINE_SECS=99\"]\n\
            StandardInput=\"null\"\n\
            IgnoreSIGPIPE=false\n\
            TimeoutStartUSec=uint64 30000000\n\
            TimeoutStopUSec=uint64 2000000\n\
            KillMode=\"control-group\"\n\
            RemainAfterExit=true\n\
            DefaultDependencies=false\n\
            AddRef=true\n\
            CollectMode=\"inactive-or-failed\"";
        assert_eq!(properties, expected);
        assert_eq!(world.call().await, format!("unref {unit}"));
    });
}

#[test]
fn only_after_a_freeze_a_unit_remains() {
    run(async {
        let Some(mut world) = World::new("only_after_a_freeze", &[]).await else { return };
        for phase in [Phase::FreezeFailed, Phase::Thaw] {
            let (_, left) = world.systemd.run(&job(phase, LONG)).await;
            assert!(left.is_none());
            assert!(world.call().await.contains("\nRemainAfterExit=false\n"));
            assert!(world.call().await.starts_with("unref "));
        }
    });
}

#[test]
fn every_end_of_a_unit_is_a_sentence() {
    let cases = [
        ("failed", ("exit-code", 1, 3), "exit code 3"),
        ("failed", ("signal", 2, 9), "killed by signal 9"),
        ("failed", ("core-dump", 3, 11), "killed by signal 11"),
        ("failed", ("timeout", 2, 15), "took longer than 30 s"),
        ("failed", ("exit-code", 1, 203), "could not be started: systemd cannot execute it"),
        ("failed", ("resources", 0, 0), "systemd says: resources"),
        ("canceled", ("success", 0, 0), "systemd has ended its job: canceled"),
    ];
    run(async {
        let plays = cases.map(|(job, result, _)| Play::Ends("said", job, result));
        let Some(world) = World::new("every_end_of_a_unit", &plays).await else { return };
        for (_, _, expected) in cases {
            let (outcome, left) = world.systemd.run(&job(Phase::Freeze, LONG)).await;
            assert_eq!((outcome.result.as_str(), outcome.output.as_str()), (expected, "said"));
            assert!(left.is_none());
        }
    });
}

#[test]
fn a_refusal_is_told() {
    run(async {
        let Some(world) = World::new("a_refusal", &[Play::Refused]).await else { return };
        let (outcome, _) = world.systemd.run(&job(Phase::Freeze, LONG)).await;
        let expected = "could not be started: org.freedesktop.DBus.Error.AccessDenied: not today";
        assert_eq!(outcome.result, expected);
    });
}

#[test]
fn where_systemd_is_silent_the_hook_has_failed_and_its_unit_is_stopped() {
    for play in [Play::Hangs, Play::Silent] {
        run(async {
            let Some(mut world) = World::new("where_systemd_is_silent", &[play]).await else { return };
            let (outcome, left) = world.systemd.run(&job(Phase::Freeze, SHORT)).await;
            assert_eq!(outcome.result, "systemd did not tell within 2.4 s what became of it");
            assert!(left.is_none());
            let told = world.call().await;
            let unit = told.split(' ').nth(1).unwrap();
            assert_eq!(world.call().await, format!("stop {unit} replace"));
            assert_eq!(world.call().await, format!("unref {unit}"));
        });
    }
}

#[test]
fn a_hook_that_is_given_up_is_stopped_before_another_round() {
    run(async {
        let Some(mut world) = World::new("a_hook_that_is_given_up", &[Play::Hangs]).await else { return };
        let systemd = world.systemd.clone();
        let told = {
            let given_up = job(Phase::Freeze, LONG);
            tokio::select! {
                _ = systemd.run(&given_up) => panic!("it hangs"),
                told = world.call() => told,
            }
        };
        let unit = told.split(' ').nth(1).unwrap();
        systemd.stopped().await;
        assert_eq!(world.calls.try_recv().unwrap(), format!("stop {unit} replace"));
        assert_eq!(world.calls.try_recv().unwrap(), format!("unref {unit}"));
    });
}

#[test]
fn a_bus_that_goes_ends_the_wait() {
    run(async {
        let Some(mut world) = World::new("a_bus_that_goes", &[Play::Hangs]).await else { return };
        let systemd = world.systemd.clone();
        let waiting = tokio::spawn(async move { systemd.run(&job(Phase::Freeze, LONG)).await.0 });
        world.call().await;
        world.bus.stop();
        assert_eq!(waiting.await.unwrap().result, BUS_GONE);
    });
}

#[test]
fn what_is_left_running_is_found_by_its_name_and_stopped() {
    run(async {
        let Some(mut world) = World::new("what_is_left_running", &[]).await else { return };
        world.systemd.stop_all(&["activating"]).await;
        world.systemd.stopped().await;
        let mut calls: Vec<_> = std::iter::from_fn(|| world.calls.try_recv().ok()).collect();
        calls.sort();
        let expected = [
            r#"list ["activating"] ["hv-vss-hook-*.service"]"#,
            "stop hv-vss-hook-1-9-0.service replace",
            "stop hv-vss-hook-2-9-1.service replace",
            "unref hv-vss-hook-1-9-0.service",
            "unref hv-vss-hook-2-9-1.service",
        ];
        assert_eq!(calls, expected);
    });
}

#[test]
fn no_bus_and_no_systemd_on_it_are_reasons() {
    run(async {
        let why = Systemd::find(None, Stopping::default()).await.unwrap_err();
        assert_eq!(why, "there is no bus to ask systemd over");
        let Some(bus) = PrivateBus::start("no_systemd_on_it") else { return };
        let why = Systemd::find(Some(connect(&bus).await), Stopping::default()).await.unwrap_err();
        assert_eq!(why, "systemd is not on the bus");
    });
}

#[test]
fn names_of_units_are_legal_and_never_the_same() {
    let long = "\u{e9}".repeat(127);
    for hook in ["1", "10-a b", "@", "..", &long] {
        let (one, other) = (unit::name(hook), unit::name(hook));
        assert_ne!(one, other);
        assert!(one.len() < 255, "{one}");
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\".contains(&byte);
        assert!(one.bytes().all(legal), "{one}");
    }
}
