//! How a host ends, by whatever: a device that it took away is given back, and what a checkpoint froze is thawed.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use hv_utils_core::wire::Ic;
use rustix::process::{Pid, Signal, kill_process};

use crate::packet::Machine;
use crate::support::{Running, code, dir, json, program, stderr, stdout};

const OPENED: u16 = 0xfff0;
const RESCIND: u16 = 0xfff2;
const OFFER: u16 = 0xfff3;

/// A run of the program at a machine's sockets.
fn start(dir: &Path, arguments: &[&str]) -> Child {
    let mut command = program();
    command.arg("--packet-link").arg(dir).args(["--timeout", "60"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// A guest that was frozen, in the middle of a checkpoint.
fn frozen(dir: &Path) -> Machine {
    let mut machine = Machine::new(dir, Ic::Vss, 5);
    machine.meet(OPENED);
    for _negotiate_check_freeze in 0..3 {
        machine.one();
    }
    machine
}

/// What a machine was asked until its host was gone.
fn operations(mut machine: Machine) -> Vec<u8> {
    machine.serve();
    machine.rules.asked.iter().map(|body| body[0]).collect()
}

fn asks(dir: &Path, words: &[&str]) -> Command {
    let mut command = program();
    command.arg("--control").arg(dir.join("control")).args(["--timeout", "60"]).args(words);
    command
}

fn ask(dir: &Path, words: &[&str]) -> Output {
    asks(dir, words).output().unwrap()
}

#[test]
fn a_signal_during_the_hold_thaws_the_guest_and_is_the_exit_code() {
    for (signal, expected, name) in [(Signal::INT, 130, "SIGINT"), (Signal::TERM, 143, "SIGTERM")] {
        let dir = dir();
        let host = start(dir.path(), &["checkpoint-vm", "--hold", "3600"]);
        let machine = frozen(dir.path());
        send(&host, signal);
        assert_eq!(operations(machine), [2, 5, 6], "{name}");
        let output = host.wait_with_output().unwrap();
        let said = format!(
            "-- vss: a checkpoint was cut short, the guest is thawed\nhv-testhost: ended by {name} before it was \
             done\nhint: what was asked last may have been done all the same\n"
        );
        assert_eq!((code(&output), stderr(&output)), (expected, said));
    }
}

#[test]
fn a_signal_before_the_answer_to_a_freeze_thaws_the_guest() {
    let dir = dir();
    let host = start(dir.path(), &["--json", "checkpoint-vm", "--hold", "3600"]);
    let mut machine = Machine::new(dir.path(), Ic::Vss, 5);
    machine.meet(OPENED);
    machine.one();
    machine.one();
    let freeze = machine.hear();
    send(&host, Signal::TERM);
    // The thaw comes while the answer to the freeze is still due.
    let thaw = machine.hear();
    machine.answer(&freeze);
    machine.answer(&thaw);
    assert_eq!(operations(machine), [2, 5, 6]);
    let output = host.wait_with_output().unwrap();
    assert_eq!((code(&output), &json(&output)["error"]["name"]), (143, &"Interrupted".into()));
}

#[test]
fn a_second_signal_does_not_wait_for_the_thaw() {
    let dir = dir();
    let host = start(dir.path(), &["checkpoint-vm", "--hold", "3600"]);
    let mut machine = frozen(dir.path());
    send(&host, Signal::INT);
    assert_eq!(machine.hear().payload[28], 6);
    send(&host, Signal::INT);
    assert_eq!(code(&host.wait_with_output().unwrap()), 130);
}

#[test]
fn a_host_that_stays_thaws_and_answers_who_asked_for_the_checkpoint() {
    let dir = dir();
    let control = dir.path().join("control");
    let host = start(dir.path(), &["--ic", "vss", "--control", control.to_str().unwrap()]);
    let mut asking = asks(dir.path(), &["checkpoint-vm", "--hold", "3600"]);
    let asking = asking.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let machine = frozen(dir.path());
    send(&host, Signal::TERM);
    assert_eq!(operations(machine), [2, 5, 6]);
    let output = host.wait_with_output().unwrap();
    assert_eq!(code(&output), 143, "{}", stderr(&output));
    let told = "-- vss: a checkpoint was cut short, the guest is thawed\n";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
    let answer = asking.wait_with_output().unwrap();
    assert_eq!(code(&answer), 69);
    assert!(stderr(&answer).starts_with("hv-testhost: the service has ended\n"), "{}", stderr(&answer));
}

#[test]
fn a_console_thaws_what_its_line_has_frozen() {
    let dir = dir();
    let mut host = start(dir.path(), &["--ic", "vss"]);
    let mut typed = host.stdin.take().unwrap();
    typed.write_all(b"checkpoint-vm --hold 3600\n").unwrap();
    let machine = frozen(dir.path());
    send(&host, Signal::INT);
    assert_eq!(operations(machine), [2, 5, 6]);
    assert_eq!(code(&host.wait_with_output().unwrap()), 130);
    drop(typed);
}

#[test]
fn who_asks_a_host_that_stays_may_leave_and_the_checkpoint_goes_on() {
    let dir = dir();
    let control = dir.path().join("control");
    let mut host = Running(start(dir.path(), &["--ic", "vss", "--control", control.to_str().unwrap()]));
    let mut asking = asks(dir.path(), &["checkpoint-vm", "--hold", "0.2"]);
    let asking = asking.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut machine = frozen(dir.path());
    send(&asking, Signal::INT);
    assert_eq!(code(&asking.wait_with_output().unwrap()), 130);
    machine.one();
    assert_eq!(code(&ask(dir.path(), &["quit"])), 0);
    assert_eq!(operations(machine), [2, 5, 6]);
    assert!(host.0.wait().unwrap().success());
}

/// A host that has taken KVP's device away is ended somehow; its exit code.
fn disabled(arguments: &[&str], typed: &[u8], end: impl FnOnce(&mut Child, &Path)) -> i32 {
    let dir = dir();
    let control = dir.path().join("control");
    let control: &[&str] = if arguments.is_empty() { &[] } else { &["--control", control.to_str().unwrap()] };
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let mut host = start(dir.path(), control);
    host.stdin.as_mut().unwrap().write_all(typed).unwrap();
    if !arguments.is_empty() {
        assert_eq!(code(&ask(dir.path(), arguments)), 0);
    }
    machine.meet(OPENED);
    assert_eq!(machine.serve(), RESCIND);
    end(&mut host, dir.path());
    assert_eq!((machine.serve(), machine.serve()), (OFFER, 0));
    code(&host.wait_with_output().unwrap())
}

#[test]
fn a_device_that_was_taken_away_is_given_back_however_a_host_that_stays_ends() {
    let (asked, typed) = (["disable-service", "kvp"], b"wait-guest\ndisable-service kvp\n");
    assert_eq!(disabled(&[], typed, |host, _| drop(host.stdin.take())), 0, "the console's end");
    let say = |host: &mut Child, line: &[u8]| host.stdin.as_mut().unwrap().write_all(line).unwrap();
    assert_eq!(disabled(&[], typed, |host, _| say(host, b"exit\n")), 0, "exit");
    assert_eq!(disabled(&[], typed, |host, _| say(host, b"quit\n")), 0, "quit");
    assert_eq!(disabled(&[], typed, |host, _| send(host, Signal::INT)), 130, "SIGINT at a console");
    let quit = |_: &mut Child, dir: &Path| assert_eq!(stdout(&ask(dir, &["quit"])), "the host ends\n");
    assert_eq!(disabled(&asked, b"", quit), 0, "quit over the control socket");
    assert_eq!(disabled(&asked, b"", |host, _| send(host, Signal::TERM)), 0, "SIGTERM");
    assert_eq!(disabled(&asked, b"", |host, _| send(host, Signal::INT)), 0, "SIGINT");
}
