//! Shutdown, time synchronization and backup as an administrator asks for them, by the built program and as a library.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use hv_testhost::host::Place;
use hv_testhost::{Host, HostOptions};
use hv_utils_core::wire::Ic;
use rustix::time::ClockId;

use crate::guest::GuestThread;
use crate::packet::Machine;
use crate::support::{Running, code, dir, json, one_shot, program, stderr, stdout};

const OPENED: u16 = 0xfff0;

/// One command to a machine whose guest takes everything; with it, what the guest was asked.
fn asked(ic: Ic, kind: u16, words: &[&str]) -> (Output, Vec<Vec<u8>>) {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), ic, kind);
    let guest = std::thread::spawn(move || {
        machine.meet(OPENED);
        machine.serve();
        machine.rules.asked
    });
    let output = over_packets(dir.path(), words);
    (output, guest.join().unwrap())
}

fn over_packets(dir: &Path, words: &[&str]) -> Output {
    program().arg("--packet-link").arg(dir).args(["--timeout", "60"]).args(words).output().unwrap()
}

#[test]
fn a_shutdown_is_sent_to_the_service_that_the_verb_needs() {
    let (output, bodies) =
        asked(Ic::Shutdown, 3, &["restart-vm", "--force", "--message", "so long", "--reason", "0x84020003"]);
    assert_eq!(
        (code(&output), stdout(&output).as_str(), stderr(&output).as_str()),
        (0, "the guest has agreed to restart\n", "")
    );
    let mut expected = vec![0x03, 0x00, 0x02, 0x84, 0, 0, 0, 0, 3, 0, 0, 0];
    expected.extend_from_slice(b"s\0o\0 \0l\0o\0n\0g\0");
    expected.resize(2060, 0);
    assert_eq!(bodies, [expected]);
}

#[test]
fn a_hibernation_that_the_versions_do_not_have_is_refused_here() {
    let (output, bodies) =
        asked(Ic::Shutdown, 3, &["--versions", "shutdown=1.0,3.0,3.1", "--json", "hibernate-vm"]);
    assert_eq!((code(&output), bodies.len()), (1, 0));
    let error = json(&output)["error"].clone();
    assert_eq!(error["name"], "Rule");
    assert_eq!(error["message"], "hibernate needs shutdown messages 3.2, the guest agreed to 3.1");
}

#[test]
fn a_time_is_sent_once_and_after_the_one_that_every_guest_gets() {
    let words = ["--sample-period", "86400000", "sync-time", "--offset", "-1.5", "--reference", "258"];
    let (output, bodies) = asked(Ic::TimeSync, 4, &words);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("the guest has taken a SYNC: parent time 1"), "{}", stdout(&output));
    assert_eq!(bodies.len(), 2);
    assert!(bodies.iter().all(|body| body.len() == 24 && body[16] == 1));
    assert_eq!(bodies[1][8..16], [2, 1, 0, 0, 0, 0, 0, 0]);
    let options = ["--no-time-samples", "--versions", "timesync=3.0,4.0", "sample-time"];
    let (output, bodies) = asked(Ic::TimeSync, 4, &options);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(bodies.iter().map(|body| body[16]).collect::<Vec<_>>(), [2]);
    let older = ["--no-time-samples", "--versions", "timesync=1.0,3.0", "sample-time"];
    let (_, bodies) = asked(Ic::TimeSync, 4, &older);
    assert_eq!((bodies[0].len(), bodies[0][24]), (28, 2));
}

/// 100 ns ticks since 1601 and on CLOCK_MONOTONIC_RAW, of this machine.
fn clocks() -> (u64, u64) {
    let ticks = |clock| {
        let time = rustix::time::clock_gettime(clock);
        u64::try_from(time.tv_sec * 10_000_000 + time.tv_nsec / 100).unwrap()
    };
    (ticks(ClockId::Realtime) + 116_444_736_000_000_000, ticks(ClockId::MonotonicRaw))
}

