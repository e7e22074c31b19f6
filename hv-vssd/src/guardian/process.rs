//! The guardian's process: waits, holds, thaws.
//!
//! Single-threaded until a freeze; then a few threads more, that wait to thaw. It has no log, no configuration and no
//! runtime: what it does it writes into the record, and the daemon, or the next one, tells it.

use super::talk::{self, Said};
use crate::freeze::record::{Record, Step, monotonic};
use crate::freeze::thaw::{self, By};
use crate::freeze::{Ended, STACK_BYTES};
use hv_utils_core::sys;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use rustix::time::Timespec;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Until what could not be thawed is tried again, and what was abandoned is looked at.
const AGAIN: Duration = Duration::from_millis(200);

/// The guardian's `main`: 0 when the daemon is gone and nothing is frozen.
#[must_use]
pub fn main() -> ExitCode {
    let _ = rustix::thread::set_name(c"hv-vss-guardian");
    // Also when the daemon has died and one of its threads cannot, because it hangs in a freeze: then its end of the line
    // stays open. What closed before this is heard on the line.
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
    match watch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hv-vssd: guardian: {error}");
            ExitCode::from(70)
        }
    }
}

fn watch() -> io::Result<()> {
    let daemon = getppid();
    let post = Post { daemon, signals: sys::requests_to_end()?, command: io::stdin(), news: io::stdout() };
    loop {
        post.wait(None)?;
        // While nothing is frozen a request to end is the daemon's business: it ends, and then so do we.
        post.drain_signals();
        match post.pending()?.then(|| talk::listen(&post.command)) {
            None => {}
            Some(Ok(Said::Arm { record, count })) => guard(&post, &Record::from_descriptor(record)?, count)?,
            Some(Ok(Said::End)) | Some(Err(_)) => return Ok(()),
            // Without an arm before it there is nothing to it.
            Some(Ok(_)) => talk::agree(&post.command, false)?,
        }
    }
}

/// The guardian's ears.
struct Post {
    daemon: Option<Pid>,
    signals: OwnedFd,
    command: io::Stdin,
    news: io::Stdout,
}

impl Post {
    /// Waits until there is something to hear, or for `time`.
    fn wait(&self, time: Option<Duration>) -> io::Result<()> {
        let mut ears = [PollFd::new(&self.command, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
        let time = time.and_then(|time| Timespec::try_from(time).ok());
        match poll(&mut ears, time.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the daemon has said something, or is gone.
    fn pending(&self) -> io::Result<bool> {
        let mut ears = [PollFd::new(&self.command, PollFlags::IN)];
        match poll(&mut ears, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(count) => Ok(count > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there was a request to end; a hang-up is none.
    fn drain_signals(&self) -> bool {
        let (mut some, mut signal) = (false, [0_u8; 128]);
        while rustix::io::read(&self.signals, &mut signal).is_ok() {
            some |= signal[..4] != (Signal::HUP.as_raw()).to_ne_bytes();
        }
        some
    }
}

/// From the arming to the release.
fn guard(post: &Post, record: &Record, count: usize) -> io::Result<()> {
    let mut targets = Vec::with_capacity(count.min(record.len()));
    while targets.len() < count {
        match talk::listen(&post.command)? {
            Said::Targets(some) => targets.extend(some),
            // The daemon died, or thought better of it: nothing is frozen yet.
            Said::Release => return talk::agree(&post.command, true),
            _ => return Ok(()),
        }
    }
    if count != record.len() {
        return talk::agree(&post.command, false);
    }
    let gate = Gate::default();
    let (targets, gate) = (targets.as_slice(), &gate);
    // Before the threads: of their stacks only what they use is needed.
    // Without the privilege we stay in memory as far as the kernel lets us.
    let _ = mlockall(MlockAllFlags::CURRENT);
    thread::scope(|scope| {
        for _ in 1..thaw::THREADS.min(count) {
            // Without them it takes longer, no more.
            let _ = thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, move || gate.follow(record, targets));
        }
        let result = talk::agree(&post.command, true).and_then(|()| hold(post, record, gate, targets));
        gate.open(true);
        let _ = munlockall();
        result
    })
}

/// What the threads wait for.
#[derive(Debug, Default)]
struct Gate {
    /// How many passes were begun, and whether there will be no more.
    state: Mutex<(u64, bool)>,
    changed: Condvar,
}

impl Gate {
    /// A thread beside the first: takes part in each pass.
    fn follow(&self, record: &Record, targets: &[OwnedFd]) {
        let mut seen = 0;
        loop {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.changed.wait_while(state, |(pass, over)| *pass == seen && !*over);
            let (pass, over) = *waited.unwrap_or_else(PoisonError::into_inner);
            if over {
                return;
            }
            seen = pass;
            thaw::pass(record, targets, By::Guardian);
        }
    }

    /// Begins a pass, or ends the threads.
    fn open(&self, over: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (state.0 + 1, over);
        self.changed.notify_all();
    }
}

/// Holds the descriptors until the daemon takes over, or thaws.
fn hold(post: &Post, record: &Record, gate: &Gate, targets: &[OwnedFd]) -> io::Result<()> {
    let mut deadline = None;
    let pass = || {
        gate.open(false);
        thaw::pass(record, targets, By::Guardian);
    };
    loop {
        let unsettled = record.ended().is_some() && !thaw::is_over(record);
        let left = deadline.map(|deadline: Duration| deadline.saturating_sub(monotonic()));
        post.wait(if unsettled { Some(AGAIN) } else { left.filter(|_| record.ended().is_none()) })?;
        let told = post.drain_signals();
        let due = left.is_some() && deadline.is_some_and(|deadline| monotonic() >= deadline);
        if (told || due) && record.ended().is_none() {
            let by = if due { Ended::Deadline } else { Ended::Guardian };
            record.end(by);
            record.close();
            pass();
            talk::tell(&post.news, by);
        } else if unsettled {
            if getppid() != post.daemon {
                thaw::inherit_thawing(record);
            }
            pass();
            thaw_abandoned(record, targets);
        }
        if !post.pending()? {
            continue;
        }
        match talk::listen(&post.command) {
            Ok(Said::Go(at)) => {
                deadline = Some(at);
                talk::agree(&post.command, record.ended().is_none())?;
            }
            Ok(Said::Release) => return talk::agree(&post.command, true),
            // The daemon is gone, with all its threads: the kernel closes a process' files after the last has left.
            _ => {
                if !thaw::is_over(record) {
                    record.end(Ended::Guardian);
                }
                record.close();
                thaw::inherit_from_daemon(record);
                pass();
                while !thaw::is_over(record) {
                    thread::sleep(AGAIN);
                    pass();
                }
                return Ok(());
            }
        }
    }
}

/// What the daemon was freezing when we ended it, and should have thawed by now: it may have been stopped.
fn thaw_abandoned(record: &Record, targets: &[OwnedFd]) {
    for (index, target) in targets.iter().enumerate() {
        if record.step(index) == Step::Abandoned && sys::thaw(target.as_fd()).is_ok() {
            record.thawed(index);
            let _ = record.advance(index, Step::Abandoned, Step::Thawed);
        }
    }
}
