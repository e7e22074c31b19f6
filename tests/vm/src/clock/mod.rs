//! The guest's clock beside the host's, to within a microsecond, without anything of Hyper-V's.
//!
//! ```text
//!   this machine's TSC ── a constant ── outer machine's ── a constant ── guest's TSC
//!         │                                                                  │
//!   CLOCK_REALTIME: the host's time                         CLOCK_REALTIME: the clock that is judged
//! ```
//! Emulation hands the processor's time stamp counter on: both machines read the same one but for a constant. Which constant
//! is found by questions and answers, to within half of the fastest; but the times that the host sends are computed with the
//! same constant as the guest's error, so that what is wrong with it is in neither.

mod beside;
mod figures;
mod look;
mod tsc;

pub use beside::{Beside, Told};
pub use figures::{Figures, Mark};
pub use look::{Look, look, narrowest};
pub use tsc::ticks;
