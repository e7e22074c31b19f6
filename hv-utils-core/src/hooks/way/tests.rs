//! Ways that lead somewhere, and ways on which somebody else has a say.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};

use tempfile::TempDir;

use super::*;

/// A user no test runs as.
const NOBODY: u32 = 65534;

/// A directory, and its path without links.
fn directory() -> (TempDir, PathBuf) {
    let kept = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(kept.path()).unwrap();
    (kept, path)
}

fn subdirectory(place: &Path, name: &str, mode: u32) -> PathBuf {
    let path = place.join(name);
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn others(path: &Path) -> PathBuf {
    match resolve(path) {
        Err(Unsafe::Others(at)) => at,
        other => panic!("{other:?}"),
    }
}

fn needs_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: {test}: needs root");
    }
    root
}

#[test]
fn every_kind_of_link_is_followed_as_the_kernel_does() {
    let (_kept, place) = directory();
    let real = subdirectory(&place, "real", 0o755);
    fs::write(real.join("file"), "").unwrap();
    symlink("real", place.join("relative")).unwrap();
    symlink(place.join("relative"), place.join("absolute")).unwrap();
    symlink("../real/./file", real.join("up")).unwrap();
    symlink("up", real.join("chain")).unwrap();
    for way in ["real/file", "relative/file", "absolute/chain", "absolute/../real/up", "./real/file"] {
        let path = place.join(way);
        assert_eq!(resolve(&path).unwrap(), fs::canonicalize(&path).unwrap(), "{way}");
    }
}

#[test]
fn a_circle_and_a_gap_lead_nowhere() {
    let (_kept, place) = directory();
    symlink("two", place.join("one")).unwrap();
    symlink("one", place.join("two")).unwrap();
    for (way, expected) in [("one", rustix::io::Errno::LOOP), ("gap", rustix::io::Errno::NOENT)] {
        match resolve(&place.join(way)) {
            Err(Unsafe::Nowhere(error)) => assert_eq!(error.raw_os_error(), Some(expected.raw_os_error())),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_link_in_the_middle_that_lies_where_others_write_is_unsafe() {
    let (_kept, place) = directory();
    fs::write(place.join("program"), "").unwrap();
    for mode in [0o777, 0o1777, 0o775] {
        let open = subdirectory(&place, &format!("open-{mode:o}"), mode);
        symlink(place.join("program"), open.join("link")).unwrap();
        let _ = fs::remove_file(place.join("first"));
        symlink(open.join("link"), place.join("first")).unwrap();
        assert_eq!(others(&place.join("first")), open);
    }
}

#[test]
fn a_linked_directory_in_the_middle_that_lies_where_others_write_is_unsafe() {
    let (_kept, place) = directory();
    let real = subdirectory(&place, "real", 0o755);
    fs::write(real.join("program"), "").unwrap();
    let open = subdirectory(&place, "open", 0o1777);
    symlink(&real, open.join("directory")).unwrap();
    assert_eq!(others(&open.join("directory/program")), open);
    // A directory is nothing that others can put there in our name.
    let ours = subdirectory(&open, "ours", 0o755);
    fs::write(ours.join("program"), "").unwrap();
    assert_eq!(resolve(&ours.join("program")).unwrap(), ours.join("program"));
}

#[test]
fn a_link_of_another_user_and_one_in_a_directory_of_his_are_unsafe() {
    if !needs_root("a_link_of_another_user") {
        return;
    }
    let (_kept, place) = directory();
    fs::write(place.join("program"), "").unwrap();
    symlink("program", place.join("link")).unwrap();
    assert_eq!(resolve(&place.join("link")).unwrap(), place.join("program"));
    lchown(place.join("link"), Some(NOBODY), None).unwrap();
    assert_eq!(others(&place.join("link")), place.join("link"));
    let home = subdirectory(&place, "home", 0o755);
    symlink(place.join("program"), home.join("link")).unwrap();
    lchown(&home, Some(NOBODY), None).unwrap();
    assert_eq!(others(&home.join("link")), home);
}
