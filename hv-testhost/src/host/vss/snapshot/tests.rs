use std::os::unix::fs::MetadataExt;

use super::*;

/// A disk of 8 MiB with data at its first MiB and at its end, and zeros that are written down in between.
fn disk(path: &Path) -> Vec<u8> {
    let file = File::create(path).unwrap();
    file.set_len(8 << 20).unwrap();
    file.write_all_at(&[7; 300_000], 1 << 20).unwrap();
    file.write_all_at(&[0; 1 << 20], 4 << 20).unwrap();
    file.write_all_at(&[9; 5], (8 << 20) - 5).unwrap();
    std::fs::read(path).unwrap()
}

fn ask(dir: &Path) -> SnapshotAsk {
    SnapshotAsk { file: dir.join("disk"), copy: dir.join("copy") }
}

#[tokio::test]
async fn a_copy_has_the_same_bytes_and_no_more_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let asked = ask(dir.path());
    let bytes = disk(&asked.file);
    let copied = copy(asked.clone()).await.unwrap();
    assert_eq!((copied.bytes, &copied.copy), (8 << 20, &asked.copy));
    assert!(copied.data < 1 << 20, "{copied:?}");
    assert!(std::fs::read(&asked.copy).unwrap() == bytes, "the copy differs");
    let blocks = |path: &Path| std::fs::metadata(path).unwrap().blocks();
    assert!(blocks(&asked.copy) <= blocks(&asked.file));
}

#[tokio::test]
async fn a_copy_that_is_there_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let asked = ask(dir.path());
    disk(&asked.file);
    std::fs::write(&asked.copy, "precious").unwrap();
    let failure = copy(asked.clone()).await.unwrap_err();
    assert!(failure.to_string().starts_with("cannot copy /"), "{failure}");
    assert_eq!(std::fs::read(&asked.copy).unwrap(), b"precious");
}

#[test]
fn a_copy_that_nobody_waits_for_any_more_is_given_up_and_nothing_stays() {
    let dir = tempfile::tempdir().unwrap();
    let asked = ask(dir.path());
    disk(&asked.file);
    let (from, to) = (File::open(&asked.file).unwrap(), File::create(&asked.copy).unwrap());
    if ioctl_ficlone(&to, &from).is_ok() {
        return; // There is nothing to give up where blocks are shared.
    }
    std::fs::remove_file(&asked.copy).unwrap();
    assert!(whole(&asked, &AtomicBool::new(true)).is_err());
    assert!(!asked.copy.exists());
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let asked = ask(dir.path());
    let failure = copy(asked.clone()).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        format!(
            "cannot copy {} to {}: No such file or directory (os error 2)",
            asked.file.display(),
            asked.copy.display()
        )
    );
    assert!(!asked.copy.exists());
}
