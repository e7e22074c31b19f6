//! What the shell reads of every daemon's table.

use super::*;

/// The version that is read for an IC from this text, and what is found wrong with it.
fn read(ic: Ic, text: &str) -> (Option<Version>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("own.toml");
    std::fs::write(&file, format!("[kvp]\nmax-message-version = \"{text}\"\n")).unwrap();
    let mut config = Config::load(&Sources::new(Some(&file), directory.path()));
    let version = max_version(&mut config.table("kvp"), ic, "hv-daemon");
    let prefix = format!("{}:", file.display());
    (version, config.finish().iter().map(|finding| finding.to_string().replace(&prefix, "")).collect())
}

#[test]
fn newest_version_is_one_that_the_daemon_speaks() {
    for ic in Ic::ALL {
        for version in ic.versions() {
            assert_eq!(read(ic, &version.to_string()), (Some(*version), Vec::new()), "{ic}");
        }
    }
}

#[test]
fn version_that_no_daemon_speaks_is_refused_and_those_that_it_does_are_named() {
    for (ic, spoken) in [
        (Ic::Heartbeat, "3.0, 1.0"),
        (Ic::Kvp, "5.0, 4.0, 3.0, 1.0"),
        (Ic::Shutdown, "3.2, 3.1, 3.0, 1.0"),
        (Ic::TimeSync, "4.0, 3.0, 1.0"),
        (Ic::Vss, "6.0, 5.0"),
        (Ic::FileCopy, "1.1"),
    ] {
        // Older than all, newer than all, and one in the midst that no host has.
        for version in ["0.9", "9.0", "65535.65535", "2.0", "3.5", "5.1"] {
            let finding = format!(
                "2: kvp.max-message-version: {version} is no version that hv-daemon speaks, use one of: {spoken}"
            );
            assert_eq!(read(ic, version), (None, vec![finding]), "{ic}");
        }
    }
}
