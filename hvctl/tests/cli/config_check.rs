//! `config check`, with scripts in place of the daemons.

use std::path::Path;
use std::process::Command;

use crate::harness::{hvctl, run, run_with_input, write};

/// A script in place of a daemon. Another process writes it: while this one has it open for writing, a fork of
/// a test beside this one would hold it open too, and it could not be run ("text file busy").
fn program(directory: &Path, name: &str, script: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(directory.join(name));
    run_with_input(&mut shell, format!("#!/bin/sh\n{script}\n").as_bytes()).is(0, "", "");
}

#[test]
fn config_check_runs_each_daemon_and_prints_its_findings() {
    let programs = tempfile::tempdir().unwrap();
    program(programs.path(), "hv-kvpd", "[ \"$*\" = --check-config ] || exit 64");
    program(
        programs.path(),
        "hv-vssd",
        "echo 'hv-utils.toml:3: unknown key \"max-frozen\"' >&2\nprintf 'and \\033[31mred\\n' >&2\nexit 78",
    );
    let directory = programs.path().to_str().unwrap();
    run(&mut hvctl(&["--daemon-dir", directory, "config", "check"])).is(
        1,
        "hv-kvpd: ok\n\
         hv-vssd: failed (exit 78)\n  \
         hv-utils.toml:3: unknown key \"max-frozen\"\n  \
         and \\u{1b}[31mred\n",
        "",
    );
    run(&mut hvctl(&["--json", "--daemon-dir", directory, "config", "check"])).is(
        1,
        &format!(
            "{{\"schema\":1,\"kind\":\"config-check\",\"ok\":false,\"items\":[\
             {{\"daemon\":\"hv-kvpd\",\"program\":\"{directory}/hv-kvpd\",\"ok\":true,\"exit_code\":0,\"findings\":[]}},\
             {{\"daemon\":\"hv-vssd\",\"program\":\"{directory}/hv-vssd\",\"ok\":false,\"exit_code\":78,\"findings\":[\
             \"hv-utils.toml:3: unknown key \\\"max-frozen\\\"\",\"and \\u001b[31mred\"]}}]}}\n"
        ),
        "",
    );
}

#[test]
fn config_check_asks_everything_that_has_a_table() {
    let programs = tempfile::tempdir().unwrap();
    let names = ["hv-kvpd", "hv-vssd", "hv-timesyncd", "hv-driver", "hv-netapply"];
    for name in names {
        program(programs.path(), name, "echo ok");
    }
    // Has no table, and is a program of ours all the same.
    program(programs.path(), "hv-timesync-counter", "exit 64");
    let said: String = names.map(|name| format!("{name}: ok\n")).concat();
    let directory = programs.path().to_str().unwrap();
    run(&mut hvctl(&["--daemon-dir", directory, "config", "check"])).is(0, &said, "");
}

#[test]
fn config_check_hands_on_the_file_to_check() {
    let programs = tempfile::tempdir().unwrap();
    program(programs.path(), "hv-kvpd", "echo \"$@\"");
    let directory = programs.path().to_str().unwrap();
    run(&mut hvctl(&["--daemon-dir", directory, "config", "check", "--config", "/etc/my file.toml"])).is(
        0,
        "hv-kvpd: ok\n  --check-config --config /etc/my file.toml\n",
        "",
    );
}

#[test]
fn config_check_of_a_program_that_dies_or_cannot_be_run_is_a_failure() {
    let programs = tempfile::tempdir().unwrap();
    program(programs.path(), "hv-kvpd", "kill -9 $$");
    write(&programs.path().join("hv-vssd"), "not a program");
    let ran = run(&mut hvctl(&["--daemon-dir", programs.path().to_str().unwrap(), "config", "check"]));
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""));
    assert!(ran.out.starts_with("hv-kvpd: failed\nhv-vssd: failed\n  cannot run "), "{}", ran.out);
}

#[test]
fn config_check_without_any_daemon_is_exit_69() {
    let nothing = tempfile::tempdir().unwrap();
    run(&mut hvctl(&["--daemon-dir", nothing.path().to_str().unwrap(), "config", "check"])).is(
        69,
        "",
        "hvctl: no daemon of hv-utils is installed here\n\
         hint: they are looked for next to hvctl, in libexec/hv-utils of its prefix, /usr/local and /usr, and in /usr/sbin\n",
    );
}

#[test]
fn config_check_finds_the_daemons_next_to_itself() {
    let programs = tempfile::tempdir().unwrap();
    let own = programs.path().join("hvctl");
    run(Command::new("cp").arg(env!("CARGO_BIN_EXE_hvctl")).arg(&own)).is(0, "", "");
    program(programs.path(), "hv-kvpd", "echo mine");
    let ran = run(Command::new(&own).args(["config", "check"]));
    assert!(ran.out.starts_with("hv-kvpd: ok\n  mine\n"), "{}", ran.out);
}

#[test]
fn config_check_finds_the_daemons_installed_below_its_own_prefix() {
    let prefix = tempfile::tempdir().unwrap();
    let (bin, libexec) = (prefix.path().join("bin"), prefix.path().join("libexec/hv-utils"));
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::create_dir_all(&libexec).unwrap();
    let own = bin.join("hvctl");
    run(Command::new("cp").arg(env!("CARGO_BIN_EXE_hvctl")).arg(&own)).is(0, "", "");
    program(&libexec, "hv-kvpd", "echo ok");
    let ran = run(Command::new(&own).args(["config", "check"]));
    assert!(ran.out.starts_with("hv-kvpd: ok\n"), "{}", ran.out);
    assert!(!ran.out.contains("  ok"), "a daemon that finds nothing wrong is told once: {}", ran.out);
}
