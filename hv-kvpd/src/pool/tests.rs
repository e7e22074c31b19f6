//! The whole set on real files, beside programs that behave as the known writers do.

use std::sync::mpsc;
use std::time::Duration;

use super::engine::tests::{Items, file, items};
use super::*;

mod cloned;
mod crash;
mod damage;
mod foreign;
mod locked;
mod model;
mod namespace;
mod scale;

/// A directory with everything that a set looks at.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    pub(crate) options: PoolOptions,
}

impl Place {
    pub(crate) fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let mut options = PoolOptions::new(root.join("hyperv"), root.join("state"));
        options.sysfs_root = root.join("sys");
        options.etc_root = root.join("etc");
        options.lock_timeout = Duration::from_millis(300);
        std::fs::create_dir_all(root.join("hyperv")).unwrap();
        Place { options, dir }
    }

    pub(crate) fn path(&self, pool: Pool) -> std::path::PathBuf {
        self.options.pool_dir.join(format!(".kvp_pool_{}", pool.number()))
    }

    pub(crate) fn bytes(&self, pool: Pool) -> Vec<u8> {
        std::fs::read(self.path(pool)).unwrap()
    }

    pub(crate) fn open(&self) -> (PoolSet, Vec<Report>) {
        PoolSet::open(&self.options).unwrap()
    }
}

/// Submits and waits.
pub(crate) fn submit(set: &PoolSet, change: Change) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    set.submit(change, move |outcome| sender.send(outcome).unwrap());
    receiver.recv().unwrap()
}

pub(crate) fn refresh(set: &PoolSet, pool: Pool) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    set.refresh(pool, move |outcome| sender.send(outcome).unwrap());
    receiver.recv().unwrap()
}

pub(crate) fn set(pool: Pool, key: &str, value: &str) -> Change {
    Change::Set { pool, key: key.to_owned(), value: value.to_owned() }
}

pub(crate) fn delete(pool: Pool, key: &str) -> Change {
    Change::Delete { pool, key: key.to_owned() }
}

fn list(set: &PoolSet, pool: Pool) -> Items {
    set.page(pool, 0, u32::MAX).0
}

fn pairs(items: &[(&str, &str)]) -> Items {
    items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// What hv_kvp_daemon, cloud-init and azure-init do to the bytes: write without asking us.
fn append(path: &std::path::Path, bytes: &[u8]) {
    use std::io::Write;
    std::fs::File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// A record of this key and value.
fn one(key: &str, value: &str) -> Vec<u8> {
    file(&pairs(&[(key, value)]))
}

fn kinds(reports: &[Report]) -> Vec<ReportKind> {
    reports.iter().map(|report| report.kind).collect()
}

#[test]
fn five_empty_files_of_mode_0644_and_journals_of_another_name() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let (set, reports) = place.open();
    assert_eq!(reports, []);
    for pool in Pool::ALL {
        let meta = std::fs::metadata(place.path(pool)).unwrap();
        assert_eq!((meta.len(), meta.permissions().mode() & 0o7777), (0, 0o644));
        assert!(set.is_empty(pool));
    }
    let pools = std::fs::read_dir(&place.options.pool_dir).unwrap();
    let pools =
        pools.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().contains("kvp_pool"));
    assert_eq!(pools.count(), 5);
}

#[test]
fn set_delete_and_clear_in_file_order() {
    let place = Place::new();
    let (set_, _) = place.open();
    let pool = Pool::External;
    for key in ["b", "a", "c"] {
        let outcome = submit(&set_, set(pool, key, "1"));
        let notice = Notice::Changed { pool, key: key.to_owned(), value: "1".to_owned() };
        assert_eq!(outcome.result, Ok(vec![notice]));
        assert!(outcome.foreign.is_empty() && outcome.reports.is_empty());
    }
    assert_eq!(items(&place.bytes(pool)), pairs(&[("b", "1"), ("a", "1"), ("c", "1")]));
    assert_eq!(submit(&set_, set(pool, "a", "1")).result, Ok(Vec::new()), "the same value is no change");
    submit(&set_, set(pool, "a", "2")).result.unwrap();
    assert_eq!(set_.get(pool, "a").as_deref(), Some("2"));
    let removed = submit(&set_, delete(pool, "b")).result;
    assert_eq!(removed, Ok(vec![Notice::Removed { pool, key: "b".to_owned() }]));
    assert_eq!(place.bytes(pool), file(&pairs(&[("a", "2"), ("c", "1")])));
    assert_eq!(list(&set_, pool), pairs(&[("a", "2"), ("c", "1")]));
    assert_eq!(set_.item(pool, 1), Some(("c".to_owned(), "1".to_owned())));
    let missing = PoolError::NoSuchKey { pool, key: "b".to_owned() };
    assert_eq!(submit(&set_, delete(pool, "b")).result, Err(missing));
    assert_eq!(submit(&set_, Change::Clear { pool }).result.unwrap().len(), 2);
    assert_eq!(place.bytes(pool), b"");
    assert!(set_.is_empty(pool));
}

