//! PowerShell's spelling, wherever verbs are typed: one command, a control socket, the console and a scenario.

use std::io::Write;
use std::process::Stdio;

use crate::guest::GuestThread;
use crate::support::{Running, code, dir, json, one_shot, program, stderr, stdout};

/// Flags of what a guest of the shutdown service was asked.
fn flags(guest: GuestThread) -> Vec<u8> {
    guest.stop().asked.iter().map(|body| body[8]).collect()
}

#[test]
fn one_command_may_be_spelled_as_in_powershell() {
    let dir = dir();
    let guest = GuestThread::shutdown(dir.path());
    for words in [
        &["Stop-VM", "-Force"][..],
        &["Restart-VM", "-force", "-Message", "-Force"],
        &["Suspend-VM", "-Hibernate"],
        &["suspend-vm", "--hibernate", "--force"],
        &["hibernate-vm"],
    ] {
        let output = one_shot(dir.path(), words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
    }
    assert_eq!(flags(guest), [1, 3, 4, 5, 4]);
}

#[test]
fn a_plain_suspend_is_wrong_usage_and_waits_for_nobody() {
    let dir = dir();
    let output = one_shot(dir.path(), &["suspend-vm"]);
    assert_eq!(code(&output), 64);
    let said = "hv-testhost: a plain suspend needs no guest, the host stops the machine by itself: with --hibernate the \
                guest is asked to hibernate\nhint: usage: ";
    assert!(stderr(&output).starts_with(said), "{}", stderr(&output));
    let output = one_shot(dir.path(), &["-Json", "Suspend-VM", "-Force"]);
    assert_eq!((code(&output), &json(&output)["error"]["name"]), (64, &"Usage".into()));
}

#[test]
fn the_console_and_the_control_socket_understand_it_too() {
    let dir = dir();
    let control = dir.path().join("control");
    let mut host = program();
    host.arg("-Sim").arg(dir.path()).args(["-IC", "shutdown", "-Control"]).arg(&control);
    let mut host = Running(host.stderr(Stdio::null()).spawn().unwrap());
    let guest = GuestThread::shutdown(dir.path());
    let mut remote = program();
    remote.arg("-Control").arg(&control).args(["-Timeout", "60"]);
    remote.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut console = remote.spawn().unwrap();
    console.stdin.take().unwrap().write_all(b"Stop-VM -Force\nsuspend-vm\nSuspend-VM -Hibernate\n").unwrap();
    let output = console.wait_with_output().unwrap();
    assert_eq!(code(&output), 64, "of the second line");
    assert_eq!(stdout(&output), "the guest has agreed to power off\nthe guest has agreed to hibernate\n");
    let ask = |words: &[&str]| {
        let mut command = program();
        command.arg("--control").arg(&control).args(["--timeout", "60"]).args(words);
        code(&command.output().unwrap())
    };
    assert_eq!((ask(&["Restart-VM", "-Force"]), ask(&["suspend-vm"])), (0, 64));
    assert_eq!(ask(&["quit"]), 0);
    assert!(host.0.wait().unwrap().success());
    assert_eq!(flags(guest), [1, 4, 3]);
}

#[test]
fn a_scenario_understands_it_too() {
    let dir = dir();
    let file = dir.path().join("scenario.toml");
    let steps = "name = \"x\"\nic = \"shutdown\"\n[[step]]\nname = \"y\"\nverb = \"Restart-VM -Force\"\n";
    std::fs::write(&file, steps).unwrap();
    let guest = GuestThread::shutdown(dir.path());
    assert_eq!(code(&one_shot(dir.path(), &["run", file.to_str().unwrap()])), 0);
    std::fs::write(&file, steps.replace("Restart-VM -Force", "suspend-vm")).unwrap();
    let output = one_shot(dir.path(), &["run", file.to_str().unwrap()]);
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).contains("a plain suspend needs no guest"), "{}", stderr(&output));
    assert_eq!(flags(guest), [3]);
}
