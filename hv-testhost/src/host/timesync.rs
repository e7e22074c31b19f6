//! Time synchronization: the host's time after each negotiation (SYNC), then samples of it, as a real host sends them.
//!
//! The time is this machine's own, shifted where somebody says so. What a guest corrects it by is the reference counter of
//! its machine: where that is this machine, CLOCK_MONOTONIC_RAW; a virtual machine's is not to be read from here, it is
//! estimated, and whoever knows it better says so.

use std::time::Duration;

use hv_utils_core::wire::timesync::{self, REFERENCE, SAMPLE, SYNC, TimeMessage};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use super::ic::{Ic, IcError};
use super::service::Service;
use crate::link::PacketLink;
use crate::outcome::{Asked, Failure, Outcome};
use crate::ticks::{Ticks, utc};
use crate::verb::{TimeAsk, Verb};

/// Refusals that wait for the next report; more are dropped.
const MAX_NOTES: usize = 16;
/// Looks at the clocks of this machine, of which the shortest counts: one may be interrupted, hardly all.
const LOOKS: usize = 5;
/// Nanoseconds of a tick.
const TICK_NS: i64 = 100;
const BEFORE_1601: &str = "that time cannot be said, it counts from the year 1601";

/// The service.
#[derive(Debug)]
pub struct TimeSync {
    /// Time from an answer to the next sample; `None`: nothing is sent unasked.
    period: Option<Duration>,
    /// How far the host's clock is ahead of this machine's.
    offset: Ticks,
    /// The last message had no answer: a real host sends no more samples then.
    silent: bool,
    /// When a guest negotiated first.
    met: Option<Instant>,
    notes: Vec<String>,
}

impl TimeSync {
    /// A service that sends SYNC after each negotiation and a SAMPLE so long after each answer; `None`: neither.
    pub fn new(period: Option<Duration>) -> TimeSync {
        TimeSync { period, offset: Ticks::default(), silent: false, met: None, notes: Vec::new() }
    }

    /// The same with a clock that is so far ahead of this machine's.
    #[must_use]
    pub fn with_offset(self, offset: Ticks) -> TimeSync {
        TimeSync { offset, ..self }
    }

    /// The reference counter of the guest's virtual machine now, in 100 ns ticks: an ESTIMATE, the time since this
    /// host first heard of the machine on this link, or where the link does not know, since its guest negotiated first.
    /// It is too small by the time the machine had run before; a guest's correction is then too large by as much.
    fn estimate<L: PacketLink>(&self, ic: &mut Ic<L>) -> u64 {
        let since = ic.link().machine_since().or(self.met);
        since.map_or(0, |since| u64::try_from(since.elapsed().as_nanos() / 100).unwrap_or(u64::MAX))
    }

