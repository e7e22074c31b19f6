//! Coming and going: of the daemon, of the host, of the service on the host.

use hv_utils_tests::{Stack, StackOptions, run, until};
use rustix::fs::FlockOperation;
use rustix::process::Signal;

fn stack() -> Option<Stack> {
    Stack::start(StackOptions::default())
}

#[test]
fn killed_daemon_has_lost_nothing_when_it_is_back() {
    let Some(mut stack) = stack() else { return };
    for number in 0..20 {
        stack.host(&["set-kvp", "external", &format!("key{number}"), "value"]).expect_code(0);
    }
    stack.signal_daemon(Signal::KILL);
    stack.start_daemon();
    stack.ready();
    let listed = stack.hvctl(&["--json", "kvp", "list", "external"]).expect_code(0);
    let object: serde_json::Value = serde_json::from_str(&listed.stdout).expect("one JSON object");
    assert_eq!(object["kind"], "kvp-list");
    assert_eq!(object["items"].as_array().map(Vec::len), Some(20));
}

#[test]
fn sigterm_ends_the_daemon_in_order() {
    let Some(mut stack) = stack() else { return };
    assert_eq!(stack.signal_daemon(Signal::TERM), 0);
    assert_eq!(stack.hvctl(&["kvp", "list"]).code, 69);
}

#[test]
fn pool_locked_at_start_does_not_stop_the_others_and_is_served_once_it_is_free() {
    let config = "[kvp]\nlock-timeout-secs = 1\n".to_owned();
    let Some(mut stack) = Stack::start(StackOptions { config, ..StackOptions::default() }) else { return };
    stack.hvctl(&["kvp", "set", "guest", "Before", "1"]).expect_code(0);
    stack.signal_daemon(Signal::KILL);
    // Reading is permission enough for this lock: anybody on the machine can hold it.
    let pool = std::fs::File::open(stack.pool(1)).expect("the pool file is there");
    rustix::fs::flock(&pool, FlockOperation::LockExclusive).expect("the pool can be locked");
    stack.start_daemon();
    stack.ready();
    stack.host(&["set-kvp", "external", "Other", "pool"]).expect_code(0);
    assert_eq!(stack.hvctl(&["kvp", "get", "guest", "Before"]).code, 2);
    drop(pool);
    stack.hvctl(&["kvp", "wait", "guest", "Before", "--timeout", "20"]).expect_code(0);
}

#[test]
fn change_under_way_at_sigterm_is_finished_and_answered() {
    // Longer than we have the lock, on a machine that has other things to do.
    let config = "[kvp]\nlock-timeout-secs = 25\n".to_owned();
    let Some(mut stack) = Stack::start(StackOptions { config, ..StackOptions::default() }) else { return };
    let pool = std::fs::File::open(stack.pool(1)).expect("the pool file is there");
    rustix::fs::flock(&pool, FlockOperation::LockExclusive).expect("the pool can be locked");
    let pid = rustix::process::Pid::from_raw(stack.daemon_pid().cast_signed()).expect("a process id");
    std::thread::scope(|scope| {
        let stack = &stack;
        let before = stack.messages_received();
        let answer = scope.spawn(|| stack.host(&["set-kvp", "guest", "Last", "words"]));
        until("the request has arrived", || stack.messages_received() > before);
        rustix::process::kill_process(pid, Signal::TERM).expect("the daemon can be signalled");
        drop(pool);
        answer.join().expect("the host's verb ends").expect_code(0);
    });
    assert_eq!(stack.signal_daemon(Signal::TERM), 0);
    stack.start_daemon();
    stack.ready();
    assert_eq!(stack.hvctl(&["kvp", "get", "guest", "Last"]).expect_code(0).text(), "words");
}

#[test]
fn service_switched_off_and_on_is_served_again_without_a_restart() {
    let Some(mut stack) = stack() else { return };
    let pid = stack.daemon_pid();
    for _ in 0..20 {
        stack.host(&["disable-service", "kvp"]).expect_code(0);
        stack.host(&["enable-service", "kvp"]).expect_code(0);
        stack.ready();
        stack.host(&["set-kvp", "external", "Cycle", "on"]).expect_code(0);
    }
    assert_eq!(stack.daemon_pid(), pid);
    assert_eq!(stack.signal_daemon(Signal::TERM), 0);
}

