//! Which events count for a pool, on a real directory.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::*;

const NOTHING: News = News { modified: false, replaced: false };
const MODIFIED: News = News { modified: true, replaced: false };

fn watched() -> (tempfile::TempDir, std::path::PathBuf, Watch) {
    let dir = tempfile::tempdir().unwrap();
    let pool = dir.path().join(".kvp_pool_1");
    fs::write(&pool, [7; 2560]).unwrap();
    let mut watch = Watch::new(&pool).unwrap();
    watch.follow(&pool).unwrap();
    (dir, pool, watch)
}

#[test]
fn writes_in_any_form_are_modifications_and_readable_until_drained() {
    let (_dir, pool, watch) = watched();
    assert!(!is_readable(watch.fd()));
    File::options().write(true).open(&pool).unwrap().write_at(b"x", 5).unwrap();
    assert!(is_readable(watch.fd()));
    assert_eq!(watch.drain(), MODIFIED);
    assert!(!is_readable(watch.fd()));
    assert_eq!(watch.drain(), NOTHING);
    File::options().write(true).open(&pool).unwrap().set_len(0).unwrap();
    assert_eq!(watch.drain(), MODIFIED);
}

#[test]
fn reading_and_other_files_of_the_directory_do_not_count() {
    let (dir, pool, watch) = watched();
    fs::read(&pool).unwrap();
    fs::write(dir.path().join(".kvp_pool_12"), b"x").unwrap();
    fs::write(dir.path().join("ifcfg-eth0"), b"x").unwrap();
    assert_eq!(watch.drain(), NOTHING);
}

#[test]
fn a_deleted_and_a_replaced_file_are_noticed_and_the_new_one_can_be_followed() {
    let (dir, pool, mut watch) = watched();
    fs::remove_file(&pool).unwrap();
    assert!(watch.drain().replaced);
    fs::write(dir.path().join("new"), b"y").unwrap();
    fs::rename(dir.path().join("new"), &pool).unwrap();
    assert!(watch.drain().replaced);
    watch.follow(&pool).unwrap();
    assert_eq!(watch.drain(), NOTHING);
    fs::write(&pool, b"z").unwrap();
    assert_eq!(watch.drain(), MODIFIED);
}

#[test]
fn more_events_than_one_buffer_holds_are_all_taken() {
    let (dir, pool, watch) = watched();
    for i in 0..400 {
        fs::write(dir.path().join(format!("file-with-a-rather-long-name-{i}")), b"x").unwrap();
    }
    fs::write(&pool, b"last").unwrap();
    assert_eq!(watch.drain(), MODIFIED);
    assert!(!is_readable(watch.fd()));
}
