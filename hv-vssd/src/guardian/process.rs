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

/// Between two looks whether everything is thawed.
const MOMENT: Duration = Duration::from_micros(500);
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
            // Of a freeze that was given up before.
            Some(Ok(Said::Release)) => talk::agree(&post.command, true)?,
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
        let mut hands = 0;
        for _ in 0..thaw::THREADS.min(count) {
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            hands += usize::from(builder.spawn_scoped(scope, move || gate.follow(record, targets)).is_ok());
        }
        let watch = Watch { record, targets, gate, hands };
        let result = talk::agree(&post.command, true).and_then(|()| hold(post, &watch));
        gate.open(Duration::ZERO, true);
        let _ = munlockall();
        result
    })
}

/// What is guarded.
struct Watch<'a> {
    record: &'a Record,
    targets: &'a [OwnedFd],
    gate: &'a Gate,
    /// How many threads thaw. Whoever listens does it only if there are none: a thaw can hang.
    hands: usize,
}

impl Watch<'_> {
    /// Has everything thawed that can be, and waits a moment for it.
    fn thaw(&self, since: Duration) {
        if self.hands == 0 {
            thaw_abandoned(self.record, self.targets, since);
            return thaw::pass(self.record, self.targets, By::Guardian, since);
        }
        self.gate.open(since, false);
        let began = monotonic();
        while !thaw::is_over(self.record) && monotonic().saturating_sub(began) < AGAIN {
            thread::sleep(MOMENT);
        }
    }
}

/// What the threads wait for.
#[derive(Debug, Default)]
struct Gate {
    /// How many passes were begun, since when there are any, and whether there will be no more.
    state: Mutex<(u64, Duration, bool)>,
    changed: Condvar,
}

impl Gate {
    /// A thread beside the first: takes part in each pass.
    fn follow(&self, record: &Record, targets: &[OwnedFd]) {
        let mut seen = 0;
        loop {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.changed.wait_while(state, |(pass, _, over)| *pass == seen && !*over);
            let (pass, since, over) = *waited.unwrap_or_else(PoisonError::into_inner);
            if over {
                return;
            }
            seen = pass;
            let began = monotonic();
            while !thaw::is_over(record) && monotonic().saturating_sub(began) < AGAIN {
                thaw_abandoned(record, targets, since);
                thaw::pass(record, targets, By::Guardian, since);
                thread::sleep(MOMENT);
            }
        }
    }

    /// Begins a pass, or ends the threads.
    fn open(&self, since: Duration, over: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (state.0 + 1, since, over);
        self.changed.notify_all();
    }
}

/// Holds the descriptors until the daemon takes over, or thaws.
fn hold(post: &Post, watch: &Watch<'_>) -> io::Result<()> {
    let record = watch.record;
    let (mut deadline, mut since): (Option<Duration>, Option<Duration>) = (None, None);
    loop {
        let unsettled = record.ended().is_some() && !thaw::is_over(record);
        let left = deadline.map(|deadline| deadline.saturating_sub(monotonic()));
        post.wait(if unsettled { Some(MOMENT) } else { left.filter(|_| record.ended().is_none()) })?;
        let told = post.drain_signals();
        let due = deadline.is_some_and(|deadline| monotonic() >= deadline);
        if (told || due) && record.ended().is_none() {
            let by = if due { Ended::Deadline } else { Ended::Guardian };
            record.end(by);
            record.close();
            watch.thaw(*since.get_or_insert_with(monotonic));
            talk::tell(&post.news, by);
        } else if unsettled {
            if getppid() != post.daemon {
                thaw::inherit_thawing(record);
            }
            watch.thaw(*since.get_or_insert_with(monotonic));
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
                bereaved(watch);
                return Ok(());
            }
        }
    }
}

/// Nobody else is left: until nothing is frozen.
fn bereaved(watch: &Watch<'_>) {
    let record = watch.record;
    if !thaw::is_over(record) {
        record.end(Ended::Guardian);
    }
    record.close();
    thaw::inherit_from_daemon(record);
    let since = monotonic();
    while !thaw::is_over(record) {
        watch.thaw(since);
    }
}

/// What the daemon was freezing when we ended it, and should have thawed by now: it may have been stopped, or killed.
fn thaw_abandoned(record: &Record, targets: &[OwnedFd], since: Duration) {
    if monotonic().saturating_sub(since) < AGAIN {
        return;
    }
    // Backwards: the lowest first.
    for (index, target) in targets.iter().enumerate().rev() {
        if record.step(index) == Step::Abandoned && sys::thaw(target.as_fd()).is_ok() {
            record.thawed(index);
            let _ = record.advance(index, Step::Abandoned, Step::Thawed);
        }
    }
}
