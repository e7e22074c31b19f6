//! A machine's clocks beside its host's: how wrong the guest's is, and which times its host is to send.

use super::figures::{Figures, Mark};
use super::look::{Look, look};
use crate::machine::{Answer, Machine, fail};

/// Questions for the constant between both time stamp counters.
const QUESTIONS: usize = 200;
/// 100 ns ticks from 1601-01-01, where the host's time begins, to 1970-01-01.
const EPOCH: i64 = 116_444_736_000_000_000;

/// The counter's distance from CLOCK_MONOTONIC_RAW once it is known, for who comes later: a file in the guest.
const KNOWN: &str = "/run/counter.known";

/// See the module.
#[derive(Debug)]
pub struct Beside {
    /// The guest's first look.
    first: Look,
    /// The guest's time stamp counter minus ours, which is between two bounds.
    shift: (i64, i64),
    /// CLOCK_MONOTONIC_RAW of the guest minus the reference counter, ns, which is between two bounds too.
    counter: (f64, f64),
}

/// A time as the host sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The host's time, 100 ns ticks since 1601.
    pub parent: i64,
    /// The reference counter then.
    pub reference: i64,
}

/// One question to the guest, with our own looks around it.
#[derive(Debug, Clone, Copy)]
struct Asked {
    before: Look,
    guest: Look,
    after: Look,
}

impl Beside {
    /// Gets to know a machine's clocks. The module msr is loaded in the guest.
    ///
    /// # Panics
    /// The guest does not answer, or its counters make no sense.
    #[track_caller]
    #[must_use]
    pub fn new(machine: &Machine) -> Beside {
        let first = ask(machine).guest;
        let mut beside = Beside { first, shift: (i64::MIN, i64::MAX), counter: (f64::MIN, f64::MAX) };
        beside.find_shift(machine);
        machine.sh("modprobe msr");
        let read = machine.sh(&format!("hv-vm-clock counter {QUESTIONS}"));
        for line in read.lines() {
            beside.narrow_counter(line);
        }
        let (low, high) = beside.counter;
        assert!(low <= high, "no reference counter fits what was read: {:?}\n{read}", beside.counter);
        // What is known better already, of this boot.
        let known = machine.sh(&format!("cat {KNOWN} 2>/dev/null || true"));
        if let Ok(known) = known.trim().parse() {
            beside.counter = (known, known);
        }
        beside
    }

    /// Learns the constant between the time stamp counters, anew after a pause of the machine, which takes from it.
    #[track_caller]
    pub fn find_shift(&mut self, machine: &Machine) {
        self.shift = (i64::MIN, i64::MAX);
        for _ in 0..QUESTIONS {
            let Asked { before, guest, after } = ask(machine);
            self.shift.0 = self.shift.0.max(apart(guest.ticks, after.ticks));
            self.shift.1 = self.shift.1.min(apart(guest.ticks, before.ticks));
        }
        assert!(self.shift.0 <= self.shift.1, "no constant fits the counters: {:?}", self.shift);
    }

    /// One reading of the reference counter between two of CLOCK_MONOTONIC_RAW, as `hv-vm-clock counter` prints it.
    #[track_caller]
    fn narrow_counter(&mut self, line: &str) {
        let numbers: Vec<i64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [before, reference, after] = numbers[..] else { fail(&format!("no counter in {line:?}")) };
        let low = float(before - reference.saturating_add(1).saturating_mul(100));
        let high = float(after - reference.saturating_mul(100));
        self.counter = (self.counter.0.max(low), self.counter.1.min(high));
    }

