//! What applications have reported: one state each, for as long as whoever reported it is on the bus.
//!
//! [`Leases`] is the table, without IO; [`Leaving`] knows when a holder is gone. The holder is a connection, by the unique
//! name that the bus gave it and gives to nobody else; and a bus that was started anew gives the same names to others, so a
//! holder is also of one connection of this daemon's ([`Holder::line`]), and goes with it.

mod leaving;

pub use leaving::{Guard, Leaving};

use std::collections::VecDeque;
use std::num::NonZeroU32;

use hv_utils_core::wire::heartbeat::ApplicationState;

use crate::engine::Source;

/// Leases at a time: each costs the bus a match rule, and this daemon a task that sleeps.
pub const MOST_LEASES: usize = 64;
/// Characters of a reason.
pub const LONGEST_WHY: usize = 256;

/// Who has reported something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Which of this daemon's connections it is seen from.
    pub line: u64,
    /// Its unique name, `:1.5`.
    pub name: String,
}

/// What somebody reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it is.
    pub state: ApplicationState,
    /// Why.
    pub why: String,
    /// The serial number of the call; a call that was made before another is not to replace it.
    pub serial: NonZeroU32,
}

/// There are as many leases as there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

#[derive(Debug)]
struct Lease<G> {
    holder: Holder,
    report: Report,
    /// Ends with the lease.
    _guard: G,
}

/// The leases there are, the oldest first. `G` is what is kept with each, and dropped with it.
#[derive(Debug)]
pub struct Leases<G> {
    held: Vec<Lease<G>>,
    /// Who took a report back last, and by which call: a report may still be on its way that was made before, since it
    /// waits for polkit. No more than there are leases; the oldest go.
    withdrawn: VecDeque<(Holder, NonZeroU32)>,
}

impl<G> Default for Leases<G> {
    fn default() -> Leases<G> {
        Leases { held: Vec::new(), withdrawn: VecDeque::new() }
    }
}

impl<G> Leases<G> {
    /// Takes a report in place of the holder's last one. `guard` is asked for once it is certain that there is room.
    ///
    /// # Errors
    /// [`Full`]; nothing was changed.
    pub fn report(&mut self, holder: Holder, report: Report, guard: impl FnOnce() -> G) -> Result<(), Full> {
        let before = self.withdrawn.iter().find(|(who, _)| *who == holder);
        if before.is_some_and(|(_, call)| !is_after(report.serial, *call)) {
            return Ok(());
        }
        if let Some(lease) = self.held.iter_mut().find(|lease| lease.holder == holder) {
            if is_after(report.serial, lease.report.serial) {
                lease.report = report;
            }
            return Ok(());
        }
        if self.held.len() >= MOST_LEASES {
            return Err(Full);
        }
        self.held.push(Lease { holder, report, _guard: guard() });
        Ok(())
    }

    /// Ends the holder's lease by this call. `false`: it has none.
    pub fn withdraw(&mut self, holder: &Holder, call: NonZeroU32) -> bool {
        self.withdrawn.retain(|(who, _)| who != holder);
        if self.withdrawn.len() >= MOST_LEASES {
            self.withdrawn.pop_front();
        }
        self.withdrawn.push_back((holder.clone(), call));
        self.end(holder)
    }

    /// The holder is gone. `false`: it has no lease.
    pub fn gone(&mut self, holder: &Holder) -> bool {
        self.withdrawn.retain(|(who, _)| who != holder);
        self.end(holder)
    }

    fn end(&mut self, holder: &Holder) -> bool {
        let before = self.held.len();
        self.held.retain(|lease| lease.holder != *holder);
        self.held.len() != before
    }

    /// Ends all of them; `false`: there are none.
    pub fn clear(&mut self) -> bool {
        !std::mem::take(&mut self.held).is_empty()
    }

    /// As what they are to the host.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let source = |lease: &Lease<G>| Source {
            name: format!("application {}", lease.holder.name),
            state: lease.report.state,
            why: lease.report.why.clone(),
        };
        self.held.iter().map(source).collect()
    }
}

/// Whether a call was made after another, or is the same. Serial numbers begin anew after 2^32 calls.
const fn is_after(call: NonZeroU32, other: NonZeroU32) -> bool {
    call.get().wrapping_sub(other.get()) < u32::MAX / 2
}

#[cfg(test)]
mod tests;
