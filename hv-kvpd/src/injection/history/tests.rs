//! What is read from hv-netapply's file, and when.

use hv_utils_core::netapply::{Injection, Outcome, Plan, Record, encode};
use rustix::fs::Mode;
use tempfile::TempDir;

use super::*;

fn record(time: u64, outcome: Outcome) -> Record {
    let adapter = "f8b3781a-1e82-4818-a1c3-63d806ec15bb".to_owned();
    Record {
        time,
        settled: time,
        interface: "eth0".to_owned(),
        backend: "netlink".to_owned(),
        injection: Injection { adapter, ipv4: Plan::default(), ipv6: Plan::default() },
        outcome,
        message: String::new(),
    }
}

fn history(times: impl IntoIterator<Item = u64>) -> History {
    History { records: times.into_iter().map(|time| record(time, Outcome::Applied)).collect() }
}

/// As hv-netapply does it.
fn replace(directory: &Path, content: &[u8]) {
    std::fs::write(directory.join("new"), content).unwrap();
    std::fs::rename(directory.join("new"), directory.join(HISTORY)).unwrap();
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn no_file_is_no_records_and_damage_is_an_error() {
    let directory = directory();
    let path = directory.path().join(HISTORY);
    assert_eq!(read(&path).unwrap(), History::default());
    for damage in
        [&b""[..], b"{", b"[]", br#"{"records":[{"time":1}]}"#, b"\xff\xfe", &[b' '; 1024 * 1024 + 1]]
    {
        replace(directory.path(), damage);
        assert!(read(&path).is_err());
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(read(&path).is_err());
    std::fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    assert!(read(&path).is_err());
}

#[test]
fn a_pipe_in_its_place_does_not_hold_us_up() {
    let directory = directory();
    let path = directory.path().join(HISTORY);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .unwrap();
    assert!(read(&path).is_err());
}

#[test]
fn of_too_many_records_the_last_stay() {
    let directory = directory();
    replace(directory.path(), &encode(&history(0..100)));
    assert_eq!(read(&directory.path().join(HISTORY)).unwrap(), history(36..100));
}

#[tokio::test]
async fn records_follow_the_file_from_before_its_directory_is_there() {
    let root = directory();
    let directory = root.path().join("state").join("hv-netapply");
    let records = Records::follow(&directory);
    let mut known = records.subscribe();
    assert_eq!(*known.borrow(), History::default());
    tokio::task::yield_now().await;
    std::fs::create_dir_all(&directory).unwrap();
    for last in 1..4 {
        replace(&directory, &encode(&history(0..last)));
        known.wait_for(|now| *now == history(0..last)).await.unwrap();
    }
    std::fs::remove_file(directory.join(HISTORY)).unwrap();
    replace(&directory, &encode(&history([9])));
    known.wait_for(|now| *now == history([9])).await.unwrap();
}

#[tokio::test]
async fn who_knows_that_it_is_new_reads_it_at_once() {
    let directory = directory();
    let records = Records::follow(directory.path());
    replace(directory.path(), &encode(&history([7])));
    records.read();
    assert_eq!(*records.subscribe().borrow(), history([7]));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_for_a_moment_is_still_known_and_read_again() {
    let directory = directory();
    replace(directory.path(), &encode(&history([7, 8])));
    let records = Records::follow(directory.path());
    let mut known = records.subscribe();
    known.borrow_and_update();
    replace(directory.path(), b"damaged");
    records.read();
    assert!(!known.has_changed().unwrap());
    assert_eq!(*known.borrow(), history([7, 8]));
    // Written in place, of which no watch tells.
    std::fs::write(directory.path().join(HISTORY), encode(&history([7, 8, 9]))).unwrap();
    known.wait_for(|now| *now == history([7, 8, 9])).await.unwrap();
}
