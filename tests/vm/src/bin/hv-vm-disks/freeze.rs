//! The floor of a freeze: so many threads, FIFREEZE for each directory, FITHAW by a single thread, and nothing else.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hv_utils_core::sys;

use super::Outcome;

/// Freezes and thaws again.
pub(super) fn freeze(threads: usize, hold: u64, directories: &[&str]) -> Outcome {
    let open = open(directories)?;
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let failed = std::thread::scope(|scope| {
        let work = || -> io::Result<()> {
            while let Some(directory) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                sys::freeze(directory)?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..threads.min(open.len())).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()?.err()).next()
    });
    let froze = began.elapsed();
    std::thread::sleep(Duration::from_millis(hold));
    let began = Instant::now();
    for directory in &open {
        if let Err(error) = sys::thaw(directory) {
            eprintln!("thaw: {error}");
        }
    }
    let thawed = began.elapsed();
    println!("freeze {} thaw {} us", froze.as_micros(), thawed.as_micros());
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Thaws whatever is frozen: for whoever has not done it.
pub(super) fn thaw(directories: &[&str]) -> Outcome {
    for directory in open(directories)? {
        // What is not frozen says EINVAL.
        let _ = sys::thaw(directory);
    }
    Ok(())
}

fn open(directories: &[&str]) -> io::Result<Vec<File>> {
    directories.iter().map(File::open).collect()
}