fn times(body: &[u8]) -> (u64, u64) {
    let number = |at: usize| u64::from_le_bytes(body[at..at + 8].try_into().unwrap());
    (number(0), number(8))
}

#[test]
fn a_guest_on_this_machine_gets_its_raw_clock_as_the_reference() {
    let dir = dir();
    let guest = GuestThread::time(dir.path());
    let before = clocks();
    let output = one_shot(dir.path(), &["sync-time", "--flags", "0"]);
    let after = clocks();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("the guest has taken a PROBE: parent time 1"), "{}", stdout(&output));
    let bodies = guest.stop().asked;
    let flags: Vec<u8> = bodies.iter().map(|body| body[16]).collect();
    assert_eq!((flags.first(), flags.last()), (Some(&1), Some(&0)), "{flags:?}");
    for (parent, reference) in bodies.iter().map(|body| times(body)) {
        assert!((before.0..=after.0).contains(&parent), "{before:?} {parent} {after:?}");
        assert!((before.1..=after.1).contains(&reference), "{before:?} {reference} {after:?}");
    }
}

#[test]
fn a_host_may_have_another_time_and_say_it_more_often() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::TimeSync, 4);
    let before = clocks().0;
    let host = program()
        .arg("--packet-link")
        .arg(dir.path())
        .args(["--ic", "timesync", "--sample-period", "1", "--time-offset", "-86400.5"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut host = Running(host.unwrap());
    machine.meet(OPENED);
    while machine.rules.asked.len() < 4 {
        machine.one();
    }
    let after = clocks().0;
    let bodies = machine.rules.asked.clone();
    let serving = std::thread::spawn(move || machine.serve());
    // The end of its input ends the host.
    drop(host.0.stdin.take());
    assert!(host.0.wait().unwrap().success());
    serving.join().unwrap();
    assert_eq!(bodies.iter().map(|body| body[16]).collect::<Vec<_>>(), [1, 2, 2, 2]);
    for (parent, _) in bodies.iter().map(|body| times(body)) {
        let parent = parent + 864_005_000_000;
        assert!((before..=after).contains(&parent), "{before} {parent} {after}");
    }
}

#[tokio::test]
async fn samples_follow_each_other_while_the_guest_answers() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::TimeSync, 4);
    let options = HostOptions {
        ics: vec![Ic::TimeSync],
        time_period: Some(Duration::from_millis(1)),
        ..HostOptions::at(Place::packet_link(dir.path()))
    };
    let host = Host::start(options).unwrap();
    let guest = tokio::task::spawn_blocking(move || {
        machine.meet(OPENED);
        while machine.rules.asked.len() < 4 {
            machine.one();
        }
        machine
    });
    let mut machine = guest.await.unwrap();
    let flags: Vec<u8> = machine.rules.asked.iter().map(|body| body[16]).collect();
    assert_eq!(flags, [1, 2, 2, 2]);
    // Each estimate of the reference counter is later than the one before.
    let reference = |body: &Vec<u8>| u64::from_le_bytes(body[8..16].try_into().unwrap());
    assert!(machine.rules.asked.iter().map(reference).is_sorted_by(|one, next| one < next));
    host.shut_down().await;
    machine.serve();
}

