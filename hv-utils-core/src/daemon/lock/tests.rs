//! One instance, and a message that says which.

use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn second_instance_is_told_who_holds_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let held = InstanceLock::take(directory.path(), "hv-testd").unwrap();
    let failure = InstanceLock::take(directory.path(), "hv-testd").unwrap_err();
    assert_eq!(failure.exit(), Exit::Busy);
    let message = failure.to_string();
    assert!(
        message.starts_with(&format!("another hv-testd runs: process {} holds ", std::process::id())),
        "{message}"
    );
    drop(held);
    InstanceLock::take(directory.path(), "hv-testd").unwrap();
}

#[test]
fn daemons_of_other_names_do_not_stand_in_each_others_way() {
    let directory = tempfile::tempdir().unwrap();
    let _one = InstanceLock::take(directory.path(), "hv-oned").unwrap();
    let _other = InstanceLock::take(directory.path(), "hv-othed").unwrap();
}

#[test]
fn directories_are_created_with_the_lock_and_the_file_outlives_it() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("a/b");
    drop(InstanceLock::take(&run, "hv-testd").unwrap());
    assert_eq!(fs::metadata(run.join("hv-testd.lock")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(run.join("hv-testd.lock")).unwrap(), format!("{}\n", std::process::id()));
    drop(InstanceLock::take(&run, "hv-testd").unwrap());
}

#[test]
fn existing_file_keeps_its_mode_and_inode() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hv-testd.lock");
    fs::write(&path, "a very long line that was left by something else\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(&path).unwrap();
    let _lock = InstanceLock::take(directory.path(), "hv-testd").unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!((before.ino(), before.mode()), (after.ino(), after.mode()));
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
}

#[test]
fn lock_held_by_one_who_did_not_sign_is_still_a_lock() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hv-testd.lock");
    let file = File::create(&path).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    let failure = InstanceLock::take(directory.path(), "hv-testd").unwrap_err();
    assert_eq!(failure.exit(), Exit::Busy);
    assert!(failure.to_string().contains("another process holds"), "{failure}");
}

#[test]
fn symlink_in_place_of_the_lock_file_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, directory.path().join("hv-testd.lock")).unwrap();
    let failure = InstanceLock::take(directory.path(), "hv-testd").unwrap_err();
    assert_eq!(failure.exit(), Exit::Internal);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn file_that_was_replaced_is_not_the_one_that_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hv-testd.lock");
    let file = open_file(&path).unwrap();
    assert!(is_at(&file, &path));
    fs::remove_file(&path).unwrap();
    assert!(!is_at(&file, &path));
    fs::write(&path, "").unwrap();
    assert!(!is_at(&file, &path));
}

#[test]
fn directory_that_cannot_be_created_names_itself() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let failure = InstanceLock::take(&file.join("run"), "hv-testd").unwrap_err();
    assert_eq!(failure.exit(), Exit::Internal);
    assert!(failure.to_string().starts_with("cannot create the directory "), "{failure}");
}

#[test]
fn shared_lock_is_held_until_both_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let held = InstanceLock::take(directory.path(), "hv-testd").unwrap();
    let shared = held.share().unwrap();
    drop(held);
    assert_eq!(InstanceLock::take(directory.path(), "hv-testd").unwrap_err().exit(), Exit::Busy);
    drop(shared);
    InstanceLock::take(directory.path(), "hv-testd").unwrap();
}
