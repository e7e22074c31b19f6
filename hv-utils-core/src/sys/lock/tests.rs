use super::*;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

/// A test that hangs has failed.
const HANG: Duration = Duration::from_secs(60);

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

#[test]
fn an_exclusive_lock_keeps_other_open_files_out_even_in_the_same_process() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (first, second) = (open(file.path()), open(file.path()));
    assert!(try_ofd_lock(&first, LockKind::Exclusive).unwrap());
    assert!(!try_ofd_lock(&second, LockKind::Exclusive).unwrap());
    assert!(!try_ofd_lock(&second, LockKind::Shared).unwrap());
    // Again by its holder: no conflict with itself.
    ofd_lock(&first, LockKind::Exclusive).unwrap();
    ofd_unlock(&first).unwrap();
    assert!(try_ofd_lock(&second, LockKind::Exclusive).unwrap());
}

#[test]
fn shared_locks_admit_each_other_only() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (first, second, third) = (open(file.path()), open(file.path()), open(file.path()));
    assert!(try_ofd_lock(&first, LockKind::Shared).unwrap());
    assert!(try_ofd_lock(&second, LockKind::Shared).unwrap());
    assert!(!try_ofd_lock(&third, LockKind::Exclusive).unwrap());
}

#[test]
fn closing_another_descriptor_of_the_file_does_not_drop_the_lock() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let holder = open(file.path());
    ofd_lock(&holder, LockKind::Exclusive).unwrap();
    drop(open(file.path()));
    assert!(!try_ofd_lock(open(file.path()), LockKind::Exclusive).unwrap());
    drop(holder);
    // Not at once: a child that another test is just starting has the descriptor until it is another program.
    let began = Instant::now();
    while !try_ofd_lock(open(file.path()), LockKind::Exclusive).unwrap() {
        assert!(began.elapsed() < HANG, "it is held, and nobody has it");
        std::thread::yield_now();
    }
}

#[test]
fn the_lock_covers_what_is_appended_later() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (first, second) = (open(file.path()), open(file.path()));
    ofd_lock(&first, LockKind::Exclusive).unwrap();
    first.set_len(1 << 20).unwrap();
    assert!(!try_ofd_lock(&second, LockKind::Shared).unwrap());
}

#[test]
fn a_descriptor_that_may_not_write_cannot_lock_exclusively() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let reader = File::open(file.path()).unwrap();
    assert!(try_ofd_lock(&reader, LockKind::Shared).unwrap());
    let error = try_ofd_lock(&reader, LockKind::Exclusive).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EBADF));
}

#[test]
fn a_waiting_lock_is_taken_when_the_holder_lets_go() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (holder, waiter) = (open(file.path()), open(file.path()));
    ofd_lock(&holder, LockKind::Exclusive).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            ofd_lock(&waiter, LockKind::Exclusive).unwrap();
            sender.send(()).unwrap();
            drop(waiter);
        });
        assert_eq!(receiver.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty));
        ofd_unlock(&holder).unwrap();
        receiver.recv().unwrap();
    });
}
