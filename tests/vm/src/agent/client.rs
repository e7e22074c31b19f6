//! The agent's end outside: sends scripts, waits for their answers.

use std::collections::HashMap;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Frame, Kind};
use crate::clock::Look;

/// What became of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; 128 and the signal's number if a signal ended it.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to the error output.
    pub stderr: String,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<HashMap<u32, Sender<Frame>>>,
    hellos: Mutex<u32>,
    changed: Condvar,
}

/// The connection to a guest's agent.
#[derive(Debug)]
pub struct Agent {
    shared: Arc<Shared>,
    stream: Mutex<UnixStream>,
    last: Mutex<u32>,
}

/// A script that runs.
#[derive(Debug)]
pub struct Pending {
    frames: Receiver<Frame>,
}

impl Agent {
    /// Uses a stream at whose other end an agent is, or will be.
    ///
    /// # Errors
    /// The stream cannot be used by two threads.
    pub fn new(stream: UnixStream) -> io::Result<Agent> {
        let shared = Arc::new(Shared::default());
        let (mut from, theirs) = (stream.try_clone()?, shared.clone());
        std::thread::spawn(move || {
            while let Ok(frame) = Frame::read(&mut from) {
                theirs.take(frame);
            }
            // Whoever still waits learns that nothing comes any more.
            lock(&theirs.waiting).clear();
        });
        Ok(Agent { shared, stream: Mutex::new(stream), last: Mutex::new(0) })
    }

    /// Waits until an agent has said so often that it is there; `false` if it has not in time.
    #[must_use]
    pub fn wait_for_hello(&self, times: u32, limit: Duration) -> bool {
        let hellos = lock(&self.shared.hellos);
        let waited = self.shared.changed.wait_timeout_while(hellos, limit, |said| *said < times);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= times
    }

    /// How often that was said: once for each boot of the guest.
    #[must_use]
    pub fn hellos(&self) -> u32 {
        *lock(&self.shared.hellos)
    }

    /// Starts a script in the guest.
    #[must_use]
    pub fn start(&self, script: &str) -> Pending {
        self.send(Kind::Script, script.as_bytes())
    }

    /// Has the guest look at its clocks.
    ///
    /// # Errors
    /// A sentence: there was no answer in time, or the guest is gone.
    pub fn look(&self, limit: Duration) -> Result<Look, String> {
        let answer = self.send(Kind::Clock, &[]).frames.recv_timeout(limit);
        let frame = answer.map_err(|_| "the guest does not look at its clocks".to_owned())?;
        Look::from_bytes(&frame.bytes).ok_or_else(|| "that was no look at clocks".to_owned())
    }

    fn send(&self, kind: Kind, bytes: &[u8]) -> Pending {
        let id = {
            let mut last = lock(&self.last);
            *last += 1;
            *last
        };
        let (sender, frames) = mpsc::channel();
        lock(&self.shared.waiting).insert(id, sender);
        let frame = Frame { id, kind, bytes: bytes.to_vec() };
        if lock(&self.stream).write_all(&frame.encode()).is_err() {
            lock(&self.shared.waiting).remove(&id);
        }
        Pending { frames }
    }
}

impl Shared {
    fn take(&self, frame: Frame) {
        if frame.kind == Kind::Hello {
            let mut hellos = lock(&self.hellos);
            *hellos += 1;
            // Whatever the last one was asked, nobody answers any more. What was asked before the first is still to be read.
            if *hellos > 1 {
                lock(&self.waiting).clear();
            }
            drop(hellos);
            self.changed.notify_all();
            return;
        }
        let mut waiting = lock(&self.waiting);
        let (id, last) = (frame.id, matches!(frame.kind, Kind::Exit | Kind::Clock));
        if let Some(sender) = waiting.get(&id) {
            // Nobody waits for it any more: that is its own decision.
            let _ = sender.send(frame);
        }
        if last {
            waiting.remove(&id);
        }
    }
}

impl Pending {
    /// Waits for the end.
    ///
    /// # Errors
    /// A sentence: it did not end in time, or the guest is gone.
    pub fn wait(self, limit: Duration) -> Result<Finished, String> {
        let mut finished = Finished { code: 0, stdout: String::new(), stderr: String::new() };
        loop {
            match self.frames.recv_timeout(limit) {
                Ok(Frame { kind: Kind::Stdout, bytes, .. }) => finished.stdout = text(&bytes),
                Ok(Frame { kind: Kind::Stderr, bytes, .. }) => finished.stderr = text(&bytes),
                Ok(Frame { kind: Kind::Exit, bytes, .. }) => {
                    finished.code = bytes.first_chunk().map_or(-1, |code| i32::from_le_bytes(*code));
                    return Ok(finished);
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(format!("no end within {} s", limit.as_secs())),
                Err(RecvTimeoutError::Disconnected) => return Err("the guest is gone".to_owned()),
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
