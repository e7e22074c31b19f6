//! One change at a time: what it writes, and what is left when a call fails.

use super::super::journal::{Piece, pending};
use super::super::record::{RECORD, encode, texts};
use super::*;
use rustix::io::Errno;
use sim::{SimDisk, SimFile, Trouble};

pub(crate) mod sim;

pub(crate) const BOOT: BootId = BootId([1; 16]);
pub(crate) const NEXT_BOOT: BootId = BootId([2; 16]);

pub(crate) type Items = Vec<(String, String)>;

/// Records of these items, in order.
pub(crate) fn file(items: &[(String, String)]) -> Vec<u8> {
    items.iter().flat_map(|(key, value)| encode(key, value).unwrap()).collect()
}

/// The items of whole records, in order.
pub(crate) fn items(bytes: &[u8]) -> Items {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let records = bytes.chunks_exact(RECORD as usize);
    records.map(|record| (text(texts(record).key), text(texts(record).value))).collect()
}

/// `count` items with values that fill several sectors, each sector different.
pub(crate) fn sample(count: usize) -> Items {
    (0..count).map(|i| (format!("key-{i}"), long_value(&format!("value-{i}")))).collect()
}

/// A value that reaches into all four sectors of its field, with a different text in each.
pub(crate) fn long_value(word: &str) -> String {
    (0..4).map(|sector| format!("{word}.{sector};").repeat(480 / (word.len() + 3))).collect()
}

pub(crate) fn engine(disk: &SimDisk, boot: BootId) -> Engine<SimFile> {
    let mut engine = Engine::new(disk.pool.clone(), disk.journal.clone(), boot, 100);
    engine.unsettled = false;
    engine
}

pub(crate) fn set_existing(bytes: &[u8], record: u64, key: &str, value: &str) -> Draft {
    let pieces = vec![Piece::New(encode(key, value).unwrap())];
    Draft { kind: Kind::Replace, at: record * RECORD, len: bytes.len() as u64, before: RECORD, pieces }
}

pub(crate) fn set_new(bytes: &[u8], key: &str, value: &str) -> Draft {
    let len = bytes.len() as u64;
    let pieces = vec![Piece::New(encode(key, value).unwrap())];
    Draft { kind: Kind::Append, at: len / RECORD * RECORD, len, before: len % RECORD, pieces }
}

pub(crate) fn delete(bytes: &[u8], record: u64) -> Draft {
    let len = bytes.len() as u64;
    let at = record * RECORD;
    let kept = (len / RECORD - record - 1) * RECORD;
    let pieces = vec![Piece::Kept { from: RECORD, len: kept }];
    Draft { kind: Kind::Rewrite, at, len, before: len - at, pieces }
}

pub(crate) fn clear(bytes: &[u8]) -> Draft {
    let len = bytes.len() as u64;
    Draft { kind: Kind::Rewrite, at: 0, len, before: len, pieces: Vec::new() }
}

#[test]
fn the_four_changes_do_what_they_say_and_leave_a_clear_journal() {
    let start = sample(4);
    let bytes = file(&start);
    let mut set = start.clone();
    set[1].1 = "new".to_owned();
    let mut added = start.clone();
    added.push(("fresh".to_owned(), "v".to_owned()));
    let mut deleted = start.clone();
    deleted.remove(1);
    let cases = [
        (set_existing(&bytes, 1, "key-1", "new"), set),
        (set_new(&bytes, "fresh", "v"), added),
        (delete(&bytes, 1), deleted),
        (clear(&bytes), Vec::new()),
    ];
    for (draft, expected) in cases {
        let disk = SimDisk::new(bytes.clone(), vec![0; 8192]);
        let mut engine = engine(&disk, BOOT);
        let mut written = 0;
        engine.commit(&draft, || true, || written += 1).unwrap();
        engine.settle().unwrap();
        assert_eq!(disk.pool.bytes(), file(&expected), "{draft:?}");
        assert_eq!(written, 1);
        assert!(matches!(pending(&disk.journal).unwrap(), Found::Nothing));
        assert!(!engine.is_unsettled());
    }
}

#[test]
fn a_torn_tail_is_overwritten_by_an_append() {
    let mut bytes = file(&sample(2));
    bytes.extend_from_slice(b"torn tail");
    let disk = SimDisk::new(bytes.clone(), Vec::new());
    engine(&disk, BOOT).commit(&set_new(&bytes, "fresh", "v"), || true, || ()).unwrap();
    let mut expected = sample(2);
    expected.push(("fresh".to_owned(), "v".to_owned()));
    assert_eq!(disk.pool.bytes(), file(&expected));
}

