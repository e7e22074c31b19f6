//! One freeze, on a thread of its own, from the opened descriptors to the thaw.
//!
//! The daemon's loop goes on meanwhile: it hears how the freeze ended, says when to thaw, and hears how that ended. Between
//! the first frozen filesystem and the last thawed one this thread and its helpers write no file, open none, and allocate
//! nothing; what they find out is in the record.

use super::STACK_BYTES;
use super::freezing::{self, Freezing};
use super::memory::Locked;
use super::record::{Record, Step, monotonic};
use super::thaw::{self, By};
use crate::guardian::Line;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// Until what could not be thawed is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// Until it is looked again whether somebody else has thawed what they were at.
const MOMENT: Duration = Duration::from_millis(1);
/// After so long a guardian that is at something and does not move is relied on no more.
const TAKE_OVER: Duration = Duration::from_secs(5);

/// How a freeze ended, told before it is thawed or undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is frozen.
    Frozen,
    /// It is not: what was frozen is being thawed. Its record says why.
    Failed,
    /// The guardian cannot be reached: nothing was frozen.
    Unguarded,
}

/// What the loop wants of a freeze that it has begun.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// Nothing more is to be frozen.
    stop: AtomicBool,
    /// What is frozen is to be thawed.
    thaw: Mutex<bool>,
    changed: Condvar,
    /// The guardian is dead: what it was thawing is ours.
    unguarded: AtomicBool,
}

impl Wish {
    /// Has everything thawed: now if it is frozen, else as soon as what is under way has ended.
    pub(crate) fn thaw(&self) {
        self.stop.store(true, SeqCst);
        *self.thaw.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// The guardian is dead: has everything thawed, also what it was at.
    pub(crate) fn unguard(&self) {
        self.unguarded.store(true, SeqCst);
        self.thaw();
    }

    /// Whether it is to end.
    pub(crate) fn is_over(&self) -> bool {
        self.stop.load(SeqCst)
    }

    /// Waits until everything is to be thawed.
    fn wait(&self) {
        let thaw = self.thaw.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(thaw, |thaw| !*thaw));
    }
}

/// Where it is told what comes of a freeze.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) outcome: oneshot::Sender<(Outcome, Duration)>,
    pub(crate) stuck: oneshot::Sender<()>,
}

/// A freeze whose filesystems are opened.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) record: Record,
    /// In the record's order.
    pub(crate) targets: Vec<OwnedFd>,
    pub(crate) wish: Arc<Wish>,
    /// After so long all is thawed.
    pub(crate) time: Duration,
    /// Whether a type that the kernel does not freeze is left out, and no failure.
    pub(crate) lenient: bool,
}

impl Session {
    /// Freezes, says how that ended, and thaws when it is wanted. `over` is called when nothing is frozen, with whether the
    /// guardian can be relied on; a thread that still hangs in a system call does not hold it up.
    pub(crate) fn conduct(&self, line: &Line, telling: Telling, over: impl FnOnce(bool)) {
        let (record, targets) = (&self.record, self.targets.as_slice());
        let freezing = &Freezing::new(record, targets, &self.wish.stop, self.lenient);
        // Before the threads: of their stacks only what they use is needed, and by the time they freeze they have used it.
        let locked = Locked::now();
        thread::scope(|scope| {
            for number in 1..targets.len().min(freezing::THREADS) {
                let builder = thread::Builder::new().stack_size(STACK_BYTES);
                // Without some of them it takes longer, no more.
                let _ = builder.spawn_scoped(scope, move || {
                    freezing.follow();
                    if number < thaw::THREADS {
                        self.wish.wait();
                        self.thaw_some();
                    }
                });
            }
            let reached = self.freeze(freezing, line);
            if reached != Outcome::Frozen {
                self.wish.thaw();
            }
            // Whoever waits for it may have given up.
            let _ = telling.outcome.send((reached, self.since_start()));
            self.wish.wait();
            self.thaw_all(telling.stuck);
            // All is thawed: that this cannot be said to a dead one is no loss.
            let released = reached == Outcome::Unguarded || line.release().is_ok();
            over(released && reached != Outcome::Unguarded);
            drop(locked);
        });
    }

