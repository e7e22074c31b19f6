//! Waiting for what other processes do, with an end: a test that would hang fails with words.
//!
//! The limit is for a machine that has other things to do, not for the programs: they need a moment.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a process may need for what it does in a moment.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that announces itself in no other way.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until it is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Waits for the end of a process.
#[track_caller]
pub fn ended(child: &mut Child) -> ExitStatus {
    let mut status = None;
    until("the end of a process", || {
        status = child.try_wait().expect("a child can be waited for");
        status.is_some()
    });
    status.expect("it has ended")
}

/// The lines that a process writes, each as soon as it is there.
#[derive(Debug)]
pub struct Lines(Receiver<String>);

/// Reads what a process writes.
pub fn lines(output: impl Read + Send + 'static) -> Lines {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        // Whoever does not listen any more needs no more lines.
        lines.map(|line| sender.send(line)).take_while(Result::is_ok).for_each(drop);
    });
    Lines(receiver)
}

impl Lines {
    /// The next line.
    #[track_caller]
    pub fn line(&self) -> String {
        self.0.recv_timeout(PATIENCE).expect("another line")
    }
}
