//! What is a hook, what is left out, and what must not be run.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

fn put(path: &Path, mode: u32) {
    fs::write(path, "").unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn directory() -> (TempDir, PathBuf) {
    let kept = tempfile::tempdir().unwrap();
    let hooks = kept.path().join("vss.d");
    fs::create_dir(&hooks).unwrap();
    fs::set_permissions(&hooks, Permissions::from_mode(0o755)).unwrap();
    (kept, hooks)
}

/// Names, and reasons.
fn found(directory: &Path) -> Vec<(String, Option<String>)> {
    let refusal = |file: File| (file.program(directory).err(), file.name);
    find(directory).unwrap().files.into_iter().map(refusal).map(|(why, name)| (name, why)).collect()
}

#[test]
fn what_editors_and_package_managers_leave_is_no_hook() {
    let (_kept, hooks) = directory();
    let leftovers =
        ["x~", ".x", "x.bak", ".x.swp", "x.swp", "x.dpkg-old", "x.dpkg-new", "x.rpmsave", "x.orig"];
    for name in leftovers {
        put(&hooks.join(name), 0o755);
    }
    for name in ["10-x", "bak", "x.sh", "x.dpkg-old.sh"] {
        put(&hooks.join(name), 0o755);
    }
    fs::create_dir(hooks.join("directory")).unwrap();
    let expected = ["10-x", "bak", "x.dpkg-old.sh", "x.sh"].map(|name| (name.to_owned(), None));
    assert_eq!(found(&hooks), expected);
    assert_eq!(find(&hooks).unwrap().left_out, Vec::<String>::new());
}

#[test]
fn what_is_not_executable_is_left_out_with_a_word() {
    let (_kept, hooks) = directory();
    put(&hooks.join("10-x"), 0o644);
    symlink("nowhere", hooks.join("20-link")).unwrap();
    let mut left_out = find(&hooks).unwrap().left_out;
    left_out.sort();
    assert!(left_out[0].ends_with("10-x is left out: it is not executable"), "{left_out:?}");
    assert!(left_out[1].contains("20-link is left out: it cannot be read: No such file"), "{left_out:?}");
    assert_eq!(found(&hooks), []);
}

#[test]
fn a_link_to_a_safe_program_is_a_hook() {
    let (kept, hooks) = directory();
    put(&kept.path().join("program"), 0o755);
    symlink("../program", hooks.join("1")).unwrap();
    assert_eq!(found(&hooks), [("1".to_owned(), None)]);
}

/// What is said of what belongs to us, and may be written by others.
fn changeable_by_mode(path: &Path) -> String {
    let path = fs::canonicalize(path).unwrap();
    format!("others than root can change {path}: chmod go-w {path}", path = path.display())
}

#[test]
fn a_link_to_where_others_could_put_something_else_is_refused() {
    let (kept, hooks) = directory();
    let other = kept.path().join("other");
    fs::create_dir(&other).unwrap();
    put(&other.join("program"), 0o755);
    fs::set_permissions(&other, Permissions::from_mode(0o777)).unwrap();
    symlink(other.join("program"), hooks.join("1")).unwrap();
    let why = changeable_by_mode(&other);
    assert_eq!(found(&hooks), [("1".to_owned(), Some(why))]);
}

#[test]
fn a_program_that_a_group_or_all_can_change_is_refused() {
    let (_kept, hooks) = directory();
    put(&hooks.join("1"), 0o775);
    put(&hooks.join("2"), 0o757);
    put(&hooks.join("3"), 0o4755);
    let why = |name: &str| Some(changeable_by_mode(&hooks.join(name)));
    let expected = [("1".to_owned(), why("1")), ("2".to_owned(), why("2")), ("3".to_owned(), None)];
    assert_eq!(found(&hooks), expected);
}

#[test]
fn a_program_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: a_program_of_another_user_is_refused: needs root");
        return;
    }
    let (_kept, hooks) = directory();
    put(&hooks.join("1"), 0o755);
    std::os::unix::fs::chown(hooks.join("1"), Some(65534), None).unwrap();
    let path = fs::canonicalize(hooks.join("1")).unwrap();
    let why = format!("others than root can change {path}: chown -h root {path}", path = path.display());
    assert_eq!(found(&hooks), [("1".to_owned(), Some(why))]);
}

#[test]
fn a_directory_that_others_can_change_or_replace_is_an_error_if_it_has_hooks() {
    let (kept, hooks) = directory();
    for (path, mode) in [(hooks.as_path(), 0o775), (kept.path(), 0o777)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        assert!(find(&hooks).unwrap().files.is_empty());
        put(&hooks.join("1"), 0o755);
        let why = find(&hooks).unwrap_err();
        let expected =
            format!("{}; until then no hook in {} is run", changeable_by_mode(path), hooks.display());
        assert_eq!(why, expected);
        fs::remove_file(hooks.join("1")).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_directory_that_is_meant_for_everybody_is_not_to_be_closed_but_left() {
    let (_kept, hooks) = directory();
    put(&hooks.join("1"), 0o755);
    fs::set_permissions(&hooks, Permissions::from_mode(0o1777)).unwrap();
    let real = fs::canonicalize(&hooks).unwrap();
    let why =
        format!("others than root can change {}: what root runs has to lie elsewhere; ", real.display());
    assert!(find(&hooks).unwrap_err().starts_with(&why));
}

#[test]
fn what_is_no_directory_is_an_error() {
    let (kept, _hooks) = directory();
    put(&kept.path().join("file"), 0o644);
    let why = find(&kept.path().join("file")).unwrap_err();
    assert!(why.ends_with("file cannot be read: Not a directory (os error 20)"), "{why}");
}

/// `open/link` leads to a program that nobody else can change, but others can change the link.
fn link_of_others(place: &Path) -> PathBuf {
    let open = place.join("open");
    fs::create_dir(&open).unwrap();
    put(&place.join("program"), 0o755);
    symlink(place.join("program"), open.join("link")).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    fs::canonicalize(open).unwrap()
}

#[test]
fn a_link_by_way_of_a_link_that_others_choose_is_refused() {
    let (kept, hooks) = directory();
    let open = link_of_others(kept.path());
    symlink(open.join("link"), hooks.join("1")).unwrap();
    let why = changeable_by_mode(&open);
    assert_eq!(found(&hooks), [("1".to_owned(), Some(why))]);
}

#[test]
fn a_hooks_directory_by_way_of_a_link_that_others_choose_is_an_error() {
    let (kept, hooks) = directory();
    put(&hooks.join("1"), 0o755);
    let open = link_of_others(kept.path());
    symlink(&hooks, open.join("vss.d")).unwrap();
    let why = find(&open.join("vss.d")).unwrap_err();
    assert!(why.starts_with(&format!("others than root can change {}: ", open.display())), "{why}");
    symlink(&hooks, kept.path().join("linked")).unwrap();
    assert_eq!(found(&kept.path().join("linked")), [("1".to_owned(), None)]);
}

#[test]
fn what_is_run_is_where_the_link_leads() {
    let (kept, hooks) = directory();
    put(&kept.path().join("program"), 0o755);
    symlink("../program", hooks.join("1")).unwrap();
    let real = fs::canonicalize(kept.path().join("program")).unwrap();
    assert_eq!(program(&hooks, "1"), Ok(real));
}

#[test]
fn a_name_that_is_a_path_is_refused() {
    let (kept, hooks) = directory();
    put(&kept.path().join("program"), 0o755);
    for name in ["../program", "/bin/true", "..", ".", "", "x/../1"] {
        assert_eq!(program(&hooks, name), Err("its name is a path".to_owned()), "{name}");
    }
}
