//! A file is read up to its bound; what is no regular file is neither followed nor waited for.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn why(path: &Path) -> String {
    read_small(path).unwrap_err().to_string()
}

#[test]
fn file_of_the_longest_length_is_read_whole() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, vec![7; MOST_SMALL_BYTES]).unwrap();
    assert_eq!(read_small(&path).unwrap(), vec![7; MOST_SMALL_BYTES]);
    fs::write(&path, vec![7; MOST_SMALL_BYTES + 1]).unwrap();
    assert_eq!(why(&path), "it is longer than 1 MiB");
}

#[test]
fn file_that_is_not_there_is_told_from_one_that_cannot_be_used() {
    let directory = TempDir::new().unwrap();
    assert_eq!(read_small(&directory.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn link_is_not_followed() {
    let directory = TempDir::new().unwrap();
    let (path, target) = (directory.path().join("link"), directory.path().join("target"));
    fs::write(&target, "text").unwrap();
    symlink(&target, &path).unwrap();
    assert_ne!(read_small(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let directory = TempDir::new().unwrap();
    assert_eq!(why(directory.path()), "it is no file");
    let path = directory.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(why(&path), "it is no file");
}
