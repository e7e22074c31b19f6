//! Reports come back after a restart as they were, in a document that others may read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::report::{Cause, FROZEN, FilesystemReport, HookReport, OK, Origin, Phase};

pub(crate) fn report(started_us: u64) -> FreezeReport {
    FreezeReport {
        started_us,
        origin: Origin::Host,
        frozen_us: 7000,
        answered_us: 9000,
        result: FROZEN.to_owned(),
        cause: Cause::Host,
        filesystems: vec![FilesystemReport {
            mount: "/srv".to_owned(),
            kind: "ext4".to_owned(),
            sync_us: 1,
            freeze_us: 2,
            frozen_us: 3,
            result: FROZEN.to_owned(),
        }],
        hooks: vec![HookReport {
            name: "50-database".to_owned(),
            phase: Phase::Freeze,
            took_us: 4,
            result: OK.to_owned(),
            output: "ready\n".to_owned(),
        }],
    }
}

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.json");
    (directory, path)
}

async fn save(history: &History) {
    history.save();
    history.saved().await;
}

fn started(history: &History) -> Vec<u64> {
    history.rows().iter().map(|record| record.started_us).collect()
}

/// Whether the file was set aside and the history is empty.
#[track_caller]
fn is_set_aside(directory: &TempDir, path: &Path) {
    assert!(History::open(path).rows().is_empty());
    assert!(!path.exists());
    assert!(directory.path().join("history.damaged").symlink_metadata().is_ok());
}

#[tokio::test]
async fn history_survives_a_restart() {
    let (_directory, path) = place();
    let history = History::open(&path);
    assert!(history.rows().is_empty());
    history.push(report(1));
    history.push(report(2));
    assert!(!path.exists(), "nothing is written unasked");
    save(&history).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
    let again = History::open(&path);
    assert_eq!(again.rows(), history.rows());
    assert_eq!(again.rows()[1].as_ref(), &report(2));
}

#[tokio::test]
async fn file_is_the_document_that_others_may_read() {
    let (_directory, path) = place();
    let history = History::open(&path);
    history.push(FreezeReport { cause: Cause::Deadline, origin: Origin::Bus, ..report(5) });
    save(&history).await;
    let text = fs::read_to_string(&path).unwrap();
    let expected = concat!(
        r#"{"version":1,"records":[{"started_us":5,"origin":"bus","frozen_us":7000,"answered_us":9000,"#,
        r#""result":"frozen","cause":"deadline","filesystems":[{"mount":"/srv","type":"ext4","sync_us":1,"#,
        r#""freeze_us":2,"frozen_us":3,"result":"frozen"}],"hooks":[{"name":"50-database","phase":"freeze","#,
        r#""took_us":4,"result":"ok","output":"ready\n"}]}]}"#
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn last_reports_are_kept() {
    let (_directory, path) = place();
    let history = History::open(&path);
    for number in 0..70 {
        history.push(report(number));
    }
    assert_eq!(started(&history), (6..70).collect::<Vec<_>>());
    save(&history).await;
    assert_eq!(started(&History::open(&path)), (6..70).collect::<Vec<_>>());
}

#[test]
fn broken_files_are_set_aside() {
    let whole = r#"{"version":1,"records":[{"started_us":5}]}"#;
    for text in [
        "",
        "{",
        "[]",
        "{\"version\":1}",
        "{\"records\":[]}",
        whole,
        "\u{0}\u{0}",
        "{\"version\":-1,\"records\":[]}",
    ] {
        let (directory, path) = place();
        fs::write(&path, text).unwrap();
        is_set_aside(&directory, &path);
    }
}

prop_compose! {
    fn any_filesystem()(
        mount in ".{0,12}", kind in "[a-z0-9.]{0,12}", times in any::<(u64, u64, u64)>(), result in ".{0,12}",
    ) -> FilesystemReport {
        FilesystemReport { mount, kind, sync_us: times.0, freeze_us: times.1, frozen_us: times.2, result }
    }
}

prop_compose! {
    fn any_hook()(
        name in ".{0,8}", phase in 0..3_usize, took_us in any::<u64>(), result in ".{0,12}",
        output in ("[\\x00-\\x22é]{0,20}", 0..2_000_usize).prop_map(|(text, times)| text.repeat(times)),
    ) -> HookReport {
        let phase = [Phase::Freeze, Phase::FreezeFailed, Phase::Thaw][phase];
        HookReport { name, phase, took_us, result, output }
    }
}

prop_compose! {
    pub(super) fn any_report()(
        times in any::<(u64, u64, u64)>(), bus in any::<bool>(), result in "(.{0,20}|x{2000})", cause in 0..5_usize,
        filesystems in prop::collection::vec(any_filesystem(), 0..4), hooks in prop::collection::vec(any_hook(), 0..4),
    ) -> FreezeReport {
        FreezeReport {
            started_us: times.0,
            origin: if bus { Origin::Bus } else { Origin::Host },
            frozen_us: times.1,
            answered_us: times.2,
            result,
            cause: [Cause::Host, Cause::Bus, Cause::Deadline, Cause::Guardian, Cause::Error][cause],
            filesystems,
            hooks,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_shown_is_shown_after_a_restart(reports in prop::collection::vec(any_report(), 0..80)) {
        let (_directory, path) = place();
        let history = History::open(&path);
        reports.into_iter().for_each(|report| history.push(report));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(save(&history));
        prop_assert!(fs::metadata(&path).unwrap().len() <= MOST_BYTES as u64);
        let again = History::open(&path);
        prop_assert_eq!(again.rows(), history.rows());
    }

    #[test]
    fn whatever_stands_in_the_file_the_daemon_starts(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let (_directory, path) = place();
        fs::write(&path, text).unwrap();
        prop_assert!(History::open(&path).rows().is_empty());
    }
}