    /// Sends a time and waits for the answer; what it says beside its status is not looked at, as by real hosts.
    ///
    /// # Errors
    /// The guest refused, or there is no usable answer.
    pub async fn send<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        message: &TimeMessage,
    ) -> Result<(), Failure> {
        let version = ic.agreed().ok_or(IcError::NotNegotiated)?.message;
        let purpose = purpose(message.flags);
        let answer = ic.exchange(&purpose, &timesync::encode(message, version)).await;
        self.silent = answer.is_err();
        let status = answer?.status;
        let what = format!("take a {purpose}");
        if status.is_ok() { Ok(()) } else { Err(Failure::Refused { what, status, asked: Asked::Time }) }
    }

    async fn asked<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        flags: u8,
        ask: &TimeAsk,
    ) -> Result<Outcome, Failure> {
        let moment = Moment::now();
        let ours = || shifted(moment.parent_time, self.offset).and_then(|time| shifted(time, ask.offset));
        let too_early = || Failure::Usage(format!("--offset: {BEFORE_1601}").into());
        let parent_time = ask.parent.or_else(ours).ok_or_else(too_early)?;
        let counter = if ic.link().shares_machine() { moment.counter } else { self.estimate(ic) };
        let reference = Some(ask.reference.unwrap_or(counter));
        let flags = ask.flags.unwrap_or(flags);
        let message = TimeMessage { parent_time, reference, flags, leap: ask.leap, stratum: ask.stratum };
        self.send(ic, &message).await?;
        let newer = ic.agreed().is_some_and(|agreed| agreed.message >= REFERENCE);
        let reference = reference.filter(|_| newer);
        let reference = reference.map(|ticks| format!(", reference time {ticks}")).unwrap_or_default();
        let (purpose, date) = (purpose(flags), utc(parent_time));
        Ok(Outcome::Done(format!(
            "the guest has taken a {purpose}: parent time {parent_time} ({date}){reference}"
        )))
    }

    /// What is sent without being asked for; a guest that refuses it is worth a note.
    async fn unasked<L: PacketLink>(&mut self, ic: &mut Ic<L>, flags: u8) -> Result<(), Failure> {
        let result = self.asked(ic, flags, &TimeAsk::default()).await;
        match result {
            Err(failure @ Failure::Refused { .. }) => {
                if self.notes.len() < MAX_NOTES {
                    self.notes.push(failure.to_string());
                }
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}

/// This machine's clocks at one moment.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// CLOCK_REALTIME as a host sends it.
    parent_time: u64,
    /// CLOCK_MONOTONIC_RAW as a reference counter counts.
    counter: u64,
}

impl Moment {
    fn now() -> Moment {
        let look = || {
            let (before, real) = (nanoseconds(ClockId::MonotonicRaw), nanoseconds(ClockId::Realtime));
            let took = nanoseconds(ClockId::MonotonicRaw) - before;
            let counter = u64::try_from((before + took / 2) / TICK_NS).unwrap_or(0);
            (took, Moment { parent_time: timesync::parent_time(real), counter })
        };
        let first = look();
        let looks = (1..LOOKS).map(|_| look());
        looks.fold(first, |best, next| if next.0 < best.0 { next } else { best }).1
    }
}

fn nanoseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

/// A time of the host, shifted; `None` if it would be before its beginning.
fn shifted(parent_time: u64, by: Ticks) -> Option<u64> {
    parent_time.checked_add_signed(by.0)
}

/// Reads how far a host's clock is to be ahead of this machine's.
///
/// # Errors
/// No number of seconds, or so far back that the host could not say its time.
pub fn offset(text: &str) -> Result<Ticks, String> {
    let offset: Ticks = text.parse().map_err(|error: crate::ticks::TicksError| error.to_string())?;
    shifted(Moment::now().parent_time, offset).map(|_| offset).ok_or_else(|| BEFORE_1601.to_owned())
}

/// What a guest is to do with a time, by the message's flags; bits that nobody knows are shown as a number.
pub fn purpose(flags: u8) -> String {
    let known = match flags & (SYNC | SAMPLE) {
        0 => "PROBE",
        SYNC => "SYNC",
        SAMPLE => "SAMPLE",
        _ => "SYNC+SAMPLE",
    };
    match flags & !(SYNC | SAMPLE) {
        0 => known.to_owned(),
        others => format!("{known}+{others:#04x}"),
    }
}

impl Service for TimeSync {
    async fn negotiated<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        self.met.get_or_insert_with(Instant::now);
        self.silent = false;
        match self.period {
            Some(_) => self.unasked(ic, SYNC).await,
            None => Ok(()),
        }
    }

    async fn verb<L: PacketLink>(&mut self, ic: &mut Ic<L>, verb: &Verb) -> Result<Outcome, Failure> {
        match verb {
            Verb::SyncTime(ask) => self.asked(ic, SYNC, ask).await,
            Verb::SampleTime(ask) => self.asked(ic, SAMPLE, ask).await,
            _ => Err(Failure::Usage("this verb is not for the timesync service".into())),
        }
    }

    fn period(&self) -> Option<Duration> {
        self.period
    }

    async fn tick<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        if self.silent { Ok(()) } else { self.unasked(ic, SAMPLE).await }
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

#[cfg(test)]
mod tests;