#[test]
fn a_pool_that_shrank_meanwhile_is_not_touched() {
    let bytes = file(&sample(3));
    let draft = delete(&bytes, 0);
    let disk = SimDisk::new(file(&sample(1)), Vec::new());
    assert_eq!(engine(&disk, BOOT).commit(&draft, || true, || ()), Err(Fault::Disturbed));
    assert_eq!(disk.pool.bytes(), file(&sample(1)));
}

/// A full disk or a broken one at any call: an error, and the old state, now and after a restart.
#[test]
fn a_failing_call_leaves_the_old_state() {
    let bytes = file(&sample(20));
    let drafts = [
        set_existing(&bytes, 7, "key-7", "new"),
        set_new(&bytes, "fresh", "v"),
        delete(&bytes, 0),
        clear(&bytes),
    ];
    for draft in drafts {
        for (errno, through) in [(Errno::NOSPC, 0), (Errno::IO, 0), (Errno::NOSPC, 512)] {
            let mut call = 0;
            loop {
                let disk = SimDisk::new(bytes.clone(), vec![0; 8192]);
                disk.trouble_at(call, Trouble::Fail(errno, through));
                let mut engine = engine(&disk, BOOT);
                let result = engine.commit(&draft, || true, || ());
                if result.is_ok() {
                    break;
                }
                assert_eq!(disk.pool.bytes(), bytes, "{draft:?}, call {call}, {errno}");
                let rebooted = disk.after_power_cut(call as u64);
                let mut next = Engine::new(rebooted.pool.clone(), rebooted.journal.clone(), NEXT_BOOT, 500);
                next.recover().unwrap();
                assert_eq!(rebooted.pool.bytes(), bytes, "{draft:?}, call {call}, {errno}, after a reboot");
                call += 1;
            }
            assert!(call >= 3, "journal, its sync and the pool can all fail");
        }
    }
}

/// If not even the roll-back is possible, the change is completed as soon as the disk answers again.
#[test]
fn a_disk_that_fails_for_good_leaves_an_entry_that_is_dealt_with_later() {
    let bytes = file(&sample(5));
    let draft = delete(&bytes, 0);
    let mut torn = 0;
    for call in 0..8 {
        let disk = SimDisk::new(bytes.clone(), vec![0; 8192]);
        disk.trouble_at(call, Trouble::FailAll(Errno::IO));
        let mut engine = engine(&disk, BOOT);
        let done = engine.commit(&draft, || true, || ()).is_ok();
        let unsettled = engine.is_unsettled();
        let later = disk.after_kill();
        let mut next = Engine::new(later.pool.clone(), later.journal.clone(), BOOT, 500);
        next.recover().unwrap();
        let now = later.pool.bytes();
        if done {
            assert_eq!(now, file(&sample(5)[1..]));
            break;
        }
        assert!(unsettled, "call {call}");
        torn += usize::from(disk.pool.bytes() != bytes);
        assert!(now == bytes || now == file(&sample(5)[1..]), "call {call}");
    }
    assert!(torn > 0, "the case exists");
}

/// An entry that outlived its change could undo what others write later.
#[test]
fn a_settled_change_leaves_no_entry_on_the_disk() {
    let bytes = file(&sample(4));
    let disk = SimDisk::new(bytes.clone(), vec![0; 8192]);
    let mut engine = engine(&disk, BOOT);
    engine.commit(&delete(&bytes, 0), || true, || ()).unwrap();
    assert!(matches!(pending(&disk.journal).unwrap(), Found::Entry(_)));
    engine.settle().unwrap();
    for seed in 0..20 {
        let next = disk.after_power_cut(seed);
        assert!(matches!(pending(&next.journal).unwrap(), Found::Nothing), "seed {seed}");
    }
}

#[test]
fn a_writer_without_locks_that_comes_before_our_first_write_stops_the_change() {
    let bytes = file(&sample(4));
    let disk = SimDisk::new(bytes.clone(), vec![0; 8192]);
    let mut engine = engine(&disk, BOOT);
    let result = engine.commit(&delete(&bytes, 0), || false, || panic!("nothing is written"));
    assert_eq!(result, Err(Fault::Disturbed));
    assert_eq!(disk.pool.bytes(), bytes);
    assert!(!engine.is_unsettled());
    assert!(matches!(pending(&disk.journal).unwrap(), Found::Nothing));
}
