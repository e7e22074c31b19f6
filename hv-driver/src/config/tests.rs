//! `[driver]` as written, and the drop-in that this program writes.

use super::*;
use std::fs;

fn place(root: &Path) -> Place {
    Place { config: None, etc_root: root.to_owned(), level: None, format: None }
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join("hv-utils").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn no_configuration_is_auto_for_all() {
    let directory = tempfile::tempdir().unwrap();
    let settings = place(directory.path()).settings().unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.choice(Ic::Kvp), Choice::Auto);
}

#[test]
fn all_keys_are_read_and_a_wrong_word_is_an_error_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let text = "[driver]\nkvp = \"uio\"\nvss = \"hv_utils\"\ntimesync = \"auto\"\nshutdown = \"uio\"\n\
                heartbeat = \"uio\"\nfile-copy = \"uio\"\n[file-copy]\nenabled = true\n";
    write(directory.path(), "hv-utils.toml", text);
    let settings = place(directory.path()).settings().unwrap();
    assert_eq!(settings.choices.len(), 6);
    assert_eq!((settings.choice(Ic::FileCopy), settings.choice(Ic::Vss)), (Choice::Uio, Choice::HvUtils));
    assert!(settings.file_copy);
    write(directory.path(), "hv-utils.toml", "[driver]\nkvp = \"raw\"\n");
    let error = place(directory.path()).settings().unwrap_err();
    assert_eq!(error.code(), 78);
    assert!(
        error.to_string().contains("hv-utils.toml:2: driver.kvp: must be one of: auto, uio, hv_utils"),
        "{error}"
    );
}

#[test]
fn what_hv_fcopyd_reads_in_the_same_table_is_no_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let text = "[file-copy]\nenabled = true\nroots = [\"/srv/in\"]\nmax-file-mib = 1\nmin-free-mib = 2\n\
                max-rate-kib-per-sec = 3\nmode = \"0600\"\ndirectory-mode = \"0700\"\nowner = \"alice:users\"\n\
                max-message-version = \"1.1\"\n";
    write(directory.path(), "hv-utils.toml", text);
    assert!(place(directory.path()).settings().unwrap().file_copy);
    let findings = place(directory.path()).load().findings;
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn unknown_key_in_the_table_of_file_copy_is_a_mistake() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "hv-utils.toml", "[file-copy]\nenabled = \"yes\"\nenable = true\n");
    let findings: Vec<_> = place(directory.path()).load().findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(
        findings[0].ends_with("hv-utils.toml:2: file-copy.enabled: must be true or false, not \"yes\""),
        "{findings:?}"
    );
    assert!(
        findings[1].ends_with("hv-utils.toml:3: file-copy.enable: unknown key, did you mean \"enabled\"?"),
        "{findings:?}"
    );
    assert_eq!(place(directory.path()).settings().unwrap_err().code(), 78);
}

#[test]
fn drop_in_is_made_merged_and_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    write(directory.path(), "hv-utils.toml", "[driver]\nkvp = \"hv_utils\"\n");
    place.keep(&[Ic::Vss, Ic::Kvp], Choice::Uio).unwrap();
    place.keep(&[Ic::Kvp], Choice::Auto).unwrap();
    let text = fs::read_to_string(directory.path().join("hv-utils/hv-utils.toml.d/50-driver.toml")).unwrap();
    assert!(text.ends_with("[driver]\nkvp = \"auto\"\nvss = \"uio\"\n"), "{text}");
    let left: Vec<_> = fs::read_dir(directory.path().join("hv-utils/hv-utils.toml.d")).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file is left");
}

#[test]
fn drop_in_stands_beside_the_file_that_was_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut place = place(directory.path());
    place.config = Some(directory.path().join("own.toml"));
    assert_eq!(place.drop_in(), directory.path().join("own.toml.d/50-driver.toml"));
}