    /// Whether the reference counter is known better than by its register.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.counter.0 >= self.counter.1
    }

    /// How far apart the reference counter and what is computed of it may be, µs: half of the bounds' distance.
    #[must_use]
    pub fn counter_error(&self) -> f64 {
        (self.counter.1 - self.counter.0) / 2e3
    }

    /// How wrong the constant between both machines may be, µs. It is in no figure of a host whose messages have the
    /// reference counter.
    #[must_use]
    pub fn shift_error(&self, machine: &Machine) -> f64 {
        float(self.shift.1 - self.shift.0) / 2e3 * self.rate(ask(machine).guest)
    }

    /// The kernel's own reading of the reference counter is exact: its PTP clock, which had the time `told`, says what is
    /// wrong with ours. Returns by how much it was, µs.
    ///
    /// # Panics
    /// It is not within the bounds that reading the counter gave.
    #[track_caller]
    pub fn learn_from_ptp(&mut self, machine: &Machine) -> f64 {
        let error = self.ptp_error(machine);
        let bound = self.counter_error() + 1.0;
        assert!(
            error.abs() <= bound,
            "the PTP clock is {error:.1} µs off, the counter was read to {bound:.1}"
        );
        // It is ahead where the counter was said to be lower than it is.
        let middle = f64::midpoint(self.counter.0, self.counter.1) - error * 1e3;
        self.counter = (middle, middle);
        machine.sh(&format!("echo {middle} >{KNOWN}"));
        error
    }

    /// The PTP clock's error against the host's time, µs: the median of some readings.
    #[track_caller]
    #[must_use]
    pub fn ptp_error(&self, machine: &Machine) -> f64 {
        let before = look();
        let read = machine.sh("hv-vm-clock ptp /dev/ptp0 15");
        let after = look();
        let marks: Vec<Mark> = read
            .lines()
            .map(|line| {
                let ptp: Look = line.parse().unwrap_or_else(|why: String| fail(&why));
                self.mark(Asked { before, guest: ptp, after })
            })
            .collect();
        Figures::of(&marks).median
    }

    /// How wrong the guest's clock is now.
    #[track_caller]
    #[must_use]
    pub fn error(&self, machine: &Machine) -> Mark {
        self.mark(ask(machine))
    }

    /// The guest's clocks now, and how wrong the clock is.
    #[track_caller]
    #[must_use]
    pub fn look(&self, machine: &Machine) -> (Look, Mark) {
        let asked = ask(machine);
        (asked.guest, self.mark(asked))
    }

    fn mark(&self, asked: Asked) -> Mark {
        let Asked { before, guest, after } = asked;
        // The guest's look on our own counter, and the host's time there.
        let at = apart(guest.ticks, before.ticks) - self.middle();
        let share = float(at) / float(apart(after.ticks, before.ticks));
        let host_since = share * float(after.real - before.real);
        let error = float(guest.real - before.real) - host_since;
        let seconds = float(guest.raw - self.first.raw) / 1e9;
        Mark { at: seconds, error: error / 1e3 }
    }

    /// The host's time now, as a message has it.
    #[track_caller]
    #[must_use]
    pub fn now(&self, machine: &Machine) -> Told {
        self.told(ask(machine).guest, look())
    }

    /// At our look, from one of the guest's a moment before.
    fn told(&self, guest: Look, ours: Look) -> Told {
        let since = float(apart(ours.ticks, guest.ticks) + self.middle()) * self.rate(guest);
        let counter = f64::midpoint(self.counter.0, self.counter.1);
        let raw = guest.raw + round(since - counter);
        Told { parent: ours.real.div_euclid(100) + EPOCH, reference: raw.div_euclid(100) }
    }

    /// Has the host send its time by this verb, with the reference counter that belongs to it.
    #[track_caller]
    pub fn send(&self, machine: &Machine, verb: &str) -> Answer {
        let Told { parent, reference } = self.now(machine);
        machine.ask(&[verb, "--parent", &parent.to_string(), "--reference", &reference.to_string()])
    }

    /// The guest's nanoseconds in a tick of the time stamp counter.
    fn rate(&self, guest: Look) -> f64 {
        float(guest.raw - self.first.raw) / float(apart(guest.ticks, self.first.ticks))
    }

    fn middle(&self) -> i64 {
        i64::midpoint(self.shift.0, self.shift.1)
    }
}

#[track_caller]
fn ask(machine: &Machine) -> Asked {
    let before = look();
    let guest = machine.look();
    Asked { before, guest, after: look() }
}

/// Of two counters of which only the difference means something.
fn apart(one: u64, other: u64) -> i64 {
    one.wrapping_sub(other).cast_signed()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "differences of some hours: what is lost is far below a nanosecond"
)]
fn float(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "times of a machine that runs for minutes")]
fn round(number: f64) -> i64 {
    number.round() as i64
}

#[cfg(test)]
mod tests;
