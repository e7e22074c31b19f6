//! `kvp watch`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::fake::Fake;
use crate::harness::{Bus, Running, wait};

#[test]
fn watch_prints_one_line_per_change_of_any_pool() {
    let Some(bus) = Bus::start("watch") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let watch = Running::start(&mut bus.hvctl(&["kvp", "watch"]));
    assert_eq!(watch.err(), "ready: watching all pools");
    kvpd.host_sets("external", "token", "a\nb");
    assert_eq!(watch.out(), "changed external token = a\\nb (host)");
    bus.run(&["kvp", "set", "guest", "k", "v"]).is(0, "", "");
    assert_eq!(watch.out(), "changed guest k = v (bus)");
    kvpd.host_removes("external", "token");
    assert_eq!(watch.out(), "removed external token (host)");
}

#[test]
fn watch_as_json_prints_one_object_per_line_ready_first() {
    let Some(bus) = Bus::start("watch --json") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let watch = Running::start(&mut bus.hvctl(&["--json", "kvp", "watch", "external"]));
    assert_eq!(
        watch.out(),
        r#"{"schema":1,"kind":"kvp-watch","event":"ready","daemon":true,"pool":"external"}"#
    );
    // Of another pool: not shown.
    kvpd.host_sets("guest", "other", "x");
    kvpd.host_sets("external", "token", "a\nb");
    assert_eq!(
        watch.out(),
        r#"{"schema":1,"kind":"kvp-watch","event":"changed","pool":"external","key":"token","value":"a\nb","origin":"host"}"#
    );
    kvpd.host_removes("external", "token");
    assert_eq!(
        watch.out(),
        r#"{"schema":1,"kind":"kvp-watch","event":"removed","pool":"external","key":"token","origin":"host"}"#
    );
}

#[test]
fn watch_goes_on_when_the_daemon_is_restarted() {
    let Some(bus) = Bus::start("watch over a restart") else { return };
    let watch = Running::start(&mut bus.hvctl(&["kvp", "watch", "guest"]));
    assert_eq!(watch.err(), "ready: watching pool guest");
    assert_eq!(
        watch.err(),
        "hv-kvpd is not running: changes show as soon as it is (systemctl start hv-kvpd)"
    );
    for round in ["first", "second"] {
        let kvpd = Fake::kvpd(&bus.address, &[]);
        assert_eq!(watch.err(), "hv-kvpd is on the bus");
        kvpd.host_sets("guest", "round", round);
        assert_eq!(watch.out(), format!("changed guest round = {round} (host)"));
        kvpd.stop();
        assert_eq!(watch.err(), "hv-kvpd left the bus: waiting for it");
    }
}

#[test]
fn watch_as_json_tells_of_the_daemons_restart_in_the_same_stream() {
    let Some(bus) = Bus::start("watch --json over a restart") else { return };
    let watch = Running::start(&mut bus.hvctl(&["--json", "kvp", "watch"]));
    assert_eq!(watch.out(), r#"{"schema":1,"kind":"kvp-watch","event":"ready","daemon":false}"#);
    Fake::kvpd(&bus.address, &[]).stop();
    assert_eq!(watch.out(), r#"{"schema":1,"kind":"kvp-watch","event":"daemon-back","daemon":true}"#);
    assert_eq!(watch.out(), r#"{"schema":1,"kind":"kvp-watch","event":"daemon-gone","daemon":false}"#);
}

#[test]
fn watch_believes_only_the_daemon() {
    let Some(bus) = Bus::start("watch and a forged signal") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let watch = Running::start(&mut bus.hvctl(&["kvp", "watch"]));
    assert_eq!(watch.err(), "ready: watching all pools");
    kvpd.forge("external", "token", "evil");
    kvpd.host_sets("external", "token", "good");
    assert_eq!(watch.out(), "changed external token = good (host)");
}

#[test]
fn watch_ends_quietly_with_its_reader_without_waiting_for_a_change() {
    let Some(bus) = Bus::start("watch and its reader") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let mut command = bus.hvctl(&["--json", "kvp", "watch"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(
        lines.next().unwrap().unwrap(),
        r#"{"schema":1,"kind":"kvp-watch","event":"ready","daemon":true}"#
    );
    drop(lines);
    assert_eq!(wait(&mut child), Some(0));
    drop(kvpd);
}

#[test]
fn watch_ends_with_69_when_the_bus_goes() {
    let Some(mut bus) = Bus::start("watch and the end of the bus") else { return };
    let watch = Running::start(&mut bus.hvctl(&["kvp", "watch", "guest"]));
    assert_eq!(watch.err(), "ready: watching pool guest");
    assert!(watch.err().starts_with("hv-kvpd is not running"));
    bus.stop();
    watch.end().is(
        69,
        "",
        "hvctl: cannot reach the bus: the connection was closed\n\
         hint: start D-Bus, or name another bus with --bus system|session|ADDRESS\n",
    );
}
