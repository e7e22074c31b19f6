//! Times that no host should send, and a machine that stood still: hv-timesyncd on the raw channel.

use std::time::Duration;

use super::daemon::{Counter, end, start};
use super::{HOUR, LOOK, begin, tell};
use crate::clock::{Beside, Told};
use crate::machine::{Machine, fail};

/// 100 ns ticks from 1601 to 1970, of a second, a day, and of a year.
const EPOCH: i64 = 116_444_736_000_000_000;
const SECOND: i64 = 10_000_000;
const DAY: i64 = 86_400 * SECOND;
const YEAR: i64 = 365 * DAY;
/// Whatever is sent, the clock is no further away than this afterwards, µs.
const UNMOVED: f64 = 50_000.0;
/// How long the machine stands still.
const PAUSE: Duration = Duration::from_secs(3);

/// Times that are none, from the time that it is.
fn impossible(now: i64) -> [(&'static str, u64); 8] {
    let ticks = i64::cast_unsigned;
    [
        ("1601", 0),
        ("before 1970", ticks(EPOCH - 1)),
        ("1970", ticks(EPOCH)),
        ("2020", ticks(EPOCH + 50 * YEAR)),
        ("in 40 years", ticks(now + 40 * YEAR)),
        ("2262, the end of 64 bits of nanoseconds", ticks(EPOCH + i64::MAX / 100 + 1)),
        ("30828, the end of a signed count", ticks(i64::MAX)),
        ("60055, the end", u64::MAX),
    ]
}

/// Reference counters that this boot has not, or not now.
fn counters(now: i64) -> [(&'static str, u64); 4] {
    let ticks = i64::cast_unsigned;
    [
        ("from before the boot", 1),
        ("an hour ahead", ticks(now + HOUR / 100)),
        ("the last one", u64::MAX),
        ("none", 0),
    ]
}

/// The clock is an hour off, and the host says what time it is.
#[track_caller]
fn put_right(machine: &Machine, beside: &Beside) {
    machine.sh(&format!("hv-vm-clock step {HOUR}"));
    beside.send(machine, "sync-time").done();
    unmoved(machine, beside, "a true SYNC");
}

#[track_caller]
fn unmoved(machine: &Machine, beside: &Beside, after: &str) {
    let error = beside.error(machine).error;
    assert!(error.abs() < UNMOVED, "{error:.0} µs after {after}");
}

/// Samples of the host until it is known again when they were sent: the helper is not asked at once.
#[track_caller]
fn measured_anew(machine: &Machine, beside: &Beside) {
    for _ in 0..300 {
        beside.send(machine, "sample-time").done();
        if machine.sh("hvctl --json time status").contains("\"source\":\"reference-counter\"") {
            return unmoved(machine, beside, "a new measurement");
        }
        std::thread::sleep(LOOK);
    }
    fail("the reference counter is not measured anew");
}

pub(in crate::cases) fn stands_times_that_cannot_be(machine: &mut Machine) {
    let beside = begin(machine);
    start(machine, "uio", "mode = \"discipline\"", Counter::Measured);
    put_right(machine, &beside);
    for (name, parent) in impossible(beside.now(machine).parent) {
        let Told { reference, .. } = beside.now(machine);
        let words = ["--parent", &parent.to_string(), "--reference", &reference.to_string()];
        // An order that cannot be meant is refused; of a sample the host gets no opinion.
        let sync = machine.ask(&[&["sync-time"], &words[..]].concat()).with_code(1);
        assert_eq!(sync.object["error"]["status"], "0x80004005", "{name}");
        machine.ask(&[&["sample-time"], &words[..]].concat()).done();
        unmoved(machine, &beside, name);
    }
    for (name, reference) in counters(beside.now(machine).reference) {
        let Told { parent, .. } = beside.now(machine);
        let (parent, reference) = (parent.to_string(), reference.to_string());
        machine.ask(&["sample-time", "--parent", &parent, "--reference", &reference]).done();
        unmoved(machine, &beside, name);
    }
    for word in ["--leap=1", "--leap=2", "--leap=3", "--leap=255", "--stratum=16", "--flags=0", "--flags=130"]
    {
        let Told { parent, reference } = beside.now(machine);
        let words = ["--parent", &parent.to_string(), "--reference", &reference.to_string(), word];
        // The same once more: repeated.
        for _ in 0..2 {
            machine.ask(&[&["sample-time"], &words[..]].concat()).done();
        }
        unmoved(machine, &beside, word);
    }
    // It is the same daemon, which takes orders; and its relation to the counter, which has ended by counters from the future,
    // is measured anew.
    machine.sh("kill -0 $(cat /run/timesync.pid)");
    put_right(machine, &beside);
    measured_anew(machine, &beside);
    end(machine);
}

pub(in crate::cases) fn is_right_after_a_pause(machine: &mut Machine) {
    let mut beside = begin(machine);
    start(machine, "uio", "mode = \"discipline\"", Counter::Measured);
    put_right(machine, &beside);
    machine.pause(PAUSE);
    beside.find_shift(machine);
    let behind = beside.error(machine).error;
    assert!(behind < -1e6, "the machine did not stand still: {behind:.0} µs");
    // As a host does: negotiates anew, and says what time it is.
    machine.ask(&["renegotiate", "timesync"]).done();
    beside.send(machine, "sync-time").done();
    let error = beside.error(machine).error;
    tell("hv-timesyncd, behind after a pause, and after the SYNC", &format!("{behind:.0}, {error:.1} µs"));
    assert!(error.abs() < UNMOVED, "{error:.0} µs after a pause and a SYNC");
    end(machine);
}
