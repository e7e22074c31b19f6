//! Waits end when the awaited appears, and not before. None of them waits for a clock: what must not wake the
//! watch is done before what must.

use super::*;
use std::fs;
use tokio::runtime::Builder;

fn run(test: impl Future<Output = ()>) {
    Builder::new_current_thread().enable_io().build().unwrap().block_on(test);
}

/// Whether the watch has been woken by what happened up to now.
async fn woken(watch: &PathWatch) -> bool {
    tokio::select! {
        biased;
        changed = watch.changed() => { changed.unwrap(); true }
        () = settled() => false,
    }
}

/// Lets the reactor see everything that is ready.
async fn settled() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn socket_that_appears_ends_the_wait_and_its_neighbours_do_not() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let watch = PathWatch::new(&directory.path().join("bus")).unwrap();
        fs::write(directory.path().join("bus.tmp"), "").unwrap();
        assert!(!woken(&watch).await);
        fs::write(directory.path().join("bus"), "").unwrap();
        assert!(woken(&watch).await);
    });
}

#[test]
fn renamed_into_place_counts_as_appeared() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("other"), "").unwrap();
        let watch = PathWatch::new(&directory.path().join("bus")).unwrap();
        fs::rename(directory.path().join("other"), directory.path().join("bus")).unwrap();
        assert!(woken(&watch).await);
    });
}

#[test]
fn missing_directories_are_awaited_one_after_the_other() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/bus");
        let watch = PathWatch::new(&path).unwrap();
        fs::create_dir(directory.path().join("a")).unwrap();
        assert!(woken(&watch).await);
        let watch = PathWatch::new(&path).unwrap();
        fs::create_dir(directory.path().join("a/b")).unwrap();
        assert!(woken(&watch).await);
        let watch = PathWatch::new(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert!(woken(&watch).await);
    });
}

#[test]
fn directory_that_is_removed_ends_the_wait() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let run = directory.path().join("run");
        fs::create_dir(&run).unwrap();
        let watch = PathWatch::new(&run.join("bus")).unwrap();
        fs::remove_dir(&run).unwrap();
        assert!(woken(&watch).await);
    });
}

#[test]
fn path_without_a_directory_is_an_error() {
    run(async {
        assert!(PathWatch::new(Path::new("/")).is_err());
        assert!(PathWatch::new(Path::new("relative-and-absent/bus")).is_err());
    });
}
