//! Each key of `[heartbeat]`: its default, what it means, its bounds, and what is said about a mistake.

use hv_utils_core::daemon::config::{Config, Sources};
use tempfile::TempDir;

use super::*;

/// What keys come to, and what is said about them, without the directory.
fn read(keys: &str) -> (Settings, Vec<String>) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("own.toml");
    std::fs::write(&file, format!("[heartbeat]\n{keys}\n")).unwrap();
    let mut config = Config::load(&Sources::new(Some(&file), directory.path()));
    let settings = Settings::read(&mut config.table("heartbeat"));
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

/// What is said about a wrong one.
#[track_caller]
fn said(keys: &str) -> String {
    let (_, findings) = read(keys);
    findings.join("\n")
}

#[test]
fn without_a_word_nobody_is_asked_and_applications_may_speak() {
    let expected = Settings { system_state: false, units: Vec::new(), applications: true };
    assert_eq!(good(""), expected);
}

#[test]
fn every_key_is_what_it_says() {
    let settings = good(
        r#"system-state = true
units = ["nginx.service", "a\\x2db@1.mount", "multi-user.target"]
applications = false"#,
    );
    let units = ["nginx.service", r"a\x2db@1.mount", "multi-user.target"].map(str::to_owned).to_vec();
    assert_eq!(settings, Settings { system_state: true, units, applications: false });
}

#[test]
fn what_is_no_name_of_a_unit_is_said_to_be_none() {
    let long = format!("{}.service", "a".repeat(248));
    for wrong in [
        "",
        "nginx",
        ".service",
        "nginx.servic",
        "ng*.service",
        "a b.service",
        "a/b.service",
        "getty@.service",
        "@1.service",
        "é.service",
        &long,
    ] {
        let (settings, findings) = read(&format!("units = [\"sshd.service\", {wrong:?}]"));
        assert_eq!(findings.len(), 1, "{wrong}: {findings:?}");
        let text = &findings[0];
        assert!(text.starts_with("own.toml:2: heartbeat.units: must be the whole name of a unit"), "{text}");
        assert_eq!(settings, good(""), "{wrong}");
    }
    assert_eq!(good(&format!("units = [{:?}]", &long[1..])).units.len(), 1);
    assert!(said("units = \"nginx.service\"").contains("must be a list"));
}

#[test]
fn more_units_than_can_be_watched_are_refused_and_twice_the_same_is_once() {
    let list = |count: usize| {
        let names: Vec<_> = (0..count).map(|number| format!("\"a{number}.service\"")).collect();
        format!("units = [{}]", names.join(", "))
    };
    assert_eq!(good(&list(MOST_UNITS)).units.len(), MOST_UNITS);
    let text = said(&list(MOST_UNITS + 1));
    assert_eq!(text, "own.toml:2: heartbeat.units: has 65 units; at most 64 can be watched");
    let (settings, findings) = read(r#"units = ["a.service", "b.service", "a.service"]"#);
    assert_eq!(settings.units, ["a.service", "b.service"]);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].ends_with("a.service is listed twice"), "{findings:?}");
}

#[test]
fn keys_that_do_not_exist_and_values_of_another_kind_are_errors() {
    assert!(said("system-stat = true").contains("system-stat"));
    assert!(said("system-state = 1").contains("must be true or false, not 1"));
    assert!(said("applications = \"yes\"").contains("must be true or false"));
}
