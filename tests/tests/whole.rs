//! All six services at once: one guest, one host, every line of Hyper-V Manager's integration services.

use hv_utils_tests::{Guest, until};

fn guest(config: &str) -> Option<Guest> {
    Guest::start(config)
}

fn heartbeat(guest: &Guest) -> String {
    let shown = guest.host_json(&["get-vm"]);
    shown["heartbeat"].as_str().expect("a word about the heartbeat").to_owned()
}

#[test]
fn every_service_is_ready_and_does_its_work() {
    let Some(mut guest) = guest("") else { return };
    let services = guest.host_json(&["get-integration-services"]);
    let rows = services["services"].as_array().expect("a list");
    assert_eq!(rows.len(), 6, "{services}");
    let shown = guest.hvctl_json(&["status"]);
    let ready = shown["services"].as_array().expect("a list").iter();
    assert_eq!(ready.filter(|row| row["channel_state"] == "ready").count(), 6, "{shown}");

    guest.host(&["add-kvp", "colour", "blue"]).expect_code(0);
    assert_eq!(guest.hvctl(&["kvp", "get", "external", "colour"]).expect_code(0).text(), "blue");
    guest.host(&["sync-time"]).expect_code(0);
    // A guest without any filesystem has nothing that could be backed up, and says so.
    assert!(guest.host(&["vss-check"]).expect_code(1).stderr.contains("0x80004005"));
    until("the first heartbeat", || heartbeat(&guest) == "OkApplicationsUnknown");
    // File copies are off unless they are switched on.
    std::fs::write(guest.path("letter"), "dear guest").expect("a file");
    let letter = guest.path("letter").display().to_string();
    let refused = guest.host(&["copy-vmfile", &letter, "/tmp/letter"]).expect_code(1);
    assert!(refused.stderr.contains("0x80070032") || refused.stdout.contains("0x80070032"), "{refused:?}");
    guest.host(&["stop-vm"]).expect_code(0);
    until("the request is shown", || {
        guest.hvctl(&["shutdown", "status"]).expect_code(0).stdout.contains("print")
    });
    assert_eq!(guest.stop_daemons(), [0; 6]);
}

#[test]
fn a_file_comes_whole_and_only_below_the_roots() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("in");
    std::fs::create_dir(&root).expect("a directory");
    let config = format!("[file-copy]\nenabled = true\nroots = [\"{}\"]\nmin-free-mib = 0\n", root.display());
    let Some(guest) = guest(&config) else { return };
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(guest.path("file"), &content).expect("a file");
    let file = guest.path("file").display().to_string();
    let to = |name: &str| format!("{}/{name}", root.display());
    guest.host(&["copy-vmfile", &file, &to("n\u{f6}tes \u{1f427}.bin")]).expect_code(0);
    assert_eq!(std::fs::read(to("n\u{f6}tes \u{1f427}.bin")).expect("the file is there"), content);
    let again = guest.host(&["copy-vmfile", &file, &to("n\u{f6}tes \u{1f427}.bin")]).expect_code(1);
    assert!(format!("{again:?}").contains("0x80070050"), "{again:?}");
    let outside = dir.path().join("outside").display().to_string();
    let refused = guest.host(&["copy-vmfile", &file, &outside]).expect_code(1);
    assert!(format!("{refused:?}").contains("0x80070005"), "{refused:?}");
    guest.host(&["copy-vmfile", &file, &to("deep/er/file"), "-CreateFullPath"]).expect_code(0);
    let names: Vec<_> =
        std::fs::read_dir(&root).expect("a directory").flatten().map(|entry| entry.path()).collect();
    assert_eq!(names.len(), 2, "nothing but the file and the directory: {names:?}");
    until("the history", || guest.hvctl(&["copy", "history"]).expect_code(0).stdout.contains("deep/er/file"));
}

#[test]
fn an_application_says_how_it_is_and_holds_up_a_shutdown() {
    let Some(guest) = guest("") else { return };
    let report = guest.hvctl_in_background(&["heartbeat", "report", "critical", "--why", "disk"]);
    until("critical", || heartbeat(&guest) == "OkApplicationsCritical");
    drop(report);
    until("the lease has lapsed", || heartbeat(&guest) == "OkApplicationsUnknown");

    let inhibit = guest.hvctl_in_background(&["shutdown", "inhibit", "--who", "test", "--why", "busy"]);
    until("it is shown", || guest.hvctl(&["shutdown", "status"]).expect_code(0).stdout.contains("busy"));
    let refused = guest.host(&["stop-vm"]).expect_code(1);
    assert!(format!("{refused:?}").contains("0x800704f7"), "{refused:?}");
    drop(inhibit);
    until("nobody is in the way", || guest.host(&["stop-vm"]).code == 0);
}

#[test]
fn a_host_that_goes_away_and_comes_back_finds_all_six_again() {
    let Some(mut guest) = guest("") else { return };
    guest.kill_host();
    guest.start_host();
    guest.ready();
    until("the heartbeat", || heartbeat(&guest) == "OkApplicationsUnknown");
    assert_eq!(guest.stop_daemons(), [0; 6]);
}
