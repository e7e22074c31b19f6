//! What is kept comes back, what is not ours does not.

use super::*;
use tempfile::TempDir;

fn kept(directory: &TempDir, clocksource: &str) -> Kept {
    Kept::new(directory.path(), clocksource)
}

#[test]
fn nothing_is_known_before_anything_was_kept() {
    let directory = TempDir::new().unwrap();
    assert_eq!(kept(&directory, "tsc").load().unwrap(), None);
}

#[test]
fn frequency_is_found_by_the_next_start_with_the_same_clocksource_only() {
    let directory = TempDir::new().unwrap();
    kept(&directory, "tsc").keep(-12.25, 0.0).unwrap();
    let found = kept(&directory, "tsc").load().unwrap().unwrap();
    assert_eq!((found.frequency, found.error), (-12.25, KEPT_ERROR));
    assert_eq!(kept(&directory, "hyperv_clocksource_tsc_page").load().unwrap(), None);
}

#[test]
fn small_changes_are_not_written() {
    let directory = TempDir::new().unwrap();
    let mut file = kept(&directory, "tsc");
    file.keep(1.0, 0.05).unwrap();
    file.keep(1.04, 0.05).unwrap();
    assert_eq!(kept(&directory, "tsc").load().unwrap().unwrap().frequency, 1.0);
    file.keep(1.06, 0.05).unwrap();
    assert_eq!(kept(&directory, "tsc").load().unwrap().unwrap().frequency, 1.06);
}

#[test]
fn what_is_no_file_of_ours_is_an_error_and_not_a_frequency() {
    let directory = TempDir::new().unwrap();
    for text in [
        "",
        "frequency-ppm",
        "frequency-ppm x\nclocksource tsc\n",
        "frequency-ppm NaN\nclocksource tsc\n",
        "frequency-ppm inf\nclocksource tsc\n",
        "frequency-ppm 500.1\nclocksource tsc\n",
        "clocksource tsc\nfrequency-ppm 1\n",
        "frequency-ppm 1\n",
    ] {
        fs::write(directory.path().join("frequency"), text).unwrap();
        let error = kept(&directory, "tsc").load().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text:?}");
    }
    fs::write(directory.path().join("frequency"), [0xff; 10_000]).unwrap();
    assert!(kept(&directory, "tsc").load().is_err());
}

#[test]
fn mark_lasts_until_it_is_taken_away_and_is_of_one_frequency() {
    let directory = TempDir::new().unwrap();
    let run = directory.path().join("run");
    let mut mark = Mark::new(&run);
    assert!(!mark.is_of(12.5));
    mark.remove().unwrap();
    mark.set(12.5).unwrap();
    mark.set(12.5).unwrap();
    let mut next = Mark::new(&run);
    assert!(next.is_of(12.5) && !next.is_of(12.500_02) && !next.is_of(0.0));
    // Somebody has tidied up: for this process it still counts.
    fs::remove_dir_all(&run).unwrap();
    assert!(next.is_of(12.5) && !Mark::new(&run).is_of(12.5));
    next.set(-3.0).unwrap();
    assert!(Mark::new(&run).is_of(-3.0));
    next.remove().unwrap();
    assert!(!Mark::new(&run).is_of(-3.0) && !next.is_of(-3.0));
}

#[test]
fn mark_goes_through_no_link() {
    let directory = TempDir::new().unwrap();
    let (run, target) = (directory.path().join("run"), directory.path().join("target"));
    fs::create_dir_all(run.join("hv-timesyncd")).unwrap();
    fs::write(&target, "12.500000\n").unwrap();
    for name in ["ruling", "ruling.new"] {
        std::os::unix::fs::symlink(&target, run.join("hv-timesyncd").join(name)).unwrap();
    }
    let mut mark = Mark::new(&run);
    assert!(!mark.is_of(12.5));
    mark.set(1.0).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "12.500000\n");
    assert!(Mark::new(&run).is_of(1.0));
}

#[test]
fn disk_that_does_not_answer_holds_up_nobody() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let directory = TempDir::new().unwrap();
        let mut keeper = Keeper::new(kept(&directory, "tsc"));
        // As if the last one were still being written.
        let kept = Arc::clone(&keeper.kept);
        let stuck = kept.lock().unwrap();
        keeper.keep(1.0, 0.0);
        keeper.keep(2.0, 0.0);
        assert!(!directory.path().join("frequency").exists());
        drop(stuck);
        keeper.done().await;
        keeper.done().await;
        let found = Kept::new(directory.path(), "tsc").load().unwrap().unwrap();
        assert_eq!(found.frequency, 1.0, "the second was not queued behind it");
        keeper.keep(3.0, 0.0);
        keeper.done().await;
        let found = Kept::new(directory.path(), "tsc").load().unwrap().unwrap();
        assert_eq!(found.frequency, 3.0);
    });
}
