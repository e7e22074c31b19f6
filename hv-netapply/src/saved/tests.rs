use super::*;

#[test]
fn a_file_comes_back_with_bytes_and_mode() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.network");
    fs::write(&path, b"\xff\x00text").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let mut snapshot = Snapshot::default();
    snapshot.add(&path).unwrap();
    let kept: Snapshot = serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap();
    fs::write(&path, b"other").unwrap();
    kept.restore_files().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"\xff\x00text");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn a_file_that_was_not_there_goes_and_its_directory_may_be_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/a.network");
    let saved = SavedFile::take(&path).unwrap();
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(&path, b"x").unwrap();
    saved.restore().unwrap();
    saved.restore().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_link_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("link");
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert!(SavedFile::take(&path).is_err());
}
