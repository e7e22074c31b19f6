//! A writer for each file: 4 KiB again and again, each write timed. The longest of each tells how long its file system was
//! closed to it.
//!
//! Who reports waits until each writer has ended a write that it began after the question: a report is the proof that all
//! of them get on.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Outcome;

const SOCKET: &str = "/run/writers.sock";
const BLOCK: [u8; 4096] = [0xa5; 4096];
/// Blocks of each file.
const BLOCKS: u64 = 64;
/// Only a writer that is held up for ever takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Stack of a writer: there are hundreds.
const STACK: usize = 64 * 1024;

/// What a writer tells.
#[derive(Debug, Default)]
struct Writer {
    /// Writes begun, writes ended.
    begun: AtomicU64,
    ended: AtomicU64,
    /// The longest since the last report, µs.
    longest: AtomicU64,
}

/// Writes for ever.
pub(super) fn write(interval: u64, files: &[&str]) -> Outcome {
    let writers: &'static [Writer] = files.iter().map(|_| Writer::default()).collect::<Vec<_>>().leak();
    for (number, (path, writer)) in (0..).zip(files.iter().zip(writers)) {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        // Not all in the same moment.
        let pause = Duration::from_millis(interval);
        let offset = pause * (number % 16) / 16;
        std::thread::Builder::new().stack_size(STACK).spawn(move || writer.work(&file, offset, pause))?;
    }
    // The socket of writers that are gone.
    let _ = std::fs::remove_file(SOCKET);
    let listener = UnixListener::bind(SOCKET)?;
    for asking in listener.incoming() {
        // Whoever asked may be gone already.
        let _ = asking?.write_all(told(writers, files).as_bytes());
    }
    Ok(())
}

impl Writer {
    fn work(&self, file: &File, offset: Duration, pause: Duration) {
        std::thread::sleep(offset);
        for number in 0_u64.. {
            let began = Instant::now();
            self.begun.fetch_add(1, Ordering::SeqCst);
            if file.write_all_at(&BLOCK, number % BLOCKS * BLOCK.len() as u64).is_err() {
                return; // It does not get on, which the report tells.
            }
            let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.longest.fetch_max(took, Ordering::SeqCst);
            self.ended.fetch_add(1, Ordering::SeqCst);
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
        }
    }
}

fn told(writers: &[Writer], files: &[&str]) -> String {
    let marks: Vec<u64> = writers.iter().map(|writer| writer.begun.load(Ordering::SeqCst)).collect();
    let deadline = Instant::now() + PATIENCE;
    for ((writer, mark), file) in writers.iter().zip(marks).zip(files) {
        while writer.ended.load(Ordering::SeqCst) <= mark {
            if Instant::now() > deadline {
                return format!("held up: {file}\n");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let mut longest: Vec<u64> =
        writers.iter().map(|writer| writer.longest.swap(0, Ordering::SeqCst)).collect();
    longest.sort_unstable();
    let at = |place: usize| longest.get(place).copied().unwrap_or_default();
    format!("longest {} median {} us\n", at(longest.len().saturating_sub(1)), at(longest.len() / 2))
}

/// Asks them.
pub(super) fn report() -> Outcome {
    let mut text = String::new();
    UnixStream::connect(SOCKET)?.read_to_string(&mut text)?;
    print!("{text}");
    if text.starts_with("longest") { Ok(()) } else { Err("a writer does not get on".into()) }
}
