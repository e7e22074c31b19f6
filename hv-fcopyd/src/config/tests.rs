//! Each key of `[file-copy]`: its default, what it means, its bounds, and what is said about a mistake.

use super::*;
use clap::{Args as _, Command, FromArgMatches as _};
use hv_utils_core::daemon::config::{Config, Sources};
use tempfile::TempDir;

/// What keys come to, and what is said about them, without the directory.
fn read(keys: &str) -> (Settings, Vec<String>) {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    std::fs::write(path.join("own.toml"), format!("[file-copy]\n{keys}\n")).unwrap();
    std::fs::write(path.join("passwd"), "root:x:0:0::/:/bin/sh\nalice:x:1000:1001::/:/bin/sh\n").unwrap();
    std::fs::write(path.join("group"), "root:x:0:\nstaff:x:50:alice\n").unwrap();
    let command = CommonArgs::augment_args(Command::new("hv-fcopyd"));
    let matches = command.get_matches_from(["hv-fcopyd", "--state-dir", "/state"]);
    let mut common = CommonArgs::from_arg_matches(&matches).unwrap();
    common.etc_root = path.to_owned();
    let mut config = Config::load(&Sources::new(Some(&path.join("own.toml")), path));
    let settings = Settings::read(&mut config.table("file-copy"), &common);
    let prefix = format!("{}/", path.display());
    (settings, config.finish().iter().map(|finding| finding.to_string().replace(&prefix, "")).collect())
}

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
    assert_eq!(findings, [format!("own.toml:2: file-copy.{said}")], "{keys}");
    assert_eq!(settings, good(""), "{keys}");
}

fn expected() -> Settings {
    let owner = Owner { user: None, group: None };
    Settings {
        enabled: false,
        roots: vec![PathBuf::from("/state/incoming")],
        own_root: Some(PathBuf::from("/state/incoming")),
        max_file: 17_179_869_184,
        max_rate: None,
        file: file::Rules { mode: 0o644, owner, min_free: 268_435_456 },
        directory: Creation { mode: 0o755, owner },
    }
}

#[test]
fn without_a_word_everything_has_its_default_and_is_off() {
    assert_eq!(good(""), expected());
}

#[test]
fn every_key_is_taken_for_what_it_says() {
    let settings = good(
        "enabled = true\nroots = [\"/srv/in\", \"/home/a b\"]\nmax-file-mib = 2\nmin-free-mib = 0\n\
         max-rate-kib-per-sec = 3\nmode = \"0600\"\ndirectory-mode = \"750\"\nowner = \"alice:staff\"",
    );
    let owner = Owner { user: Some(1000), group: Some(50) };
    let wanted = Settings {
        enabled: true,
        roots: vec![PathBuf::from("/srv/in"), PathBuf::from("/home/a b")],
        own_root: None,
        max_file: 2_097_152,
        max_rate: NonZeroU64::new(3072),
        file: file::Rules { mode: 0o600, owner, min_free: 0 },
        directory: Creation { mode: 0o750, owner },
    };
    assert_eq!(settings, wanted);
}

#[test]
fn numbers_have_bounds() {
    for (key, least, most) in [
        ("max-file-mib", 1, 1_048_576_i64),
        ("min-free-mib", 0, 1_048_576),
        ("max-rate-kib-per-sec", 0, 1_048_576_000),
    ] {
        for number in [least, most] {
            good(&format!("{key} = {number}"));
        }
        for number in [least - 1, most + 1] {
            let said = format!("{key}: must be a number from {least} to {most}, not {number}");
            wrong(&format!("{key} = {number}"), &said);
        }
    }
}

#[test]
fn mode_is_octal_text_of_permission_bits() {
    let must = "must be permission bits in octal, such as \"0644\"";
    for (text, mode) in [("0644", 0o644), ("600", 0o600), ("0777", 0o777), ("000", 0)] {
        assert_eq!(good(&format!("mode = \"{text}\"")).file.mode, mode);
        assert_eq!(good(&format!("directory-mode = \"{text}\"")).directory.mode, mode);
    }
    for text in ["", "64", "0o644", "1777", "4755", "0888", "00644", "-644", "+644", "rw-r--r--"] {
        wrong(&format!("mode = \"{text}\""), &format!("mode: {must}, not {text:?}"));
    }
    wrong("mode = 644", &format!("mode: {must}, not 644"));
    wrong("directory-mode = 0o755", &format!("directory-mode: {must}, not 493"));
}

#[test]
fn owner_is_a_name_of_this_machine_or_a_number() {
    for (text, user, group) in [
        ("alice", 1000, Some(1001)),
        ("1000", 1000, Some(1001)),
        ("alice:staff", 1000, Some(50)),
        ("alice:7", 1000, Some(7)),
        ("4000", 4000, None),
        ("0:0", 0, Some(0)),
        ("root", 0, Some(0)),
    ] {
        let settings = good(&format!("owner = \"{text}\""));
        let owner = Owner { user: Some(user), group };
        assert_eq!((settings.file.owner, settings.directory.owner), (owner, owner), "{text}");
    }
    let must = "owner: must be \"USER\" or \"USER:GROUP\", each a name of this machine's or a number, not";
    for text in ["", ":", "alice:", ":staff", "a:b:c", "4294967295", "99999999999", "al ice"] {
        let (settings, findings) = read(&format!("owner = \"{text}\""));
        assert_eq!(settings, expected(), "{text}");
        assert!(findings[0].contains(must) && findings.len() == 1, "{text}: {findings:?}");
    }
    wrong("owner = \"bob\"", "owner: there is no \"bob\" in passwd: a number does as well");
    wrong("owner = \"alice:wheel\"", "owner: there is no \"wheel\" in group: a number does as well");
}

#[test]
fn roots_are_absolute_plain_and_not_none() {
    let must = "roots: must be a path that begins with / and has no . or .. in it";
    for text in ["relative", "", "/a/../b", "/a/.", "~/x"] {
        wrong(&format!("roots = [\"{text}\"]"), &format!("{must}, not {text:?}"));
    }
    let (_, findings) = read("roots = []");
    assert_eq!(
        findings,
        [
            "own.toml:2: file-copy.roots: is empty, so that no file could be taken: to take none, set enabled = false"
        ]
    );
    let many: Vec<_> = (0..65).map(|number| format!("\"/r{number}\"")).collect();
    let (_, findings) = read(&format!("roots = [{}]", many.join(",")));
    assert_eq!(findings, ["own.toml:2: file-copy.roots: has 65 directories: 64 at most"]);
    let (settings, findings) = read("roots = [\"/\"]");
    assert_eq!(settings.roots, [PathBuf::from("/")]);
    assert!(findings[0].contains("has / in it") && findings.len() == 1, "{findings:?}");
}
