//! What applications have reported: one state each, for as long as whoever reported it is on the bus.
//!
//! [`Leases`] is the table, without IO; [`Leaving`] knows when a holder is gone. The holder is a connection, by the unique
//! name that the bus gave it and gives to nobody else; and a bus that was started anew gives the same names to others, so a
//! holder is also of one connection of this daemon's ([`Holder::line`]), and goes with it.

mod leaving;

pub use leaving::{Guard, Leaving};

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
pub struct Leases<G>(Vec<Lease<G>>);

impl<G> Default for Leases<G> {
    fn default() -> Leases<G> {
        Leases(Vec::new())
    }
}

impl<G> Leases<G> {
    /// Takes a report in place of the holder's last one. `guard` is asked for once it is certain that there is room.
    ///
    /// # Errors
    /// [`Full`]; nothing was changed.
    pub fn report(&mut self, holder: Holder, report: Report, guard: impl FnOnce() -> G) -> Result<(), Full> {
        if let Some(lease) = self.0.iter_mut().find(|lease| lease.holder == holder) {
            // Serial numbers begin anew after 2^32 calls.
            if report.serial.get().wrapping_sub(lease.report.serial.get()) < u32::MAX / 2 {
                lease.report = report;
            }
            return Ok(());
        }
        if self.0.len() >= MOST_LEASES {
            return Err(Full);
        }
        self.0.push(Lease { holder, report, _guard: guard() });
        Ok(())
    }

    /// Ends the holder's lease. `false`: it has none.
    pub fn withdraw(&mut self, holder: &Holder) -> bool {
        let before = self.0.len();
        self.0.retain(|lease| lease.holder != *holder);
        self.0.len() != before
    }

    /// Ends all of them; `false`: there are none.
    pub fn clear(&mut self) -> bool {
        !std::mem::take(&mut self.0).is_empty()
    }

    /// As what they are to the host.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let source = |lease: &Lease<G>| Source {
            name: format!("application {}", lease.holder.name),
            state: lease.report.state,
            why: lease.report.why.clone(),
        };
        self.0.iter().map(source).collect()
    }
}

#[cfg(test)]
mod tests;
