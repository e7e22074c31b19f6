//! The clock that is kept: the machine's, or an imitation of one.
//!
//! Everything that changes the machine's clock goes through this trait and is asked for by nobody but the service.

mod discipline;
mod imitated;
mod kernel;
mod look;
pub mod ptp;
mod timex;

pub use imitated::Imitated;
pub use kernel::Kernel;
pub use ptp::{PtpClock, PtpError, PtpReading};
pub use timex::{MAX_FREQUENCY, MAX_PHASE, MAX_TIME_CONSTANT};

use std::fmt::Debug;
use std::io;

use crate::sample::{Leap, Reading};

/// How the clock is to run from now on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Steering {
    /// Frequency of CLOCK_REALTIME beyond CLOCK_MONOTONIC_RAW, in ppm; the kernel takes −500 to 500.
    pub frequency: f64,
    /// What is to be made up for without a step, in ns; less than half a second. The clock makes up for
    /// `2^-(2 + time_constant)` of the rest each second, and ends by itself.
    pub phase: i64,
    /// 0 to 10, see `phase`.
    pub time_constant: u8,
    /// Whether the kernel is to take the clock for synchronised (`STA_UNSYNC` clear), and so to keep the RTC right too.
    pub synchronised: bool,
    /// What `adjtimex` tells programs about the error, in µs: the estimate, and the bound.
    pub errors: (u32, u32),
    /// A leap second at the end of the day (UTC); only [`Leap::Insert`] and [`Leap::Delete`] do anything.
    pub leap: Leap,
}

/// What the kernel says of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ClockState {
    /// Frequency correction in force, ppm.
    pub frequency: f64,
    /// Somebody has said that the clock is synchronised, and it has not run out since.
    pub synchronised: bool,
    /// The bound of its error, µs: grows by 500 in each second in which nobody says anything.
    pub max_error: i64,
}

/// See the module.
pub trait Clock: Debug + Send + Sync {
    /// Looks at the clocks; the narrowest of a few looks.
    ///
    /// # Errors
    /// From the kernel; none are known.
    fn read(&self) -> io::Result<Reading>;

    /// What the kernel says of its clock.
    ///
    /// # Errors
    /// From the kernel; none are known.
    fn state(&self) -> io::Result<ClockState>;

    /// Moves the clock by so many nanoseconds at once. A correction that is under way ([`Steering::phase`]) is dropped.
    ///
    /// # Errors
    /// `EPERM`: without CAP_SYS_TIME. `EINVAL`: the kernel cannot have such a time.
    fn step(&self, by: i64) -> io::Result<()>;

    /// Has the clock run so from now on.
    ///
    /// # Errors
    /// `EPERM`: without CAP_SYS_TIME.
    fn steer(&self, steering: Steering) -> io::Result<()>;
}
