//! Each key of `[vss]`: its default, what it means, its bounds, and what is said about a mistake.

use std::path::PathBuf;

use clap::{Args as _, Command, FromArgMatches as _};
use hv_utils_core::daemon::config::{Config, Sources};
use tempfile::TempDir;

use super::*;

/// The command line.
fn parsed(arguments: &[&str]) -> (CommonArgs, Args) {
    let command = Args::augment_args(CommonArgs::augment_args(Command::new("hv-vssd")));
    let matches = command.get_matches_from([&["hv-vssd"], arguments].concat());
    (CommonArgs::from_arg_matches(&matches).unwrap(), Args::from_arg_matches(&matches).unwrap())
}

/// What keys come to, and what is said about them, without the directory.
fn read(keys: &str) -> (Settings, Vec<String>) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("own.toml");
    std::fs::write(&file, format!("[vss]\n{keys}\n")).unwrap();
    let (common, _) = parsed(&["--etc-root", "/e"]);
    let mut config = Config::load(&Sources::new(Some(&file), directory.path()));
    let settings = Settings::read(&mut config.table("vss"), &common);
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
    assert_eq!(findings, [format!("own.toml:2: vss.{said}")], "{keys}");
    assert_eq!(settings, good(""), "{keys}");
}

#[test]
fn without_a_word_everything_has_its_default() {
    let settings = good("");
    let expected = Settings {
        rules: Rules::default(),
        hooks: hooks::Options {
            directory: PathBuf::from("/e/hv-utils/vss.d"),
            time: Duration::from_secs(30),
            runner: Runner::Auto,
            go_on: false,
        },
        max_frozen: Duration::from_secs(120),
    };
    assert_eq!(settings, expected);
}

#[test]
fn every_key_is_taken_for_what_it_says() {
    let settings = good(
        "max-frozen-secs = 60\non-unfreezable = \"fail\"\ninclude = [\"/\", \"/srv/*\", \"*\"]\n\
         exclude = [\"/srv/tmp\"]\nexclude-types = [\"xfs\", \"fuse.*\"]\nhooks-dir = \"/opt/hooks\"\n\
         hook-timeout-secs = 600\nhook-runner = \"direct\"\non-hook-failure = \"continue\"",
    );
    let strings = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = Settings {
        rules: Rules {
            include: strings(&["/", "/srv/*", "*"]),
            exclude: strings(&["/srv/tmp"]),
            exclude_types: strings(&["xfs", "fuse.*"]),
            fail_on_unfreezable: true,
            refused_types: Vec::new(),
        },
        hooks: hooks::Options {
            directory: PathBuf::from("/opt/hooks"),
            time: Duration::from_secs(600),
            runner: Runner::Direct,
            go_on: true,
        },
        max_frozen: Duration::from_secs(60),
    };
    assert_eq!(settings, expected);
    // The defaults, written down.
    let written = "on-unfreezable = \"warn\"\nhook-runner = \"auto\"\non-hook-failure = \"abort\"\n\
                   include = []\nexclude = []\nexclude-types = []";
    assert_eq!(good(written), good(""));
    assert_eq!(good("hook-runner = \"systemd\"").hooks.runner, Runner::Systemd);
}

#[test]
fn times_have_their_bounds() {
    for secs in [5, 840] {
        assert_eq!(good(&format!("max-frozen-secs = {secs}")).max_frozen, Duration::from_secs(secs));
    }
    for secs in [4, 841] {
        let said = format!("max-frozen-secs: must be 5 to 840 seconds, not {secs}");
        wrong(&format!("max-frozen-secs = {secs}"), &said);
    }
    for secs in [1, 600] {
        assert_eq!(good(&format!("hook-timeout-secs = {secs}")).hooks.time, Duration::from_secs(secs));
    }
    for secs in [0, 601] {
        let said = format!("hook-timeout-secs: must be 1 to 600 seconds, not {secs}");
        wrong(&format!("hook-timeout-secs = {secs}"), &said);
    }
}

#[test]
fn words_are_one_of_a_few() {
    wrong("on-unfreezable = \"ignore\"", "on-unfreezable: must be one of: warn, fail, not \"ignore\"");
    wrong("hook-runner = \"cron\"", "hook-runner: must be one of: auto, systemd, direct, not \"cron\"");
    wrong("on-hook-failure = true", "on-hook-failure: must be one of: abort, continue, not true");
}

#[test]
fn directory_of_hooks_is_an_absolute_path() {
    wrong("hooks-dir = \"vss.d\"", "hooks-dir: must be a path in quotes that begins with /, not \"vss.d\"");
}

#[test]
fn pattern_that_could_fit_no_mount_point_is_a_mistake() {
    for key in ["include", "exclude"] {
        for item in ["srv", "", "?srv", "./srv", "/srv/", "*/"] {
            let said = format!(
                "{key}: must be a pattern of mount points that begins with / or * and does not end with /, not {item:?}"
            );
            wrong(&format!("{key} = [{item:?}]"), &said);
        }
        assert_eq!(read(&format!("{key} = \"/srv\"")).1.len(), 1, "a text is no list");
        assert_eq!(read(&format!("{key} = [\"/a\", \"b\", \"c\"]")).1.len(), 2, "each mistake is said");
        good(&format!("{key} = [\"/\", \"/*\", \"*\", \"/a b/ü\", \"/srv/?\"]"));
    }
}

#[test]
fn pattern_that_could_fit_no_type_is_a_mistake() {
    for item in ["", "/dev", "ext4 xfs"] {
        let said =
            format!("exclude-types: must be a type of filesystems, or a pattern of types, not {item:?}");
        wrong(&format!("exclude-types = [{item:?}]"), &said);
    }
}

#[test]
fn key_that_is_none_is_a_mistake() {
    let (_, findings) = read("max-frozen-sec = 5");
    assert_eq!(findings, ["own.toml:2: vss.max-frozen-sec: unknown key, did you mean \"max-frozen-secs\"?"]);
}

#[test]
fn recovering_is_asked_for_on_the_command_line() {
    assert!(parsed(&["--recover"]).1.recover);
    assert!(!parsed(&[]).1.recover);
}
