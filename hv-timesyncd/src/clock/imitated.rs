//! A clock of this program's own, which behaves as the machine's and belongs to nobody: for demonstrations, simulations and tests.
//!
//! It takes the same requests as the kernel and disciplines itself as the kernel does (`discipline`). The kernel is its
//! oracle: a case in the emulated machine asks the same of both and compares.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::discipline::Discipline;
use super::look::{self, Clocks, Machine};
use super::{Clock, ClockState, Steering, timex};
use crate::sample::Reading;
use hv_utils_core::sys::clock::Timex;

/// See the module.
pub struct Imitated {
    raw: Box<dyn Fn() -> i64 + Send + Sync>,
    inner: Mutex<Inner>,
}

struct Inner {
    discipline: Discipline,
    /// The last raw time that was seen: a source that goes back stands still here.
    last: i64,
    steps: Vec<i64>,
    steered: usize,
    steering: Option<Steering>,
}

impl Imitated {
    /// A clock that runs on `raw` (ns, as CLOCK_MONOTONIC_RAW) and shows `real_at_start` (ns since 1970) now.
    pub fn new(raw: impl Fn() -> i64 + Send + Sync + 'static, real_at_start: i64) -> Self {
        let start = raw();
        let inner = Inner {
            discipline: Discipline::new(start, real_at_start),
            last: start,
            steps: Vec::new(),
            steered: 0,
            steering: None,
        };
        Self { raw: Box::new(raw), inner: Mutex::new(inner) }
    }

    /// A clock beside the machine's: `offset_ns` ahead of it now, and driven by a crystal that runs `drift_ppm` faster
    /// than the machine's. Its raw time is the machine's CLOCK_MONOTONIC_RAW now, and differs by the drift from then on.
    #[must_use]
    pub fn of_this_machine(offset_ns: i64, drift_ppm: f64) -> Self {
        let start = look::narrowest(&Machine);
        let raw = move || {
            let passed = Machine.raw() - start.raw;
            start.raw + passed + (passed as f64 * drift_ppm / 1e6) as i64
        };
        Self::new(raw, start.real.saturating_add(offset_ns))
    }

    /// Its raw time now, ns.
    #[must_use]
    pub fn raw(&self) -> i64 {
        self.at().1
    }

    /// Its real time now, ns since 1970.
    #[must_use]
    pub fn real(&self) -> i64 {
        let (mut inner, raw) = self.at();
        inner.discipline.read(raw)
    }

    /// All steps so far, ns, the oldest first.
    #[must_use]
    pub fn steps(&self) -> Vec<i64> {
        self.at().0.steps.clone()
    }

    /// How often it was steered.
    #[must_use]
    pub fn steered(&self) -> usize {
        self.at().0.steered
    }

    /// How it was steered last.
    #[must_use]
    pub fn steering(&self) -> Option<Steering> {
        self.at().0.steering
    }

    /// What the kernel would say of it to a request without modes: the phase that is left, the errors, the status.
    #[must_use]
    pub fn timex(&self) -> Timex {
        let mut timex = Timex::default();
        // A request without modes cannot be wrong.
        let _ = self.ask(&mut timex);
        timex
    }

    fn ask(&self, request: &mut Timex) -> io::Result<i32> {
        let (mut inner, raw) = self.at();
        Ok(inner.discipline.adjust(raw, request)?)
    }

    /// The state, and the raw time, which does not move while it is held.
    fn at(&self) -> (MutexGuard<'_, Inner>, i64) {
        // What panicked while it held the lock was a reader's source of raw time: the state is whole.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last = inner.last.max((self.raw)());
        let raw = inner.last;
        (inner, raw)
    }
}

impl fmt::Debug for Imitated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imitated").field("discipline", &self.at().0.discipline).finish_non_exhaustive()
    }
}

impl Clock for Imitated {
    fn read(&self) -> io::Result<Reading> {
        let (mut inner, raw) = self.at();
        Ok(Reading { raw, real: inner.discipline.read(raw), width: 0 })
    }

    fn state(&self) -> io::Result<ClockState> {
        let mut now = Timex::default();
        let result = self.ask(&mut now)?;
        Ok(timex::state(&now, result))
    }

    fn step(&self, by: i64) -> io::Result<()> {
        self.ask(&mut timex::step(by))?;
        self.at().0.steps.push(by);
        Ok(())
    }

    fn steer(&self, steering: Steering) -> io::Result<()> {
        let mut now = Timex::default();
        self.ask(&mut now)?;
        self.ask(&mut timex::steer(&steering, &now, false))?;
        let (mut inner, _) = self.at();
        inner.steered += 1;
        inner.steering = Some(steering);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
