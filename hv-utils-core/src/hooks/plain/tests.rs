//! Plain rounds with real programs that are children of the test, and one as units at a double of systemd's.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::hooks::systemd::double::{World, connect};
use crate::testing::scripts::script;

const OWNER: Owner = Owner { daemon: "hv-shutdownd", units: "hv-shutdown-hook" };

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(120), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

/// A directory of hooks, below one that is the test's.
fn place() -> (TempDir, PathBuf) {
    let kept = tempfile::tempdir().unwrap();
    let hooks = kept.path().join("shutdown.d");
    fs::create_dir(&hooks).unwrap();
    fs::set_permissions(&hooks, Permissions::from_mode(0o755)).unwrap();
    (kept, hooks)
}

/// A hook in sh.
fn put(path: &Path, text: &str) {
    script(path, 0o755, text);
}

fn options(directory: &Path) -> Options {
    let time = Duration::from_secs(60);
    Options { owner: OWNER, directory: directory.to_path_buf(), time, runner: Runner::Direct }
}

fn told(reports: &[Report]) -> Vec<(&str, &str, &str)> {
    reports
        .iter()
        .map(|report| (report.name.as_str(), report.result.as_str(), report.output.as_str()))
        .collect()
}

#[test]
fn all_are_run_in_order_with_what_they_are_given_whatever_one_of_them_does() {
    run(async {
        let (_kept, directory) = place();
        put(&directory.join("20-two"), r#"echo "$# $1 $2 $HV_WHY $HOME"; exit 3"#);
        put(&directory.join("10-one"), r#"echo "$0""#);
        put(&directory.join("30-three"), "kill -9 $$");
        let hooks = Hooks::new(options(&directory));
        assert_eq!(hooks.names().unwrap(), ["10-one", "20-two", "30-three"]);
        let reports = hooks.run(&["poweroff", "a b"], &[("HV_WHY", "because".to_owned())]).await.unwrap();
        let one = format!("{}\n", directory.join("10-one").display());
        let expected = [
            ("10-one", "ok", one.as_str()),
            ("20-two", "exit code 3", "2 poweroff a b because \n"),
            ("30-three", "killed by signal 9", ""),
        ];
        assert_eq!(told(&reports), expected);
    });
}

#[test]
fn what_does_not_end_is_ended_with_what_it_has_started() {
    run(async {
        let (kept, directory) = place();
        let pids = kept.path().join("pids");
        put(&directory.join("1"), &format!("sleep 1000 & echo $! >{}; wait", pids.display()));
        let options = Options { time: Duration::from_millis(500), ..options(&directory) };
        let reports = Hooks::new(options).run(&["poweroff"], &[]).await.unwrap();
        assert_eq!(told(&reports), [("1", "took longer than 0.5 s", "")]);
        assert!(reports[0].took_us >= 500_000, "{}", reports[0].took_us);
        // On a machine so busy that it had started nothing in that time there is nothing to be ended.
        let Ok(pid) = fs::read_to_string(&pids) else { return };
        let Ok(pid) = pid.trim().parse::<i32>() else { return };
        let gone = || match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        while !gone() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn what_others_can_change_is_reported_and_not_run() {
    run(async {
        let (kept, directory) = place();
        let mark = kept.path().join("mark");
        put(&directory.join("1"), &format!("touch {}", mark.display()));
        fs::set_permissions(directory.join("1"), Permissions::from_mode(0o777)).unwrap();
        put(&directory.join("2"), "");
        let hooks = Hooks::new(options(&directory));
        assert_eq!(hooks.names().unwrap(), ["2"]);
        let reports = hooks.run(&["poweroff"], &[]).await.unwrap();
        assert!(reports[0].result.starts_with("was not run: others than root can change "), "{reports:?}");
        assert!(!reports[0].is_ok() && reports[1].is_ok());
        assert!(!mark.exists());
        fs::set_permissions(&directory, Permissions::from_mode(0o777)).unwrap();
        let why = hooks.run(&["poweroff"], &[]).await.unwrap_err();
        assert!(why.contains("is run") && why.contains("shutdown.d"), "{why}");
    });
}

#[test]
fn no_directory_is_no_hooks() {
    run(async {
        let kept = tempfile::tempdir().unwrap();
        let hooks = Hooks::new(options(&kept.path().join("none")));
        assert_eq!(hooks.run(&["poweroff"], &[]).await, Ok(Vec::new()));
    });
}

#[test]
fn with_systemd_each_is_a_unit_of_its_owner_and_nothing_remains() {
    run(async {
        let Some(mut world) = World::new("with_systemd_each_is_a_unit", &[]).await else { return };
        let (_kept, directory) = place();
        put(&directory.join("1"), "");
        let hooks = Hooks::new(Options { runner: Runner::Systemd, ..options(&directory) });
        hooks.over(connect(&world.bus).await);
        let reports = hooks.run(&["reboot"], &[]).await.unwrap();
        assert_eq!(told(&reports), [("1", "ok", "words")]);
        let call = world.call().await;
        assert!(call.starts_with("start hv-shutdown-hook-1-"), "{call}");
        assert!(call.contains("\nDescription=\"hv-shutdownd hook 1, reboot\"\n"), "{call}");
        assert!(call.contains("\nRemainAfterExit=false\n"), "{call}");
    });
}
