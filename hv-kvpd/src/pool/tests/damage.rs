//! Damaged pools: read as far as they go, a copy kept, told once.

use super::*;

fn copies(place: &Place) -> usize {
    std::fs::read_dir(place.options.state_dir.join("damaged")).map_or(0, Iterator::count)
}

#[test]
fn a_torn_tail_is_ignored_kept_aside_and_cut_only_when_we_write() {
    let place = Place::new();
    let pool = Pool::Guest;
    let torn = [one("a", "1"), one("b", "1")[..1000].to_vec()].concat();
    std::fs::write(place.path(pool), &torn).unwrap();
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::Damaged]);
    assert!(reports[0].to_string().contains("1000 bytes of a torn record"), "{}", reports[0]);
    assert_eq!(list(&set_, pool), pairs(&[("a", "1")]));
    assert_eq!(place.bytes(pool), torn, "reading changes nothing");
    assert_eq!(copies(&place), 1);
    submit(&set_, set(pool, "a", "2")).result.unwrap();
    assert_eq!(place.bytes(pool).len(), torn.len(), "a change elsewhere leaves it");
    submit(&set_, set(pool, "new", "1")).result.unwrap();
    assert_eq!(place.bytes(pool), file(&pairs(&[("a", "2"), ("new", "1")])));
    let copy = std::fs::read_dir(place.options.state_dir.join("damaged")).unwrap().next().unwrap().unwrap();
    assert_eq!(std::fs::read(copy.path()).unwrap(), torn);
}

#[test]
fn a_torn_tail_of_which_no_copy_can_be_kept_is_not_overwritten() {
    let place = Place::new();
    let torn = [one("a", "1"), b"torn".to_vec()].concat();
    std::fs::write(place.path(Pool::Guest), &torn).unwrap();
    std::fs::write(&place.options.state_dir, b"in the way").unwrap();
    let (set_, reports) = place.open();
    assert!(reports[0].text.contains("no copy could be kept"), "{}", reports[0]);
    let error = submit(&set_, set(Pool::Guest, "new", "1")).result.unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert_eq!(place.bytes(Pool::Guest), torn);
}

#[test]
fn the_same_damage_is_copied_once_over_many_starts() {
    let place = Place::new();
    std::fs::write(place.path(Pool::Guest), [one("a", "1"), vec![0; 2560], b"x".to_vec()].concat()).unwrap();
    for _ in 0..4 {
        let (set_, reports) = place.open();
        assert_eq!(kinds(&reports), [ReportKind::Damaged]);
        submit(&set_, set(Pool::Guest, "a", &copies(&place).to_string())).result.unwrap();
    }
    assert_eq!(copies(&place), 1);
}

#[test]
fn damage_that_comes_later_is_told_once_and_copied() {
    let place = Place::new();
    let (set_, _) = place.open();
    append(&place.path(Pool::Guest), &[0xff; 2560]);
    let outcome = refresh(&set_, Pool::Guest);
    assert_eq!(kinds(&outcome.reports), [ReportKind::Damaged]);
    assert_eq!(copies(&place), 1);
    append(&place.path(Pool::Guest), &one("sound", "1"));
    let outcome = refresh(&set_, Pool::Guest);
    assert_eq!(outcome.reports, []);
    assert_eq!(set_.get(Pool::Guest, "sound").as_deref(), Some("1"));
    assert_eq!(copies(&place), 1);
}

#[test]
fn a_torn_tail_that_comes_later_is_copied_only_when_it_would_be_lost() {
    let place = Place::new();
    let (set_, _) = place.open();
    let path = place.path(Pool::Guest);
    append(&path, &one("theirs", "1")[..600]);
    assert_eq!(refresh(&set_, Pool::Guest).reports, [], "it may be on its way in");
    append(&path, &one("theirs", "1")[600..]);
    refresh(&set_, Pool::Guest);
    assert_eq!((set_.get(Pool::Guest, "theirs").as_deref(), copies(&place)), (Some("1"), 0));
    append(&path, b"torn");
    submit(&set_, set(Pool::Guest, "new", "1")).result.unwrap();
    assert_eq!(copies(&place), 1);
    assert_eq!(items(&place.bytes(Pool::Guest)).len(), 2);
}

