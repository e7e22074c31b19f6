//! The plan on a real kernel: loop devices, device mapper, md, btrfs and overlays, made in a mount namespace of each test's own.
//!
//! Only plans are made; nothing is frozen. Needs root; what the kernel or the machine does not have is skipped by name. A
//! mount namespace ends with its process, and with it all mounts and their loop devices, whatever happens.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test, its helpers too, fails by panicking")]

mod shapes;
mod stacks;
mod world;
