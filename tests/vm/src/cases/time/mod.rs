//! Time: how wrong the guest's clock is against its host's, by the kernel alone, by hv-timesyncd, and by chronyd.
//!
//! The clock is looked at from outside ([`crate::clock`]); it is the guest's own, and may be moved. What is asserted holds on
//! a busy machine; the figures are printed. `bench` has the same measured for longer, at the pace of real hosts.

pub(crate) mod chrony;
pub(crate) mod daemon;
pub(crate) mod kernel;
pub(super) mod odd;

use std::time::Duration;

use super::guest::{bind, driver};
use crate::clock::{Beside, Figures, Mark};
use crate::machine::Machine;

/// Instance of the time synchronization device.
const TIMESYNC: &str = "2dd1ce17-079e-403c-b352-a1921ee207ee";
/// An hour, in nanoseconds.
const HOUR: i64 = 3_600_000_000_000;
/// By how much the clock is moved before each SYNC, ns.
const STEPS: [i64; 5] = [HOUR, -HOUR, 250_000_000, -HOUR, HOUR];
/// Between two looks at the guest's clock.
const LOOK: Duration = Duration::from_millis(250);
/// A clock that is not stepped is slewed, at half a percent at most: so it moves by less than this in a second, µs.
const SLEWED: f64 = 6000.0;
/// And by less than this at once, µs.
const STEP: f64 = 500.0;

/// How long the clock is looked at, in looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Before it is judged: whoever keeps the clock finds the pace of the host's.
    pub(crate) finding: usize,
    /// While it is judged.
    pub(crate) judged: usize,
    /// From one of the host's samples to the next.
    pub(crate) sample: usize,
    /// chronyd's distance between two updates, as a power of two in seconds.
    pub(crate) poll: u8,
}

/// For a case: a sample each second, which makes all of it five times as fast.
const SHORT: Pace = Pace { finding: 32, judged: 40, sample: 4, poll: 0 };

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Who keeps the clock, and by what.
    pub(crate) who: &'static str,
    /// What was left after each SYNC, µs; the middle of them.
    pub(crate) after_sync: Option<f64>,
    /// The clock while the host sends samples.
    pub(crate) between: Figures,
}

/// A figure, for whoever reads the run.
fn tell(what: &str, figure: &str) {
    println!("      time: {what}: {figure}");
}

/// Who sends the host's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// With the reference counter that belongs to it.
    Exact,
    /// Without one, as hosts before messages 4.0: taken when it is sent.
    Plain,
}

impl Sender {
    #[track_caller]
    fn send(self, machine: &Machine, beside: &Beside, verb: &str) {
        match self {
            Sender::Exact => beside.send(machine, verb).done(),
            Sender::Plain => machine.ask(&[verb, "--reference", "0"]).done(),
        };
    }
}

/// Both clocks, known as well as they can be: by the kernel's reading of the reference counter, once in a boot.
#[track_caller]
fn begin(machine: &Machine) -> Beside {
    let mut beside = Beside::new(machine);
    if !beside.is_exact() {
        tell("clocks of both machines", &format!("apart by ±{:.0} µs", beside.shift_error(machine)));
        tell("reference counter, by its register", &format!("±{:.1} µs", beside.counter_error()));
        device(machine, "hv_utils");
        beside.send(machine, "sample-time").done();
        let wrong = beside.learn_from_ptp(machine);
        tell("the middle of that, beside the kernel's own reading", &format!("{wrong:.1} µs"));
    }
    beside
}

/// The device has this driver, and the host has negotiated over it.
#[track_caller]
fn device(machine: &Machine, to: &str) {
    if driver(machine, TIMESYNC) != to {
        bind(machine, TIMESYNC, to);
    }
    if to == "hv_utils" {
        machine.ask(&["wait-guest", "timesync"]).done();
        machine.until("[ -e /dev/ptp0 ]");
    }
}

/// The clock is moved and the host says what time it is, again and again: what is left when it has its answer.
#[track_caller]
fn after_each_sync(machine: &Machine, beside: &Beside, who: &str, sender: Sender) -> f64 {
    let mut errors = STEPS.map(|by| {
        machine.sh(&format!("hv-vm-clock step {by}"));
        sender.send(machine, beside, "sync-time");
        beside.error(machine).error
    });
    tell(&format!("{who}, after each SYNC"), &format!("{errors:.1?} µs"));
    errors.sort_by(f64::total_cmp);
    errors[STEPS.len() / 2]
}

/// The host sends samples: how wrong the clock is meanwhile.
#[track_caller]
fn between(machine: &Machine, beside: &Beside, who: &str, pace: &Pace, sender: Sender) -> Vec<Mark> {
    let mut marks = Vec::new();
    for number in 0..pace.judged {
        if number % pace.sample == 0 {
            sender.send(machine, beside, "sample-time");
        }
        marks.push(beside.error(machine));
        std::thread::sleep(LOOK);
    }
    tell(who, &Figures::of(&marks).to_string());
    marks
}

/// The same while nobody judges.
#[track_caller]
fn find(machine: &Machine, beside: &Beside, pace: &Pace, sender: Sender) {
    for _ in 0..pace.finding / pace.sample {
        sender.send(machine, beside, "sample-time");
        std::thread::sleep(LOOK * u32::try_from(pace.sample).unwrap_or(u32::MAX));
    }
}

/// Nobody has stepped it.
#[track_caller]
fn never_stepped(marks: &[Mark]) {
    for two in marks.windows(2) {
        let (moved, time) = ((two[1].error - two[0].error).abs(), two[1].at - two[0].at);
        assert!(
            moved < STEP + SLEWED * time,
            "the clock was moved by {moved:.0} µs at {:.1} s, in {time:.1} s",
            two[1].at
        );
    }
}
