//! The last freezes, in memory for the bus and in `STATE_DIR/hv-vssd/history.json` for the next start.
//!
//! How they are kept is the core's ([`hv_utils_core::history`]). Here is what of them: reports, which all together stay below
//! [`MOST_BYTES`]; what hooks have written goes first, then the oldest reports (`bounds`).
//!
//! A freeze has the disk to itself: [`History::open`] reads, and is not called before what was left frozen is thawed;
//! [`History::save`] is for when all is thawed, and nothing else here writes. Should a filesystem be frozen during a write all
//! the same, that waits, and nobody for it.

mod bounds;

pub use bounds::MOST_RECORDS;
pub use hv_utils_core::history::MOST_BYTES;

use std::sync::Arc;

use hv_utils_core::history::{self, Remembered, Rows};

use crate::report::FreezeReport;

/// The last freezes.
pub type History = history::History<FreezeReport>;

/// Reports, the newest last. Cheap to clone.
pub type Records = Rows<FreezeReport>;

impl Remembered for FreezeReport {
    const LIST: &'static str = "records";

    fn bounded(records: Vec<Arc<FreezeReport>>) -> Vec<Arc<FreezeReport>> {
        bounds::all(records)
    }
}

#[cfg(test)]
pub(crate) mod tests;
