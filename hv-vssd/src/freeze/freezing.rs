//! Freezing the filesystems of a record, by several threads at once.
//!
//! The kernel waits for most of the time that a freeze takes (grace periods of RCU, about 36 ms), and these waits overlap.
//! First all dirty data is written while everybody may still write, then they are frozen: what lies higher before what it
//! lies on. The threads are there before the first one is frozen; from then on nothing is allocated here and no file is
//! opened.

use super::record::{Record, Step, monotonic};
use super::thaw::By;
use hv_utils_core::sys;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most threads: twice as many gain a little more for hundreds of filesystems, and cost their stacks.
pub(crate) const THREADS: usize = 64;

/// How often it is looked whether an end is wanted.
const LOOK: Duration = Duration::from_millis(20);

/// How far the threads may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gate {
    Probe,
    Sync,
    Freeze,
    Over,
}

/// The work, shared by its threads.
#[derive(Debug)]
pub(crate) struct Freezing<'a> {
    record: &'a Record,
    targets: &'a [OwnedFd],
    /// Nothing more is to be begun: somebody wants an end, or one has failed.
    stop: &'a AtomicBool,
    /// Whether a type that the kernel does not freeze is left out, and no failure.
    lenient: bool,
    syncing: AtomicUsize,
    freezing: AtomicUsize,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug)]
struct Progress {
    gate: Gate,
    synced: usize,
    settled: usize,
}

impl<'a> Freezing<'a> {
    pub(crate) fn new(
        record: &'a Record,
        targets: &'a [OwnedFd],
        stop: &'a AtomicBool,
        lenient: bool,
    ) -> Freezing<'a> {
        Freezing {
            record,
            targets,
            stop,
            lenient,
            syncing: AtomicUsize::new(0),
            freezing: AtomicUsize::new(0),
            progress: Mutex::new(Progress { gate: Gate::Probe, synced: 0, settled: 0 }),
            changed: Condvar::new(),
        }
    }

    /// What each thread but the first does: all of it.
    pub(crate) fn follow(&self) {
        if self.past(Gate::Probe) != Gate::Over {
            self.sync();
        }
        if self.past(Gate::Sync) == Gate::Freeze {
            self.freeze();
        }
    }

    /// Before all else, by the first thread alone: freezes what others lie on, and thaws it at once. One of them that somebody
    /// else has frozen would have those on it hang in whatever they write, beyond anybody's help. `false`: so it is.
    pub(crate) fn probe(&self) -> bool {
        let highest = (0..self.targets.len()).map(|index| self.record.level(index)).max().unwrap_or_default();
        // Backwards: the lowest first.
        for (index, target) in self.targets.iter().enumerate().rev() {
            if self.record.level(index) == highest {
                continue;
            }
            let froze = !self.stop.load(SeqCst) && self.one(index, target);
            if froze && self.record.advance(index, Step::Frozen, Step::Thawing) {
                super::thaw::thaw(self.record, index, target, By::Daemon);
            }
            let refused = self.record.step(index) == Step::Refused;
            if !froze || !(refused || self.record.renew(index)) {
                self.stop.store(true, SeqCst);
                return false;
            }
        }
        true
    }

    /// Whether there is anything to probe.
    pub(crate) fn is_stacked(&self) -> bool {
        (0..self.targets.len()).any(|index| self.record.level(index) > 0)
    }

    /// Has the others begin with the first part.
    pub(crate) fn open_sync(&self) {
        self.open(Gate::Sync);
    }

    /// The first part: returns when the dirty data of all is written, or an end is wanted.
    pub(crate) fn sync_all(&self) {
        self.open(Gate::Sync);
        self.sync();
        let all = self.targets.len();
        self.wait(|progress| progress.synced < all);
    }

    /// The second part: returns when all are frozen, or one has failed, or an end is wanted; some may still be tried then.
    pub(crate) fn freeze_all(&self) {
        self.open(Gate::Freeze);
        self.freeze();
        let all = self.targets.len();
        self.wait(|progress| progress.settled < all);
    }

    /// Instead of the second part.
    pub(crate) fn leave(&self) {
        self.open(Gate::Over);
    }

    /// Waits until there is more to do than this, and says what.
    fn past(&self, gate: Gate) -> Gate {
        let waited = self.changed.wait_while(self.progress(), |progress| progress.gate <= gate);
        waited.unwrap_or_else(PoisonError::into_inner).gate
    }

    fn sync(&self) {
        loop {
            let index = self.syncing.fetch_add(1, SeqCst);
            let Some(target) = self.targets.get(index) else { return };
            if !self.stop.load(SeqCst) {
                let began = monotonic();
                // The freeze does it again, and says what is wrong.
                let _ = rustix::fs::syncfs(target);
                self.record.synced(index, monotonic().saturating_sub(began));
            }
            self.progress().synced += 1;
            self.changed.notify_all();
        }
    }

    fn freeze(&self) {
        loop {
            let index = self.freezing.fetch_add(1, SeqCst);
            let Some(target) = self.targets.get(index) else { return };
            self.wait_for_higher(index);
            if self.stop.load(SeqCst) || !self.one(index, target) {
                self.stop.store(true, SeqCst);
            }
            self.progress().settled += 1;
            self.changed.notify_all();
        }
    }

    /// Waits until nothing that lies higher is being frozen.
    fn wait_for_higher(&self, index: usize) {
        let level = self.record.level(index);
        let higher = (0..index).filter(|other| self.record.level(*other) > level).count();
        self.wait(|progress| progress.settled < higher);
    }

    /// Waits, but not for one that hangs when an end is wanted: what is frozen by then has to be thawed.
    fn wait(&self, not_yet: impl Fn(&Progress) -> bool) {
        let mut progress = self.progress();
        while not_yet(&progress) && !self.stop.load(SeqCst) {
            let waited = self.changed.wait_timeout(progress, LOOK);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Freezes one; `false` if it is not frozen, and ought to be.
    fn one(&self, index: usize, target: &OwnedFd) -> bool {
        if !self.record.advance(index, Step::Idle, Step::Attempting) {
            return false;
        }
        // After the step was made: whoever closes the record either sees it, or is seen here.
        if self.record.is_closed() {
            let _ = self.record.advance(index, Step::Attempting, Step::Refused);
            let _ = self.record.advance(index, Step::Abandoned, Step::Refused);
            return false;
        }
        let began = monotonic();
        let result = sys::freeze(target);
        self.record.froze(index, began, monotonic().saturating_sub(began));
        match result {
            Ok(()) if self.record.advance(index, Step::Attempting, Step::Frozen) => true,
            Ok(()) => {
                // Given up meanwhile, by one who could not thaw it.
                if self.record.advance(index, Step::Abandoned, Step::Thawing) {
                    super::thaw::thaw(self.record, index, target, By::Daemon);
                }
                false
            }
            Err(error) => {
                let errno = Errno::from_io_error(&error).map_or(0, Errno::raw_os_error);
                self.record.set_error(index, errno);
                let _ = self.record.advance(index, Step::Attempting, Step::Refused);
                let _ = self.record.advance(index, Step::Abandoned, Step::Refused);
                self.lenient && errno == Errno::OPNOTSUPP.raw_os_error()
            }
        }
    }

    fn open(&self, gate: Gate) {
        self.progress().gate = gate;
        self.changed.notify_all();
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
