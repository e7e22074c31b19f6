//! Single situations by name, each built by hand: an entry in the journal and a pool as somebody left it.

use super::*;
use crate::pool::medium::FileId;

/// A pool of four with an entry in the journal; the pool itself is not written yet.
fn logged(start: &[u8], draft: &Draft) -> SimDisk {
    let disk = SimDisk::new(start.to_vec(), vec![0; 8192]);
    engine(&disk, BOOT).log(draft, None).unwrap();
    disk
}

/// The pool with the first `records` of a delete of its first record written.
fn shifted(start: &[u8], records: usize) -> Vec<u8> {
    [&start[2560..(records + 1) * 2560], &start[records * 2560..]].concat()
}

/// Recovers in a boot and returns what was said and what is there.
fn recovered(disk: &SimDisk, boot: BootId) -> (Recovery, Vec<u8>) {
    let said = engine(disk, boot).recover().unwrap();
    assert!(matches!(pending(&disk.journal).unwrap(), Found::Nothing));
    (said, disk.pool.bytes())
}

fn keys(bytes: &[u8]) -> Vec<String> {
    items(bytes).into_iter().map(|item| item.0).collect()
}

fn foreign() -> Items {
    vec![("theirs".to_owned(), long_value("foreign"))]
}

#[test]
fn a_mix_of_both_images_at_sector_granularity_is_ours() {
    let start = file(&sample(4));
    let draft = set_existing(&start, 1, "key-1", &long_value("ours"));
    let disk = logged(&start, &draft);
    let mut mixed = start.clone();
    let mut finished = start.clone();
    finished[2560..5120].copy_from_slice(&file(&[("key-1".to_owned(), long_value("ours"))]));
    mixed[2560 + 1024..2560 + 1536].copy_from_slice(&finished[2560 + 1024..2560 + 1536]);
    disk.pool.overwrite(mixed);
    assert_eq!(recovered(&disk, BOOT), (Recovery::Completed, finished));
}

#[test]
fn a_record_that_neither_image_explains_is_left_alone_to_the_byte() {
    let start = file(&sample(4));
    let disk = logged(&start, &set_existing(&start, 1, "key-1", &long_value("ours")));
    let mut edited = start.clone();
    edited[2560 + 1024] ^= 1;
    disk.pool.overwrite(edited.clone());
    let (said, now) = recovered(&disk, BOOT);
    assert!(matches!(said, Recovery::Dropped(_)));
    assert_eq!(now, edited);
}

#[test]
fn a_replaced_file_is_not_touched() {
    let start = file(&sample(4));
    for id in [
        FileId { inode: 99, device: 1, born: (7, 7) },
        FileId { inode: 10, device: 1, born: (8, 0) },
        FileId { inode: 10, device: 2, born: (7, 7) },
    ] {
        let disk = logged(&start, &delete(&start, 0));
        let mut engine = engine(&disk, BOOT);
        engine.pool = disk.pool.clone().with_id(id);
        assert_eq!(engine.recover().unwrap(), Recovery::Dropped("the pool file was replaced since"));
        assert_eq!(disk.pool.bytes(), start);
    }
}

#[test]
fn device_numbers_may_change_with_a_reboot() {
    let start = file(&sample(4));
    let disk = logged(&start, &delete(&start, 0));
    disk.pool.overwrite(shifted(&start, 1));
    let mut engine = engine(&disk, NEXT_BOOT);
    engine.pool = disk.pool.clone().with_id(FileId { inode: 10, device: 2, born: (7, 7) });
    assert_eq!(engine.recover().unwrap(), Recovery::Completed);
    assert_eq!(disk.pool.bytes(), start[2560..]);
}

