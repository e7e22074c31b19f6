//! `clock_adjtime` on CLOCK_REALTIME: what the kernel knows of its clock, and how it is moved and steered.
//!
//! Names, units and bits are those of `struct timex` in `linux/timex.h` and adjtimex(2). What is to be asked for is
//! decided elsewhere; nothing here checks or changes a request.

use std::io;

/// What [`Timex::modes`] can ask for, `ADJ_*`; without any nothing is changed, and no privilege is needed.
pub mod adj {
    /// The phase that is left ([`super::Timex::offset`]); only with [`super::sta::PLL`].
    pub const OFFSET: u32 = libc::ADJ_OFFSET;
    /// [`super::Timex::frequency`].
    pub const FREQUENCY: u32 = libc::ADJ_FREQUENCY;
    /// [`super::Timex::max_error`].
    pub const MAXERROR: u32 = libc::ADJ_MAXERROR;
    /// [`super::Timex::est_error`].
    pub const ESTERROR: u32 = libc::ADJ_ESTERROR;
    /// [`super::Timex::status`].
    pub const STATUS: u32 = libc::ADJ_STATUS;
    /// [`super::Timex::constant`].
    pub const TIMECONST: u32 = libc::ADJ_TIMECONST;
    /// Adds [`super::Timex::seconds`] and [`super::Timex::fraction`] to the clock at once.
    pub const SETOFFSET: u32 = libc::ADJ_SETOFFSET;
    /// Fractions of a second are nanoseconds from now on, in both directions.
    pub const NANO: u32 = libc::ADJ_NANO;
    /// [`super::Timex::tick`].
    pub const TICK: u32 = libc::ADJ_TICK;
}

/// The bits of [`Timex::status`], `STA_*`, that somebody uses.
pub mod sta {
    /// The phase is made up for.
    pub const PLL: i32 = libc::STA_PLL;
    /// The frequency follows the pulse of a PPS source.
    pub const PPSFREQ: i32 = libc::STA_PPSFREQ;
    /// The phase follows the pulse of a PPS source.
    pub const PPSTIME: i32 = libc::STA_PPSTIME;
    /// The frequency is learned from phases far apart.
    pub const FLL: i32 = libc::STA_FLL;
    /// The last minute of this day (UTC) has 61 seconds.
    pub const INS: i32 = libc::STA_INS;
    /// The last minute of this day (UTC) has 59 seconds.
    pub const DEL: i32 = libc::STA_DEL;
    /// Nobody keeps the clock.
    pub const UNSYNC: i32 = libc::STA_UNSYNC;
    /// A phase does not change the frequency.
    pub const FREQHOLD: i32 = libc::STA_FREQHOLD;
    /// Fractions of a second are nanoseconds; only [`super::adj::NANO`] sets it.
    pub const NANO: i32 = libc::STA_NANO;
}

/// The clock's state if it is not synchronised, as [`clock_adjtime`] returns it.
pub const TIME_ERROR: i32 = libc::TIME_ERROR;

/// The part of `struct timex` that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timex {
    /// What to change, [`adj`]; the kernel leaves it as it is.
    pub modes: u32,
    /// Phase that is left, ns or µs ([`sta::NANO`]).
    pub offset: i64,
    /// Frequency correction, ppm times 65536.
    pub frequency: i64,
    /// Bound of the error, µs; grows by 500 in each second.
    pub max_error: i64,
    /// Estimate of the error, µs.
    pub est_error: i64,
    /// Bits of [`sta`].
    pub status: i32,
    /// Time constant of the phase: `2^-(2 + constant)` of the rest is made up for in each second.
    pub constant: i64,
    /// Microseconds in one of 100 ticks of a second, 10000 but for coarse changes of the frequency.
    pub tick: i64,
    /// The clock, or what is added to it; seconds.
    pub seconds: i64,
    /// The clock, or what is added to it; ns or µs, never negative.
    pub fraction: i64,
    /// TAI minus UTC, s; read only.
    pub tai: i32,
}

/// Asks the kernel for `request.modes` and fills all of `request` with what is in force then; returns the state of the clock,
/// `TIME_*`.
///
/// # Errors
/// `EPERM`: there are modes, and no CAP_SYS_TIME. `EINVAL`: the kernel cannot have this.
pub fn clock_adjtime(request: &mut Timex) -> io::Result<i32> {
    // SAFETY: all-zero bytes are a valid `timex`: it has integers only.
    let mut raw: libc::timex = unsafe { std::mem::zeroed() };
    raw.modes = request.modes;
    raw.offset = request.offset as _;
    raw.freq = request.frequency as _;
    raw.maxerror = request.max_error as _;
    raw.esterror = request.est_error as _;
    raw.status = request.status;
    raw.constant = request.constant as _;
    raw.tick = request.tick as _;
    raw.time.tv_sec = request.seconds as _;
    raw.time.tv_usec = request.fraction as _;
    // SAFETY: `raw` is a valid, writable `timex`, and all that the call touches.
    let state = unsafe { libc::clock_adjtime(libc::CLOCK_REALTIME, &raw mut raw) };
    if state == -1 {
        return Err(io::Error::last_os_error());
    }
    *request = Timex {
        modes: request.modes,
        offset: raw.offset as _,
        frequency: raw.freq as _,
        max_error: raw.maxerror as _,
        est_error: raw.esterror as _,
        status: raw.status,
        constant: raw.constant as _,
        tick: raw.tick as _,
        seconds: raw.time.tv_sec as _,
        fraction: raw.time.tv_usec as _,
        tai: raw.tai,
    };
    Ok(state)
}

#[cfg(test)]
mod tests;
