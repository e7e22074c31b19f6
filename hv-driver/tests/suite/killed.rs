//! SIGKILL at every control write: auto-probing is on again, and no device is left without a driver.
//!
//! Real processes and a real signal. The journey is the same each time; each run kills at the next write, once before it
//! has its effect and once after.

use std::fs;
use std::sync::{Arc, Mutex};

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::testing::{Driver, Moment, Written};
use hv_utils_core::wire::Ic;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Guest, Running, until};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victims {
    Program,
    ProgramAndGuard,
}

/// The child that is killed, once it is known.
type Child = Arc<Mutex<Option<Running>>>;

/// All descendants, by procfs: the guard is a child of the program.
fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may have ended by itself.
    let _ = kill_process(pid, Signal::KILL);
}

fn strike(child: &mut Running, victims: Victims) {
    if child.0.try_wait().unwrap().is_some() {
        // It had ended before its last write was seen: its number may be another process's by now.
        return;
    }
    let guards = children(child.0.id());
    if victims == Victims::ProgramAndGuard {
        // The guard first: it would act at once.
        guards.iter().for_each(|pid| kill(*pid));
    }
    let _ = child.0.kill();
    // Dead, as a kernel has it before anything that the write did is over.
    let _ = child.0.wait();
}

/// Runs the journey and kills at write `number`; `false` if there were not so many.
fn killed_at(
    start: Driver,
    ics: &[Ic],
    args: &[&str],
    number: u32,
    moment: Moment,
    victims: Victims,
) -> bool {
    let child = Child::default();
    let struck = Arc::new(Mutex::new(false));
    let (watched, seen) = (Arc::clone(&child), Arc::clone(&struck));
    let guest = Guest::begun(start, ics, move |written: &Written, now| {
        if written.number != number || now != moment {
            return;
        }
        // The test may not have put the child there yet.
        until("the child is known", || watched.lock().unwrap().is_some());
        strike(watched.lock().unwrap().as_mut().unwrap(), victims);
        *seen.lock().unwrap() = true;
    });
    let case = format!("{args:?} killed {moment:?} write {number} ({victims:?})");
    *child.lock().unwrap() = Some(Running(guest.command(args).spawn().unwrap()));
    let ended =
        || *struck.lock().unwrap() || child.lock().unwrap().as_mut().unwrap().0.try_wait().unwrap().is_some();
    until("the journey ends", ended);
    // Also where it was over before its last write was seen.
    guest.bus.caught_up().unwrap();
    let struck = *struck.lock().unwrap();
    if victims == Victims::ProgramAndGuard {
        // Nobody is left; the next start of any verb puts it right.
        until("the lock is free", || {
            guest.run(&["show"]).code == Some(0) && !guest.path("run/hv-driver.switching").exists()
        });
    }
    // The guard holds the lock until it is done.
    until("the guard is done", || InstanceLock::take(&guest.path("run"), "hv-driver").is_ok());
    until(&format!("{case}: auto-probing is on"), || guest.bus.autoprobe());
    for ic in ics {
        until(&format!("{case}: {ic} has a driver"), || guest.bus.driver(*ic).is_some());
    }
    guest.is_orderly();
    // And the next one gets there.
    guest.good(args);
    struck
}

fn at_every_write(start: Driver, ics: &[Ic], args: &[&str], victims: Victims) -> u32 {
    let mut number = 0;
    loop {
        number += 1;
        let before = killed_at(start, ics, args, number, Moment::Before, victims);
        let after = killed_at(start, ics, args, number, Moment::After, victims);
        if !before && !after {
            return number - 1;
        }
        assert!(number < 20, "a journey has not so many writes");
    }
}

#[test]
fn kvp_killed_at_every_write() {
    // Auto-probing off, unbind, override, bind, auto-probing on.
    assert!(
        at_every_write(Driver::HvUtils, &[Ic::Kvp, Ic::Vss], &["use", "uio", "kvp"], Victims::Program) >= 5
    );
}

#[test]
fn kvp_killed_at_every_write_together_with_its_guard() {
    assert!(
        at_every_write(Driver::HvUtils, &[Ic::Kvp], &["use", "uio", "kvp"], Victims::ProgramAndGuard) >= 5
    );
}

#[test]
fn backup_killed_at_every_write() {
    assert!(at_every_write(Driver::HvUtils, &[Ic::Vss], &["use", "uio", "vss"], Victims::Program) >= 5);
}

#[test]
fn way_back_killed_at_every_write() {
    // Override, unbind, bind, auto-probing on.
    assert!(at_every_write(Driver::Uio, &[Ic::Vss], &["use", "hv_utils", "vss"], Victims::Program) >= 4);
}

#[test]
fn polite_signals_do_not_end_the_guard() {
    let child = Child::default();
    let watched = Arc::clone(&child);
    let guest = Guest::observed(&[Ic::Vss], move |written: &Written, moment| {
        if written.number == 2 && moment == Moment::After {
            until("the child is known", || watched.lock().unwrap().is_some());
            let mut child = watched.lock().unwrap();
            let child = child.as_mut().unwrap();
            // As a service manager ends a whole group.
            for pid in children(child.0.id()) {
                let _ = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::TERM);
            }
            strike(child, Victims::Program);
        }
    });
    *child.lock().unwrap() = Some(Running(guest.command(&["use", "uio", "vss"]).spawn().unwrap()));
    until("the journey ends", || child.lock().unwrap().as_mut().unwrap().0.try_wait().unwrap().is_some());
    until("the guard is done", || InstanceLock::take(&guest.path("run"), "hv-driver").is_ok());
    guest.bus.caught_up().unwrap();
    // Which one depends on how far the program came before the signal: it may have written an override, or a bind.
    assert!(guest.bus.driver(Ic::Vss).is_some(), "the device is left without a driver");
    guest.is_orderly();
}
