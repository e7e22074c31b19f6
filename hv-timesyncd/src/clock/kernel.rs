//! The machine's clock: CLOCK_REALTIME, by `clock_adjtime`. The only place that moves it.
//!
//! After a step by somebody else there is nothing to do here: the next look sees the new time, and a correction that
//! was under way has been dropped by the kernel.

use std::fmt::Debug;
use std::io;
use std::path::Path;

use hv_utils_core::sys::clock::{Timex, clock_adjtime};

use super::look::{self, Clocks, Machine};
use super::{Clock, ClockState, Steering, timex};
use crate::sample::Reading;

/// What is asked of the kernel; a double in tests.
pub(super) trait Calls: Clocks + Debug + Send + Sync {
    /// `clock_adjtime(CLOCK_REALTIME, …)`.
    fn adjust(&self, request: &mut Timex) -> io::Result<i32>;
}

impl Calls for Machine {
    fn adjust(&self, request: &mut Timex) -> io::Result<i32> {
        clock_adjtime(request)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Kernel {
    calls: Box<dyn Calls>,
    rtc_is_local: bool,
}

impl Kernel {
    /// The machine's clock. `etc_root` (`/etc`) has the file `adjtime`, which says whether the RTC runs in local time.
    ///
    /// While the kernel takes its clock for synchronised it writes it to the RTC every eleven minutes. For an RTC in local
    /// time it takes off the time zone's offset that it was told at boot, and is not told again: after a change of
    /// daylight saving time it would write an RTC that is wrong by an hour. There the clock never counts as synchronised.
    #[must_use]
    pub fn new(etc_root: &Path) -> Self {
        Self::over(Box::new(Machine), etc_root)
    }

    fn over(calls: Box<dyn Calls>, etc_root: &Path) -> Self {
        Self { calls, rtc_is_local: rtc_is_local(&etc_root.join("adjtime")) }
    }

    /// The RTC runs in local time, so the kernel is kept from it: programs see an unsynchronised clock.
    #[must_use]
    pub fn rtc_is_local(&self) -> bool {
        self.rtc_is_local
    }

    fn now(&self) -> io::Result<(Timex, i32)> {
        let mut now = Timex::default();
        let result = self.calls.adjust(&mut now)?;
        Ok((now, result))
    }
}

impl Clock for Kernel {
    fn read(&self) -> io::Result<Reading> {
        Ok(look::narrowest(&*self.calls))
    }

    fn state(&self) -> io::Result<ClockState> {
        let (now, result) = self.now()?;
        Ok(timex::state(&now, result))
    }

    /// The kernel itself drops the phase that is left and says that the clock is not synchronised (`ntp_clear`), and
    /// keeps the frequency.
    fn step(&self, by: i64) -> io::Result<()> {
        self.calls.adjust(&mut timex::step(by))?;
        Ok(())
    }

    fn steer(&self, steering: Steering) -> io::Result<()> {
        // The two calls are not one step. Only a program that changed the status in between would lose its bits, and
        // then two keep the clock: that is the ruler's matter.
        let (now, _) = self.now()?;
        self.calls.adjust(&mut timex::steer(&steering, &now, self.rtc_is_local))?;
        Ok(())
    }
}

/// The third line of `adjtime` (hwclock(8), adjtime_config(5)): `LOCAL` or `UTC`. Without the file or the line it is UTC.
fn rtc_is_local(file: &Path) -> bool {
    match std::fs::read_to_string(file) {
        Ok(text) => text.lines().nth(2).is_some_and(|line| line.trim() == "LOCAL"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            // An RTC that is not written is wrong by its drift, one that is written wrongly by hours.
            tracing::warn!(
                "cannot read {}: {error}; the kernel is kept from writing the RTC",
                file.display()
            );
            true
        }
    }
}

#[cfg(test)]
mod tests;
