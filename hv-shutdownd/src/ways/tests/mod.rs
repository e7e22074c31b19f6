//! The ways down at doubles of those who take them, on a bus and below a root of the test's own.

use super::*;
use double::{Age, Refusal};
use world::{World, connect};

mod called_off;
mod double;
mod forced;
mod going;
mod inits;
mod looking;
mod world;

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(120), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

fn order(action: Action) -> Order {
    let text = "maintenance".to_owned();
    Order { action, force: false, respect_inhibitors: true, delay: Duration::ZERO, text, reason: 0x8000_0000 }
}

fn forced(action: Action) -> Order {
    Order { force: true, ..order(action) }
}

fn later(action: Action, seconds: u64) -> Order {
    Order { delay: Duration::from_secs(seconds), ..order(action) }
}
