//! What can be wrong before anything is served, each with its exit code.

use crate::process::{Home, run};
use std::fs;
use std::process::Output;

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn help_is_for_people_and_ends_with_0() {
    let output = Home::new().output(["--help"]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0);
    for word in [
        "Hyper-V heartbeat",
        "--config",
        "--check-config",
        "--channel",
        "--bus",
        "--state-dir",
        "--run-dir",
        "--sysfs-root",
        "--proc-root",
        "--log-level",
        "--log-format",
        "--version",
        "Exit codes: 0",
    ] {
        assert!(text.contains(word), "{word} is missing in:\n{text}");
    }
    assert!(!text.contains("--dev-root") && !text.contains("--etc-root"), "{text}");
}

#[test]
fn version_is_one_line() {
    let output = Home::new().output(["--version"]);
    assert_eq!(
        (code(&output), stdout(&output)),
        (0, format!("hv-heartbeatd {}\n", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn command_line_that_makes_no_sense_ends_with_64_and_says_why() {
    for (args, word) in [
        (vec!["--nonsense"], "--nonsense"),
        (vec!["--channel", "pigeon"], "pigeon"),
        (vec!["--bus", "yellow"], "yellow"),
        (vec!["--log-level", "loud"], "loud"),
        (vec!["--log-format", "braille"], "braille"),
        (vec!["--config"], "--config"),
        (vec!["extra"], "extra"),
    ] {
        let output = Home::new().output(&args);
        assert_eq!(code(&output), 64, "{args:?}");
        assert!(stderr(&output).contains(word), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn good_configuration_is_ok_and_touches_nothing() {
    let home = Home::new();
    home.configure("[heartbeat]\nstep = 2\nmax-message-version = \"1.0\"\n[log]\nlevel = \"debug\"\n[vss]\nwhatever = 1\n");
    let output =
        home.output(["--check-config".as_ref(), "--config".as_ref(), home.path("hv-utils.toml").as_os_str()]);
    assert_eq!((code(&output), stdout(&output).as_str(), stderr(&output).as_str()), (0, "ok\n", ""));
    assert!(!home.path("run").exists() && !home.path("state").exists());
}

#[test]
fn bad_configuration_is_78_with_every_finding_on_a_line() {
    let home = Home::new();
    home.configure(concat!(
        "[heartbeat]\nstep = 0\nstepp = 1\nmax-message-version = \"2.0\"\n",
        "[log]\nlevel = \"loud\"\nformat = \"braille\"\ncolour = true\n[heart]\n"
    ));
    let file = home.path("hv-utils.toml");
    let output = home.output(["--check-config".as_ref(), "--config".as_ref(), file.as_os_str()]);
    let findings: Vec<String> =
        stderr(&output).lines().map(|line| line.replace(&format!("{}:", file.display()), "")).collect();
    assert_eq!(code(&output), 78);
    assert_eq!(
        findings,
        [
            "2: heartbeat.step: must be a number from 1 to 1000, not 0",
            "3: heartbeat.stepp: unknown key, did you mean \"step\"?",
            "4: heartbeat.max-message-version: 2.0 is no version that hv-heartbeatd speaks, use one of: 3.0, 1.0",
            "6: log.level: must be error, warn, info, debug or trace, not \"loud\"",
            "7: log.format: must be one of: auto, text, json, journald, not \"braille\"",
            "8: log.colour: unknown key, remove it; [log] has: format, level",
            "9: [heart]: unknown table, remove it; there are: kvp, network, vss, timesync, shutdown, heartbeat, \
             file-copy, driver, log",
        ]
    );
    assert_eq!(stdout(&output), "");
}

#[test]
fn daemon_does_not_start_on_a_bad_configuration_and_logs_all_of_it() {
    let home = Home::new();
    home.configure("[heartbeat]\na = 1\nb = 2\n");
    let output = home.output([
        "--bus".as_ref(),
        "none".as_ref(),
        "--config".as_ref(),
        home.path("hv-utils.toml").as_os_str(),
    ]);
    let log = stderr(&output);
    assert_eq!(code(&output), 78);
    assert!(
        log.contains("hv-utils.toml:2: heartbeat.a: ") && log.contains("hv-utils.toml:3: heartbeat.b: "),
        "{log}"
    );
}

#[test]
fn default_configuration_is_below_etc_and_may_be_missing() {
    let home = Home::new();
    assert_eq!(code(&home.output(["--check-config"])), 0);
    fs::create_dir_all(home.path("etc/hv-utils/hv-utils.toml.d")).unwrap();
    fs::write(home.path("etc/hv-utils/hv-utils.toml.d/10.toml"), "[heartbeat]\nx = 1\n").unwrap();
    let output = home.output(["--check-config"]);
    assert_eq!(code(&output), 78);
    assert!(
        stderr(&output).contains("etc/hv-utils/hv-utils.toml.d/10.toml:2: heartbeat.x"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn second_instance_ends_with_75_and_names_the_first() {
    run(async {
        let home = Home::new();
        let first = home.start(["--bus", "none"]);
        first.ready().await;
        let second = home.output(["--bus", "none"]);
        assert_eq!(code(&second), 75);
        assert!(stderr(&second).contains(&format!("process {}", first.id())), "{}", stderr(&second));
        assert_eq!(first.stop().await.code, Some(0));
        let third = home.start(["--bus", "none"]);
        third.ready().await;
    });
}

#[test]
fn explicit_channel_that_this_machine_has_not_ends_with_69() {
    let home = Home::new();
    for channel in ["uio", "hv_utils"] {
        let output = home.output(["--bus", "none", "--channel", channel]);
        assert_eq!(code(&output), 69, "{channel}: {}", stderr(&output));
    }
}

#[test]
fn run_directory_that_cannot_be_made_is_named() {
    let home = Home::new();
    fs::write(home.path("run"), "not a directory").unwrap();
    let output = home.output(["--bus", "none"]);
    assert_eq!(code(&output), 70);
    assert!(stderr(&output).contains(&format!("cannot create the directory {}", home.path("run").display())));
}

#[test]
fn environment_that_names_no_bus_ends_with_64() {
    let home = Home::new();
    let output =
        home.command(["--bus", "system"]).env("DBUS_SYSTEM_BUS_ADDRESS", "nonsense").output().unwrap();
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).contains("the system bus"), "{}", stderr(&output));
}
