//! Time synchronization: the host's time after each negotiation (SYNC), then samples of it, as a real host sends them.
//!
//! The time is this machine's own. What a guest corrects it by, the reference counter of its virtual machine, is not
//! to be read from here: it is estimated ([`TimeSync::reference`]), and whoever knows it better says so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hv_utils_core::wire::Version;
use tokio::time::Instant;

use super::ic::{Ic, IcError};
use super::service::Service;
use crate::link::PacketLink;
use crate::outcome::{Failure, Outcome};
use crate::ticks::Ticks;
use crate::verb::{TimeAsk, Verb};

/// 100 ns ticks from 1601-01-01, where the host's time begins, to 1970-01-01.
const EPOCH: u64 = 116_444_736_000_000_000;
/// Refusals that wait for the next report; more are dropped.
const MAX_NOTES: usize = 16;

/// What a guest is to do with the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Set the clock: flag 1.
    Sync,
    /// Take note of it: flag 2.
    Sample,
}

impl Purpose {
    fn flag(self) -> u8 {
        match self {
            Purpose::Sync => 1,
            Purpose::Sample => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Purpose::Sync => "SYNC",
            Purpose::Sample => "SAMPLE",
        }
    }
}

/// A time to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// 100 ns ticks since 1601-01-01 00:00:00 UTC.
    pub parent: u64,
    /// The virtual machine's reference counter at that time, in 100 ns ticks; not in messages before 4.0.
    pub reference: u64,
}

/// The body of a message of an agreed version: 24 bytes since 4.0, 28 before.
pub fn body(version: Version, purpose: Purpose, time: Time) -> Vec<u8> {
    let mut body = time.parent.to_le_bytes().to_vec();
    if version >= Version::new(4, 0) {
        body.extend_from_slice(&time.reference.to_le_bytes());
        // Flags, leap indicator, stratum, reserved.
        body.extend_from_slice(&[purpose.flag(), 0, 0, 0, 0, 0, 0, 0]);
    } else {
        // The guest's time and the round trip, which nobody fills.
        body.extend_from_slice(&[0; 16]);
        body.extend_from_slice(&[purpose.flag(), 0, 0, 0]);
    }
    body
}

/// The service.
#[derive(Debug)]
pub struct TimeSync {
    /// Time from an answer to the next sample; `None`: nothing is sent unasked.
    period: Option<Duration>,
    /// The last message had no answer: a real host sends no more samples then.
    silent: bool,
    /// When a guest negotiated first.
    met: Option<Instant>,
    notes: Vec<String>,
}

impl TimeSync {
    /// A service that sends SYNC after each negotiation and a SAMPLE so long after each answer; `None`: neither.
    pub fn new(period: Option<Duration>) -> TimeSync {
        TimeSync { period, silent: false, met: None, notes: Vec::new() }
    }

    /// The reference counter of the guest's virtual machine now, in 100 ns ticks: an ESTIMATE, the time since this
    /// host first heard of the machine on this link, or where the link does not know, since its guest negotiated first.
    /// It is too small by the time the machine had run before; a guest's correction is then too large by as much.
    pub fn reference<L: PacketLink>(&self, ic: &mut Ic<L>) -> u64 {
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
        purpose: Purpose,
        time: Time,
    ) -> Result<(), Failure> {
        let version = ic.agreed().ok_or(IcError::NotNegotiated)?.message;
        let answer = ic.exchange(purpose.name(), &body(version, purpose, time)).await;
        self.silent = answer.is_err();
        let status = answer?.status;
        let what = format!("take a {}", purpose.name());
        if status.is_ok() { Ok(()) } else { Err(Failure::Refused { what, status }) }
    }

    async fn asked<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        purpose: Purpose,
        ask: &TimeAsk,
    ) -> Result<Outcome, Failure> {
        let parent = now(ask.offset)?;
        let reference = ask.reference.unwrap_or_else(|| self.reference(ic));
        self.send(ic, purpose, Time { parent, reference }).await?;
        Ok(Outcome::Done(format!(
            "the guest has taken a {}: parent time {parent}, reference time {reference}",
            purpose.name()
        )))
    }

    /// What is sent without being asked for; a guest that refuses it is worth a note.
    async fn unasked<L: PacketLink>(&mut self, ic: &mut Ic<L>, purpose: Purpose) -> Result<(), Failure> {
        let result = self.asked(ic, purpose, &TimeAsk::default()).await;
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

/// This machine's time as a host sends it, shifted.
fn now(offset: Ticks) -> Result<u64, Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ticks = u64::try_from(since.as_nanos() / 100).ok().and_then(|ticks| ticks.checked_add(EPOCH));
    ticks.and_then(|ticks| ticks.checked_add_signed(offset.0)).ok_or_else(|| {
        Failure::Usage("--offset: that time cannot be said, it counts from the year 1601".into())
    })
}

impl Service for TimeSync {
    async fn negotiated<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        self.met.get_or_insert_with(Instant::now);
        self.silent = false;
        match self.period {
            Some(_) => self.unasked(ic, Purpose::Sync).await,
            None => Ok(()),
        }
    }

    async fn verb<L: PacketLink>(&mut self, ic: &mut Ic<L>, verb: &Verb) -> Result<Outcome, Failure> {
        match verb {
            Verb::SyncTime(ask) => self.asked(ic, Purpose::Sync, ask).await,
            Verb::SampleTime(ask) => self.asked(ic, Purpose::Sample, ask).await,
            _ => Err(Failure::Usage("this verb is not for the timesync service".into())),
        }
    }

    fn period(&self) -> Option<Duration> {
        self.period
    }

    async fn tick<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        if self.silent { Ok(()) } else { self.unasked(ic, Purpose::Sample).await }
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

#[cfg(test)]
mod tests;
