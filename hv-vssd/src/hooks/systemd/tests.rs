//! Units of hooks at a double of systemd's, on a bus of the test's own: what it is asked, and everything that it can answer.

use std::path::Path;

use super::double::{Play, World, connect};
use super::*;
use crate::hooks::systemd::support::PrivateBus;

fn job(phase: Phase, time: Duration) -> Job<'static> {
    let (program, path) = (Path::new("/usr/bin/$db"), Path::new("/etc/hv-utils/vss.d/10-$db one"));
    Job { program, path, name: "10-$db one", phase, time, deadline: Duration::from_secs(99) }
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
            ExecStart=[(\"/usr/bin/$db\", [\"/etc/hv-utils/vss.d/10-$$db one\", \"freeze\"], false)]\n\
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
            assert_eq!(world.call().await, format!("stopped {unit}"));
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
        assert_eq!(world.calls.try_recv().unwrap(), format!("stopped {unit}"));
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
fn what_is_left_running_is_found_by_its_name_and_stopped_whatever_one_of_them_says() {
    run(async {
        let Some(mut world) = World::new("what_is_left_running", &[]).await else { return };
        for (name, state) in [("protected", "active"), ("2", "active"), ("3", "activating")] {
            world.unit(&format!("hv-vss-hook-{name}-9-0.service"), state);
        }
        world.systemd.stop_all(&["activating"]).await.unwrap();
        assert_eq!(world.told(), [r#"list ["activating"]"#, "stop 3", "stopped 3"]);
        let why = world.systemd.stop_all(&[]).await.unwrap_err();
        assert!(
            why.starts_with("hv-vss-hook-protected-9-0.service: org.freedesktop.systemd1.Protected"),
            "{why}"
        );
        let mut told = world.told();
        told.sort();
        assert_eq!(told, ["list all", "stop 2", "stop protected", "stopped 2"]);
    });
}

#[test]
fn a_unit_that_is_gone_before_it_is_stopped_is_no_error() {
    run(async {
        let Some(mut world) = World::new("a_unit_that_is_gone", &[]).await else { return };
        world.unit("hv-vss-hook-1-9-0.service", "active");
        world.hold();
        let systemd = world.systemd.clone().with_patience(LONG);
        let (one, other) = (systemd.clone(), systemd.clone());
        let work = tokio::spawn(async move { tokio::join!(one.stop_all(&[]), other.stop_all(&[])) });
        for _ in 0..2 {
            while !world.call().await.starts_with("stop ") {}
        }
        world.release();
        assert_eq!(work.await.unwrap(), (Ok(()), Ok(())));
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
