//! Each key of `[shutdown]`: its default, what it means, its bounds, and what is said about a mistake.

use std::path::PathBuf;

use clap::{Args as _, Command, FromArgMatches as _};
use hv_utils_core::daemon::config::{Config, Sources};
use tempfile::TempDir;

use super::*;

/// The command line.
fn parsed(arguments: &[&str]) -> Result<(CommonArgs, Args), clap::Error> {
    let command = Args::augment_args(CommonArgs::augment_args(Command::new("hv-shutdownd")));
    let matches = command.try_get_matches_from([&["hv-shutdownd"], arguments].concat())?;
    Ok((CommonArgs::from_arg_matches(&matches)?, Args::from_arg_matches(&matches)?))
}

/// What keys come to, and what is said about them, without the directory.
fn read(keys: &str) -> (Settings, Vec<String>) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("own.toml");
    std::fs::write(&file, format!("[shutdown]\n{keys}\n")).unwrap();
    let (common, args) = parsed(&["--etc-root", "/e"]).unwrap();
    let mut config = Config::load(&Sources::new(Some(&file), directory.path()));
    let settings = Settings::read(&mut config.table("shutdown"), &args, &common);
    let prefix = format!("{}/", directory.path().display());
    (settings, config.finish().iter().map(|finding| finding.to_string().replace(&prefix, "")).collect())
}

/// What a good configuration comes to.
#[track_caller]
fn good(keys: &str) -> Settings {
    let (settings, findings) = read(keys);
    assert_eq!(findings, Vec::<String>::new(), "{keys}");
    settings
}

/// A wrong configuration is said to be wrong, and comes to the defaults.
#[track_caller]
fn wrong(keys: &str, said: &str) {
    let (settings, findings) = read(keys);
    assert_eq!(findings, [format!("own.toml:2: shutdown.{said}")], "{keys}");
    assert_eq!(settings, good(""), "{keys}");
}

#[test]
fn without_a_word_everything_has_its_default() {
    let expected = Settings {
        print: false,
        rules: Rules {
            delay: Duration::ZERO,
            honour_host_timeout: false,
            respect_inhibitors: true,
            hibernate: true,
        },
        force_escalation: Duration::from_secs(60),
        hooks: hooks::Options {
            owner: Owner { daemon: "hv-shutdownd", units: "hv-shutdown-hook" },
            directory: PathBuf::from("/e/hv-utils/shutdown.d"),
            time: Duration::from_secs(30),
            runner: Runner::Auto,
        },
    };
    assert_eq!(good(""), expected);
}

#[test]
fn every_key_is_taken_for_what_it_says() {
    let settings = good(
        "delay-secs = 60\nhonour-host-timeout = true\nrespect-inhibitors = false\nhibernate = false\n\
         force-escalation-secs = 5\nhooks-dir = \"/opt/hooks\"\nhook-timeout-secs = 600\nhook-runner = \"direct\"",
    );
    let expected = Settings {
        print: false,
        rules: Rules {
            delay: Duration::from_secs(60),
            honour_host_timeout: true,
            respect_inhibitors: false,
            hibernate: false,
        },
        force_escalation: Duration::from_secs(5),
        hooks: hooks::Options {
            owner: OWNER,
            directory: PathBuf::from("/opt/hooks"),
            time: Duration::from_secs(600),
            runner: Runner::Direct,
        },
    };
    assert_eq!(settings, expected);
    assert_eq!(good("hook-runner = \"systemd\"").hooks.runner, Runner::Systemd);
}

#[test]
fn bounds_are_those_of_the_documentation() {
    for keys in
        ["delay-secs = 0", "delay-secs = 3600", "force-escalation-secs = 600", "hook-timeout-secs = 1"]
    {
        good(keys);
    }
    wrong("delay-secs = 3601", "delay-secs: must be 0 to 3600 seconds, not 3601");
    wrong("force-escalation-secs = 4", "force-escalation-secs: must be 5 to 600 seconds, not 4");
    wrong("force-escalation-secs = 601", "force-escalation-secs: must be 5 to 600 seconds, not 601");
    wrong("hook-timeout-secs = 0", "hook-timeout-secs: must be 1 to 600 seconds, not 0");
    wrong("hook-timeout-secs = 601", "hook-timeout-secs: must be 1 to 600 seconds, not 601");
    wrong("hooks-dir = \"hooks\"", "hooks-dir: must be a path in quotes that begins with /, not \"hooks\"");
    wrong("hook-runner = \"init\"", "hook-runner: must be one of: auto, systemd, direct, not \"init\"");
    wrong("hibernate = \"yes\"", "hibernate: must be true or false, not \"yes\"");
    wrong("respect-inhibitors = 1", "respect-inhibitors: must be true or false, not 1");
    wrong("honour-host-timeout = 1", "honour-host-timeout: must be true or false, not 1");
}

#[test]
fn a_simulated_host_brings_no_machine_down_unless_that_is_said() {
    let sim = "sim:/run/x.sock".parse::<ChannelChoice>().unwrap();
    for channel in [ChannelChoice::Auto, ChannelChoice::Uio, ChannelChoice::HvUtils] {
        assert!(!Act::Auto.prints(&channel), "{channel:?}");
        assert!(!Act::Real.prints(&channel) && Act::Print.prints(&channel));
    }
    assert!(Act::Auto.prints(&sim) && Act::Print.prints(&sim) && !Act::Real.prints(&sim));
}

#[test]
fn act_is_one_of_three_words() {
    for (word, act) in [("auto", Act::Auto), ("real", Act::Real), ("print", Act::Print)] {
        assert_eq!(parsed(&["--act", word]).unwrap().1.act, act);
    }
    assert_eq!(parsed(&[]).unwrap().1.act, Act::Auto);
    let error = parsed(&["--act", "maybe"]).unwrap_err().to_string();
    assert!(error.contains("expected auto, real or print"), "{error}");
}
