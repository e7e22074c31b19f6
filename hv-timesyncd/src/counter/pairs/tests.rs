use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

const BOOT: &str = "3f0c2a9e-7a53-4d5c-9d0a-2f5f0a6f3c11";

fn numbered(number: i64) -> Pair {
    Pair { reference: 1000 + number as u64, raw: 50 * number, error: 350 }
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(FILE)
    }

    fn with(text: &str) -> Place {
        let place = Place::new();
        fs::write(place.path(), text).unwrap();
        place
    }

    fn read(&self) -> io::Result<Option<Pairs>> {
        read(&self.path(), BOOT)
    }

    fn refusal(&self) -> String {
        self.read().unwrap_err().to_string()
    }
}

fn text(lines: &str) -> String {
    format!("# hv-utils timesync pairs 1\nboot {BOOT}\nclocksource tsc\n{lines}")
}

#[test]
fn what_is_added_is_read_oldest_first_and_anybody_may() {
    let place = Place::new();
    for number in 1..4 {
        add(&place.path(), BOOT, "tsc", numbered(number)).unwrap();
    }
    let expected = text("pair 1001 50 350\npair 1002 100 350\npair 1003 150 350\n");
    assert_eq!(fs::read_to_string(place.path()).unwrap(), expected);
    let read = place.read().unwrap().unwrap();
    assert_eq!(read, Pairs { clocksource: "tsc".into(), pairs: vec![numbered(1), numbered(2), numbered(3)] });
    assert_eq!(place.path().metadata().unwrap().permissions().mode() & 0o7777, 0o644);
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn the_last_sixteen_stay() {
    let place = Place::new();
    for number in 0..40 {
        add(&place.path(), BOOT, "tsc", numbered(number)).unwrap();
    }
    let expected: Vec<Pair> = (24..40).map(numbered).collect();
    assert_eq!(place.read().unwrap().unwrap().pairs, expected);
}

#[test]
fn sixteen_of_the_largest_pairs_fit() {
    let place = Place::new();
    let largest = Pair { reference: u64::MAX, raw: i64::MAX, error: i64::MAX };
    for _ in 0..16 {
        add(&place.path(), &"b".repeat(64), &"c".repeat(64), largest).unwrap();
    }
    let read = read(&place.path(), &"b".repeat(64)).unwrap().unwrap();
    assert_eq!(read.pairs, [largest; 16]);
    assert!(place.path().metadata().unwrap().len() * 2 < LARGEST);
}

#[test]
fn another_clock_source_or_another_boot_or_damage_begins_the_file_anew() {
    for (boot, clocksource) in [(BOOT, "acpi_pm"), ("another", "tsc")] {
        let place = Place::new();
        add(&place.path(), BOOT, "tsc", numbered(1)).unwrap();
        add(&place.path(), boot, clocksource, numbered(2)).unwrap();
        let read = read(&place.path(), boot).unwrap().unwrap();
        assert_eq!(read, Pairs { clocksource: clocksource.into(), pairs: vec![numbered(2)] });
    }
    let place = Place::with(&text("pair x\n"));
    add(&place.path(), BOOT, "tsc", numbered(2)).unwrap();
    assert_eq!(place.read().unwrap().unwrap().pairs, [numbered(2)]);
}

#[test]
fn a_file_that_is_missing_or_of_another_boot_is_none() {
    assert_eq!(Place::new().read().unwrap(), None);
    let other = "# hv-utils timesync pairs 1\nboot other\nclocksource tsc\npair 1 2 3\n";
    assert_eq!(Place::with(other).read().unwrap(), None);
}

#[test]
fn damage_is_named_by_its_line() {
    let sixteen = "pair 1 2 3\n".repeat(16);
    let cases = [
        (String::new(), 1),
        ("# hv-utils timesync pairs 2\n".to_owned(), 1),
        ("# hv-utils timesync pairs 1\nclocksource tsc\n".to_owned(), 2),
        (format!("# hv-utils timesync pairs 1\nboot {BOOT}\npair 1 2 3\n"), 3),
        (format!("# hv-utils timesync pairs 1\nboot {BOOT}\nclocksource \n"), 3),
        (text("pair 1 2\n"), 4),
        (text("pair 1 2 3\npair 1 2 3 4\n"), 5),
        (text("pair 1 2 3\n\n"), 5),
        (text("pair 0 2 3\n"), 4),
        (text("pair 1 -2 3\n"), 4),
        (text("pair 1 2 -3\n"), 4),
        (text("pair 18446744073709551616 2 3\n"), 4),
        (text("pair 1 9223372036854775808 3\n"), 4),
        (text(&format!("{sixteen}pair 1 2 3\n")), 20),
        ("x".repeat(5000), 1),
    ];
    for (content, line) in cases {
        let place = Place::with(&content);
        let refusal = place.refusal();
        let named = format!("{}, line {line}: ", place.path().display());
        assert!(refusal.starts_with(&named), "{content:?}: {refusal}");
        assert_eq!(place.read().unwrap_err().kind(), ErrorKind::InvalidData);
    }
    let place = Place::new();
    fs::write(place.path(), b"\xff\xfe").unwrap();
    assert!(place.refusal().contains("not text"));
}

#[test]
fn a_link_a_directory_and_a_pipe_are_refused() {
    let place = Place::with(&text("pair 1 2 3\n"));
    let link = place.dir.path().join("link");
    symlink(place.path(), &link).unwrap();
    assert!(read(&link, BOOT).is_err());
    assert!(read(place.dir.path(), BOOT).unwrap_err().to_string().contains("no file"));
    let pipe = place.dir.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(read(&pipe, BOOT).unwrap_err().to_string().contains("no file"));
}

#[test]
fn adding_does_not_follow_a_link() {
    let place = Place::new();
    let elsewhere = place.dir.path().join("elsewhere");
    fs::write(&elsewhere, "kept").unwrap();
    symlink(&elsewhere, place.path()).unwrap();
    add(&place.path(), BOOT, "tsc", numbered(1)).unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "kept");
    assert_eq!(place.read().unwrap().unwrap().pairs, [numbered(1)]);
}

