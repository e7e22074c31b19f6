//! One contestant through one trace: everything that happens, in order, and how wrong its clock is each second.

use std::fmt::Debug;

use hv_timesyncd::sample::Purpose;

use super::{EPOCH, Guest, Message, SECOND, Trace};

/// Who keeps a clock.
pub(crate) trait Contestant: Debug {
    /// For table and plot.
    fn name(&self) -> &'static str;

    /// When it looks by itself first, running time; later looks are asked for by the one before.
    fn first_look(&self) -> Option<f64> {
        None
    }

    /// The kernel's driver has this message. [`Contestant::daemon_got`] is for those who hold the channel themselves.
    fn kernel_got(&mut self, _message: &Message, _at: &At<'_>, _guest: &mut Guest) {}

    /// A daemon that holds the channel has this message.
    fn daemon_got(&mut self, _message: &Message, _at: &At<'_>, _guest: &mut Guest) {}

    /// It is time to look; in how many ns it is again.
    fn look(&mut self, _at: &At<'_>, _guest: &mut Guest) -> f64 {
        f64::INFINITY
    }
}

/// A moment, with what can be read then.
#[derive(Debug)]
pub(crate) struct At<'a> {
    pub(crate) running: f64,
    /// CLOCK_MONOTONIC_RAW.
    pub(crate) raw: f64,
    pub(crate) trace: &'a Trace,
    /// The last message that the kernel had, and the counter then, ns.
    last: Option<(&'a Message, f64)>,
}

impl At<'_> {
    /// The reference counter, ticks.
    pub(crate) fn counter(&self) -> u64 {
        (self.trace.counter(self.running) / 100.0) as u64
    }

    /// What `/dev/ptp_hyperv` shows, ns after [`EPOCH`]: the last message, carried on by the counter, from which it was taken
    /// or (`with_reference` unset) from which it arrived; nothing when that is more than ten minutes ago.
    pub(crate) fn ptp(&self, with_reference: bool) -> Option<f64> {
        let (message, arrived) = self.last?;
        let since =
            if with_reference { message.reference as f64 * 100.0 } else { (arrived / 100.0).floor() * 100.0 };
        let passed = (self.trace.counter(self.running) / 100.0).floor() * 100.0 - since;
        (passed < 600.0 * SECOND).then(|| (message.host - EPOCH) as f64 + passed)
    }
}

/// The clock at a second of running time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) running: f64,
    /// Guest minus host, ns.
    pub(crate) error: f64,
    /// No message has come since the start or the last pause: nobody can know better.
    pub(crate) blind: bool,
    /// Messages since then.
    pub(crate) messages: usize,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) moments: Vec<Moment>,
    /// When (running) a step was made, and by how much.
    pub(crate) steps: Vec<(f64, f64)>,
    /// Seconds in which the clock went back without a step.
    pub(crate) backwards: usize,
}

/// Has `contestant` keep a clock that is `off` (guest minus host, ns) at the start.
pub(crate) fn race(trace: &Trace, contestant: &mut dyn Contestant, off: f64) -> Run {
    let mut course = Course {
        trace,
        guest: Guest::new(trace.raw(0.0), trace.truth(0.0) + off),
        run: Run { moments: Vec::new(), steps: Vec::new(), backwards: 0 },
        last: None,
        beginnings: trace.beginnings(),
        had: (0, 0),
        before: f64::NEG_INFINITY,
        steps_seen: 0,
    };
    let mut messages = trace.messages.iter().peekable();
    let (mut second, mut look) = (SECOND, contestant.first_look().unwrap_or(f64::INFINITY));
    loop {
        let arrives = messages.peek().map_or(f64::INFINITY, |message| message.kernel);
        if arrives < second.min(look) {
            let Some(message) = messages.next() else { continue };
            course.deliver(contestant, message);
            // The daemon's moment is later than the kernel's; whatever was due in between comes right after it.
            (second, look) = (second.max(message.daemon), look.max(message.daemon));
        } else if look < second {
            look += contestant.look(&course.at(look), &mut course.guest);
        } else {
            if second > trace.plan.length {
                return course.run;
            }
            course.measure(second);
            second = ((second / SECOND).floor() + 1.0) * SECOND;
        }
    }
}

struct Course<'a> {
    trace: &'a Trace,
    guest: Guest,
    run: Run,
    last: Option<(&'a Message, f64)>,
    beginnings: Vec<(f64, f64)>,
    /// The beginning that messages are counted from, and how many came since.
    had: (usize, usize),
    before: f64,
    steps_seen: usize,
}

impl<'a> Course<'a> {
    fn at(&self, running: f64) -> At<'a> {
        At { running, raw: self.trace.raw(running), trace: self.trace, last: self.last }
    }

    fn deliver(&mut self, contestant: &mut dyn Contestant, message: &'a Message) {
        self.last = Some((message, self.trace.counter(message.kernel)));
        if message.purpose == Purpose::Sync {
            self.had = (self.beginnings.iter().filter(|(at, _)| *at < message.kernel).count(), 0);
        }
        self.had.1 += 1;
        contestant.kernel_got(message, &self.at(message.kernel), &mut self.guest);
        self.note_steps(message.kernel);
        contestant.daemon_got(message, &self.at(message.daemon), &mut self.guest);
        self.note_steps(message.daemon);
    }

    fn note_steps(&mut self, running: f64) {
        let new = &self.guest.steps[self.steps_seen..];
        self.run.steps.extend(new.iter().map(|by| (running, *by)));
        if !new.is_empty() {
            self.before = f64::NEG_INFINITY;
        }
        self.steps_seen = self.guest.steps.len();
    }

    fn measure(&mut self, running: f64) {
        self.note_steps(running);
        let shown = self.guest.show(self.trace.raw(running));
        self.run.backwards += usize::from(shown <= self.before);
        self.before = shown;
        let blind = self.beginnings.iter().any(|(from, first)| (*from..*first).contains(&running));
        let messages = if blind { 0 } else { self.had.1 };
        self.run.moments.push(Moment { running, error: shown - self.trace.truth(running), blind, messages });
    }
}