#[test]
fn a_truncated_pool_is_not_filled_again() {
    let start = file(&sample(4));
    let theirs = file(&foreign());
    for (draft, boot) in [(delete(&start, 0), BOOT), (delete(&start, 0), NEXT_BOOT), (clear(&start), BOOT)] {
        for left in [Vec::new(), theirs.clone()] {
            let disk = logged(&start, &draft);
            disk.pool.overwrite(left.clone());
            assert_eq!(recovered(&disk, boot).1, left);
        }
    }
    for draft in [set_new(&start, "fresh", "v"), set_existing(&start, 3, "key-3", "v")] {
        let disk = logged(&start, &draft);
        disk.pool.overwrite(theirs.clone());
        let (said, now) = recovered(&disk, BOOT);
        assert!(matches!(said, Recovery::Dropped(_)));
        assert_eq!(now, theirs);
    }
}

#[test]
fn a_pool_truncated_to_its_first_records_keeps_only_those() {
    let start = file(&sample(6));
    let disk = logged(&start, &delete(&start, 0));
    disk.pool.overwrite(shifted(&start, 1)[..3 * 2560].to_vec());
    assert_eq!(keys(&recovered(&disk, BOOT).1), ["key-1", "key-2"]);
    let disk = logged(&start, &delete(&start, 0));
    disk.pool.overwrite(start[..3 * 2560].to_vec());
    assert_eq!(recovered(&disk, BOOT), (Recovery::NotBegun, start[..3 * 2560].to_vec()));
}

/// hv_kvp_daemon deletes a record while ours was half way through a delete of another.
#[test]
fn a_record_that_others_deleted_does_not_come_back() {
    let start = file(&sample(6));
    for progress in 0..5 {
        for gone in 1..6 {
            let disk = logged(&start, &delete(&start, 0));
            let pool = shifted(&start, progress);
            // They delete every record of the key, wherever they find it.
            let mut list = items(&pool);
            list.retain(|item| item.0 != format!("key-{gone}"));
            disk.pool.overwrite(file(&list));
            let expected: Vec<_> = (1..6).filter(|&i| i != gone).map(|i| format!("key-{i}")).collect();
            let mut now = keys(&recovered(&disk, BOOT).1);
            if progress == 0 {
                // Ours had not begun: it may be dropped.
                now.retain(|key| key != "key-0");
            }
            assert_eq!(now, expected, "{progress} shifted, key-{gone} deleted");
        }
    }
}

#[test]
fn an_edit_of_a_record_that_is_being_shifted_survives_in_its_place() {
    let start = file(&sample(5));
    for progress in 1..4 {
        for edited in 1..5 {
            let disk = logged(&start, &delete(&start, 0));
            let mut pool = shifted(&start, progress);
            let key = format!("key-{edited}");
            let place = items(&pool).iter().position(|item| item.0 == key).unwrap() * 2560;
            pool[place..place + 2560].copy_from_slice(&file(&[(key.clone(), long_value("theirs"))]));
            disk.pool.overwrite(pool);
            let mut expected = sample(5)[1..].to_vec();
            expected[edited - 1].1 = long_value("theirs");
            assert_eq!(items(&recovered(&disk, BOOT).1), expected, "{progress} shifted, {key} edited");
        }
    }
}

/// After a power cut that had let only the second record of the shifted tail through.
#[test]
fn an_edit_of_the_record_that_is_being_deleted_is_kept() {
    let start = file(&sample(3));
    let disk = logged(&start, &delete(&start, 0));
    let mut pool = start.clone();
    pool[..2560].copy_from_slice(&file(&[("key-0".to_owned(), long_value("theirs"))]));
    pool[2560..5120].copy_from_slice(&start[5120..]);
    disk.pool.overwrite(pool);
    let (said, now) = recovered(&disk, NEXT_BOOT);
    assert_eq!(said, Recovery::Merged);
    assert_eq!(keys(&now), ["key-1", "key-2", "key-0"]);
    assert_eq!(items(&now)[2].1, long_value("theirs"));
}