#[test]
fn asking_makes_the_file_and_its_directory_and_closes_it_each_time() {
    let place = Place::new();
    let path = ask(place.dir.path()).unwrap();
    assert_eq!(path, place.dir.path().join("hv-timesyncd/ask"));
    rustix::fs::utimensat(
        rustix::fs::CWD,
        &path,
        &rustix::fs::Timestamps {
            last_access: rustix::time::Timespec { tv_sec: 1, tv_nsec: 0 },
            last_modification: rustix::time::Timespec { tv_sec: 1, tv_nsec: 0 },
        },
        rustix::fs::AtFlags::empty(),
    )
    .unwrap();
    ask(place.dir.path()).unwrap();
    assert!(path.metadata().unwrap().mtime() > 1);
    assert_eq!(path.metadata().unwrap().len(), 0);
}

#[test]
fn asking_does_not_follow_a_link() {
    let place = Place::new();
    let elsewhere = place.dir.path().join("elsewhere");
    fs::write(&elsewhere, "kept").unwrap();
    fs::create_dir(place.dir.path().join("hv-timesyncd")).unwrap();
    symlink(&elsewhere, place.dir.path().join(ASK)).unwrap();
    assert!(ask(place.dir.path()).is_err());
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "kept");
}

/// Roots with a boot id and a clock source.
fn machine(clocksource: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (sysfs, proc) = (dir.path().join("sys"), dir.path().join("proc"));
    let at = sysfs.join("devices/system/clocksource/clocksource0");
    fs::create_dir_all(&at).unwrap();
    fs::write(at.join("current_clocksource"), format!("{clocksource}\n")).unwrap();
    fs::create_dir_all(proc.join("sys/kernel/random")).unwrap();
    fs::write(proc.join("sys/kernel/random/boot_id"), format!("{BOOT}\n")).unwrap();
    (dir, sysfs, proc)
}

#[test]
fn pairs_of_another_clock_source_do_not_hold_now() {
    let place = Place::with(&text("pair 1 2 3\n"));
    let (_dir, sysfs, proc) = machine("tsc");
    let now = current(place.dir.path(), &sysfs, &proc).unwrap();
    assert_eq!(now, Current { pairs: vec![Pair { reference: 1, raw: 2, error: 3 }], steady: false });
    let (_dir, sysfs, proc) = machine("hyperv_clocksource_tsc_page");
    assert_eq!(current(place.dir.path(), &sysfs, &proc).unwrap(), Current { pairs: vec![], steady: true });
}

#[test]
fn hyperv_clock_sources_are_the_reference_counter_and_others_are_not() {
    for (name, is) in [
        ("hyperv_clocksource_tsc_page", true),
        ("hyperv_clocksource_msr", true),
        ("tsc", false),
        ("kvm-clock", false),
        ("unknown", false),
    ] {
        assert_eq!(is_reference_counter(name), is, "{name}");
    }
}

#[test]
fn a_machine_that_does_not_say_its_clock_source_has_an_unknown_one_and_without_a_boot_id_there_are_no_pairs()
{
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(clocksource(nothing.path()), "unknown");
    let error = current(nothing.path(), nothing.path(), nothing.path()).unwrap_err();
    assert!(error.to_string().contains("boot_id"), "{error}");
    let (dir, _, proc) = machine("two words");
    assert_eq!(clocksource(&dir.path().join("sys")), "unknown");
    fs::write(proc.join("sys/kernel/random/boot_id"), "").unwrap();
    assert!(boot_id(&proc).unwrap_err().to_string().contains("no boot id"));
}
