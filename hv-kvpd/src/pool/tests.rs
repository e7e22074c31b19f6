//! The whole set on real files, beside programs that behave as the known writers do.

use std::sync::mpsc;
use std::time::Duration;

use super::engine::tests::{Items, file, items};
use super::*;

/// A directory with everything that a set looks at.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
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
