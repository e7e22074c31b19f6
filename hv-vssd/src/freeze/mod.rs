//! Freezing and thawing: what [`crate::plan`] has chosen, guarded by [`crate::guardian`].
//!
//! [`Freezer`] is what the daemon's loop has of it. A freeze is a thread: it makes the plan, opens the filesystems, writes
//! the record, arms the guardian, freezes (`freezing`), waits, thaws (`thaw`). The loop hears how far it is, and is never
//! held up by a disk.
//!
//! ```text
//!  begin ─► prepare: plan, open, record ─► session: sync, guardian, freeze ─► Frozen ─► (thaw) ─► Over
//!              └─ Refused                       └─ Failed, undone by itself ────────────────────► Over
//! ```

mod debt;
mod freezer;
mod freezing;
mod memory;
mod open;
mod prepare;
pub mod record;
mod recover;
mod session;
mod tell;
pub(crate) mod thaw;

pub use debt::Debt;
pub use freezer::Freezer;
pub use memory::Locked;
pub use record::Ended;
pub use recover::{After, Leftover, recover};
pub use session::Outcome;

use crate::plan::Plan;
use crate::report::{FilesystemReport, Origin};
use std::time::Duration;

/// The record's name in the run directory.
pub const RECORD: &str = "hv-vssd.frozen";

/// Bytes of the stack of a thread that freezes or thaws: all of them are locked into memory.
pub(crate) const STACK_BYTES: usize = 64 * 1024;

/// What comes of what was begun.
#[derive(Debug)]
pub enum Event {
    /// The filesystems are opened and about to be frozen; their mount points.
    Prepared(Vec<String>),
    /// How the freeze ended, and how long ago its first filesystem began to freeze.
    Reached(Outcome, Duration),
    /// Something does not thaw. It is tried again until it does.
    Stuck,
    /// Somebody has ended the freeze: the guardian, the deadline. What is left is being thawed.
    Ended(Ended),
    /// Nothing is frozen any more, and nothing will be: the freeze is over.
    Over(Done),
    /// The guardian died while it had nothing to guard. Another one was started, or will be for the next freeze.
    Lost,
}

/// What a freeze has been.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// The filesystems, in the order in which they were frozen.
    pub filesystems: Vec<FilesystemReport>,
    /// From the first that began to freeze to the last thawed, in µs; 0 if none froze.
    pub frozen_us: u64,
    /// Why there was no freeze, or none of all: a sentence.
    pub failure: Option<String>,
    /// Types that the kernel has refused to freeze.
    pub refused_types: Vec<String>,
    /// Whether the guardian has answered to the end.
    pub guarded: bool,
}

/// What makes a plan; runs on a thread of its own.
pub type Planner = Box<dyn Fn() -> Result<Plan, String> + Send>;

/// What is to be frozen, and how.
#[expect(missing_debug_implementations, reason = "what finds out which filesystems is a function")]
pub struct Order {
    /// What finds out which filesystems.
    pub planner: Planner,
    /// Who asked.
    pub origin: Origin,
    /// After so long all is thawed.
    pub time: Duration,
    /// Whether a type that the kernel does not freeze is left out, and no failure.
    pub lenient: bool,
}
