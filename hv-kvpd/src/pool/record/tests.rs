//! The codec against records laid out by hand.

use super::*;

fn raw(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut record = vec![0u8; 2560];
    record[..key.len()].copy_from_slice(key);
    record[512..512 + value.len()].copy_from_slice(value);
    record
}

#[test]
fn encode_zero_fills_both_fields() {
    let record = encode("HostName", "alpha").unwrap();
    assert_eq!(record.len(), 2560);
    assert_eq!(&record[..9], b"HostName\0");
    assert!(record[9..512].iter().all(|&byte| byte == 0));
    assert_eq!(&record[512..518], b"alpha\0");
    assert!(record[518..].iter().all(|&byte| byte == 0));
}

#[test]
fn texts_stop_at_the_first_nul_and_ignore_the_stale_tail() {
    let record = raw(b"k\0stale", b"new\0ld value");
    assert_eq!(texts(&record), Texts { key: b"k", value: b"new" });
    assert_eq!(flaw(&record), None);
}

#[test]
fn full_fields_without_nul_are_read_whole_and_flagged() {
    let record = raw(&[b'k'; 512], &[b'v'; 2048]);
    assert_eq!(texts(&record), Texts { key: &[b'k'; 512], value: &[b'v'; 2048] });
    assert_eq!(flaw(&record), Some(Flaw::Unterminated));
}

#[test]
fn flaws_are_named() {
    assert_eq!(flaw(&raw(b"", b"orphan")), Some(Flaw::EmptyKey));
    assert_eq!(flaw(&[0; 2560]), Some(Flaw::EmptyKey));
    assert_eq!(flaw(&raw(b"k\xff", b"v")), Some(Flaw::NotUtf8));
    assert_eq!(flaw(&raw(b"k", b"\xc3")), Some(Flaw::NotUtf8));
    assert_eq!(flaw(&raw(b"k", b"ok\0\xff\xff")), None, "what follows the NUL does not count");
}

#[test]
fn a_torn_record_is_read_as_far_as_it_goes() {
    let record = raw(b"key", b"value");
    assert_eq!(texts(&record[..2]), Texts { key: b"ke", value: b"" });
    assert_eq!(texts(&record[..514]), Texts { key: b"key", value: b"va" });
    assert_eq!(texts(&[]), Texts { key: b"", value: b"" });
}

#[test]
fn encode_refuses_what_the_file_cannot_hold() {
    assert!(encode(&"k".repeat(511), &"v".repeat(2047)).is_ok());
    assert_eq!(
        encode(&"k".repeat(512), ""),
        Err(PoolError::TooLong { field: Field::Key, max: 511, actual: 512 })
    );
    assert_eq!(
        encode("k", &"ä".repeat(1024)),
        Err(PoolError::TooLong { field: Field::Value, max: 2047, actual: 2048 })
    );
    assert!(matches!(encode("", "v"), Err(PoolError::Invalid { field: Field::Key, .. })));
    assert!(matches!(encode("a\0b", "v"), Err(PoolError::Invalid { field: Field::Key, .. })));
    assert!(matches!(encode("a", "v\0"), Err(PoolError::Invalid { field: Field::Value, .. })));
}
