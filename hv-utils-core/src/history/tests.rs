//! What is pushed comes back after a restart; what cannot be used is set aside; nothing is written unasked.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use proptest::prelude::*;
use serde::Deserialize;
use tempfile::TempDir;

use super::*;

/// Something that a daemon could have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Deed {
    when: u64,
    what: String,
}

impl Remembered for Deed {
    const LIST: &'static str = "deeds";

    fn bounded(mut rows: Vec<Arc<Deed>>) -> Vec<Arc<Deed>> {
        rows.drain(..rows.len().saturating_sub(8));
        rows
    }
}

fn deed(when: u64) -> Deed {
    Deed { when, what: "done".to_owned() }
}

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.json");
    (directory, path)
}

fn open(path: &Path) -> History<Deed> {
    History::open(path)
}

async fn save(history: &History<Deed>) {
    history.save();
    history.saved().await;
}

fn whens(history: &History<Deed>) -> Vec<u64> {
    history.rows().iter().map(|row| row.when).collect()
}

/// Whether the file was set aside and the history is empty.
#[track_caller]
fn is_set_aside(directory: &TempDir, path: &Path) {
    assert!(open(path).rows().is_empty());
    assert!(!path.exists());
    assert!(directory.path().join("history.damaged").symlink_metadata().is_ok());
}

#[tokio::test]
async fn history_survives_a_restart() {
    let (_directory, path) = place();
    let history = open(&path);
    assert!(history.rows().is_empty());
    history.push(deed(1));
    history.push(deed(2));
    assert!(!path.exists(), "nothing is written unasked");
    save(&history).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
    assert_eq!(open(&path).rows(), history.rows());
}

#[tokio::test]
async fn file_is_the_document_that_others_may_read() {
    let (_directory, path) = place();
    let history = open(&path);
    history.push(deed(5));
    save(&history).await;
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, r#"{"version":1,"deeds":[{"when":5,"what":"done"}]}"#);
}

#[test]
fn file_may_have_more_than_is_known_here() {
    let (_directory, path) = place();
    fs::write(&path, r#"{"by":["x"],"deeds":[{"when":5,"what":"done","why":1}],"version":1}"#).unwrap();
    assert_eq!(whens(&open(&path)), [5]);
}

#[tokio::test]
async fn what_is_bounded_is_so_in_memory_and_from_the_file() {
    let (_directory, path) = place();
    let history = open(&path);
    for when in 0..20 {
        history.push(deed(when));
    }
    assert_eq!(whens(&history), (12..20).collect::<Vec<_>>());
    let rows: Vec<Arc<Deed>> = (0..20).map(|when| Arc::new(deed(when))).collect();
    file::write(&path, &rows).unwrap();
    assert_eq!(whens(&open(&path)), (12..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_many_saves_the_last_is_what_stays() {
    let (directory, path) = place();
    let history = open(&path);
    for when in 0..40 {
        history.push(deed(when));
        history.save();
    }
    history.saved().await;
    assert_eq!(whens(&open(&path)), (32..40).collect::<Vec<_>>());
    let names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["history.json"]);
}

#[tokio::test]
async fn who_follows_is_told_of_each_change_and_of_nothing_else() {
    let (_directory, path) = place();
    let history = open(&path);
    let mut follower = history.subscribe();
    history.push(deed(1));
    assert!(follower.has_changed().unwrap());
    assert_eq!(follower.borrow_and_update().len(), 1);
    history.change(|rows| {
        rows[0] = Arc::new(deed(2));
        true
    });
    assert!(follower.has_changed().unwrap());
    assert_eq!(follower.borrow_and_update()[0].when, 2);
    history.change(|rows| {
        rows.clear();
        false
    });
    assert!(!follower.has_changed().unwrap());
    assert_eq!(whens(&history), [2]);
}

#[tokio::test]
async fn history_that_cannot_be_written_stays_in_memory() {
    let (directory, _) = place();
    let path = directory.path().join("gone/history.json");
    let history = open(&path);
    history.push(deed(1));
    save(&history).await;
    save(&history).await;
    assert_eq!(whens(&history), [1]);
    // It is tried anew each time.
    fs::create_dir(directory.path().join("gone")).unwrap();
    save(&history).await;
    assert_eq!(whens(&open(&path)), [1]);
}

#[test]
fn broken_files_are_set_aside() {
    for text in [
        "",
        "{",
        "[]",
        "[1,[]]",
        r#"{"version":1}"#,
        r#"{"deeds":[]}"#,
        r#"{"version":1,"rows":[]}"#,
        r#"{"version":1,"deeds":[1]}"#,
        r#"{"version":1,"deeds":[{"when":5}]}"#,
        r#"{"version":1,"deeds":[],"deeds":[]}"#,
        r#"{"version":-1,"deeds":[]}"#,
        r#"{"version":2,"deeds":[]}"#,
        "\u{0}\u{0}",
    ] {
        let (directory, path) = place();
        fs::write(&path, text).unwrap();
        is_set_aside(&directory, &path);
        assert_eq!(fs::read_to_string(directory.path().join("history.damaged")).unwrap(), text);
    }
}

#[test]
fn file_that_is_too_long_is_set_aside() {
    let (directory, path) = place();
    let text = format!(r#"{{"version":1,"deeds":[]{}}}"#, " ".repeat(MOST_BYTES));
    fs::write(&path, text).unwrap();
    is_set_aside(&directory, &path);
}

#[test]
fn what_is_no_regular_file_is_set_aside() {
    let (directory, path) = place();
    symlink("/dev/zero", &path).unwrap();
    is_set_aside(&directory, &path);
    let (directory, path) = place();
    fs::create_dir(&path).unwrap();
    is_set_aside(&directory, &path);
    let (directory, path) = place();
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    is_set_aside(&directory, &path);
}

#[tokio::test]
async fn history_goes_on_after_a_broken_file() {
    let (_directory, path) = place();
    fs::write(&path, "no history").unwrap();
    let history = open(&path);
    history.push(deed(3));
    save(&history).await;
    assert_eq!(whens(&open(&path)), [3]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_in_the_file_the_daemon_starts(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let (_directory, path) = place();
        fs::write(&path, text).unwrap();
        prop_assert!(open(&path).rows().is_empty());
    }
}
