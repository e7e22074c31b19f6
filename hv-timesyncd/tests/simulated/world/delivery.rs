//! The host's messages: when they are sent, what is in them, and when the guest's kernel and its daemon have them.
//!
//! The first after a start or a pause is a SYNC, 0.2 to 2 s later; then comes a sample 5 s after each answer. On its way a
//! message takes 40 µs at least, 60 µs more on average, and once in 200 times up to 100 ms; the daemon has it 15 µs
//! after the kernel at least and 20 µs more on average. In a busy guest the averages are 2 ms and 1 ms. One message in 500 is lost.
//! The host reads its clock and the counter one after the other: 0.2 µs, once in 200 times 5 to 50 µs.
//! None of these are measured on a real host; they are meant to be worse than one.

use hv_timesyncd::sample::Purpose;

use super::plan::{Plan, What};
use super::random::Random;
use super::{EPOCH, SECOND};

/// A message of the host. The first three in running time, ns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    /// The kernel has it.
    pub(crate) kernel: f64,
    /// The daemon has it.
    pub(crate) daemon: f64,
    pub(crate) purpose: Purpose,
    /// The host's clock, ns since 1970, with the protocol's 100 ns.
    pub(crate) host: i64,
    /// The reference counter, ticks of 100 ns; what versions before 4.0 lack.
    pub(crate) reference: u64,
}

/// What a message needs to know of the world: the host's time after [`EPOCH`] and the counter, by running time.
pub(crate) struct Clocks<'a> {
    pub(crate) host: &'a dyn Fn(f64) -> f64,
    pub(crate) counter: &'a dyn Fn(f64) -> f64,
}

/// All messages of a trace.
pub(crate) fn messages(plan: &Plan, clocks: &Clocks<'_>) -> Vec<Message> {
    let mut random = Random::new(plan.seed, 5);
    let mut starts: Vec<f64> = plan.incidents.iter().filter(|i| i.pause().is_some()).map(|i| i.at).collect();
    starts.insert(0, 0.0);
    let mut messages = Vec::new();
    for (nth, start) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).copied().unwrap_or(plan.length);
        let mut sent = start + random.between(0.2, 2.0) * SECOND;
        let mut purpose = Purpose::Sync;
        while sent < end {
            let message = on_its_way(plan, &mut random, clocks, sent, purpose);
            let arrives = message.daemon < end;
            sent = message.daemon + 5.0 * SECOND;
            // A SYNC that is lost would leave the clock as it was for everybody; that is no matter of clocks.
            let lost = purpose == Purpose::Sample
                && (random.chance(0.002) || within(plan, message.kernel, is_silence));
            if arrives && !lost {
                messages.push(message);
            }
            purpose = Purpose::Sample;
        }
    }
    messages
}

fn on_its_way(plan: &Plan, random: &mut Random, clocks: &Clocks<'_>, sent: f64, purpose: Purpose) -> Message {
    let busy = within(plan, sent, is_business);
    let gap = random.exponential(200.0) + if random.chance(0.005) { random.between(5e3, 50e3) } else { 0.0 };
    let spike = if random.chance(0.005) { random.between(1e6, 100e6) } else { 0.0 };
    let kernel = sent + gap + 40e3 + random.exponential(if busy { 2e6 } else { 60e3 }) + spike;
    let daemon = kernel + 15e3 + random.exponential(if busy { 1e6 } else { 20e3 });
    Message {
        kernel,
        daemon,
        purpose,
        host: EPOCH + ((clocks.host)(sent) / 100.0).floor() as i64 * 100,
        reference: ((clocks.counter)(sent + gap) / 100.0).floor() as u64,
    }
}

fn within(plan: &Plan, at: f64, length: impl Fn(&What) -> f64) -> bool {
    plan.incidents.iter().any(|i| i.at <= at && at < i.at + length(&i.what))
}

fn is_silence(what: &What) -> f64 {
    if let What::Silent(length) = what { *length } else { 0.0 }
}

fn is_business(what: &What) -> f64 {
    if let What::Busy(length) = what { *length } else { 0.0 }
}
