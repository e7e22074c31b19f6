//! A host that stays, and commands to it over its control socket.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::guest::GuestThread;
use crate::guest::kvp::Fault;
use crate::support::{Running, code, dir, json, program, stderr, stdout};

/// A host with a control socket, once it answers there.
fn host(dir: &Path, arguments: &[&str]) -> Running {
    let mut command = program();
    command.arg("--sim").arg(dir).arg("--control").arg(dir.join("control")).args(arguments);
    let mut running = Running(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("control"), "{line}");
    running
}

fn ask(dir: &Path, arguments: &[&str]) -> Output {
    program()
        .arg("--control")
        .arg(dir.join("control"))
        .args(["--timeout", "60"])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_host_that_stays_answers_as_one_that_lives_for_one_command() {
    let dir = dir();
    let mut running = host(dir.path(), &["--ic", "kvp,heartbeat"]);
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let answer = ask(dir.path(), &["wait-guest", "kvp"]);
    assert_eq!(
        (code(&answer), stdout(&answer).as_str()),
        (0, "kvp: negotiated framework 3.0, messages 5.0\n")
    );
    assert_eq!(code(&ask(dir.path(), &["add-kvp", "--", "-k", "a \"quoted\" \\ value"])), 0);
    assert_eq!(stdout(&ask(dir.path(), &["get-kvp", "0", "--", "-k"])), "a \"quoted\" \\\\ value\n");
    let again = ask(dir.path(), &["add-kvp", "--", "-k", "x"]);
    assert_eq!(code(&again), 1);
    assert!(stderr(&again).contains("32773"));
    let services = json(&ask(dir.path(), &["--json", "get-integration-services"]));
    assert_eq!(services["services"][0]["status"], "OK");
    assert_eq!(services["services"][0]["operational_status"], 2);
    assert_eq!(services["services"][1]["status"], "No Contact");
    assert_eq!(services["services"][1]["detail"], "no guest has opened the channel");
    let text = stdout(&ask(dir.path(), &["get-integration-services"]));
    assert!(
        text.contains("kvp        Key-Value Pair Exchange  yes      OK                     3.0/5.0\n"),
        "{text}"
    );
    assert_eq!(stdout(&ask(dir.path(), &["quit"])), "the host ends\n");
    assert!(running.0.wait().unwrap().success());
    assert!(!dir.path().join("control").exists() && !dir.path().join("kvp.sock").exists());
}

#[test]
fn the_time_limit_of_a_command_counts_at_the_host_too() {
    let dir = dir();
    let _running = host(dir.path(), &[]);
    let answer = program()
        .arg("--control")
        .arg(dir.path().join("control"))
        .args(["--timeout", "0.05", "wait-guest"])
        .output();
    assert_eq!(code(&answer.unwrap()), 3);
}

#[test]
fn disabling_and_enabling_rescinds_and_offers_again() {
    let dir = dir();
    let _running = host(dir.path(), &[]);
    let _guest = GuestThread::start(dir.path(), Fault::None);
    assert_eq!(code(&ask(dir.path(), &["wait-guest"])), 0);
    assert_eq!(code(&ask(dir.path(), &["disable-service", "kvp"])), 0);
    assert_eq!(code(&ask(dir.path(), &["get-host-items"])), 1);
    assert_eq!(code(&ask(dir.path(), &["enable-service", "kvp"])), 0);
    assert_eq!(code(&ask(dir.path(), &["get-host-items"])), 0);
    assert_eq!(code(&ask(dir.path(), &["renegotiate"])), 0);
}

#[test]
fn without_a_host_a_command_ends_with_69() {
    let dir = dir();
    for verb in ["wait-guest", "quit", "get-kvp"] {
        let control = dir.path().join("control");
        let mut command = program();
        command.arg("--control").arg(&control).args(["--timeout", "0.05", "--json", verb]);
        let answer = command.output().unwrap();
        assert_eq!((code(&answer), stderr(&answer).as_str()), (69, ""), "{verb}");
        let error = json(&answer)["error"].clone();
        assert_eq!(error["name"], "Host");
        let start = format!("no host answered at {} within 50ms", control.display());
        assert!(error["message"].as_str().unwrap().starts_with(&start), "{error}");
    }
}

#[test]
fn a_socket_that_a_killed_host_left_is_taken_over() {
    let dir = dir();
    drop(host(dir.path(), &[])); // killed: its sockets stay
    assert!(dir.path().join("control").exists() && dir.path().join("kvp.sock").exists());
    let _running = host(dir.path(), &[]);
    assert_eq!(code(&ask(dir.path(), &["get-integration-services"])), 0);
}

#[test]
fn a_host_with_a_control_socket_ends_on_sigterm_and_removes_its_sockets() {
    let dir = dir();
    let mut running = host(dir.path(), &[]);
    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(running.0.wait().unwrap().success());
    assert!(!dir.path().join("control").exists() && !dir.path().join("kvp.sock").exists());
}

#[test]
fn nobody_else_may_use_the_control_socket() {
    let dir = dir();
    let _running = host(dir.path(), &[]);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(dir.path().join("control")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn with_a_control_socket_a_verb_in_the_same_command_is_wrong_usage() {
    let dir = dir();
    let output = program()
        .arg("--sim")
        .arg(dir.path())
        .arg("--control")
        .arg(dir.path().join("c"))
        .arg("quit")
        .output();
    assert_eq!(code(&output.unwrap()), 64);
}
