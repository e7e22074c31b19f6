//! From ready to the end: signals, the service manager, the form of the log.

use crate::process::{Home, run};
use rustix::process::Signal;
use std::os::fd::OwnedFd;

#[test]
fn daemon_is_ready_without_host_and_bus_and_stops_with_0() {
    run(async {
        for signal in [Signal::TERM, Signal::INT] {
            let home = Home::new();
            let daemon = home.start(["--bus", "none"]);
            assert_eq!(daemon.told().await, "STATUS=channel closed");
            assert_eq!(daemon.told().await, "READY=1");
            daemon.signal(signal);
            assert_eq!(daemon.told().await, "STOPPING=1");
            assert_eq!(daemon.ended().await.code, Some(0));
        }
    });
}

#[test]
fn reload_is_announced_and_ends_with_ready() {
    run(async {
        let home = Home::new();
        let config = home.path("hv-utils.toml");
        home.configure("[log]\nlevel = \"error\"\n");
        let daemon = home.start(["--bus".as_ref(), "none".as_ref(), "--config".as_ref(), config.as_os_str()]);
        daemon.ready().await;
        home.configure("[log]\nlevel = \"debug\"\n[heartbeat]\nmax-message-version = \"1.0\"\n");
        daemon.signal(Signal::HUP);
        let reloading = daemon.told().await;
        assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
        daemon.ready().await;
        let ended = daemon.stop().await;
        assert!(ended.log.contains("configuration read again"), "{}", ended.log);
        assert!(ended.log.contains("max-message-version has changed: restart"), "{}", ended.log);
    });
}

#[test]
fn reload_of_a_bad_configuration_keeps_the_old_one_and_the_daemon() {
    run(async {
        let home = Home::new();
        let config = home.path("hv-utils.toml");
        home.configure("");
        let daemon = home.start(["--bus".as_ref(), "none".as_ref(), "--config".as_ref(), config.as_os_str()]);
        daemon.ready().await;
        home.configure("[heartbeat]\nstep = \"two\"\n");
        daemon.signal(Signal::HUP);
        daemon.tells("RELOADING=1").await;
        daemon.ready().await;
        let ended = daemon.stop().await;
        assert_eq!(ended.code, Some(0));
        assert!(ended.log.contains("hv-utils.toml:2: heartbeat.step: must be"), "{}", ended.log);
        assert!(ended.log.contains("going on with the one before"), "{}", ended.log);
    });
}

#[test]
fn watchdog_is_fed_again_and_again() {
    run(async {
        let home = Home::new();
        let daemon = home.start_with(["--bus", "none"], |command| {
            command.env("WATCHDOG_USEC", "20000");
        });
        for _ in 0..3 {
            daemon.tells("WATCHDOG=1").await;
        }
    });
}

#[test]
fn watchdog_of_another_process_is_not_fed() {
    run(async {
        let home = Home::new();
        let daemon = home.start_with(["--bus", "none"], |command| {
            command.env("WATCHDOG_USEC", "2").env("WATCHDOG_PID", "1");
        });
        daemon.ready().await;
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.told().await, "STOPPING=1");
    });
}

#[test]
fn log_is_json_if_so_configured() {
    run(async {
        let home = Home::new();
        let daemon = home.start(["--bus", "none", "--log-format", "json", "--log-level", "debug"]);
        daemon.ready().await;
        let log = daemon.stop().await.log;
        assert!(!log.is_empty());
        for line in log.lines() {
            assert!(line.starts_with("{\"time\":\"") && line.ends_with("}}"), "{line}");
        }
    });
}

#[test]
fn log_has_priorities_only_where_standard_error_is_the_journal() {
    run(async {
        for (inode_is_off_by, prefixed) in [(0, true), (1, false)] {
            let home = Home::new();
            let (reading, writing) = std::io::pipe().unwrap();
            let stat = rustix::fs::fstat(&writing).unwrap();
            let stream = format!("{}:{}", stat.st_dev, stat.st_ino + inode_is_off_by);
            let args = ["--bus", "none", "--log-format", "text", "--log-level", "debug"];
            let daemon = home.start_with(args, |command| {
                command.env("JOURNAL_STREAM", stream).stderr(OwnedFd::from(writing));
            });
            daemon.ready().await;
            daemon.signal(Signal::TERM);
            let log =
                tokio::task::spawn_blocking(|| std::io::read_to_string(reading)).await.unwrap().unwrap();
            assert!(!log.is_empty());
            assert!(
                log.lines().all(|line| (line.starts_with('<') && line[2..].starts_with('>')) == prefixed),
                "{log}"
            );
        }
    });
}
