//! Both lock families against holders of each, through other open files of the same process.

use std::fs::File;

use rustix::fs::{FlockOperation, fcntl_lock, flock};

use super::*;

fn two_handles() -> (tempfile::TempDir, DiskFile, File) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pool");
    std::fs::write(&path, b"").unwrap();
    let open = || File::options().read(true).write(true).open(&path).unwrap();
    (dir, DiskFile::new(open().into()), open())
}

#[test]
fn a_flock_holder_keeps_us_out_and_leaves_no_half_lock_behind() {
    let (_dir, ours, theirs) = two_handles();
    flock(&theirs, FlockOperation::LockExclusive).unwrap();
    assert!(!try_lock(&ours, LockKind::Exclusive).unwrap());
    // The fcntl half was given back: a POSIX locker gets through.
    fcntl_lock(&theirs, FlockOperation::NonBlockingLockExclusive).unwrap();
    fcntl_lock(&theirs, FlockOperation::NonBlockingUnlock).unwrap();
    flock(&theirs, FlockOperation::Unlock).unwrap();
    assert!(try_lock(&ours, LockKind::Exclusive).unwrap());
}

#[test]
fn a_posix_lock_holder_keeps_us_out() {
    let (_dir, ours, theirs) = two_handles();
    fcntl_lock(&theirs, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert!(!try_lock(&ours, LockKind::Exclusive).unwrap());
    fcntl_lock(&theirs, FlockOperation::NonBlockingUnlock).unwrap();
    assert!(try_lock(&ours, LockKind::Exclusive).unwrap());
}

#[test]
fn we_keep_both_families_out_until_we_leave() {
    let (_dir, ours, theirs) = two_handles();
    assert!(try_lock(&ours, LockKind::Exclusive).unwrap());
    assert!(flock(&theirs, FlockOperation::NonBlockingLockExclusive).is_err());
    assert!(fcntl_lock(&theirs, FlockOperation::NonBlockingLockExclusive).is_err());
    unlock(&ours);
    flock(&theirs, FlockOperation::NonBlockingLockExclusive).unwrap();
    fcntl_lock(&theirs, FlockOperation::NonBlockingLockExclusive).unwrap();
}

#[test]
fn closing_another_descriptor_of_the_file_does_not_drop_the_lock() {
    let (dir, ours, theirs) = two_handles();
    assert!(try_lock(&ours, LockKind::Exclusive).unwrap());
    drop(File::open(dir.path().join("pool")).unwrap());
    assert!(fcntl_lock(&theirs, FlockOperation::NonBlockingLockExclusive).is_err());
}

#[test]
fn readers_of_a_read_only_pool_share() {
    let (_dir, ours, theirs) = two_handles();
    let theirs = DiskFile::new(theirs.into());
    assert!(try_lock(&ours, LockKind::Shared).unwrap());
    assert!(try_lock(&theirs, LockKind::Shared).unwrap());
    assert!(!try_lock(&theirs, LockKind::Exclusive).unwrap());
}
