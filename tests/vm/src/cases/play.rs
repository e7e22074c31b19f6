//! Plays the cases, stage by stage, and each that fails once more.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{ALL, Case, STAGES, Stage, fixtures};
use crate::machine::{Images, Machine, Setup, Skip};
use crate::report::{self, Counts, Ending, Failure, post_mortem, post_mortem_of_boot};

/// How many failures of a run may be looked at a second time. What is broken fails more often than that.
const SECOND_LOOKS: u32 = 3;

/// Plays the cases whose names contain one of `only` (all, if that is empty). A case that fails is played once more in a
/// machine of its own, unless `once`: see docs/testing.md on why.
pub fn play(images: &Images, only: &[String], dir: &Path, once: bool) -> Counts {
    let wanted = |case: &Case| only.is_empty() || only.iter().any(|part| case.name.contains(part.as_str()));
    remember_where_panics_happen();
    let looks = AtomicU32::new(if once { 0 } else { SECOND_LOOKS });
    let play = |stage: Stage| {
        let cases: Vec<&Case> = ALL.iter().filter(|case| case.stage == stage && wanted(case)).collect();
        let mut counts = Counts::default();
        if !cases.is_empty() {
            play_stage(images, stage, &cases, dir, &looks, &mut counts);
        }
        counts
    };
    let (alone, together): (Vec<Stage>, Vec<Stage>) =
        STAGES.into_iter().partition(|stage| *stage == Stage::Time);
    let (beside, others): (Vec<Stage>, Vec<Stage>) =
        together.into_iter().partition(|stage| *stage == Stage::Systemd);
    let in_order = |stages: &[Stage]| stages.iter().map(|stage| play(*stage)).sum::<Counts>();
    let counts = if std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) {
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| in_order(&beside));
            let counts = in_order(&others);
            // Cases panic within their stage; whatever else does is no passed run.
            counts + beside.join().unwrap_or_else(|panic| cut_short(&*panic))
        })
    } else {
        in_order(&others) + in_order(&beside)
    };
    counts + in_order(&alone)
}

fn play_stage(
    images: &Images,
    stage: Stage,
    cases: &[&Case],
    dir: &Path,
    looks: &AtomicU32,
    counts: &mut Counts,
) {
    let setup = stage.setup();
    if !images.has_kernel(&setup.kernel) {
        for case in cases {
            let why = format!("no kernel {} among this release's packages", setup.kernel);
            counts.count(case.name, Duration::ZERO, &Ending::Skipped(why));
        }
        return;
    }
    let mut machine = None;
    for (number, case) in cases.iter().enumerate() {
        let mut attempt = |suffix: &str| {
            let place = dir.join(format!("{}{number}{suffix}", stage.name()));
            attempt(images, stage, &setup, &place, case, &mut machine)
        };
        let failure = match attempt("") {
            Attempt::Ended { ending, took } => {
                counts.count(case.name, took, &ending);
                continue;
            }
            Attempt::Failed { why, guest } => Failure { name: case.name, why, guest, passed_again: false },
        };
        let look = looks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        settle(counts, failure, look.is_ok().then(|| attempt("-again")));
    }
}

/// Counts a case that failed, by what came of it when it was played again, if it was: passed is only what passed then.
fn settle(counts: &mut Counts, mut failure: Failure, again: Option<Attempt>) {
    let second = match again {
        Some(Attempt::Ended { ending: Ending::Passed, took }) => {
            counts.count(failure.name, took, &Ending::Passed);
            failure.passed_again = true;
            counts.failures.push(failure);
            return;
        }
        Some(Attempt::Ended { ending: Ending::Skipped(why), .. }) => Some(format!("it was skipped: {why}")),
        Some(Attempt::Ended { ending: Ending::Failed(why), .. } | Attempt::Failed { why, .. }) => Some(why),
        None => None,
    };
    if let Some(second) = second {
        failure.why += &format!("\nwhen played again: {second}");
    }
    counts.failed += 1;
    counts.failures.push(failure);
}

/// A stage that ended before its cases did: a failure as any other, so that it is told, and what its machines have left is kept.
fn cut_short(panic: &(dyn Any + Send)) -> Counts {
    let why = format!("it ended before its cases did: {}", words(panic));
    let failure =
        Failure { name: "the stage beside the others", why, guest: String::new(), passed_again: false };
    Counts { failed: 1, failures: vec![failure], ..Counts::default() }
}

/// How an attempt at a case ended.
enum Attempt {
    /// It passed, or was not to be played here.
    Ended { ending: Ending, took: Duration },
    /// It has been told, with all there is to know; the machine is gone.
    Failed { why: String, guest: String },
}

/// Plays a case in the machine that is there, or boots one. What it leaves is for the next.
fn attempt(
    images: &Images,
    stage: Stage,
    setup: &Setup,
    place: &Path,
    case: &Case,
    machine: &mut Option<Machine>,
) -> Attempt {
    let mut current = match machine.take().map_or_else(|| boot(images, stage, setup, place), Ok) {
        Ok(machine) => machine,
        Err(why) => {
            report::line(case.name, Duration::ZERO, &Ending::Failed(why.clone()));
            return Attempt::Failed { why, guest: String::new() };
        }
    };
    let began = Instant::now();
    let ending = match catch_unwind(AssertUnwindSafe(|| {
        fixtures::mark(&current, &setup.kernel, case.name);
        (case.play)(&mut current);
    })) {
        Ok(()) => Ending::Passed,
        Err(panic) => match panic.downcast_ref::<Skip>() {
            Some(Skip(why)) => Ending::Skipped(why.clone()),
            None => Ending::Failed(sentence(&*panic)),
        },
    };
    if let Ending::Failed(why) = ending {
        report::line(case.name, began.elapsed(), &Ending::Failed(why.clone()));
        fixtures::mark_failed(current.dir(), case.name);
        let guest = post_mortem(&current);
        return Attempt::Failed { why, guest };
    }
    *machine = Some(current);
    Attempt::Ended { ending, took: began.elapsed() }
}

fn boot(images: &Images, stage: Stage, setup: &Setup, dir: &Path) -> Result<Machine, String> {
    let booted = Machine::boot(images, setup, dir);
    match &booted {
        Ok(machine) => {
            let seconds = machine.booted_in().as_secs_f64();
            println!(
                "boot  {seconds:6.1} s  {}: kernel {} {}",
                stage.name(),
                setup.kernel,
                setup.host.join(" ")
            );
        }
        Err(_) => post_mortem_of_boot(dir),
    }
    booted
}

thread_local! {
    /// Where the last panic of this stage happened: the report is ours, and not the runtime's.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn remember_where_panics_happen() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        PLACE.set(place);
    }));
}

fn sentence(panic: &(dyn Any + Send)) -> String {
    format!("{}\n(at {})", words(panic), PLACE.take())
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked without a word")
}

#[cfg(test)]
#[path = "play_tests.rs"]
mod tests;
