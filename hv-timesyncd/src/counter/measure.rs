//! The privileged helper `hv-timesync-counter`: reads the reference counter and CLOCK_MONOTONIC_RAW together, once.
//!
//! The counter's register can only be read through `/dev/cpu/N/msr`, which traps into the hypervisor and takes some µs. Each
//! read is bracketed by two readings of the clock, and the brackets of many reads are intersected: clock minus counter is
//! the same in all of them, so it lies in every bracket. This file has the arithmetic, [`msr`] the node, [`program`] the
//! command line.

pub mod msr;
pub mod program;

use std::io;

use super::Pair;
use super::relation::TICK;

#[cfg(test)]
mod tests;

/// Narrow enough to stop: two ticks.
const ENOUGH: i64 = 2 * TICK;
/// By how much clock and counter may drift apart between two reads: 1 in so many.
const DRIFT: i128 = 10_000;
/// How often it is begun anew, when the reads do not belong to one line.
const TRIES: u32 = 3;

/// The counter, between two readings of CLOCK_MONOTONIC_RAW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The clock before, ns.
    pub before: i64,
    /// The counter.
    pub counter: u64,
    /// The clock afterwards, ns.
    pub after: i64,
}

/// Where the counter is read: the register, or a double.
pub trait Register {
    /// One look.
    ///
    /// # Errors
    /// From the kernel.
    fn look(&mut self) -> io::Result<Look>;
}

/// Why there is no pair.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The register cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is there, but is no counter.
    #[error("the reference counter does not move (it is at {0}): this hypervisor does not run it")]
    Standing(u64),
    /// Counter and clock never went together.
    #[error(
        "the reference counter and CLOCK_MONOTONIC_RAW do not go together: one of them jumped in each of {TRIES} measurements"
    )]
    Jumping,
}

/// What clock minus counter can be, ns.
#[derive(Debug, Clone, Copy)]
struct Bracket {
    least: i128,
    most: i128,
    /// The clock when this was so.
    at: i64,
}

impl Bracket {
    fn of(look: Look) -> Bracket {
        // The tick that is shown began at most one tick before it was read.
        let counter = i128::from(look.counter) * i128::from(TICK);
        let least = i128::from(look.before) - counter - i128::from(TICK);
        Bracket { least, most: i128::from(look.after) - counter, at: look.after }
    }

    /// What is still possible after another look, if anything is.
    fn and(self, other: Bracket) -> Option<Bracket> {
        let apart = i128::from(other.at) - i128::from(self.at);
        let drift = apart.max(0) / DRIFT + 1;
        let least = other.least.max(self.least - drift);
        let most = other.most.min(self.most + drift);
        (least <= most && apart >= 0).then_some(Bracket { least, most, at: other.at })
    }

    /// Half of its width, rounded up.
    fn error(self) -> i64 {
        let half = (self.most - self.least + 1) / 2;
        i64::try_from(half).unwrap_or(i64::MAX)
    }

    fn pair(self, reference: u64) -> Option<Pair> {
        let middle = (self.most + self.least).div_euclid(2);
        let raw = i64::try_from(middle + i128::from(reference) * i128::from(TICK)).ok()?;
        (raw >= 0).then_some(Pair { reference, raw, error: self.error() })
    }
}

/// Measures one pair, by at most so many looks (at least two) in each of three tries.
///
/// # Errors
/// See [`Problem`].
pub fn measure(register: &mut impl Register, looks: u32) -> Result<Pair, Problem> {
    let first = register.look()?;
    let mut moved = false;
    for _ in 0..TRIES {
        let mut register = Watched { register, first: first.counter, moved };
        let pair = one_line(&mut register, looks)?;
        moved = register.moved;
        if let Some(pair) = pair.filter(|_| moved) {
            return Ok(pair);
        }
    }
    Err(if moved { Problem::Jumping } else { Problem::Standing(first.counter) })
}

/// A register, and whether its counter was seen to move.
struct Watched<'a, R> {
    register: &'a mut R,
    first: u64,
    moved: bool,
}

/// One try; `None`: the looks do not belong to one line.
fn one_line(register: &mut Watched<'_, impl Register>, looks: u32) -> io::Result<Option<Pair>> {
    let mut known: Option<Bracket> = None;
    let mut reference = 0;
    for _ in 0..looks.max(2) {
        let look = register.register.look()?;
        register.moved |= look.counter != register.first;
        let here = Bracket::of(look);
        let both = known.map_or(Some(here), |known| known.and(here));
        let Some(both) = both.filter(|_| here.least <= here.most) else {
            return Ok(None);
        };
        known = Some(both);
        reference = look.counter;
        if register.moved && both.error() <= ENOUGH {
            break;
        }
    }
    Ok(known.and_then(|known| known.pair(reference)))
}