/// Either it was not written yet, and not acknowledged; or it was, and others have put the old state back.
#[test]
fn a_pool_that_shows_nothing_of_the_change_is_left_as_it_is() {
    let start = file(&sample(3));
    let theirs = file(&foreign());
    let drafts = [
        delete(&start, 0),
        delete(&start, 2),
        clear(&start),
        set_existing(&start, 1, "key-1", &long_value("ours")),
        set_new(&start, "fresh", "v"),
    ];
    for draft in drafts {
        for boot in [BOOT, NEXT_BOOT] {
            let disk = logged(&start, &draft);
            assert_eq!(recovered(&disk, boot), (Recovery::NotBegun, start.clone()), "{draft:?}");
            let disk = logged(&start, &draft);
            let appended = [&start[..], &theirs].concat();
            disk.pool.overwrite(appended.clone());
            assert_eq!(recovered(&disk, boot).1, appended, "{draft:?}");
        }
    }
    let disk = logged(&[], &set_new(&[], "fresh", "v"));
    assert_eq!(recovered(&disk, BOOT), (Recovery::NotBegun, Vec::new()));
}

/// A clear was acknowledged, its entry not yet gone; another program begins anew with the very same record.
#[test]
fn what_others_add_after_a_finished_change_stays_whatever_it_is() {
    let start = file(&sample(3));
    for boot in [BOOT, NEXT_BOOT] {
        let disk = logged(&start, &clear(&start));
        disk.pool.overwrite(start[..2560].to_vec());
        assert_eq!(recovered(&disk, boot).1, start[..2560]);
        let disk = logged(&start, &delete(&start, 2));
        disk.pool.overwrite(start.clone());
        assert_eq!(recovered(&disk, boot).1, start, "deleted and added again");
    }
}

#[test]
fn after_a_power_cut_the_new_length_may_have_come_alone() {
    let start = file(&sample(4));
    let disk = logged(&start, &delete(&start, 0));
    disk.pool.overwrite(start[..3 * 2560].to_vec());
    assert_eq!(recovered(&disk, NEXT_BOOT), (Recovery::Completed, start[2560..].to_vec()));
}

/// The new length and half of the shift had reached the disk; then a program appends what once was in that place.
#[test]
fn after_a_power_cut_what_lies_behind_the_new_length_was_appended() {
    let start = file(&sample(6));
    let record = |i: usize| &start[i * 2560..(i + 1) * 2560];
    let pieces = [1, 3, 4, 5].map(|i: u64| Piece::Kept { from: i * RECORD, len: RECORD }).to_vec();
    let draft = Draft { kind: Kind::Rewrite, at: 0, len: 6 * RECORD, before: 6 * RECORD, pieces };
    let disk = logged(&start, &draft);
    disk.pool.overwrite([record(1), record(1), record(4), record(5), record(4)].concat());
    let expected = [record(1), record(3), record(4), record(5), record(4)].concat();
    assert_eq!(recovered(&disk, NEXT_BOOT).1, expected);
}

/// Appended behind a finished truncation: the records lie right already, not a byte of them is written.
#[test]
fn an_append_behind_a_finished_delete_stays_where_it_is() {
    let start = file(&sample(4));
    let disk = logged(&start, &delete(&start, 0));
    let theirs = file(&[foreign(), vec![("key-2".to_owned(), "again".to_owned())]].concat());
    let pool = [start[2560..].to_vec(), theirs].concat();
    disk.pool.overwrite(pool.clone());
    assert_eq!(recovered(&disk, BOOT), (Recovery::Merged, pool));
}

