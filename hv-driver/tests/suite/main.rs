//! `hv-driver` as a process, on a VMBus that is a tree of files: what it does to it, what it says, how it ends.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test, its helpers too, fails by panicking")]

mod auto;
mod bus;
mod held;
mod killed;
mod moving;
mod sleeping;
mod support;
mod using;