#[test]
fn one_bad_pool_does_not_stop_the_others() {
    let place = Place::new();
    std::fs::create_dir(place.path(Pool::Auto)).unwrap();
    std::os::unix::fs::symlink("/dev/null", place.path(Pool::AutoInternal)).unwrap();
    std::fs::write(place.path(Pool::Guest), one("k", "v")).unwrap();
    let (set_, reports) = place.open();
    assert_eq!(kinds(&reports), [ReportKind::Unavailable; 2]);
    assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("v"));
    assert!(submit(&set_, set(Pool::Auto, "k", "v")).result.is_err());
    std::fs::remove_dir(place.path(Pool::Auto)).unwrap();
    submit(&set_, set(Pool::Auto, "k", "v")).result.unwrap();
}

#[test]
fn a_file_of_absurd_length_is_not_rewritten() {
    let place = Place::new();
    std::fs::write(place.path(Pool::Guest), one("k", "v")).unwrap();
    let file = std::fs::File::options().write(true).open(place.path(Pool::Guest)).unwrap();
    file.set_len(1 << 40).unwrap();
    let (set_, _) = place.open();
    for change in [delete(Pool::Guest, "k"), Change::Clear { pool: Pool::Guest }] {
        assert!(matches!(submit(&set_, change).result, Err(PoolError::Oversized { .. })));
    }
    submit(&set_, set(Pool::Guest, "k", "w")).result.unwrap();
    assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("w"));
}

#[test]
fn what_is_not_utf8_is_shown_replaced_and_kept_in_the_file() {
    let place = Place::new();
    let mut record = one("kay", "value");
    record[1] = 0xff;
    record[513] = 0xfe;
    std::fs::write(place.path(Pool::Guest), &record).unwrap();
    let (set_, _) = place.open();
    assert_eq!(list(&set_, Pool::Guest), pairs(&[("k\u{fffd}y", "v\u{fffd}lue")]));
    submit(&set_, set(Pool::Guest, "other", "1")).result.unwrap();
    assert_eq!(place.bytes(Pool::Guest)[..2560], record);
}

#[test]
fn no_content_of_a_pool_makes_it_unusable() {
    let mut seed = 5;
    for len in [1, 511, 2559, 2561, 5120, 30_000] {
        let place = Place::new();
        let noise: Vec<u8> = (0..len).map(|_| engine::tests::sim::next_random(&mut seed) as u8).collect();
        std::fs::write(place.path(Pool::Guest), &noise).unwrap();
        let (set_, reports) = place.open();
        assert_eq!(kinds(&reports), [ReportKind::Damaged]);
        submit(&set_, set(Pool::Guest, "k", "1")).result.unwrap();
        assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("1"));
        submit(&set_, Change::Clear { pool: Pool::Guest }).result.unwrap();
        assert_eq!(place.bytes(Pool::Guest), b"");
    }
}

#[test]
fn no_content_of_a_journal_makes_a_pool_unusable() {
    let mut seed = 6;
    for len in [1, 512, 8192, 9000] {
        let place = Place::new();
        std::fs::write(place.path(Pool::Guest), one("k", "1")).unwrap();
        let noise: Vec<u8> = (0..len).map(|_| engine::tests::sim::next_random(&mut seed) as u8).collect();
        std::fs::write(place.options.pool_dir.join(".hv-utils-journal_1"), &noise).unwrap();
        let (set_, _) = place.open();
        assert_eq!(list(&set_, Pool::Guest), pairs(&[("k", "1")]));
        submit(&set_, delete(Pool::Guest, "k")).result.unwrap();
        assert_eq!(place.bytes(Pool::Guest), b"");
    }
}