#[test]
fn a_check_shows_the_flags_and_a_checkpoint_each_step() {
    let (output, bodies) = asked(Ic::Vss, 5, &["vss-check"]);
    assert_eq!(
        (code(&output), stdout(&output).as_str()),
        (0, "the guest can be backed up, flags 0x00000005\n")
    );
    assert_eq!(bodies, [[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]);
    let (output, bodies) = asked(Ic::Vss, 5, &["--json", "checkpoint-vm", "--hold", "0.001"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let answer = json(&output);
    assert_eq!(answer["kind"], "checkpoint");
    for (step, name) in ["check", "freeze", "thaw"].into_iter().enumerate() {
        assert_eq!(answer["steps"][step]["name"], name);
        assert_eq!(answer["steps"][step]["status"], "0x00000000");
        assert!(answer["steps"][step]["milliseconds"].as_f64().unwrap() > 0.0);
    }
    let frozen = |name: &str| answer["frozen"][name].as_f64().unwrap();
    // A millisecond is held.
    assert!(frozen("milliseconds") >= 1.0 && frozen("longest_milliseconds") >= frozen("milliseconds"));
    let sent: Vec<(u8, usize)> = bodies.iter().map(|body| (body[0], body.len())).collect();
    assert_eq!(sent, [(2, 12), (5, 6260), (6, 12)]);
    let (output, _) = asked(Ic::Vss, 5, &["checkpoint-vm"]);
    let lines: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
    assert!(lines[1].starts_with("freeze ") && lines[1].ends_with(" ms  0x00000000 (success)"), "{lines:?}");
    assert!(
        lines[3].starts_with("frozen ") && lines[3].ends_with(" ms from sending the freeze on"),
        "{lines:?}"
    );
}

#[test]
fn a_disk_is_copied_while_the_guest_is_frozen() {
    let dir = dir();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("disk"), vec![3; 70_000]).unwrap();
    let option = format!("--snapshot={}={}", path("disk"), path("copy"));
    let (output, bodies) = asked(Ic::Vss, 5, &["--json", "checkpoint-vm", &option]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let answer = json(&output);
    let step = &answer["steps"][2];
    assert_eq!((&step["name"], &step["bytes"]), (&"snapshot".into(), &70_000.into()));
    assert_eq!(step["copy"].as_str(), Some(path("copy").as_str()));
    assert_eq!(bodies.iter().map(|body| body[0]).collect::<Vec<_>>(), [2, 5, 6]);
    // A second time the copy is in the way: the guest is thawed, and the file stays.
    let (output, bodies) = asked(Ic::Vss, 5, &["--json", "checkpoint-vm", &option]);
    assert_eq!((code(&output), bodies.len()), (69, 3));
    assert!(json(&output)["error"]["frozen"]["milliseconds"].is_number());
    assert_eq!(std::fs::read(path("copy")).unwrap(), vec![3; 70_000]);
}

#[test]
fn an_operation_of_the_backup_service_is_sent_by_its_name() {
    let (output, bodies) = asked(Ic::Vss, 5, &["vss-operation", "get-dm-info"]);
    assert_eq!(
        (code(&output), stdout(&output).as_str()),
        (0, "the guest has answered GET_DM_INFO, flags 0x00000000\n"),
        "{}",
        stderr(&output)
    );
    assert_eq!(bodies, [[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]);
    let (output, bodies) = asked(Ic::Vss, 5, &["--json", "vss-operation", "auto-recover"]);
    let answer = json(&output);
    assert_eq!((&answer["kind"], &answer["operation"]), (&"vss-operation".into(), &"AUTO_RECOVER".into()));
    assert_eq!(bodies[0].len(), 12500);
    // The newest version of this guest is 5.0.
    let (output, bodies) = asked(Ic::Vss, 5, &["vss-operation", "query-cluster"]);
    assert_eq!((code(&output), bodies.len()), (1, 0));
}

#[test]
fn a_capture_has_every_packet_whole_and_can_be_read_back() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Vss, 5);
    let guest = std::thread::spawn(move || {
        machine.meet(OPENED);
        machine.serve();
    });
    let file = dir.path().join("capture");
    let output = over_packets(dir.path(), &["--capture", file.to_str().unwrap(), "vss-thaw"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    guest.join().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let entries = hv_testhost::capture::parse(&text).unwrap();
    assert_eq!(entries.len(), 4);
    let thaw =
        "-> vss 6 0x0 0x0 0100000020000000030000000500050000000c000000000000030000060000000000000000000000";
    assert_eq!(text.lines().nth(3), Some(thaw));
    let output = over_packets(dir.path(), &["--capture", "/nonexistent/file", "vss-thaw"]);
    assert_eq!(code(&output), 69);
    assert!(stderr(&output).contains("cannot write the capture /nonexistent/file: "), "{}", stderr(&output));
}
