use super::*;
use crate::plan::{Device, Verdict};
use std::io::ErrorKind;
use std::path::PathBuf;
use tempfile::TempDir;

const BOOT: &str = "b1c2d3e4-0000-1111-2222-333344445555";

fn entry(mount: &str, kind: &str, level: u16) -> Entry {
    Entry {
        mount: PathBuf::from(mount),
        also: Vec::new(),
        kind: kind.to_owned(),
        source: "/dev/sda1".to_owned(),
        device: Device { major: 8, minor: 1 },
        mount_id: 0x1_0000_0002,
        level,
        order: String::new(),
        verdict: Verdict::Freeze,
        at_risk: false,
    }
}

fn record(entries: &[Entry]) -> (TempDir, Record) {
    let directory = tempfile::tempdir().unwrap();
    let record =
        Record::create(&directory.path().join("r.frozen"), entries, Origin::Bus, 0x0102_0304, BOOT).unwrap();
    (directory, record)
}

#[test]
fn the_file_is_laid_out_as_described() {
    let (directory, record) = record(&[entry("/srv", "xfs", 1), entry("/", "ext4", 0)]);
    assert!(record.advance(1, Step::Idle, Step::Attempting));
    record.set_error(1, 16);
    record.synced(1, Duration::from_micros(7));
    record.start(Duration::from_nanos(0x1122));
    let bytes = fs::read(directory.path().join("r.frozen")).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let double = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(&bytes[..8], b"HVFROZEN");
    assert_eq!([8, 12, 16, 20, 24].map(word), [1, 2, 2, 0, 0]);
    assert_eq!([32, 40].map(double), [0x0102_0304, 0x1122]);
    assert_eq!(&bytes[64..100], BOOT.as_bytes());
    assert_eq!([104, 108].map(word), [384, 4 + 3 + 1 + 4]);
    // The first filesystem, then the second.
    assert_eq!([0, 4, 8, 12, 24, 28, 32, 36].map(|at| word(256 + at)), [0, 0, 8, 1, 1, 0, 4, 3]);
    assert_eq!(double(256 + 16), 0x1_0000_0002);
    assert_eq!([0, 4, 8, 12, 24, 28, 32, 36, 40].map(|at| word(320 + at)), [1, 16, 8, 1, 0, 7, 1, 4, 7]);
    assert_eq!(&bytes[384..396], b"/srvxfs/ext4");
    assert_eq!(bytes.len(), 400);
}

#[test]
fn what_was_written_is_read_by_another() {
    let (directory, record) = record(&[entry("/a b", "btrfs", 2), entry("/ü", "ext4", 0)]);
    let other = Record::open(&directory.path().join("r.frozen")).unwrap();
    assert_eq!((other.len(), other.origin(), other.begun()), (2, Origin::Bus, 0x0102_0304));
    assert!(other.is_of_boot(BOOT) && !other.is_of_boot("another"));
    let named = other.named(1);
    assert_eq!(
        (named.mount.to_str(), named.kind.as_str(), named.mount_id),
        (Some("/ü"), "ext4", 0x1_0000_0002)
    );
    assert_eq!(named.device, Device { major: 8, minor: 1 });
    assert_eq!(other.named(0).mount, Path::new("/a b"));
    assert_eq!((other.level(0), other.level(1)), (2, 0));
    assert!(!other.is_closed());
    record.close();
    assert!(other.is_closed());
    assert_eq!(other.ended(), None);
    record.end(Ended::Deadline);
    record.end(Ended::Guardian);
    assert_eq!(other.ended(), Some(Ended::Deadline), "the first counts");
}

#[test]
fn of_two_who_take_the_same_step_one_does() {
    let (directory, record) = record(&[entry("/", "ext4", 0)]);
    let other = Record::open(&directory.path().join("r.frozen")).unwrap();
    for _ in 0..1000 {
        assert!(record.advance(0, Step::Idle, Step::Frozen));
        let taken: usize = std::thread::scope(|scope| {
            let one = scope.spawn(|| usize::from(record.advance(0, Step::Frozen, Step::Thawing)));
            let two = scope.spawn(|| usize::from(other.advance(0, Step::Frozen, Step::Thawing)));
            one.join().unwrap() + two.join().unwrap()
        });
        assert_eq!(taken, 1);
        assert!(other.advance(0, Step::Thawing, Step::Idle));
    }
}

#[test]
fn the_lock_is_held_until_all_who_share_the_file_are_gone() {
    let (directory, record) = record(&[entry("/", "ext4", 0)]);
    let handed = Record::from_descriptor(record.descriptor().try_clone_to_owned().unwrap()).unwrap();
    let next = Record::open(&directory.path().join("r.frozen")).unwrap();
    assert!(!next.try_lock().unwrap());
    drop(record);
    assert!(!next.try_lock().unwrap(), "the guardian lives");
    drop(handed);
    assert!(next.try_lock().unwrap());
}

#[test]
fn times_are_since_the_first_freeze() {
    let (_directory, record) = record(&[entry("/", "ext4", 0)]);
    assert_eq!(record.started(), None);
    record.start(monotonic() + Duration::from_secs(5));
    let started = record.started().unwrap();
    record.froze(0, started + Duration::from_micros(300), Duration::from_micros(40));
    assert_eq!(record.times(0), Times { sync: 0, freeze: 40, frozen: 300, thawed: 0 });
    record.thawed(0);
    assert!(record.times(0).thawed > 0);
    // Longer than fits.
    record.froze(0, started, Duration::from_secs(10_000));
    assert_eq!(record.times(0).freeze, u32::MAX);
}

#[test]
fn other_files_are_no_records() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r");
    assert_eq!(Record::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
    let (source, _record) = record(&[entry("/", "ext4", 0)]);
    let good = fs::read(source.path().join("r.frozen")).unwrap();
    let with = |at: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    for bytes in [
        vec![],
        vec![0; 256],
        good[..248].to_vec(),
        good[..good.len() - 4].to_vec(),
        with(0, 1),
        with(8, 2),
        with(12, 3),
        with(12, u32::MAX),
    ] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(Record::open(&path).unwrap_err().kind(), ErrorKind::InvalidData);
    }
    // Names that are not where they are said to be are cut, and no more.
    for (at, value) in
        [(104, u32::MAX), (256 + 28, u32::MAX), (256 + 32, u32::MAX), (256 + 36, u32::MAX), (104, 3)]
    {
        fs::write(&path, with(at, value)).unwrap();
        let _ = Record::open(&path).unwrap().named(0);
    }
    // Nor is a step that is not known anything of ours.
    fs::write(&path, with(256, 99)).unwrap();
    assert!(!Record::open(&path).unwrap().step(0).may_be_frozen());
}

#[test]
fn a_record_is_replaced_as_a_whole_and_not_through_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r.frozen");
    let victim = directory.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, directory.path().join("r.new")).unwrap();
    let record = Record::create(&path, &[], Origin::Host, 1, BOOT).unwrap();
    assert!(record.is_empty());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    std::os::unix::fs::symlink(&victim, directory.path().join("link")).unwrap();
    assert!(Record::open(&directory.path().join("link")).is_err());
}