    fn freeze(&self, freezing: &Freezing<'_>, line: &Line) -> Outcome {
        if freezing.is_stacked() {
            let guarded = self.arm(line).and_then(|()| line.go(monotonic() + self.time).map_err(drop));
            match guarded {
                Ok(()) if freezing.probe() => {}
                Ok(()) => return self.leave(freezing, Outcome::Failed),
                Err(()) => return self.leave(freezing, self.unguarded()),
            }
            freezing.sync_all();
        } else {
            freezing.open_sync();
            // While the others write dirty data.
            if self.arm(line).is_err() {
                return self.leave(freezing, self.unguarded());
            }
            freezing.sync_all();
        }
        if self.wish.is_over() {
            return self.leave(freezing, Outcome::Failed);
        }
        let deadline = monotonic() + self.time;
        if line.go(deadline).is_err() {
            return self.leave(freezing, Outcome::Unguarded);
        }
        self.record.start(deadline);
        freezing.freeze_all();
        if self.is_frozen() { Outcome::Frozen } else { Outcome::Failed }
    }

    fn thaw_all(&self, stuck: oneshot::Sender<()>) {
        let (record, targets, mut stuck) = (&self.record, self.targets.as_slice(), Some(stuck));
        // Whoever would still begin to freeze one is seen, or sees this.
        record.close();
        let began = monotonic();
        loop {
            if self.wish.unguarded.load(SeqCst) || monotonic().saturating_sub(began) > TAKE_OVER {
                thaw::inherit_from_guardian(record);
            }
            thaw::pass(record, targets, By::Daemon, began);
            if thaw::is_over(record) {
                return;
            }
            if self.is_stuck()
                && let Some(stuck) = stuck.take()
            {
                // As above.
                let _ = stuck.send(());
            }
            self.pause();
        }
    }

    /// The same for a thread beside the first, which may hang in one of them.
    fn thaw_some(&self) {
        let began = monotonic();
        loop {
            thaw::pass(&self.record, &self.targets, By::Daemon, began);
            if thaw::is_over(&self.record) {
                return;
            }
            self.pause();
        }
    }

    /// What somebody else is thawing takes a moment; what does not thaw takes longer.
    fn pause(&self) {
        thread::sleep(if self.is_stuck() { AGAIN } else { MOMENT });
    }

    /// Has the guardian stand by.
    fn arm(&self, line: &Line) -> Result<(), ()> {
        if self.wish.is_over() {
            return Err(());
        }
        line.arm(&self.record, &self.targets).map_err(drop)
    }

    /// Why there is no guardian: an end was wanted before, or it does not answer.
    fn unguarded(&self) -> Outcome {
        if self.wish.is_over() { Outcome::Failed } else { Outcome::Unguarded }
    }

    fn leave(&self, freezing: &Freezing<'_>, outcome: Outcome) -> Outcome {
        freezing.leave();
        outcome
    }

    fn is_frozen(&self) -> bool {
        let good = |index| match self.record.step(index) {
            Step::Frozen => true,
            Step::Refused => self.lenient && self.record.error(index) == Errno::OPNOTSUPP.raw_os_error(),
            _ => false,
        };
        let some = (0..self.record.len()).any(|index| self.record.step(index) == Step::Frozen);
        !self.wish.is_over() && (0..self.record.len()).all(good) && (some || self.record.is_empty())
    }

    fn since_start(&self) -> Duration {
        self.record.started().map_or(Duration::ZERO, |started| monotonic().saturating_sub(started))
    }

    /// Whether nothing is left but what does not thaw.
    fn is_stuck(&self) -> bool {
        (0..self.record.len()).all(|index| {
            let step = self.record.step(index);
            step == Step::Stuck || !step.may_be_frozen()
        })
    }
}
