//! What runs the hooks: systemd or the daemon, and what is said about it.

use super::*;
use crate::bus::support::PrivateBus;

fn hooks(directory: &Path, runner: Runner, booted: &Path) -> Hooks {
    let options =
        Options { directory: directory.to_path_buf(), time: Duration::from_secs(60), runner, go_on: false };
    let hooks = Hooks::new(options);
    Hooks { runners: hooks.runners.clone().booted_at(booted), ..hooks }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

/// A directory with one hook, a link to `true`.
fn directory() -> tempfile::TempDir {
    let kept = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/bin/true", kept.path().join("1")).unwrap();
    kept
}

fn result(round: &Round) -> &str {
    &round.reports[0].result
}

#[test]
fn without_systemd_the_daemon_runs_hooks_and_says_so_once() {
    run(async {
        let (kept, booted) = (directory(), tempfile::tempdir().unwrap());
        let hooks = hooks(kept.path(), Runner::Auto, booted.path());
        for _ in 0..2 {
            assert_eq!(result(&hooks.run(Phase::Freeze, None).await), "ok");
        }
        let expected =
            "hooks run as children of the daemon, inside its sandbox: there is no bus to ask systemd over";
        assert_eq!(hooks.runners.said(), [expected]);
    });
}

#[test]
fn where_systemd_has_not_started_the_machine_it_is_not_missed() {
    run(async {
        let kept = directory();
        let hooks = hooks(kept.path(), Runner::Auto, &kept.path().join("none"));
        assert_eq!(result(&hooks.run(Phase::Freeze, None).await), "ok");
        assert!(hooks.runners.said().is_empty());
    });
}

#[test]
fn where_it_has_to_be_systemd_and_is_not_there_every_hook_fails() {
    run(async {
        let Some(bus) = PrivateBus::start("where_it_has_to_be_systemd") else { return };
        let kept = directory();
        let hooks = hooks(kept.path(), Runner::Systemd, kept.path());
        let why = "could not be started: there is no bus to ask systemd over";
        assert_eq!(result(&hooks.run(Phase::Freeze, None).await), why);
        hooks.over(zbus::connection::Builder::address(bus.address().as_str()).build().await.unwrap());
        let why = "could not be started: systemd is not on the bus";
        let round = hooks.run(Phase::Freeze, None).await;
        assert_eq!(result(&round), why);
        assert_eq!(round.failure, Some(format!("hook 1: {why}")));
    });
}

#[test]
fn what_is_left_out_is_said_once() {
    run(async {
        let kept = directory();
        std::fs::write(kept.path().join("2"), "").unwrap();
        let hooks = hooks(kept.path(), Runner::Direct, kept.path());
        for _ in 0..2 {
            assert_eq!(hooks.names().unwrap(), ["1"]);
        }
        assert_eq!(hooks.runners.said().len(), 1);
    });
}
