//! Entries on a simulated disk: what is written is found again, what is not whole is not.

use super::*;
use crate::pool::engine::tests::sim::{SimDisk, next_random};
use crate::pool::engine::tests::{BOOT, clear as clear_draft, delete, file, sample, set_existing};
use crate::pool::record::{RECORD, encode};

fn stamp(disk: &SimDisk, sequence: u64) -> Stamp {
    Stamp { pool: disk.pool.stat().unwrap().id, boot: BOOT, sequence }
}

fn written(disk: &SimDisk, draft: &Draft) -> Entry {
    write(&disk.journal, &disk.pool, draft, stamp(disk, 1), None).unwrap()
}

fn after_image(disk: &SimDisk, entry: &Entry) -> Vec<u8> {
    let mut image = vec![0; entry.header.after as usize];
    assert_eq!(entry.read_after(&disk.journal, 0, &mut image).unwrap(), image.len());
    image
}

#[test]
fn an_entry_holds_both_images_and_is_found_again() {
    let bytes = file(&sample(40));
    let disk = SimDisk::new(bytes.clone(), Vec::new());
    written(&disk, &delete(&bytes, 3));
    let Found::Entry(entry) = pending(&disk.journal).unwrap() else { panic!("not found") };
    assert_eq!((entry.header.kind, entry.header.at), (Kind::Rewrite, 3 * RECORD));
    assert_eq!((entry.header.len_before, entry.header.len_after), (40 * RECORD, 39 * RECORD));
    let mut before = vec![0xaa; 37 * 2560 + 100];
    entry.read_before(&disk.journal, 0, &mut before).unwrap();
    assert_eq!(before[..37 * 2560], bytes[3 * 2560..]);
    assert_eq!(before[37 * 2560..], [0; 100], "beyond the image there are zeros");
    assert_eq!(after_image(&disk, &entry), bytes[4 * 2560..]);
}

#[test]
fn a_shifted_tail_is_stored_once() {
    let bytes = file(&sample(40));
    let disk = SimDisk::new(bytes.clone(), Vec::new());
    written(&disk, &delete(&bytes, 0));
    assert_eq!(disk.journal.bytes().len(), 512 + bytes.len() + 512);
}

#[test]
fn a_set_fits_into_what_is_allocated_beforehand() {
    let bytes = file(&sample(2));
    let disk = SimDisk::new(bytes.clone(), vec![0; PREALLOCATED as usize]);
    written(&disk, &set_existing(&bytes, 1, "key-1", "new"));
    assert_eq!(disk.journal.bytes().len() as u64, PREALLOCATED);
}

#[test]
fn images_of_several_runs_are_read_from_any_place() {
    let bytes = file(&sample(6));
    let disk = SimDisk::new(bytes.clone(), Vec::new());
    let new = encode("new", "v").unwrap();
    let pieces = vec![
        Piece::Kept { from: 4 * RECORD, len: RECORD },
        Piece::New(new.clone()),
        Piece::Kept { from: 0, len: 2 * RECORD },
        Piece::New(b"a torn tail".to_vec()),
    ];
    let draft =
        Draft { kind: Kind::Rewrite, at: 0, len: bytes.len() as u64, before: bytes.len() as u64, pieces };
    let entry = written(&disk, &draft);
    let whole = [&bytes[4 * 2560..5 * 2560], &new, &bytes[..2 * 2560], b"a torn tail"].concat();
    assert_eq!(after_image(&disk, &entry), whole);
    for from in [0, 1, 2559, 2560, 5000, 7680, 10_239, 10_250] {
        let mut piece = [0; 3000];
        let got = entry.read_after(&disk.journal, from as u64, &mut piece).unwrap();
        assert_eq!(piece[..got], whole[from..whole.len().min(from + 3000)], "from {from}");
    }
    assert_eq!(entry.read_after(&disk.journal, whole.len() as u64, &mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_second_entry_takes_the_first_ones_place_until_both_are_cleared() {
    let bytes = file(&sample(5));
    let disk = SimDisk::new(bytes.clone(), Vec::new());
    let first = written(&disk, &delete(&bytes, 0));
    write(&disk.journal, &disk.pool, &delete(&bytes, 2), stamp(&disk, 2), Some(&first)).unwrap();
    let Found::Entry(found) = pending(&disk.journal).unwrap() else { panic!("not found") };
    assert_eq!((found.header.sequence, found.header.at), (2, 2 * RECORD));
    clear(&disk.journal).unwrap();
    assert!(matches!(pending(&disk.journal).unwrap(), Found::Nothing));
    // What is left of the second is not mistaken for a follower of the next operation's entry.
    write(&disk.journal, &disk.pool, &delete(&bytes, 0), stamp(&disk, 3), None).unwrap();
    let Found::Entry(found) = pending(&disk.journal).unwrap() else { panic!("not found") };
    assert_eq!(found.header.sequence, 3);
}

#[test]
fn clearing_gives_the_space_of_a_large_entry_back() {
    let bytes = file(&sample(60));
    let disk = SimDisk::new(bytes.clone(), Vec::new());
    written(&disk, &clear_draft(&bytes));
    clear(&disk.journal).unwrap();
    assert_eq!(disk.journal.bytes().len() as u64, PREALLOCATED);
}

/// Whatever subset of an entry's sectors reached the disk, it is found whole or not at all.
#[test]
fn a_torn_entry_is_never_found() {
    let bytes = file(&sample(3));
    let disk = SimDisk::new(bytes.clone(), Vec::new());
    written(&disk, &delete(&bytes, 0));
    let whole = disk.journal.bytes();
    let mut seed = 3;
    for _ in 0..500 {
        let mut torn = whole.clone();
        for sector in torn.chunks_mut(SECTOR) {
            if next_random(&mut seed).is_multiple_of(2) {
                sector.fill(0);
            }
        }
        let found = pending(&SimDisk::new(Vec::new(), torn.clone()).journal).unwrap();
        assert_eq!(matches!(found, Found::Entry(_)), torn == whole);
    }
    for at in 0..whole.len() {
        let mut spoilt = whole.clone();
        spoilt[at] ^= 1;
        let found = pending(&SimDisk::new(Vec::new(), spoilt).journal).unwrap();
        let ignored = (152..SECTOR).contains(&at);
        assert_eq!(matches!(found, Found::Entry(_)), ignored, "byte {at}");
    }
    for len in 0..whole.len() {
        let found = pending(&SimDisk::new(Vec::new(), whole[..len].to_vec()).journal).unwrap();
        assert!(!matches!(found, Found::Entry(_)), "{len} bytes");
    }
}

#[test]
fn a_header_with_absurd_lengths_is_no_entry() {
    let bytes = file(&sample(3));
    let disk = SimDisk::new(bytes.clone(), Vec::new());
    let header = written(&disk, &delete(&bytes, 0)).header;
    for absurd in [
        Header { runs: u64::MAX, ..header },
        Header { runs: u64::MAX / 16 + 2, ..header },
        Header { extra: u64::MAX - 3, ..header },
        Header { extra: 1 << 40, ..header },
    ] {
        let mut journal = disk.journal.bytes();
        journal[..SECTOR].copy_from_slice(&absurd.encode());
        let found = pending(&SimDisk::new(Vec::new(), journal).journal).unwrap();
        assert!(matches!(found, Found::Torn), "{absurd:?}");
    }
}
