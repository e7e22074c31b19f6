//! `hv-bench`: measures the release build of `hv-kvpd` over the sim link and prints the tables of
//! `docs/performance.md`.
//!
//! The host is in this process; daemon, floor and bus are processes of their own. Times are medians and are only
//! comparable within one run: that is why the floors stand beside them. What does not depend on the machine's
//! load (system calls, wake-ups, bytes) is counted.
#![forbid(unsafe_code)]

mod figures;
mod host;
mod pool;
mod process;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(figures::all())
}