/// A kill in the middle of an append leaves part of a record; the next program appends right behind it.
#[test]
fn records_appended_behind_a_part_of_ours_are_aligned_again() {
    let start = file(&sample(2));
    let ours = file(&[("fresh".to_owned(), long_value("ours"))]);
    for part in [512, 1024, 2048] {
        for count in [1, 2] {
            let disk = logged(&start, &set_new(&start, "fresh", &long_value("ours")));
            let theirs = file(&foreign()).repeat(count);
            disk.pool.overwrite([&start, &ours[..part], &theirs].concat());
            let expected = [&start[..], &ours, &theirs].concat();
            assert_eq!(recovered(&disk, BOOT), (Recovery::Merged, expected), "{part} bytes, {count} records");
        }
    }
}

#[test]
fn records_appended_behind_a_torn_tail_that_we_were_to_replace_are_aligned_again() {
    let torn = [file(&sample(2)), b"torn tail of another writer".to_vec()].concat();
    let theirs = file(&foreign());
    let ours = file(&[("fresh".to_owned(), long_value("ours"))]);
    let disk = logged(&torn, &set_new(&torn, "fresh", &long_value("ours")));
    disk.pool.overwrite([&torn[..], &theirs].concat());
    assert_eq!(recovered(&disk, BOOT).1, [&file(&sample(2))[..], &ours, &theirs].concat());
    let disk = logged(&torn, &delete(&torn, 0));
    disk.pool.overwrite([&shifted(&torn, 1)[..], &theirs].concat());
    assert_eq!(recovered(&disk, BOOT).1, [&file(&sample(2)[1..])[..], &theirs].concat());
}

#[test]
fn a_torn_tail_that_others_left_meanwhile_is_not_lost() {
    let start = file(&sample(3));
    let disk = logged(&start, &delete(&start, 0));
    let part = &file(&foreign())[..700];
    disk.pool.overwrite([&shifted(&start, 1)[..], part].concat());
    assert_eq!(recovered(&disk, BOOT).1, [&start[2560..], part].concat());
    let disk = logged(&start, &set_new(&start, "fresh", "v"));
    disk.pool.overwrite([&start[..], part].concat());
    assert_eq!(recovered(&disk, BOOT).1, [&start[..], part].concat());
}

#[test]
fn an_append_that_had_not_begun_gives_way_to_the_one_that_took_its_place() {
    let start = file(&sample(2));
    let disk = logged(&start, &set_new(&start, "fresh", "v"));
    let pool = [start, file(&foreign())].concat();
    disk.pool.overwrite(pool.clone());
    let (said, now) = recovered(&disk, BOOT);
    assert!(matches!(said, Recovery::Dropped(_)));
    assert_eq!(now, pool);
}

#[test]
fn an_entry_of_a_later_format_is_dropped_and_said() {
    let start = file(&sample(2));
    let disk = logged(&start, &delete(&start, 0));
    let mut journal = disk.journal.bytes();
    journal[8] = 9;
    let sum = crate::pool::crc::crc(&journal[..144]);
    journal[144..152].copy_from_slice(&sum.to_le_bytes());
    disk.journal.overwrite(journal);
    let (said, now) = recovered(&disk, BOOT);
    assert!(matches!(said, Recovery::Dropped(why) if why.contains("format")));
    assert_eq!(now, start);
}

/// A disk that fails while recovering keeps the entry for the next attempt.
#[test]
fn a_failing_recovery_can_be_repeated() {
    let start = file(&sample(4));
    let theirs = file(&foreign());
    for call in 0..20 {
        let disk = logged(&start, &delete(&start, 0));
        disk.pool.overwrite([&shifted(&start, 1)[..], &theirs].concat());
        disk.trouble_at(call, Trouble::Fail(rustix::io::Errno::NOSPC, 0));
        let mut engine = engine(&disk, BOOT);
        let failed = engine.recover().is_err();
        assert_eq!(engine.is_unsettled(), failed, "call {call}");
        engine.recover().unwrap();
        assert_eq!(disk.pool.bytes(), [&start[2560..], &theirs].concat(), "call {call}");
        if !failed {
            assert!(call >= 6, "{call} calls are too few to be all");
            return;
        }
    }
    panic!("a recovery has an end");
}
