//! Large pools: the bound, order, cost and memory.

use super::*;

fn many(count: usize) -> Items {
    (0..count).map(|i| (format!("key-{i:05}"), "v".repeat(91))).collect()
}

#[test]
fn ten_thousand_records_are_served_changed_and_kept_in_order() {
    let place = Place::new();
    let pool = Pool::External;
    let mut expected = many(10_000);
    std::fs::write(place.path(pool), file(&expected)).unwrap();
    let (set_, reports) = place.open();
    assert_eq!(reports, []);
    assert_eq!(set_.len(pool), 10_000);
    assert_eq!(set_.item(pool, 9999), Some(expected[9999].clone()));
    assert_eq!(set_.get(pool, "key-05000"), Some(expected[5000].1.clone()));
    for change in [set(pool, "key-07000", "x"), set(pool, "fresh", "y"), delete(pool, "key-00000")] {
        submit(&set_, change).result.unwrap();
    }
    submit(&set_, delete(pool, "key-05000")).result.unwrap();
    submit(&set_, delete(pool, "fresh")).result.unwrap();
    expected[7000].1 = "x".to_owned();
    expected.remove(5000);
    expected.remove(0);
    assert_eq!(list(&set_, pool), expected);
    assert!(place.bytes(pool) == file(&expected), "the file is not as it should be");
    let journal = std::fs::metadata(place.options.pool_dir.join(".hv-utils-journal_0")).unwrap();
    assert!(journal.len() <= 64 * 1024, "{} bytes of journal are left", journal.len());
}

#[test]
fn a_new_key_beyond_the_bound_is_refused_and_all_else_works() {
    let mut place = Place::new();
    place.options.max_items = 60;
    let (set_, _) = place.open();
    for (key, value) in many(60) {
        submit(&set_, set(Pool::Guest, &key, &value)).result.unwrap();
    }
    let error = submit(&set_, set(Pool::Guest, "one-more", "v")).result.unwrap_err();
    assert_eq!(error, PoolError::Full { pool: Pool::Guest, max: 60 });
    submit(&set_, set(Pool::Guest, "key-00059", "v")).result.unwrap();
    submit(&set_, delete(Pool::Guest, "key-00000")).result.unwrap();
    submit(&set_, set(Pool::Guest, "one-more", "v")).result.unwrap();
    assert_eq!(set_.len(Pool::Guest), 60);
}

#[test]
fn a_longer_file_is_served_up_to_the_bound_and_moves_into_view() {
    let mut place = Place::new();
    place.options.max_items = 60;
    let mut expected = many(70);
    std::fs::write(place.path(Pool::Guest), file(&expected)).unwrap();
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::TooLong]);
    assert!(reports[0].text.contains("70 records, 60 are served"), "{}", reports[0]);
    assert_eq!(list(&set_, Pool::Guest), expected[..60]);
    assert!(matches!(submit(&set_, set(Pool::Guest, "new", "v")).result, Err(PoolError::Full { .. })));
    submit(&set_, delete(Pool::Guest, "key-00010")).result.unwrap();
    expected.remove(10);
    assert!(set_.stale(Pool::Guest));
    let outcome = refresh(&set_, Pool::Guest);
    assert_eq!((outcome.foreign.len(), outcome.reports), (1, Vec::new()));
    assert_eq!(list(&set_, Pool::Guest), expected[..60]);
    assert_eq!(place.bytes(Pool::Guest), file(&expected));
    submit(&set_, Change::Clear { pool: Pool::Guest }).result.unwrap();
    assert_eq!(place.bytes(Pool::Guest), b"");
}

#[test]
fn a_deleted_key_does_not_come_back_from_beyond_the_bound() {
    let mut place = Place::new();
    place.options.max_items = 60;
    let mut records = many(70);
    records[3].0 = "twice".to_owned();
    records[65].0 = "twice".to_owned();
    std::fs::write(place.path(Pool::Guest), file(&records)).unwrap();
    let (set_, _) = place.open();
    submit(&set_, delete(Pool::Guest, "twice")).result.unwrap();
    records.retain(|item| item.0 != "twice");
    assert_eq!(place.bytes(Pool::Guest), file(&records));
}

#[test]
fn another_bound_holds_for_what_comes_after_it() {
    let place = Place::new();
    std::fs::write(place.path(Pool::Guest), file(&many(10))).unwrap();
    let (set_, _) = place.open();
    set_.limit(10, place.options.lock_timeout);
    let error = submit(&set_, set(Pool::Guest, "one-more", "v")).result.unwrap_err();
    assert_eq!(error, PoolError::Full { pool: Pool::Guest, max: 10 });
    set_.limit(4, place.options.lock_timeout);
    let outcome = refresh(&set_, Pool::Guest);
    assert_eq!((outcome.foreign.len(), kinds(&outcome.reports)), (6, vec![ReportKind::TooLong]));
    assert_eq!(list(&set_, Pool::Guest), many(4));
    set_.limit(11, place.options.lock_timeout);
    submit(&set_, set(Pool::Guest, "one-more", "v")).result.unwrap();
    assert_eq!(set_.len(Pool::Guest), 11);
}

const WEIGHED: &str = "HV_UTILS_TEST_WEIGHED";

/// Runs in a child process only: tells how much memory one pool of 10,000 items takes.
#[test]
fn child_that_is_weighed() {
    let Ok(dir) = std::env::var(WEIGHED) else { return };
    let anonymous = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let dir = std::path::Path::new(&dir);
    let options = PoolOptions::new(dir.join("hyperv"), dir.join("state"));
    drop(PoolSet::open(&PoolOptions { pool_dir: dir.join("empty"), ..options.clone() }).unwrap());
    let before = anonymous();
    let (set_, _) = PoolSet::open(&options).unwrap();
    submit(&set_, delete(Pool::External, "key-00000")).result.unwrap();
    refresh(&set_, Pool::External).result.unwrap();
    println!("\nweight {}", anonymous() - before);
}

#[test]
fn ten_thousand_items_of_a_hundred_bytes_take_at_most_three_mebibytes() {
    let place = Place::new();
    std::fs::write(place.path(Pool::External), file(&many(10_000))).unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "pool::tests::scale::child_that_is_weighed", "--nocapture"])
        .env(WEIGHED, place.dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let weight = text.lines().find_map(|line| line.strip_prefix("weight ")).expect("the child weighs itself");
    let weight: u64 = weight.parse().unwrap();
    eprintln!("{weight} KiB");
    assert!(weight <= 3 * 1024, "{weight} KiB");
}

/// A message bus throws out who sends too much at once, and anyone may ask.
#[test]
fn a_page_has_an_end_however_much_is_asked_for() {
    let place = Place::new();
    let expected: Items = (0..6_000).map(|i| (format!("key-{i:05}"), "v".repeat(2_047))).collect();
    std::fs::write(place.path(Pool::Guest), file(&expected)).unwrap();
    let (set_, _) = place.open();
    let mut got = Items::new();
    loop {
        let (page, more) = set_.page(Pool::Guest, got.len() as u32, u32::MAX);
        let bytes: usize = page.iter().map(|(key, value)| key.len() + value.len()).sum();
        assert!(!page.is_empty() && bytes <= 8 * 1024 * 1024, "{bytes} bytes");
        got.extend(page);
        if !more {
            break;
        }
    }
    assert!(got == expected, "{} items", got.len());
    assert_eq!(set_.page(Pool::Guest, u32::MAX, u32::MAX), (Vec::new(), false));
}
