//! The built hvctl against daemons that this file's modules pretend to be, on a private bus.
//!
//! Every expectation is written out literally. Nothing here uses hvctl's code or a daemon's: the fake service is
//! written from the D-Bus interface. Tests that need a bus are skipped, by name and with the reason, where
//! dbus-daemon is not installed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test, its helpers too, fails by panicking")]

mod config_check;
mod devices;
mod driver;
mod errors;
mod fake;
mod harness;
mod holding;
mod import;
mod ip;
mod monitor;
mod reading;
mod status;
mod terminal;
mod time;
mod transfer;
mod vss;
mod waiting;
mod watching;
mod writing;