#[test]
fn host_that_dies_and_returns_finds_the_daemon_waiting() {
    let Some(mut stack) = stack() else { return };
    stack.kill_host();
    stack.start_host();
    stack.ready();
    stack.host(&["add-kvp", "After", "restart"]).expect_code(0);
}

#[test]
fn renegotiation_in_a_running_exchange_is_answered() {
    let Some(stack) = stack() else { return };
    stack.host(&["renegotiate"]).expect_code(0);
    stack.host(&["add-kvp", "After", "renegotiation"]).expect_code(0);
}

#[test]
fn second_instance_is_told_who_is_there() {
    let Some(stack) = stack() else { return };
    let second = stack.second_daemon(&[]).expect_code(75);
    assert!(second.stderr.contains(&stack.daemon_pid().to_string()), "{}", second.stderr);
}

#[test]
fn reload_takes_a_new_configuration() {
    let Some(stack) = stack() else { return };
    stack.host(&["set-kvp", "guest", "Before", "1"]).expect_code(0);
    let config = "[kvp]\nhost-writable-pools = [\"external\"]\nmax-items = 1\n";
    std::fs::write(stack.path("hv-utils.toml"), config).expect("the configuration can be written");
    let pid = rustix::process::Pid::from_raw(stack.daemon_pid().cast_signed()).expect("a process id");
    rustix::process::kill_process(pid, Signal::HUP).expect("the daemon can be signalled");
    // The daemon handles the signal between two requests: ask until it has, bounded by a count.
    let refused = (0..500).any(|_| stack.host(&["set-kvp", "guest", "After", "1"]).code == 1);
    assert!(refused, "the host may still write the pool guest");
    stack.host(&["set-kvp", "external", "After", "1"]).expect_code(0);
    let full = stack.host(&["set-kvp", "external", "Second", "1"]).expect_code(1);
    assert!(full.stderr.contains("0x80070070") || full.stdout.contains("0x80070070"), "{full:?}");
}

#[test]
fn wrong_configuration_is_reported_whole_and_ends_with_78() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("wrong.toml");
    let text = "[kvp]\nmax-itms = 5\nlock-timeout-secs = 900\n[nonsense]\n";
    std::fs::write(&file, text).expect("a configuration file");
    let file = file.display().to_string();
    let checked = run("hv-kvpd", ["--config", &file, "--check-config"]).expect_code(78);
    let said = format!("{}{}", checked.stdout, checked.stderr);
    for part in ["max-itms", "wrong.toml:2", "lock-timeout-secs", "wrong.toml:3", "nonsense", "wrong.toml:4"]
    {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn wrong_argument_ends_with_64_and_help_with_0() {
    run("hv-kvpd", ["--no-such-argument"]).expect_code(64);
    run("hv-kvpd", ["--channel", "pigeon"]).expect_code(64);
    let help = run("hv-kvpd", ["--help"]).expect_code(0);
    for flag in ["--config", "--check-config", "--channel", "--bus", "--state-dir", "--run-dir", "--pool-dir"]
    {
        assert!(help.stdout.contains(flag), "{flag} is not in --help");
    }
    assert!(run("hv-kvpd", ["--version"]).expect_code(0).stdout.starts_with("hv-kvpd "));
}

#[test]
fn explicit_channel_on_a_machine_without_vmbus_ends_with_69() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for channel in ["uio", "hv_utils"] {
        let path = |name: &str| dir.path().join(name).display().to_string();
        let arguments = [
            ("--channel", channel.to_owned()),
            ("--bus", "none".to_owned()),
            ("--sysfs-root", path("sys")),
            ("--pool-dir", path("pools")),
            ("--state-dir", path("state")),
            ("--run-dir", path("run")),
        ];
        let arguments = arguments.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]);
        let ended = run("hv-kvpd", arguments).expect_code(69);
        assert!(ended.stderr.contains("Hyper-V") || ended.stderr.contains("VMBus"), "{}", ended.stderr);
    }
}
