//! Other programs write while the set is open.

use std::os::unix::fs::FileExt;

use super::*;

fn changed(pool: Pool, key: &str, value: &str) -> Notice {
    Notice::Changed { pool, key: key.to_owned(), value: value.to_owned() }
}

fn removed(pool: Pool, key: &str) -> Notice {
    Notice::Removed { pool, key: key.to_owned() }
}

#[test]
fn an_append_an_edit_and_a_truncation_are_noticed_each_once() {
    let place = Place::new();
    let (set_, _) = place.open();
    let pool = Pool::Guest;
    assert!(!set_.stale(pool));
    append(&place.path(pool), &[one("a", "1"), one("b", "1")].concat());
    assert!(set_.stale(pool));
    assert_eq!(refresh(&set_, pool).foreign, [changed(pool, "a", "1"), changed(pool, "b", "1")]);
    assert!(!set_.stale(pool));
    assert!(refresh(&set_, pool).foreign.is_empty());
    let file = std::fs::File::options().write(true).open(place.path(pool)).unwrap();
    file.write_all_at(b"2", 2560 + 512).unwrap();
    assert_eq!(refresh(&set_, pool).foreign, [changed(pool, "b", "2")]);
    file.set_len(2560).unwrap();
    assert_eq!(refresh(&set_, pool).foreign, [removed(pool, "b")]);
    assert_eq!(list(&set_, pool), pairs(&[("a", "1")]));
}

#[test]
fn our_own_writes_are_not_foreign() {
    let place = Place::new();
    let (set_, _) = place.open();
    for i in 0..5 {
        let outcome = submit(&set_, set(Pool::External, "k", &i.to_string()));
        assert_eq!(outcome.foreign, []);
        // The answer comes before the journal is cleared; the next request comes after.
        assert_eq!(refresh(&set_, Pool::External).foreign, []);
        assert!(!set_.stale(Pool::External));
    }
    submit(&set_, delete(Pool::External, "k")).result.unwrap();
    assert_eq!(refresh(&set_, Pool::External).foreign, []);
}

#[test]
fn a_change_sees_what_others_wrote_before_it_and_says_so() {
    let place = Place::new();
    let (set_, _) = place.open();
    let pool = Pool::Guest;
    append(&place.path(pool), &one("theirs", "1"));
    let outcome = submit(&set_, set(pool, "ours", "1"));
    assert_eq!(outcome.foreign, [changed(pool, "theirs", "1")]);
    assert_eq!(outcome.result, Ok(vec![changed(pool, "ours", "1")]));
    append(&place.path(pool), &one("theirs", "2"));
    let outcome = submit(&set_, delete(pool, "missing"));
    assert_eq!(outcome.foreign, [changed(pool, "theirs", "2")], "also with a refused request");
    assert!(outcome.result.is_err());
    assert_eq!(items(&place.bytes(pool)), pairs(&[("theirs", "1"), ("ours", "1"), ("theirs", "2")]));
    assert_eq!(list(&set_, pool), pairs(&[("ours", "1"), ("theirs", "2")]));
}

/// cloud-init: truncates by opening with "w", without a lock, then appends under flock.
#[test]
fn truncation_and_append_as_cloud_init_does_it() {
    let place = Place::new();
    let (set_, _) = place.open();
    let pool = Pool::Guest;
    submit(&set_, set(pool, "old", "1")).result.unwrap();
    let inode = inode(&place.path(pool));
    std::fs::write(place.path(pool), b"").unwrap();
    append(&place.path(pool), &one("CLOUD_INIT|1763780000|start|a|uuid", "{}"));
    let outcome = submit(&set_, set(pool, "new", "1"));
    assert_eq!(
        outcome.foreign,
        [changed(pool, "CLOUD_INIT|1763780000|start|a|uuid", "{}"), removed(pool, "old")]
    );
    let expected = pairs(&[("CLOUD_INIT|1763780000|start|a|uuid", "{}"), ("new", "1")]);
    assert_eq!(place.bytes(pool), file(&expected));
    assert_eq!(super::foreign::inode(&place.path(pool)), inode);
}

pub(super) fn inode(path: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).unwrap().ino()
}

#[test]
fn the_inode_never_changes_by_our_hand() {
    let place = Place::new();
    let (set_, _) = place.open();
    let pool = Pool::External;
    let before = inode(&place.path(pool));
    for change in [set(pool, "a", "1"), set(pool, "b", "1"), delete(pool, "a"), Change::Clear { pool }] {
        submit(&set_, change).result.unwrap();
        assert_eq!(inode(&place.path(pool)), before);
    }
}

