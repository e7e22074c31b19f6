//! Units of hooks at a double of systemd's, on a bus of the test's own: what it is asked, and everything that it can answer.

use std::path::Path;

use super::double::{Play, World, connect};
use super::*;
use crate::bus::support::PrivateBus;

/// As the double's `short` knows them.
const OWNER: Owner = Owner { daemon: "hv-vssd", units: "hv-vss-hook" };

/// One that may leave something running, if it `stays`.
fn job<'a>(stays: bool, time: Duration, environment: &'a [(&'a str, String)]) -> Job<'a> {
    let (program, path) = (Path::new("/usr/bin/$db"), Path::new("/etc/hv-utils/vss.d/10-$db one"));
    Job { program, path, name: "10-$db one", arguments: &["freeze", "$two"], environment, time, stays }
}

/// systemd, over the world's bus; it has all the time that a busy machine may take.
async fn systemd(world: &World) -> Systemd {
    let bus = connect(&world.bus).await;
    let systemd = Systemd::find(OWNER, Some(bus), Stopping::default()).await.unwrap();
    systemd.with_patience(LONG)
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
        let environment = [("HV_VSS_PHASE", "freeze".to_owned())];
        let (outcome, left) = systemd(&world).await.run(&job(true, LONG, &environment)).await;
        assert_eq!((outcome.result.as_str(), outcome.output.as_str()), (OK, "words"));
        // What may be left running may write.
        assert!(left.is_some());
        let told = world.call().await;
        let (first, properties) = told.split_once('\n').unwrap();
        let unit = first.strip_prefix("start ").unwrap().strip_suffix(" fail").unwrap();
        let expected = format!(r"hv-vss-hook-10\x2d\x24db\x20one-{}-", std::process::id());
        assert!(unit.starts_with(&expected), "{unit}");
        let expected = "Description=\"hv-vssd hook 10-$db one, freeze, $two\"\n\
            Type=\"oneshot\"\n\
            ExecStart=[(\"/usr/bin/$db\", [\"/etc/hv-utils/vss.d/10-$$db one\", \"freeze\", \"$$two\"], false)]\n\
            Environment=[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", \"LANG=C.UTF-8\", \
            \"HV_VSS_PHASE=freeze\"]\n\
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
fn only_where_something_may_be_left_a_unit_remains() {
    run(async {
        let Some(mut world) = World::new("only_where_something", &[]).await else { return };
        let (_, left) = systemd(&world).await.run(&job(false, LONG, &[])).await;
        assert!(left.is_none());
        assert!(world.call().await.contains("\nRemainAfterExit=false\n"));
        assert!(world.call().await.starts_with("unref "));
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
            let (outcome, left) = systemd(&world).await.run(&job(true, LONG, &[])).await;
            assert_eq!((outcome.result.as_str(), outcome.output.as_str()), (expected, "said"));
            assert!(left.is_none());
        }
    });
}

#[test]
fn a_refusal_is_told() {
    run(async {
        let Some(world) = World::new("a_refusal", &[Play::Refused]).await else { return };
        let (outcome, _) = systemd(&world).await.run(&job(true, LONG, &[])).await;
        let expected = "could not be started: org.freedesktop.DBus.Error.AccessDenied: not today";
        assert_eq!(outcome.result, expected);
    });
}

#[test]
fn where_systemd_is_silent_the_hook_has_failed_and_its_unit_is_stopped() {
    for play in [Play::Hangs, Play::Silent] {
        run(async {
            let Some(mut world) = World::new("where_systemd_is_silent", &[play]).await else { return };
            let systemd = systemd(&world).await.with_patience(Duration::from_millis(300));
            let (outcome, left) = systemd.run(&job(true, SHORT, &[])).await;
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
        let systemd = systemd(&world).await;
        let told = {
            let given_up = job(true, LONG, &[]);
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
        let systemd = systemd(&world).await;
        let waiting = tokio::spawn(async move { systemd.run(&job(true, LONG, &[])).await.0 });
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
        let systemd = systemd(&world).await;
        systemd.stop_all(&["activating"]).await.unwrap();
        assert_eq!(world.told(), [r#"list ["activating"]"#, "stop 3", "stopped 3"]);
        let why = systemd.stop_all(&[]).await.unwrap_err();
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
        let systemd = systemd(&world).await;
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
        let why = Systemd::find(OWNER, None, Stopping::default()).await.unwrap_err();
        assert_eq!(why, "there is no bus to ask systemd over");
        let Some(bus) = PrivateBus::start("no_systemd_on_it") else { return };
        let why = Systemd::find(OWNER, Some(connect(&bus).await), Stopping::default()).await.unwrap_err();
        assert_eq!(why, "systemd is not on the bus");
    });
}

#[test]
fn names_of_units_are_legal_and_never_the_same() {
    let long = "\u{e9}".repeat(127);
    for hook in ["1", "10-a b", "@", "..", &long] {
        let (one, other) = (unit::name(OWNER, hook), unit::name(OWNER, hook));
        assert_ne!(one, other);
        assert!(one.len() < 255, "{one}");
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\".contains(&byte);
        assert!(one.bytes().all(legal), "{one}");
    }
}
