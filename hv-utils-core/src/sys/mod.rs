//! The only unsafe code of hv-utils: one wrapper per system call that has no safe one.
//!
//! Everything else goes through `rustix`. Each block says why it is sound; nothing here knows what the memory or the
//! locks are for.
#![expect(
    unsafe_code,
    reason = "shared mappings and segments, open-file-description locks, socket filters, AsyncFd, signals, clock_adjtime and two requests of ioctl have no safe wrapper"
)]

pub mod clock;
mod filter;
mod freeze;
mod lock;
mod shared_memory;
mod signals;
mod sysv_shm;
mod watch;

pub use filter::{Instruction, attach_filter};
pub use freeze::{freeze, thaw};
pub use lock::{LockKind, ofd_lock, ofd_unlock, try_ofd_lock};
pub use shared_memory::SharedMemory;
pub use signals::{ignore_requests_to_end, requests_to_end};
pub use sysv_shm::{SegmentOwner, SysvShm};
pub use watch::watch;
