//! The virtual machine as its administrator sees it: `get-vm`, and the heartbeat's line of the services.

use std::path::Path;
use std::process::Output;

use hv_testhost::{Host, HostOptions, Verb};
use hv_utils_core::wire::Ic;

use crate::guest::GuestThread;
use crate::guest::kvp::Fault;
use crate::packet::Machine;
use crate::support::{code, dir, json, one_shot, program, stderr, stdout};

const OPENED: u16 = 0xfff0;
const CLOSED: u16 = 0xfff1;

/// The verb, with so many seconds for a guest to come, which it takes if none does.
fn get_vm(link: &str, dir: &Path, seconds: &str) -> Output {
    program().arg(link).arg(dir).args(["--timeout", seconds, "--json", "get-vm"]).output().unwrap()
}

#[test]
fn a_machine_shows_what_its_guest_says_of_its_applications() {
    let cases = [
        (0, "OkApplicationsUnknown", "applications unknown"),
        (1, "OkApplicationsHealthy", "applications healthy"),
        (2, "OkApplicationsCritical", "applications critical"),
        (3, "OkApplicationsUnknown", "applications stopped"),
    ];
    for (state, word, detail) in cases {
        let dir = dir();
        let _guest = GuestThread::applications(dir.path(), state);
        let output = one_shot(dir.path(), &["--vm-name", "web1", "get-vm"]);
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
        let said = stdout(&output);
        let line = format!("web1  Running  {word:<22}  at least 0:0");
        assert!(said.lines().nth(1).is_some_and(|second| second.starts_with(&line)), "{said}");
        let services = one_shot(dir.path(), &["--ic", "heartbeat", "get-integration-services"]);
        let line = format!(
            "heartbeat  Heartbeat                yes      OK                     3.0/3.0   {detail}\n"
        );
        assert!(stdout(&services).ends_with(&line), "{}", stdout(&services));
    }
}

#[test]
fn a_machine_that_nobody_has_seen_is_off_and_that_is_no_failure() {
    let dir = dir();
    let output = get_vm("--sim", dir.path(), "0.05");
    let vm = json(&output);
    assert_eq!((code(&output), &vm["kind"], &vm["name"]), (0, &"vm".into(), &"testguest".into()));
    assert_eq!((&vm["state"], &vm["heartbeat"]), (&"Off".into(), &"NoContact".into()));
    assert!(vm["uptime_at_least_seconds"].is_null());
}

#[test]
fn a_machine_without_a_daemon_runs_and_has_no_contact() {
    let dir = dir();
    let _meeting = Machine::new(dir.path(), Ic::Heartbeat, 1).meets_all(CLOSED);
    // As long as it was the machine's thread that got no time, it has more.
    let shown = ["3", "12", "48"].map(|seconds| move |dir| json(&get_vm("--packet-link", dir, seconds)));
    let shown = shown.into_iter().map(|show| show(dir.path()));
    let vm = shown.into_iter().find(|vm| vm["uptime_at_least_seconds"].is_u64()).unwrap();
    assert_eq!((&vm["state"], &vm["heartbeat"]), (&"Running".into(), &"NoContact".into()), "{vm}");
}

#[test]
fn a_heartbeat_arrives_from_a_machine_too() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Heartbeat, 1);
    machine.rules.application = Some(2);
    let guest = std::thread::spawn(move || {
        machine.meet(OPENED);
        machine.serve();
    });
    let vm = json(&get_vm("--packet-link", dir.path(), "60"));
    assert_eq!(
        (&vm["state"], &vm["heartbeat"]),
        (&"Running".into(), &"OkApplicationsCritical".into()),
        "{vm}"
    );
    guest.join().unwrap();
}

#[tokio::test]
async fn a_heart_that_stops_is_lost_and_a_service_that_is_taken_away_is_disabled() {
    let dir = dir();
    let _guest = GuestThread::heartbeat(dir.path(), Fault::Silent);
    let options = HostOptions { ics: vec![Ic::Heartbeat], ..HostOptions::new(dir.path()) };
    let options = HostOptions { timeout: std::time::Duration::from_millis(200), ..options };
    let host = Host::start(options).unwrap();
    // A beat without an answer takes a while to be noticed.
    while host.vm().heartbeat != "LostCommunication" {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(host.vm().running);
    let disable = Verb::from_words(["disable-service", "heartbeat"]).unwrap();
    host.execute(&disable, Some(std::time::Duration::from_secs(60))).await.result.unwrap();
    assert_eq!(host.vm().heartbeat, "Disabled");
    let kvp_alone = Host::start(HostOptions { ics: vec![Ic::Kvp], ..HostOptions::new(dir.path()) }).unwrap();
    assert_eq!((kvp_alone.vm().heartbeat, kvp_alone.vm().running), ("Disabled", false));
}
