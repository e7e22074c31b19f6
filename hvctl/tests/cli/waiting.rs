//! `kvp wait`.

use crate::fake::Fake;
use crate::harness::{Bus, Running};
use crate::monitor::Monitor;

#[test]
fn wait_for_a_key_that_is_there_prints_it_at_once() {
    let Some(bus) = Bus::start("wait for a key that is there") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &[("external", "token", "abc")]);
    bus.run(&["kvp", "wait", "external", "token"]).is(0, "abc\n", "");
    bus.run(&["kvp", "wait", "0", "token", "--timeout", "0", "--json"]).is(
        0,
        "{\"schema\":1,\"kind\":\"kvp-wait\",\"pool\":\"external\",\"key\":\"token\",\"value\":\"abc\"}\n",
        "",
    );
}

#[test]
fn wait_ends_when_the_key_arrives() {
    let Some(bus) = Bus::start("wait for a key that arrives") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let waiting = Running::start(&mut bus.hvctl(&["kvp", "wait", "external", "token", "--timeout", "50"]));
    // It has subscribed before it looked, and it has looked.
    kvpd.wait_for_call("Get external token");
    kvpd.host_sets("guest", "token", "another pool");
    kvpd.host_sets("external", "other", "another key");
    kvpd.forge("external", "token", "another's signal");
    kvpd.host_sets("external", "token", "abc");
    waiting.end().is(0, "abc\n", "");
}

#[test]
fn wait_waits_for_the_daemon_too() {
    let Some(bus) = Bus::start("wait for the daemon") else { return };
    let monitor = Monitor::start(&bus.address);
    let waiting = Running::start(&mut bus.hvctl(&["kvp", "wait", "external", "token", "--timeout", "50"]));
    assert_eq!(monitor.until("Get"), ["Hello", "AddMatch", "AddMatch", "GetNameOwner", "Get"]);
    let kvpd = Fake::kvpd(&bus.address, &[]);
    kvpd.wait_for_call("Get external token");
    kvpd.stop();
    let _kvpd = Fake::kvpd(&bus.address, &[("external", "token", "after a restart")]);
    waiting.end().is(0, "after a restart\n", "");
}

#[test]
fn wait_that_runs_out_of_time_is_exit_3() {
    let Some(bus) = Bus::start("wait runs out of time") else { return };
    let _kvpd = Fake::kvpd(&bus.address, &[]);
    for time in ["0", "0.05"] {
        bus.run(&["kvp", "wait", "external", "token", "--timeout", time]).is(
            3,
            "",
            &format!(
                "hvctl: no key \"token\" in pool external after {time} s\n\
                 hint: hvctl kvp list external shows the keys there are; a larger --timeout waits longer\n"
            ),
        );
    }
}

#[test]
fn wait_that_runs_out_of_time_without_a_daemon_says_so() {
    let Some(bus) = Bus::start("wait runs out of time without a daemon") else { return };
    bus.run(&["--json", "kvp", "wait", "guest", "k", "--timeout", "0.05"]).is(
        3,
        "{\"schema\":1,\"error\":{\"name\":\"org.hvutils.Error.OutOfTime\",\
         \"message\":\"no key \\\"k\\\" in pool guest after 0.05 s\",\
         \"hint\":\"hv-kvpd is not running: start it with systemctl start hv-kvpd\"}}\n",
        "",
    );
}

#[test]
fn wait_survives_a_flood_of_other_signals() {
    let Some(bus) = Bus::start("wait in a flood") else { return };
    let kvpd = Fake::kvpd(&bus.address, &[]);
    let waiting = Running::start(&mut bus.hvctl(&["kvp", "wait", "external", "token", "--timeout", "50"]));
    kvpd.wait_for_call("Get external token");
    for number in 0..1000 {
        kvpd.host_sets("external", &format!("other-{number}"), "x");
    }
    kvpd.host_sets("external", "token", "abc");
    waiting.end().is(0, "abc\n", "");
}
