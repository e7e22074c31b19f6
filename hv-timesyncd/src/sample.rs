//! What the rooms tell each other: readings of clocks and samples of the host's time. Data only.
//!
//! Times are signed nanoseconds. `real` and `host` count from 1970-01-01 00:00:00 UTC without leap seconds, `raw` is
//! `CLOCK_MONOTONIC_RAW`, which nobody steps or steers. An offset is host minus guest: positive, the guest is behind.

use std::fmt;

/// One look at the guest's clocks: both belong to the same moment but for `width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// CLOCK_MONOTONIC_RAW.
    pub raw: i64,
    /// CLOCK_REALTIME.
    pub real: i64,
    /// How long the look took; the two are apart by at most half of it.
    pub width: i64,
}

/// What the host wants with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Set the clock: after the start, a pause, a restore (`ICTIMESYNCFLAG_SYNC`).
    Sync,
    /// Take note of it (`ICTIMESYNCFLAG_SAMPLE`), or a look at the PTP clock.
    Sample,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Sync => "sync",
            Purpose::Sample => "sample",
        })
    }
}

/// How it is known when the host took its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Not at all: the time is taken for that of its arrival.
    Arrival,
    /// By comparison with the fastest of the last messages: too late by as much as that one took.
    LeastDelay,
    /// The kernel's own reading of the reference counter, behind `/dev/ptp_hyperv`.
    Ptp,
    /// From pairs of the reference counter and CLOCK_MONOTONIC_RAW.
    ReferenceCounter,
}

impl Method {
    /// As on D-Bus and in `hvctl`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Method::Arrival => "arrival",
            Method::LeastDelay => "least-delay",
            Method::Ptp => "ptp",
            Method::ReferenceCounter => "reference-counter",
        }
    }
}

/// How old a host's time is when it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Nanoseconds since the host took it; at least 0 but for the error.
    pub ns: i64,
    /// How wrong `ns` may be, in either direction; for [`Method::Arrival`] and [`Method::LeastDelay`] an estimate from what
    /// was seen, which does not know of a delay that all messages have in common.
    pub error: i64,
    /// How it is known.
    pub method: Method,
}

/// A leap second that the host announces, as NTP counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leap {
    /// None.
    #[default]
    None,
    /// The last minute of the day has 61 seconds.
    Insert,
    /// The last minute of the day has 59 seconds.
    Delete,
    /// The host's own clock is not synchronised.
    Unsynchronised,
}

/// A time of the host, and the guest's clocks when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// What it is for.
    pub purpose: Purpose,
    /// The host's time when it took it.
    pub host: i64,
    /// How long before `received` that was.
    pub age: Age,
    /// What the host says of leap seconds.
    pub leap: Leap,
    /// Its distance from a true clock, as NTP counts; 0 where it does not say.
    pub stratum: u8,
    /// The guest's clocks when it arrived.
    pub received: Reading,
}

impl Sample {
    /// Host minus guest at `received`, unfiltered.
    #[must_use]
    pub const fn offset(&self) -> i64 {
        self.host.saturating_add(self.age.ns).saturating_sub(self.received.real)
    }
}
