//! The service over a real channel, with a host that is this test and a double in place of what brings a machine down.

mod begins;
mod double;
mod ends;
mod looks;
mod repeats;
mod world;

use std::time::Duration;

use double::Double;
use hv_utils_core::wire::Status;
use world::World;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Flags of requests.
const POWER_OFF: u32 = 0;
const FORCED: u32 = 1;
const RESTART: u32 = 2;
const HIBERNATE: u32 = 4;
/// Flags that mean nothing.
const NONSENSE: u32 = 6;

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(2 * PATIENCE, test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}
