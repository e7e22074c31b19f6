//! The header against bytes laid out by hand from the table in the decision record.

use super::*;

fn header() -> Header {
    Header {
        kind: Kind::Rewrite,
        sequence: 0x0102_0304_0506_0708,
        previous: 9,
        pool: FileId { device: 10, inode: 11, born: (-12, 13) },
        boot: BootId([14; 16]),
        at: 2560,
        len_before: 10_240,
        len_after: 7680,
        before: 7680,
        after: 5120,
        extra: 0,
        runs: 1,
        payload_crc: 15,
    }
}

#[test]
fn every_field_has_its_place() {
    let sector = header().encode();
    assert_eq!(&sector[..16], b"HVUTJRNL\x01\0\0\0\x03\0\0\0");
    assert_eq!(sector[16..24], [8, 7, 6, 5, 4, 3, 2, 1]);
    let word = |at: usize| i64::from_le_bytes(sector[at..at + 8].try_into().unwrap());
    assert_eq!([24, 32, 40, 48].map(word), [9, 10, 11, -12]);
    assert_eq!(sector[56..64], [13, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(sector[64..80], [14; 16]);
    assert_eq!([80, 88, 96, 104, 112, 120, 128, 136].map(word), [2560, 10_240, 7680, 7680, 5120, 0, 1, 15]);
    assert_eq!(word(144) as u64, crc(&sector[..144]));
    assert!(sector[152..].iter().all(|&byte| byte == 0));
    assert_eq!(Header::decode(&sector), Ok(header()));
}

#[test]
fn a_cleared_sector_is_told_from_a_torn_one() {
    assert_eq!(Header::decode(&[0; SECTOR]), Err(NoHeader::Clear));
    let whole = header().encode();
    for at in 0..152 {
        let mut torn = whole;
        torn[at] ^= 0x40;
        assert_eq!(Header::decode(&torn), Err(NoHeader::Torn), "byte {at}");
    }
}

#[test]
fn a_later_format_is_not_taken_for_a_torn_one() {
    let mut sector = header().encode();
    sector[8] = 2;
    let sum = crc(&sector[..144]);
    sector[144..152].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(Header::decode(&sector), Err(NoHeader::Version));
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let cases = [
        Header { at: 2561, ..header() },
        Header { before: 1, ..header() },
        Header { len_after: 2560, ..header() },
        Header { at: u64::MAX / RECORD * RECORD, ..header() },
        Header { kind: Kind::Replace, ..header() },
        Header { kind: Kind::Append, ..header() },
    ];
    for case in cases {
        assert_eq!(Header::decode(&case.encode()), Err(NoHeader::Torn), "{case:?}");
    }
}

#[test]
fn an_unknown_boot_equals_no_boot() {
    assert!(BootId([1; 16]).same_boot(BootId([1; 16])));
    assert!(!BootId([1; 16]).same_boot(BootId([2; 16])));
    assert!(!BootId::default().same_boot(BootId::default()));
}