#[test]
fn a_deleted_file_is_created_again_and_a_replaced_one_is_used() {
    let place = Place::new();
    let (set_, _) = place.open();
    let pool = Pool::Guest;
    submit(&set_, set(pool, "old", "1")).result.unwrap();
    refresh(&set_, pool);
    std::fs::remove_file(place.path(pool)).unwrap();
    assert!(set_.stale(pool));
    let outcome = refresh(&set_, pool);
    assert_eq!(outcome.foreign, [removed(pool, "old")]);
    assert_eq!(kinds(&outcome.reports), [ReportKind::Reopened]);
    assert_eq!(place.bytes(pool), b"");
    std::fs::write(place.options.pool_dir.join("new"), one("fresh", "1")).unwrap();
    std::fs::rename(place.options.pool_dir.join("new"), place.path(pool)).unwrap();
    let outcome = submit(&set_, set(pool, "ours", "1"));
    assert_eq!(outcome.foreign, [changed(pool, "fresh", "1")]);
    assert_eq!(items(&place.bytes(pool)), pairs(&[("fresh", "1"), ("ours", "1")]));
    append(&place.path(pool), &one("later", "1"));
    assert_eq!(refresh(&set_, pool).foreign, [changed(pool, "later", "1")], "the new file is watched");
}

#[test]
fn a_directory_that_was_deleted_and_made_again_is_watched_again() {
    let place = Place::new();
    let (set_, _) = place.open();
    let pool = Pool::Guest;
    std::fs::remove_dir_all(&place.options.pool_dir).unwrap();
    refresh(&set_, pool).result.unwrap();
    assert_eq!(place.bytes(pool), b"");
    submit(&set_, set(pool, "k", "1")).result.unwrap();
    refresh(&set_, pool);
    std::fs::write(place.options.pool_dir.join("new"), one("fresh", "1")).unwrap();
    std::fs::rename(place.options.pool_dir.join("new"), place.path(pool)).unwrap();
    assert!(set_.stale(pool));
    refresh(&set_, pool).result.unwrap();
    assert_eq!(list(&set_, pool), pairs(&[("fresh", "1")]));
}

#[test]
fn a_deleted_journal_is_made_again_before_anything_is_written() {
    let place = Place::new();
    let (set_, _) = place.open();
    let journal = place.options.pool_dir.join(".hv-utils-journal_1");
    std::fs::remove_file(&journal).unwrap();
    submit(&set_, set(Pool::Guest, "k", "1")).result.unwrap();
    assert!(journal.exists());
    assert_eq!(items(&place.bytes(Pool::Guest)), pairs(&[("k", "1")]));
}

#[test]
fn a_symbolic_link_put_in_its_place_is_not_followed() {
    let place = Place::new();
    let (set_, _) = place.open();
    submit(&set_, set(Pool::Guest, "k", "1")).result.unwrap();
    let victim = place.dir.path().join("victim");
    std::fs::write(&victim, b"precious").unwrap();
    std::fs::remove_file(place.path(Pool::Guest)).unwrap();
    std::os::unix::fs::symlink(&victim, place.path(Pool::Guest)).unwrap();
    let error = submit(&set_, set(Pool::Guest, "k", "2")).result.unwrap_err();
    assert_eq!(error.errno(), Some(rustix::io::Errno::LOOP));
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("1"), "reads go on");
}

/// The descriptors tell of every foreign write, as an edge-triggered waiter needs it.
#[test]
fn the_watch_descriptors_become_readable() {
    let place = Place::new();
    let (set_, _) = place.open();
    let watches = set_.watch_fds();
    assert_eq!(watches.iter().map(|(pool, _)| *pool).collect::<Vec<_>>(), Pool::ALL);
    let readable = || -> Vec<Pool> {
        watches.iter().filter(|(_, fd)| watch::is_readable(fd)).map(|(pool, _)| *pool).collect()
    };
    assert_eq!(readable(), []);
    append(&place.path(Pool::AutoExternal), &one("HostName", "alpha"));
    assert_eq!(readable(), [Pool::AutoExternal]);
    refresh(&set_, Pool::AutoExternal);
    assert_eq!(readable(), []);
}

/// A program that writes without any lock, all the time: requests end, and nothing of ours is torn.
#[test]
fn a_writer_without_locks_does_not_tear_our_records() {
    let place = Place::new();
    let (set_, _) = place.open();
    let path = place.path(Pool::Guest);
    let (go_on, stopped) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let path = &path;
        scope.spawn(move || {
            // Until the other side is gone, also by a panic.
            for i in (0..).take_while(|_| stopped.try_recv() == Err(mpsc::TryRecvError::Empty)) {
                append(path, &one(&format!("theirs-{i}"), "v"));
                if i % 7 == 0 {
                    std::fs::write(path, b"").unwrap();
                }
            }
        });
        let _go_on = go_on;
        for i in 0..100 {
            match submit(&set_, set(Pool::Guest, "ours", &i.to_string())).result {
                Ok(_) | Err(PoolError::Disturbed { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    submit(&set_, set(Pool::Guest, "ours", "last")).result.unwrap();
    let now = items(&place.bytes(Pool::Guest));
    assert_eq!(now.iter().filter(|item| item.0 == "ours").count(), 1);
    assert!(now.iter().all(|item| item.0 == "ours" || item.0.starts_with("theirs-") || item.0.is_empty()));
}
