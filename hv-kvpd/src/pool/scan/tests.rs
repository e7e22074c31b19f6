//! Damaged files, built by hand.

use super::*;
use crate::pool::engine::tests::{file, sample, sim::SimDisk};

fn scan_bytes(bytes: Vec<u8>, max: u32) -> Scan {
    scan(&SimDisk::new(bytes, Vec::new()).pool, max).unwrap()
}

fn keys(scan: &Scan) -> Vec<String> {
    scan.index.items().map(|item| String::from_utf8_lossy(item.key).into_owned()).collect()
}

#[test]
fn a_sound_file_has_no_damage_whatever_its_length() {
    for count in [0, 1, 15, 16, 17, 50, 51, 120] {
        let scan = scan_bytes(file(&sample(count)), 1000);
        assert!(!scan.damage.any());
        assert_eq!((scan.records, scan.index.len() as usize), (count as u64, count));
    }
}

#[test]
fn a_torn_tail_is_counted_and_not_indexed() {
    let mut bytes = file(&sample(3));
    bytes.extend_from_slice(&file(&sample(1))[..700]);
    let scan = scan_bytes(bytes, 1000);
    assert_eq!((scan.damage.torn, scan.records, scan.index.records()), (700, 3, 3));
    assert_eq!(scan.damage.to_string(), "700 bytes of a torn record at the end");
}

#[test]
fn every_kind_of_flaw_is_counted_and_what_can_be_read_is() {
    let mut bytes = file(&sample(4));
    bytes[..2560].fill(0);
    bytes[2560] = 0xff;
    bytes[5120..5120 + 512].fill(b'k');
    let scan = scan_bytes(bytes, 1000);
    let damage = scan.damage;
    assert_eq!((damage.without_key, damage.not_utf8, damage.unterminated, damage.torn), (1, 1, 1, 0));
    assert_eq!(scan.index.records(), 4);
    assert_eq!(keys(&scan), ["\u{fffd}ey-1".to_owned(), "k".repeat(512), "key-3".to_owned()]);
}

#[test]
fn the_digest_follows_the_damage_and_not_the_rest() {
    let damaged = |count| {
        let mut bytes = file(&sample(count));
        bytes.extend_from_slice(b"torn");
        scan_bytes(bytes, 1000).damage.digest()
    };
    assert_eq!(damaged(2), damaged(5));
    let mut other = file(&sample(2));
    other.extend_from_slice(b"tore");
    assert_ne!(scan_bytes(other, 1000).damage.digest(), damaged(2));
}

#[test]
fn records_beyond_the_bound_are_counted_only() {
    let scan = scan_bytes(file(&sample(30)), 20);
    assert_eq!((scan.records, scan.index.records()), (30, 20));
    assert_eq!(keys(&scan).last().map(String::as_str), Some("key-19"));
}