#[test]
fn a_delete_removes_every_duplicate_so_that_no_older_value_comes_back() {
    let place = Place::new();
    let pool = Pool::Guest;
    let start = pairs(&[("dup", "1"), ("a", "1"), ("dup", "2"), ("b", "1"), ("dup", "3")]);
    std::fs::write(place.path(pool), file(&start)).unwrap();
    let (set_, reports) = place.open();
    assert_eq!(reports, []);
    assert_eq!(list(&set_, pool), pairs(&[("a", "1"), ("b", "1"), ("dup", "3")]));
    submit(&set_, set(pool, "dup", "4")).result.unwrap();
    assert_eq!(items(&place.bytes(pool))[4], ("dup".to_owned(), "4".to_owned()));
    submit(&set_, delete(pool, "dup")).result.unwrap();
    assert_eq!(place.bytes(pool), file(&pairs(&[("a", "1"), ("b", "1")])));
    assert_eq!(list(&set_, pool), pairs(&[("a", "1"), ("b", "1")]));
}

#[test]
fn an_overwritten_record_is_zero_filled() {
    let place = Place::new();
    let mut record = one("k", "a long old value");
    record[520] = 0; // another writer ended its shorter value here and left the rest
    std::fs::write(place.path(Pool::Guest), &record).unwrap();
    let (set_, _) = place.open();
    assert_eq!(set_.get(Pool::Guest, "k").as_deref(), Some("a long o"));
    assert_eq!(submit(&set_, set(Pool::Guest, "k", "a long o")).result, Ok(Vec::new()));
    assert_eq!(place.bytes(Pool::Guest), one("k", "a long o"));
}

#[test]
fn pages_are_in_order_and_say_whether_there_is_more() {
    let place = Place::new();
    std::fs::write(place.path(Pool::Guest), file(&engine::tests::sample(7))).unwrap();
    let (set_, _) = place.open();
    let (page, more) = set_.page(Pool::Guest, 0, 3);
    assert_eq!((page.len(), more), (3, true));
    let (page, more) = set_.page(Pool::Guest, 3, 4);
    assert_eq!((page[0].0.as_str(), page.len(), more), ("key-3", 4, false));
    assert_eq!(set_.page(Pool::Guest, 7, 4), (Vec::new(), false));
    assert_eq!(set_.page(Pool::Guest, u32::MAX, u32::MAX), (Vec::new(), false));
}

#[test]
fn what_no_record_can_hold_is_refused_before_any_write() {
    let place = Place::new();
    let (set_, _) = place.open();
    let result = |change| submit(&set_, change).result.unwrap_err();
    assert!(matches!(result(set(Pool::Guest, "", "v")), PoolError::Invalid { .. }));
    assert!(matches!(result(set(Pool::Guest, &"k".repeat(512), "v")), PoolError::TooLong { .. }));
    assert!(matches!(result(delete(Pool::Guest, "")), PoolError::NoSuchKey { .. }));
    assert!(matches!(result(delete(Pool::Guest, &"k".repeat(5000))), PoolError::NoSuchKey { .. }));
    assert_eq!(place.bytes(Pool::Guest), b"");
}

#[test]
fn the_revision_grows_with_changes_and_only_with_them() {
    let place = Place::new();
    let (set_, _) = place.open();
    let start = set_.revision(Pool::Guest);
    submit(&set_, set(Pool::Guest, "k", "1")).result.unwrap();
    let changed = set_.revision(Pool::Guest);
    assert!(changed > start);
    submit(&set_, set(Pool::Guest, "k", "1")).result.unwrap();
    assert_eq!(set_.revision(Pool::Guest), changed);
    append(&place.path(Pool::Guest), &one("other", "1"));
    refresh(&set_, Pool::Guest).result.unwrap();
    assert!(set_.revision(Pool::Guest) > changed);
    assert_eq!(set_.revision(Pool::External), 0);
}

#[test]
fn dropping_the_set_finishes_what_was_submitted() {
    let place = Place::new();
    let (set_, _) = place.open();
    for i in 0..20 {
        set_.submit(set(Pool::Guest, &format!("key-{i}"), "v"), |outcome| assert!(outcome.result.is_ok()));
    }
    drop(set_);
    assert_eq!(items(&place.bytes(Pool::Guest)).len(), 20);
}

#[test]
fn the_last_owner_of_the_set_may_be_an_answer() {
    let mut place = Place::new();
    // The thread has its locks for a while after the answer.
    place.options.lock_timeout = Duration::from_secs(600);
    let (set_, _) = place.open();
    let set_ = Arc::new(set_);
    let (sender, receiver) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let owner = Arc::clone(&set_);
    set_.submit(set(Pool::Guest, "k", "v"), move |_| {
        wait.recv().unwrap();
        drop(owner);
        sender.send(()).unwrap();
    });
    drop(set_);
    go.send(()).unwrap();
    receiver.recv().unwrap();
    // The thread has ended, or will, without waiting for itself: its locks can be had again.
    assert_eq!(place.open().0.get(Pool::Guest, "k").as_deref(), Some("v"));
}
